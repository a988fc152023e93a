"""The commands that a report prints, executed on a model host with the system's own answers.

One module a tool.  ``execute`` never raises for what a user may type: a command
that fails is an ``Answer`` with the tool's text and exit status.
"""

from __future__ import annotations

import re
import shlex
from ipaddress import ip_address

from analyzer.network.commands import ip_addr, ip_route, ip_rule, net_tools, nft, sysctl, windows
from analyzer.network.commands.words import Answer, Misuse, Words, choose
from analyzer.network.host import System
from analyzer.network.stack import Stack

__all__ = ["Answer", "execute", "script"]

OBJECTS = ("address", "route", "rule", "neighbor", "neighbour", "link")
HERE = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")
HOLDER = re.compile(r"\"?\$\(ip -o addr show to ([0-9a-fA-F:.]+) \|[^)]*\)\"?")
"""The look-up of an interface by its address that our own commands contain."""

SEPARATORS = frozenset({";", "&&", "||", "&", "|", ">", "<"})


def script(stack: Stack, text: str) -> list[tuple[str, Answer]]:
    """Every command of ``text`` (separated by lines, ``;`` or ``&&``) with its answer, in order.

    After a failed command ``&&`` skips the rest of its line, as a shell does.
    A here-document (``nft -f - <<'END'``) is given to its command.
    """
    answers: list[tuple[str, Answer]] = []
    lines = text.splitlines()
    while lines:
        line = lines.pop(0)
        here = HERE.search(line)
        body: list[str] = []
        if here is not None:
            line = line[: here.start()]
            while lines and (read := lines.pop(0)).strip() != here[2]:
                body.append(read)
        for part in split(line, ";"):
            for command in split(part, "&&"):
                if not command.strip() or command.strip().startswith("#"):
                    continue
                answers.append((command.strip(), execute(stack, command, "\n".join(body))))
                if not answers[-1][1].ok:
                    break
    return answers


def split(line: str, separator: str) -> list[str]:
    """``line`` cut at ``separator`` outside of quotes, braces and substitutions."""
    parts, begin, depth, quote = [], 0, 0, ""
    for index, letter in enumerate(line):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "{(":
            depth += 1
        elif letter in "})":
            depth -= 1
        elif depth == 0 and line.startswith(separator, index) and index >= begin:
            parts.append(line[begin:index])
            begin = index + len(separator)
    return [*parts, line[begin:]]


def execute(stack: Stack, command: str, given: str = "") -> Answer:
    """Run one command line on ``stack``; ``given`` is its standard input.

    Unknown tools answer as a shell does (status 127).
    """
    try:
        words = Words(shlex.split(HOLDER.sub(lambda found: _holder(stack, found[1]), command)))
    except ValueError as problem:
        return Answer(2, error=f"sh: {problem}")
    if SEPARATORS & set(words.left):
        return _kept(stack, words.left)
    try:
        return _dispatch(stack, words, given)
    except Misuse as misuse:
        return misuse.answer
    except ValueError as problem:     # an address or a number that is none, where the tool has no words of its own
        return Answer(1, error=str(problem))


def _holder(stack: Stack, text: str) -> str:
    """The interface that has an address: what our commands look up where the capture does not show its name."""
    port = stack.port_of(ip_address(text))
    return shlex.quote(port.name if port is not None else "")


def _kept(stack: Stack, words: list[str]) -> Answer:
    """``test -s FILE || sysctl KEY ... > FILE``: remembering values changes nothing here."""
    if words[0] == "test" and "sysctl" in words and words[-2] == ">":
        asked = Words(words[words.index("sysctl") + 1 : -2])
        return Answer(sysctl.run(stack, asked).status)
    return Answer(127, error="not a single command")


def _dispatch(stack: Stack, words: Words, given: str) -> Answer:
    tool = words.take() if words else ""
    if tool == "sudo" and words:
        tool = words.take()
    match tool.rpartition("/")[2]:
        case "ip":
            return _ip(stack, words)
        case "sysctl":
            return sysctl.run(stack, words)
        case "nft":
            return nft.run(stack, words.left, given)
        case "route" | "route.exe":
            if stack.system is System.WINDOWS:
                return windows.run(stack, words)
            return net_tools.run(stack, words)
        case _:
            return Answer(127, error=f"sh: {tool}: command not found")


def _ip(stack: Stack, words: Words) -> Answer:
    family = 0
    while words.peek().startswith("-"):
        option = words.take()
        family = {"-4": 4, "-6": 6}.get(option, family)
    name = words.take()
    match choose(name, OBJECTS):
        case "address":
            return ip_addr.run_address(stack, words, family)
        case "route":
            return ip_route.run(stack, words, family)
        case "rule":
            return ip_rule.run(stack, words, family)
        case "neighbor" | "neighbour":
            return ip_addr.run_neighbor(stack, words)
        case "link":
            return ip_addr.run_link(stack, words)
        case _:
            return Answer(1, error=f'Object "{name}" is unknown, try "ip help".')
