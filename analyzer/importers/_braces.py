"""Statements with blocks in braces, one statement a line: keepalived's and F5's way to write.

virtual_server 203.0.113.10 80 {
    lb_kind NAT
    real_server 10.0.2.11 8080 { weight 1 }
}
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from analyzer.importers._problems import Problems
from analyzer.importers._words import Word

DEEPEST = 64


@dataclass(slots=True)
class Statement:
    """Words, and the statements in its braces (``None`` where it has none)."""

    line: int
    words: list[Word]
    body: list[Statement] | None = None
    end: int = field(default=0)    # where its text ends; for scripts that are skipped as a whole

    def find(self, *heads: str) -> Iterator[Statement]:
        """The statements in the braces whose first word is one of these."""
        return (child for child in self.body or () if child.words and child.words[0] in heads)

    def get(self, head: str) -> Statement | None:
        """The last statement with this head that says something behind it."""
        found = (child for child in reversed(self.body or ()) if child.words[:1] == [head] and len(child.words) > 1)
        return next(found, None)

    def value(self, head: str) -> Word | None:
        """The second word of the last statement with this head."""
        found = self.get(head)
        return found.words[1] if found else None

    def has(self, head: str) -> bool:
        """Is there a statement with this head."""
        return any(True for _ in self.find(head))


def tokens(comments: str) -> re.Pattern[str]:
    """What to look for; ``comments`` are the characters that begin one."""
    mark = re.escape(comments)
    return re.compile(
        rf"""(\n)|[ \t\r\f\v]+|[{mark}][^\n]*|([{{}}])|("(?:[^"\\]|\\.)*")"""
        rf"""|((?:\$\{{\w+\}}|[^\s{{}}"{mark}])(?:\$\{{\w+\}}|[^\s{{}}"]|"(?=\S))*|")""", re.DOTALL)


HASH = tokens("#")
HASH_AND_BANG = tokens("#!")


class Reader:
    """Text to statements; what is wrong with the braces goes to the problems."""

    def __init__(self, text: str, problems: Problems, pattern: re.Pattern[str]) -> None:
        self.text = text
        self.problems = problems
        self.pattern = pattern
        self.line = 1
        self.start = 0                       # where the line begins
        self.top = Statement(0, [], [])
        self.open = [self.top]
        self.words: list[Word] = []

    def read(self) -> list[Statement]:
        """All statements outside of any braces."""
        for match in self.pattern.finditer(self.text):
            kind = match.lastindex
            if kind == 4:
                self.words.append(Word(match[4], match.start() - self.start + 1))
            elif kind == 1:
                self.finish(None)
                self.line += 1
                self.start = match.end()
            elif kind == 2:
                if match[2] == "{":
                    self.enter(match.start())
                else:
                    self.leave(match.start())
            elif kind == 3:
                self.quoted(match)
        self.finish(None)
        for statement in self.open[1:]:
            self.problems.add(statement.line, statement.words[0].column if statement.words else 1,
                              "a '}' for the block that begins here", "the end of the file")
        return self.top.body or []

    def finish(self, body: list[Statement] | None) -> Statement | None:
        """The words so far are one statement."""
        if not self.words and body is None:
            return None
        line = self.line
        statement = Statement(line, self.words, body)
        self.words = []
        inside = self.open[-1].body
        assert inside is not None
        inside.append(statement)
        return statement

    def enter(self, at: int) -> None:
        """A brace opens."""
        if len(self.open) > DEEPEST:
            raise self.problems.stop(self.line, at - self.start + 1, f"at most {DEEPEST} levels of nesting", "more")
        inside = self.open[-1].body
        if not self.words and inside and inside[-1].body is None and inside[-1].line == self.line - 1:
            statement = inside[-1]           # the brace stands on the line after its statement
            statement.body = []
        else:
            entered = self.finish([])
            assert entered is not None
            statement = entered
        self.open.append(statement)

    def leave(self, at: int) -> None:
        """A brace closes."""
        self.finish(None)
        if len(self.open) == 1:
            self.problems.add(self.line, at - self.start + 1, "a '{' before this '}'", "none")
            return
        self.open.pop().end = at

    def quoted(self, match: re.Match[str]) -> None:
        """A text in quotes is one word, over several lines if it must."""
        raw = match[3]
        self.words.append(Word(raw[1:-1], match.start() - self.start + 1))
        newlines = raw.count("\n")
        if newlines:
            self.line += newlines
            self.start = match.start() + raw.rindex("\n") + 1


def statements(text: str, problems: Problems, pattern: re.Pattern[str]) -> list[Statement]:
    """The statements of a text; ``pattern`` says what a comment is (``HASH``, ``HASH_AND_BANG``)."""
    return Reader(text, problems, pattern).read()
