"""A text of one or many outputs, cut where another output begins.

$ ip route                       | a section of ip-route
default via 10.0.2.1 dev eth0    |
$ sysctl -a                      | a section of sysctl
net.ipv4.ip_forward = 1          |

A line that begins an output is known by itself (each reader's ``START``), so a
bundle without prompts is cut too; JSON is cut at its brackets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import NamedTuple

from analyzer.facts._command import command_of
from analyzer.facts._json_rows import Broken, document

_JSON = re.compile(r'(?:\[|\{)\s*(?:$|[\[{"\]}])')


LONGEST = 1000
"""Characters of a line: longer ones are of no output that we read, and are passed over (JSON excepted)."""


class Section(NamedTuple):
    """One output: who reads it (``None``: nobody, so far), its text with the command above it, and its first line."""

    reader: ModuleType | None
    text: str
    line: int


def sections(text: str, readers: Mapping[str, ModuleType]) -> Iterator[Section]:
    """The outputs in ``text``, in their order; lines that belong to none are in sections without a reader."""
    starts = {name: reader.START for name, reader in readers.items() if hasattr(reader, "START")}
    lines = text.split("\n")
    begun, at, current = 0, 0, ""

    def cut(end: int) -> Iterator[Section]:
        if any(line.strip() for line in lines[begun:end]):
            yield Section(readers.get(current), "\n".join(lines[begun:end]), begun + 1)

    while at < len(lines):
        line = lines[at]
        if current and len(line) <= LONGEST and starts[current].match(line):
            at += 1
            continue
        if command_of(line):
            yield from cut(at)
            begun, current = at, ""
        elif _JSON.match(line):
            yield from cut(at if current else (at if not command_of(lines[begun]) else begun))
            begun = begun if not current and command_of(lines[begun]) else at
            end = _json_end(lines, at)
            found = "\n".join(lines[begun:end])
            reader = next((each for each in readers.values() if not hasattr(each, "START") and each.sniff(found)), None)
            yield Section(reader, found, begun + 1)
            begun, at, current = end, end, ""
            continue
        elif len(line) > LONGEST:
            lines[at] = ""
        else:
            claimed = next((name for name, start in starts.items() if start.match(line)), "")
            if claimed and current:
                yield from cut(at)
                begun = at
            current = claimed or current
        at += 1
    yield from cut(len(lines))


def _json_end(lines: list[str], at: int) -> int:
    """The line behind the JSON that begins here; broken JSON goes to the next command or the end."""
    rest = "\n".join(lines[at:])
    try:
        _, end = document(rest)
    except Broken:
        return next((i for i in range(at + 1, len(lines)) if command_of(lines[i])), len(lines))
    return at + rest.count("\n", 0, end) + 1
