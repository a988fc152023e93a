"""Lines and words that remember their column."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Self

from analyzer.clean import shown
from analyzer.importers._problems import Problems, did_you_mean
from analyzer.importers._tree import Table

_BARE = re.compile(r"\S+")
_SHELL = re.compile(r"""[ \t]+|\#.*|((?:[^\s"'\\#]|\\.|"(?:[^"\\]|\\.)*"|'[^']*'|(?<=\S)\#)+)|(.)""")
_ESCAPED = re.compile(r"""\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'""")


class Word(str):
    """A word; ``column`` counts from 1, and so does ``line`` where a statement has several (else 0)."""

    __slots__ = ("column", "line")
    column: int
    line: int

    def __new__(cls, text: str, column: int, line: int = 0) -> Self:
        word = super().__new__(cls, text)
        word.column = column
        word.line = line
        return word


@dataclass(slots=True)
class Line:
    """A line that says something."""

    number: int
    words: list[Word]

    def after(self, keyword: str) -> Word | None:
        """The word behind a keyword."""
        for word, following in zip(self.words, self.words[1:], strict=False):
            if word == keyword:
                return following
        return None

    @property
    def end(self) -> int:
        """The column behind the last word."""
        return self.words[-1].column + len(self.words[-1])


def position(words: Sequence[Word], text: str) -> int:
    """Where a word stands first; behind the end where it does not."""
    return next((index for index, word in enumerate(words) if word == text), len(words))


def bare(text: str, column: int = 1) -> list[Word]:
    """Words between white space."""
    return [Word(match[0], match.start() + column) for match in _BARE.finditer(text)]


def quoted(text: str) -> list[Word]:
    """Words as a shell has them: quotes, backslashes, and a comment from ``#`` on.  A lone quote stands for itself."""
    if not any(mark in text for mark in "\"'\\#"):
        return bare(text)
    found = []
    for match in _SHELL.finditer(text):
        if match[1]:
            found.append(Word(_ESCAPED.sub(lambda m: m[1] or m[2] or m[3] or "", match[1]), match.start() + 1))
        elif match[2]:
            found.append(Word(match[2], match.start() + 1))
    return found


def lines(text: str, *, comment: str = "#") -> Iterator[Line]:
    """The lines of a text without quotes in it; a line that begins with ``comment`` is skipped."""
    for number, line in enumerate(text.split("\n"), 1):
        words = bare(line)
        if words and not (comment and words[0].startswith(comment)):
            yield Line(number, words)


def misspelt_keys(table: Table, wanted: tuple[str, ...], known: tuple[str, ...], problems: Problems) -> None:
    """The same for the keys of a mapping."""
    for key, at in table.keys.items():
        misspelt(Word(key, at.column), at.line, wanted, known, problems)


def misspelt(word: Word, line: int, wanted: tuple[str, ...], known: tuple[str, ...], problems: Problems) -> bool:
    """Report a word that is one slip away from those that we need.  Words that we do not know pass: formats grow."""
    if word in wanted or word in known or len(word) > 40:
        return False
    slips = _slips(wanted)
    meant = {slips[variant] for variant in _shortened(word) if variant in slips}
    if meant:
        problems.add(line, word.column, "a keyword that we know", shown(word), did_you_mean(word, sorted(meant)))
    return bool(meant)


@cache
def _slips(wanted: tuple[str, ...]) -> dict[str, str]:
    """Every wanted word with one letter left out: two words that share such a variant are one slip apart."""
    return {variant: word for word in reversed(wanted) for variant in _shortened(word) if len(word) > 3}


def _shortened(word: str) -> list[str]:
    return [str(word), *(word[:i] + word[i + 1 :] for i in range(len(word)))]
