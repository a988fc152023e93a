"""The commands that a report prints, executed on a model host with the system's own answers.

One module a tool.  ``execute`` never raises for what a user may type: a command
that fails is an ``Answer`` with the tool's text and exit status.
"""

from __future__ import annotations

import shlex

from analyzer.network.commands import ip_address, ip_route, ip_rule, net_tools, sysctl
from analyzer.network.commands.words import Answer, Misuse, Words, choose
from analyzer.network.stack import Stack

__all__ = ["Answer", "execute", "script"]

OBJECTS = ("address", "route", "rule", "neighbor", "neighbour", "link")
SEPARATORS = frozenset({";", "&&", "||", "&", "|", ">", "<"})


def script(stack: Stack, text: str) -> list[tuple[str, Answer]]:
    """Every command of ``text`` (separated by lines, ``;`` or ``&&``) with its answer, in order.

    After a failed command ``&&`` skips the rest of its line, as a shell does.
    """
    answers: list[tuple[str, Answer]] = []
    for line in text.splitlines():
        for part in line.split(";"):
            for command in part.split("&&"):
                if not command.strip() or command.strip().startswith("#"):
                    continue
                answers.append((command.strip(), execute(stack, command)))
                if not answers[-1][1].ok:
                    break
    return answers


def execute(stack: Stack, command: str) -> Answer:
    """Run one command line on ``stack``; unknown tools answer as a shell does (status 127)."""
    try:
        words = Words(shlex.split(command))
    except ValueError as problem:
        return Answer(2, error=f"sh: {problem}")
    if SEPARATORS & set(words.left):
        return Answer(127, error="not a single command")
    try:
        return _dispatch(stack, words)
    except Misuse as misuse:
        return misuse.answer


def _dispatch(stack: Stack, words: Words) -> Answer:
    tool = words.take() if words else ""
    if tool == "sudo" and words:
        tool = words.take()
    match tool.rpartition("/")[2]:
        case "ip":
            return _ip(stack, words)
        case "sysctl":
            return sysctl.run(stack, words)
        case "route" | "route.exe":
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
            return ip_address.run_address(stack, words, family)
        case "route":
            return ip_route.run(stack, words, family)
        case "rule":
            return ip_rule.run(stack, words, family)
        case "neighbor" | "neighbour":
            return ip_address.run_neighbor(stack, words)
        case "link":
            return ip_address.run_link(stack, words)
        case _:
            return Answer(1, error=f'Object "{name}" is unknown, try "ip help".')
