"""JSON as commands print it - a list of objects - with the line of each object.

[{"dst":"default","gateway":"10.0.2.1","dev":"eth0","flags":[]},
 {"dst":"10.0.2.0/24","dev":"eth0","flags":[]}]
"""

from __future__ import annotations

import json
import re

from analyzer.errors import ConfigSyntaxError
from analyzer.facts._command import command_of
from analyzer.facts._problems import Expected

_BLANK = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def _value(text: str, at: int) -> tuple[object, int]:
    """One value at ``at`` and where it ends; ``_Broken`` where there is none."""
    try:
        found: tuple[object, int] = _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as error:
        raise Broken(error.pos, "JSON", text[error.pos:error.pos + 20] or "the end") from None
    except (RecursionError, ValueError):    # a number of more digits than int() takes is a ValueError
        raise Broken(at, "JSON of a command", "brackets or digits without end") from None
    return found


class Broken(Expected):
    """Not JSON; ``at`` is where in the text."""

    def __init__(self, at: int, expected: str, got: str) -> None:
        super().__init__(expected, got)
        self.at = at


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def asked_rows(text: str, source: str, first_line: int) -> tuple[list[str], list[tuple[int, dict[str, object]]]]:
    """The words of the command above the JSON, and each object with its line; else ``ConfigSyntaxError``."""
    words = command_of(text.partition("\n")[0])
    try:
        found, end = document(text, text.find("\n") + 1 if words else 0)
        _nothing_behind(text, end)
    except Broken as wrong:
        line = first_line + text.count("\n", 0, wrong.at)
        column = wrong.at - text.rfind("\n", 0, wrong.at)
        raise ConfigSyntaxError([f"{source}:{line}:{column}: {wrong}"]) from None
    rows, line, seen = [], first_line, 0
    for at, row in found:
        line, seen = line + text.count("\n", seen, at), at
        rows.append((line, row))
    return words, rows


def document(text: str, at: int = 0) -> tuple[list[tuple[int, dict[str, object]]], int]:
    """The objects of the list (or the one object) at ``at``, each with its place in the text, and the end."""
    at = _skip(text, at)
    if not text.startswith("[", at):
        value, end = _value(text, at)
        if not isinstance(value, dict):
            raise Broken(at, "a list or an object", text[at:at + 20])
        return [(at, value)], end
    rows = []
    at = _skip(text, at + 1)
    while not text.startswith("]", at):
        value, end = _value(text, at)
        if not isinstance(value, dict):
            raise Broken(at, "an object", text[at:at + 20])
        if value:    # iproute2 prints {} for what a filter took away
            rows.append((at, value))
        at = _skip(text, end)
        if text.startswith(",", at):
            at = _skip(text, at + 1)
        elif not text.startswith("]", at):
            raise Broken(at, "',' or ']'", text[at:at + 20] or "the end")
    return rows, at + 1


def _nothing_behind(text: str, end: int) -> None:
    """Raise ``Broken`` where something follows the JSON."""
    if text[end:].strip():
        raise Broken(end, "nothing behind the list", text[end:].strip())
