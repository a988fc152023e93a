"""The commands that a report prints, executed on a model host with the system's own answers.

One module a tool.  ``execute`` never raises for what a user may type: a command
that fails is an ``Answer`` with the tool's text and exit status.
"""

from __future__ import annotations

import shlex

from analyzer.network.commands import ip_addr, ip_route, ip_rule, iptables, net_tools, nft, shell, sysctl, windows
from analyzer.network.commands.words import DONE, Answer, Misuse, Words, choose
from analyzer.network.host import System
from analyzer.network.stack import Stack

__all__ = ["Answer", "execute", "script"]

OBJECTS = ("address", "route", "rule", "neighbor", "neighbour", "link")
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
        here = shell.HERE.search(line)
        body: list[str] = []
        if here is not None:
            line = line[: here.start()]
            while lines and (read := lines.pop(0)).strip() != here[2]:
                body.append(read)
        for part in shell.split(line, ";"):
            for command in shell.split(part, "&&"):
                if not command.strip() or command.strip().startswith("#"):
                    continue
                answers.append((command.strip(), execute(stack, command, "\n".join(body))))
                if not answers[-1][1].ok:
                    break
    return answers


def execute(stack: Stack, command: str, given: str = "") -> Answer:
    """Run one command line on ``stack``; ``given`` is its standard input.

    Unknown tools answer as a shell does (status 127).
    """
    try:
        command = shell.substituted(stack, command)
        answer = shell.kept(stack, command) or shell.guarded(stack, command)
        if answer is not None:
            return answer
        words = Words(shlex.split(command))
        if SEPARATORS & set(words.left):
            return shell.NOT_ONE_COMMAND
        return (shell.restored(stack, words.left) if words else None) or _dispatch(stack, words, given)
    except Misuse as misuse:
        return misuse.answer
    except ValueError as problem:     # an address or a number that is none, where the tool has no words of its own
        return Answer(2, error=f"sh: {problem}")


def _dispatch(stack: Stack, words: Words, given: str) -> Answer:
    tool = words.take() if words else ""
    if tool == "sudo" and words:
        tool = words.take()
    match tool.rpartition("/")[2]:
        case "ip":
            return _ip(stack, words)
        case "sysctl":
            return sysctl.run(stack, words)
        case "true" | ":":
            return DONE
        case "nft":
            return nft.run(stack, words.left, given)
        case "iptables-restore" | "ip6tables-restore" as restore:
            return iptables.run(stack, restore, given)
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
