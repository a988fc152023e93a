"""Braces and semicolons as paths: Junos, PAN-OS and VyOS write both forms, and one reader serves them.

security { nat { destination { pool web { address 10.0.2.11/32; } } } }
set security nat destination pool web address 10.0.2.11/32
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from analyzer.importers._braces import DEEPEST
from analyzer.importers._problems import Problems
from analyzer.importers._words import Word, quoted

_TOKEN = re.compile(
    r"""(\n)|[ \t\r\f\v]+|\#[^\n]*|/\*.*?\*/|([{};])|[\[\]]|"([^"\n]*)"|'([^'\n]*)'|([^\s{};\[\]"']+|["'])""",
    re.DOTALL)
_SET = re.compile(r"^set [\w-]+ ", re.MULTILINE)
_SEMICOLON = re.compile(r";[ \t]*(?:#.*|/\*.*)?$", re.MULTILINE)
_MOST_WORDS = 5_000_000


@dataclass(frozen=True, slots=True)
class Path:
    """One setting: all words from the top, and its line."""

    words: tuple[Word, ...]
    line: int

    def after(self, *head: str) -> tuple[Word, ...] | None:
        """The words behind a beginning; None where it begins otherwise."""
        return self.words[len(head) :] if self.words[: len(head)] == head else None

    def below(self, *inner: str) -> tuple[Word, ...] | None:
        """The words behind the first place where these stand together."""
        for at in range(len(self.words) - len(inner) + 1):
            if self.words[at : at + len(inner)] == inner:
                return self.words[at + len(inner) :]
        return None


def paths(text: str, problems: Problems) -> list[Path]:
    """Every setting of a text; ``set`` lines where it has any, else blocks."""
    if _SET.search(text):
        found = []
        for number, raw in enumerate(text.split("\n"), 1):
            words = quoted(raw)
            if len(words) > 1 and words[0] == "set":
                kept = (word for word in words[1:] if word not in {"[", "]"})
                found.append(Path(tuple(Word(word, word.column, number) for word in kept), number))
        return found
    return _Blocks(problems).read(text)


class _Blocks:
    """The open blocks while a text is read."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.open: list[tuple[list[Word], int]] = []
        self.words: list[Word] = []
        self.found: list[Path] = []
        self.count = 0

    def read(self, text: str) -> list[Path]:
        """All settings."""
        line, start = 1, 0
        by_line = not _SEMICOLON.search(text)    # VyOS ends a setting with its line
        for match in _TOKEN.finditer(text):
            column = match.start() - start + 1
            mark = match[2]
            word = match[5] or next((part for part in (match[3], match[4]) if part is not None), None)
            if word is not None:
                self.words.append(Word(word, column, line))
            elif mark == "{":
                self.enter(line, column)
            elif mark in {";", "}"}:
                self.leave(mark, line, column)
            if "\n" in match[0]:
                line += match[0].count("\n")
                start = match.start() + match[0].rindex("\n") + 1
                if match[1] and self.open and by_line:
                    self.leave(";", line, column)
                elif match[1] and not self.open:
                    self.words = []    # a line of prose or of a prompt between blocks
        for words, begun in self.open:
            self.problems.add(begun, words[0].column if words else 1, "a '}' for the block that begins here",
                              "the end of the file")
        return self.found

    def enter(self, line: int, column: int) -> None:
        """A block begins."""
        if len(self.open) >= DEEPEST:
            raise self.problems.stop(line, column, f"at most {DEEPEST} levels of nesting", "more")
        self.open.append((self.words, line))
        self.words = []

    def leave(self, mark: str, line: int, column: int) -> None:
        """A setting ends, and with ``}`` its block."""
        if self.words:
            whole = tuple(word for words, _ in self.open for word in words) + tuple(self.words)
            self.count += len(whole)
            if self.count > _MOST_WORDS:
                raise self.problems.stop(line, column, f"at most {_MOST_WORDS:,} words", "more")
            self.found.append(Path(whole, self.words[0].line))
            self.words = []
        if mark == "}" and self.open:
            self.open.pop()
        elif mark == "}":
            self.problems.add(line, column, "a '{' before this '}'", "none")
