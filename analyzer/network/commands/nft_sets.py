"""The text of nft as tokens, and the elements of its sets and maps (nft(8), "Sets", "Maps", "Set statement").

{ 10.0.2.0/24, 10.0.3.1-10.0.3.9 timeout 1h }      { 203.0.113.10 . 80 : 10.0.2.11 . 8080, ... }
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from analyzer.network.commands.words import Misuse

TOKEN = re.compile(r'"[^"]*"|[{};]|\n|[^\s{};"]+')
_PIECE = re.compile(r'"[^"]*"|,|[^,]+')
_TOLD = {"timeout": 2, "expires": 2, "comment": 2, "counter": 1, "packets": 2, "bytes": 2}
"""What may stand behind an element's key: the word and how many words it is with its value."""

_DECLARED = ("type", "typeof", "flags", "timeout", "gc-interval", "size", "policy", "auto-merge", "comment", "counter")

class Element(NamedTuple):
    """The parts of a key (several where they are concatenated), and the words of what it leads to."""

    key: tuple[str, ...]
    value: tuple[str, ...] = ()


Sets = Mapping[str, tuple[Element, ...]]
"""The named sets and maps of a table."""


@dataclass(slots=True)
class Line:
    """Tokens that are left, and the sets that they may name."""

    left: list[str]
    sets: Sets = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.left)

    def peek(self) -> str:
        """The next token; empty at the end."""
        return self.left[0] if self.left else ""

    def take(self) -> str:
        """The next token."""
        if not self.left:
            raise Misuse(1, "Error: syntax error, unexpected end of file")
        return self.left.pop(0)

    def accept(self, word: str) -> bool:
        """Take ``word`` if it is next."""
        if self.peek() != word:
            return False
        self.left.pop(0)
        return True

    def expect(self, word: str) -> None:
        """Take ``word``, or complain."""
        found = self.take()
        if found != word:
            raise Misuse(1, f"Error: syntax error, unexpected {found!r}, expecting {word!r}")

    def skip_blank(self) -> str:
        """The next token that is not an end of line."""
        while self.peek() in ("\n", ";"):
            self.left.pop(0)
        return self.peek()

    def statement(self) -> list[str]:
        """The tokens up to the end of the statement; braces inside it (sets, maps) belong to it."""
        found: list[str] = []
        depth = 0
        while self.left and not (depth == 0 and self.peek() in ("\n", ";", "}")):
            word = self.take()
            depth += (word == "{") - (word == "}")
            if word != "\n":
                found.append(word)
        return found

    def block(self) -> list[str]:
        """The tokens between the brace that is next and its own closing one."""
        self.expect("{")
        found: list[str] = []
        depth = 1
        while depth:
            word = self.take()
            depth += (word == "{") - (word == "}")
            found.append(word)
        return found[:-1]

    def elements(self) -> tuple[Element, ...]:
        """Those of ``{ ... }`` or of ``@name``; one value, or values with commas between, are a set without braces."""
        if self.peek() == "{":
            return elements(self.block())
        word = self.take()
        if word.startswith("@"):
            name, colon, port = word[1:].partition(":")
            if name not in self.sets:
                raise Misuse(1, "Error: No such file or directory")
            if colon:
                self.left.insert(0, f":{port}")      # ``map @services:8080``
            return self.sets[name]
        while word.endswith(",") and self.left:
            word += self.take()
        return elements([word])


def elements(tokens: Iterable[str]) -> tuple[Element, ...]:
    """The elements between braces; what they count and when they end is left out."""
    found: list[Element] = []
    part: list[str] = []
    for piece in [*(piece for token in tokens for piece in _PIECE.findall(token)), ","]:
        if piece != ",":
            part.append(piece.strip('"'))
        elif part:
            found.append(_element(part))
            part = []
    return tuple(found)


def _element(words: list[str]) -> Element:
    at = words.index(":") if ":" in words else len(words)
    key, value = _plain(words[:at]), _plain(words[at + 1:])
    if key[1::2] != ["."] * (len(key) // 2):
        raise Misuse(1, f"Error: the model does not know the element {' '.join(words)!r}")
    return Element(tuple(key[::2]), tuple(value))


def _plain(words: list[str]) -> list[str]:
    """The words of a key or value without what is told of the element."""
    found: list[str] = []
    at = 0
    while at < len(words):
        width = _TOLD.get(words[at], 0) if at else 0
        if not width:
            found.append(words[at])
        at += width or 1
    return found


def declared(body: Line) -> tuple[Element, ...]:
    """What the block of a ``set`` or ``map`` holds."""
    found: tuple[Element, ...] = ()
    while body.skip_blank():
        words = body.statement()
        if words[:2] == ["elements", "="]:
            found += elements(words[3:-1])
        elif words[0] not in _DECLARED:
            raise Misuse(1, f"Error: the model does not know {' '.join(words)!r} in a set")
    return found
