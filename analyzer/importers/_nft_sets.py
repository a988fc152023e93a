"""The sets and maps of nftables, and the fields that rules compare with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from analyzer.importers._rows import Rows
from analyzer.importers._words import Word


class Field(NamedTuple):
    """What a rule looks at, and the protocol that this implies."""

    what: str
    text: str
    proto: str = ""


class Element(NamedTuple):
    """An entry of a set or map: the parts of its key, its value, its line."""

    key: list[list[Word]]
    value: list[Word]
    line: int


@dataclass(slots=True)
class Context:
    """What a rule may refer to: the sets and maps of its table, and how its chains are called."""

    rows: Rows
    sets: dict[str, list[Element]] = field(default_factory=dict)
    chain: Callable[[str], str] = str
    used: set[str] = field(default_factory=set)

    def elements(self, name: str) -> list[Element] | None:
        """The entries of ``@name``; None where this text does not hold them."""
        self.used.add(name)
        return self.sets.get(name)


def elements(words: list[Word], line: int) -> list[Element]:
    """The entries between the braces of a set or map: ``A . B : VALUE, ...``."""
    found = []
    part: list[Word] = []
    for word in [*words, Word(",", 0)]:
        if word != ",":
            part.append(word)
            continue
        if part:
            at = next((i for i, w in enumerate(part) if w == ":"), len(part))
            key: list[list[Word]] = [[]]
            for w in part[:at]:
                if w == ".":
                    key.append([])
                elif w in {"counter", "comment", "timeout", "expires"}:
                    break
                else:
                    key[-1].append(w)
            found.append(Element(key, part[at + 1 :], (part[0].column < 0 and -part[0].column) or line))
        part = []
    return found
