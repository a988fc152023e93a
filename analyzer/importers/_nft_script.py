"""nftables' text (``nft list ruleset``, ``nft -f``) as commands: what stands in a block is said as if outside of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from analyzer.importers._problems import Problems
from analyzer.importers._words import Word

Command = tuple[list[Word], int]

_TOKEN = re.compile(r"""\\\n|(\n)|[ \t\r\f\v]+|\#[^\n]*|([{};,])|"((?:[^"\\\n]|\\.)*)"|([^\s{};,"]+|")""")
_BLOCKS = {"chain", "map", "set", "flowtable", "ct", "counter", "quota", "limit", "secmark", "synproxy"}
_LONGEST_DEFINITION = 1_000


class Script:
    """A text on its way to commands."""

    def __init__(self, text: str, problems: Problems) -> None:
        self.text = text
        self.problems = problems
        self.words: list[Word] = []
        self.blocks: list[Command] = []    # the words before each open brace
        self.sets = 0                      # open braces of sets and maps of values
        self.known: dict[str, list[Word]] = {}

    def commands(self) -> Iterator[Command]:
        """Every statement, as the command that would say it outside of all blocks."""
        line, start = 1, 0
        for match in _TOKEN.finditer(self.text):
            column = match.start() - start + 1
            if match[4] or match[3] is not None:
                self.word(Word(match[4] or match[3], column, line))
            elif match[2] == "{":
                yield from self.enter(Word("{", column, line))
            elif match[2] == "}":
                yield from self.leave(Word("}", column, line))
            elif match[2] == "," or (match[2] == ";" and self.sets):
                self.words.append(Word(match[2], column, line))
            elif match[2] == ";" or (match[1] and not self.sets):
                yield from self.finish()
            if match[0][-1] == "\n":
                line, start = line + 1, match.end()
        if self.sets:
            self.problems.add(self.words[0].line, self.words[0].column, "a '}' for the set in this statement",
                              "the end of the file")
        yield from self.finish()
        for words, begun in self.blocks:
            self.problems.add(begun, words[0].column if words else 1, "a '}' for the block that begins here",
                              "the end of the file")

    def word(self, word: Word) -> None:
        """A word, or what was defined for it."""
        self.words += self.known.get(word[1:], [word]) if word[:1] == "$" else [word]

    def enter(self, brace: Word) -> Iterator[Command]:
        """A brace opens a table, a chain or the like; or else a set of values."""
        if self.sets or not self.opens():
            self.sets += 1
            self.words.append(brace)
            return
        self.blocks.append((self.words, self.words[0].line if self.words else brace.line))
        self.words = []
        table = self.blocks[0][0]
        if len(self.blocks) == 2 and table[:1] == ["table"]:
            kind, line = self.blocks[1]
            if kind[0] == "chain":
                yield [Word("add", 1), Word("chain", 1), *table[1:], kind[-1]], line

    def opens(self) -> bool:
        """Do the words before a brace open a block."""
        if not self.blocks:
            return self.words[:1] == ["table"]
        return len(self.blocks) == 1 and bool(self.words) and self.words[0] in _BLOCKS

    def leave(self, brace: Word) -> Iterator[Command]:
        """A brace closes."""
        if self.sets:
            self.sets -= 1
            self.words.append(brace)
            return
        yield from self.finish()
        if self.blocks:
            self.blocks.pop()
        else:
            self.problems.add(brace.line, brace.column, "a '{' before this '}'", "none")

    def finish(self) -> Iterator[Command]:
        """A statement ends."""
        words, self.words, self.sets = self.words, [], 0
        if not words:
            return
        line = words[0].line
        if not self.blocks:
            if words[0] == "define" and len(words) > 3:
                self.known[words[1]] = words[3:][:_LONGEST_DEFINITION]
            yield words, line
        elif len(self.blocks) > 1 and self.blocks[0][0][0] == "table":
            table, (kind, _) = self.blocks[0][0][1:], self.blocks[1]
            if kind[0] == "chain":
                yield [Word("add", 1), Word("rule", 1), *table, kind[-1], *words], line
            elif kind[0] in {"map", "set"} and words[0] == "elements":
                yield [Word("add", 1), Word("element", 1), *table, kind[-1], *words[1:]], line


def script(text: str, problems: Problems) -> Iterator[Command]:
    """The commands that would make this ruleset, each with its line."""
    return Script(text, problems).commands()
