"""JSON text to a tree with line and column (RFC 8259); iterative, so that depth is a limit and not a crash."""

from __future__ import annotations

import json
import re
from bisect import bisect_right

from analyzer.clean import shown
from analyzer.importers._problems import Problems
from analyzer.importers._tree import Builder, Items, Limits, Node, Table

_TOKEN = re.compile(
    r'[ \t\r\n]*(?:([{}\[\],:])|"([^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*)"'
    r"|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.]))"
)
_SPACE = re.compile(r"[ \t\r\n]*")
_NEWLINE = re.compile("\n")

# What may come next, by where the reader stands.
_VALUE, _FIRST_VALUE, _KEY, _FIRST_KEY, _COLON, _AFTER, _END = (
    "a value", "a value or ']'", 'a key in "quotes"', "a key in \"quotes\" or '}'", "':'", "',' or the closing bracket",
    "the end of the file")


def document(text: str, problems: Problems, limits: Limits | None = None) -> Node:
    """The one value of a JSON text.  Raises ``ConfigSyntaxError`` at the first token that is none."""
    builder = Builder(problems, limits or Limits())
    starts = [0, *(m.end() for m in _NEWLINE.finditer(text))]
    state, at = _VALUE, 0
    open_brackets: list[str] = []
    while state != _END:
        match = _TOKEN.match(text, at)
        here = _after_space(text, at)
        line = bisect_right(starts, here)
        column = here - starts[line - 1] + 1
        mark, string, bare = match.groups() if match else ("", None, None)
        if string is not None and state in {_KEY, _FIRST_KEY, _VALUE, _FIRST_VALUE}:
            builder.scalar(_unescaped(string, problems, line, column), line, column, plain=False)
            state = _COLON if state in {_KEY, _FIRST_KEY} else _AFTER
        elif bare is not None and state in {_VALUE, _FIRST_VALUE}:
            builder.scalar(bare, line, column, plain=True)
            state = _AFTER
        elif mark in {"{", "["} and mark and state in {_VALUE, _FIRST_VALUE}:
            builder.open(Table(line, column) if mark == "{" else Items(line, column))
            open_brackets.append("}" if mark == "{" else "]")
            state = _FIRST_KEY if mark == "{" else _FIRST_VALUE
        elif mark == ":" and state == _COLON:
            state = _VALUE
        elif mark == "," and state == _AFTER:
            state = _KEY if open_brackets[-1] == "}" else _VALUE
        elif mark and mark in "]}" and state in {_AFTER, _FIRST_KEY, _FIRST_VALUE} and mark == open_brackets[-1]:
            open_brackets.pop()
            builder.close()
            state = _AFTER
        else:
            got = _got(text, here)
            raise problems.stop(line, column, state, got)
        assert match is not None
        at = match.end()
        if state == _AFTER and not open_brackets:
            state = _END
    rest = _after_space(text, at)
    if rest < len(text):
        line = bisect_right(starts, rest)
        raise problems.stop(line, rest - starts[line - 1] + 1, _END, _got(text, rest))
    assert builder.root is not None
    return builder.root


def _got(text: str, at: int) -> str:
    return shown(text[at : at + 20].partition("\n")[0]) if at < len(text) else "the end of the file"


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()


def _unescaped(string: str, problems: Problems, line: int, column: int) -> str:
    if "\\" not in string:
        return string
    try:
        return str(json.loads(f'"{string}"'))
    except ValueError:
        raise problems.stop(line, column, "a text with escapes as RFC 8259 §7 has them", shown(string)) from None
