"""TOML text to a tree with line and column (TOML 1.0).

``tomllib`` knows whether a text is TOML but forgets where everything stood; the
reader below knows where everything stands and trusts that the text is TOML.
Together they are one reader; where they disagree, the text is refused.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from analyzer.clean import shown
from analyzer.importers._problems import Problems
from analyzer.importers._tree import Items, Limits, Node, Scalar, Table

_SPACE = re.compile(r"[ \t]*")
_GAP = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^\s,\]}#]+(?: \d\d:\d\d[^\s,\]}#]*)?")    # a date and its time may be apart by a space
_STRING = re.compile(
    r'"""(?:[^\\"]|\\.|"(?!""))*"{3,5}' r"|'''.*?'{3,5}" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'", re.DOTALL)
_LONGEST_BARE = 100
_ERROR = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)")


def document(text: str, problems: Problems, limits: Limits | None = None) -> Table:
    """The root table.  Raises ``ConfigSyntaxError`` where the text is not TOML or nests too deep."""
    import tomllib  # noqa: PLC0415 - used for TOML alone

    limits = limits or Limits()
    reader = _Reader(text, problems, limits)
    lost = False
    try:
        root = reader.root()
    except _Lost:
        lost = True
    try:
        tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        match = _ERROR.fullmatch(str(error))
        line, column = (int(match[2]), int(match[3])) if match and match[2] else reader.where(len(text))
        raise problems.stop(line, column, "TOML", (match[1] if match else str(error)).lower()) from None
    if lost:
        line, column = reader.where(reader.at)
        raise problems.stop(line, column, "TOML", shown(text[reader.at : reader.at + 20].partition("\n")[0]))
    return root


class _Lost(Exception):
    """The text is not TOML here; ``tomllib`` will say it better."""


class _Reader:
    """A cursor over the text."""

    def __init__(self, text: str, problems: Problems, limits: Limits) -> None:
        self.text = text
        self.at = 0
        self.problems = problems
        self.limits = limits
        self.starts = [0, *(m.end() for m in re.finditer("\n", text))]

    def where(self, at: int) -> tuple[int, int]:
        """Line and column, from 1."""
        line = bisect_right(self.starts, at)
        return line, at - self.starts[line - 1] + 1

    def root(self) -> Table:
        """The whole text."""
        root = here = Table(1, 1)
        while self.skip(_GAP) < len(self.text):
            if self.text[self.at] != "[":
                self.pair(here, 1)
                continue
            double = self.text.startswith("[[", self.at)
            self.at += 2 if double else 1
            here = self.header(root, self.key(), double=double)
            self.take("]]" if double else "]")
        return root

    def header(self, root: Table, path: list[Scalar], *, double: bool) -> Table:
        """The table that ``[path]`` or ``[[path]]`` opens."""
        parent = self.down(root, path[:-1])
        last = path[-1]
        if not double:
            return self.down(parent, path[-1:])
        listed = parent.entries.get(last.text)
        if not isinstance(listed, Items):
            listed = Items(last.line, last.column)
            self.set(parent, last, listed)
        listed.items.append(Table(last.line, last.column))
        return self.newest(listed)

    def down(self, table: Table, path: list[Scalar]) -> Table:
        """Follow dotted keys, making tables on the way."""
        if len(path) > self.limits.depth:
            raise self.too_deep(path[0].line, path[0].column)
        for key in path:
            found = table.entries.get(key.text)
            if found is None:
                found = Table(key.line, key.column)
                self.set(table, key, found)
            table = self.newest(found)
        return table

    def newest(self, node: Node) -> Table:
        """A table, or the last one of an array of tables."""
        found = node.items[-1] if isinstance(node, Items) and node.items else node
        if not isinstance(found, Table):
            raise _Lost
        return found

    def pair(self, table: Table, depth: int) -> None:
        """``key = value``."""
        path = self.key()
        self.take("=")
        self.skip(_SPACE)
        value = self.value(depth)
        self.set(self.down(table, path[:-1]), path[-1], value)

    def set(self, table: Table, key: Scalar, value: Node) -> None:
        """Enter a value; that it is new is for ``tomllib`` to check."""
        table.entries[key.text] = value
        table.keys[key.text] = key

    def key(self) -> list[Scalar]:
        """A dotted key."""
        path = []
        while True:
            self.skip(_SPACE)
            line, column = self.where(self.at)
            bare = _BARE_KEY.match(self.text, self.at)
            if bare:
                self.at = bare.end()
                path.append(Scalar(bare[0], line, column))
            else:
                path.append(self.string())
            if not self.text.startswith(".", self.skip(_SPACE)):
                return path
            self.at += 1

    def value(self, depth: int) -> Node:
        """Anything to the right of an equals sign."""
        line, column = self.where(self.at)
        if depth > self.limits.depth:
            raise self.too_deep(line, column)
        first = self.text[self.at : self.at + 1]
        if first in {'"', "'"}:
            return self.string()
        if first == "[":
            array = Items(line, column)
            self.at += 1
            while not self.text.startswith("]", self.skip(_GAP)):
                array.items.append(self.value(depth + 1))
                self.comma("]")
            self.at += 1
            return array
        if first == "{":
            table = Table(line, column)
            self.at += 1
            while not self.text.startswith("}", self.skip(_SPACE)):
                self.pair(table, depth + 1)
                self.comma("}")
            self.at += 1
            return table
        bare = _BARE_VALUE.match(self.text, self.at)
        if bare is None:
            raise _Lost
        self.at = bare.end()
        if len(bare[0]) > _LONGEST_BARE:
            raise self.problems.stop(line, column, "a number, date or word of TOML", shown(bare[0]))
        return Scalar(bare[0], line, column)

    def string(self) -> Scalar:
        """A text in any of the four kinds of quotes."""
        line, column = self.where(self.at)
        match = _STRING.match(self.text, self.at)
        if match is None:
            raise _Lost
        self.at = match.end()
        raw = match[0]
        if len(raw) > self.limits.scalar:
            raise self.problems.stop(line, column, f"a text of at most {self.limits.scalar:,} characters",
                                     f"{len(raw):,}")
        if "\\" in raw or raw.startswith(('"""', "'''")):
            import tomllib  # noqa: PLC0415 - see above

            try:
                return Scalar(str(tomllib.loads(f"x = {raw}")["x"]), line, column, plain=False)
            except ValueError:
                raise _Lost from None
        return Scalar(raw[1:-1], line, column, plain=False)

    def comma(self, closing: str) -> None:
        """A comma, or nothing before the closing bracket."""
        self.skip(_GAP)
        if self.text.startswith(",", self.at):
            self.at += 1
        elif not self.text.startswith(closing, self.at):
            raise _Lost

    def take(self, mark: str) -> None:
        """A mark that must be here."""
        if not self.text.startswith(mark, self.skip(_SPACE)):
            raise _Lost
        self.at += len(mark)

    def skip(self, pattern: re.Pattern[str]) -> int:
        """Pass over what the pattern matches; where the cursor is then."""
        match = pattern.match(self.text, self.at)
        assert match is not None
        self.at = match.end()
        return self.at

    def too_deep(self, line: int, column: int) -> Exception:
        """The error for a text that nests deeper than anybody writes."""
        return self.problems.stop(line, column, f"at most {self.limits.depth} levels of nesting", "more")
