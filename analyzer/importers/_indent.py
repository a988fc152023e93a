"""Lines whose indentation says what they belong to: Cisco's and A10's way to write.

slb virtual-server shop 203.0.113.10
  port 80 http
    service-group web
"""

from __future__ import annotations

from analyzer.importers._braces import DEEPEST, Statement
from analyzer.importers._words import bare


def statements(text: str, comment: str = "!") -> list[Statement]:
    """The lines that are not indented, each with those under it; nesting deeper than anybody writes is flattened."""
    top = Statement(0, [], [])
    open_lines: list[tuple[int, Statement]] = [(-1, top)]
    for number, raw in enumerate(text.split("\n"), 1):
        words = bare(raw)
        if not words or words[0].startswith(comment):
            continue
        indent = words[0].column - 1
        while open_lines[-1][0] >= indent or len(open_lines) > DEEPEST:
            open_lines.pop()
        statement = Statement(number, words)
        parent = open_lines[-1][1]
        parent.body = parent.body or []
        parent.body.append(statement)
        open_lines.append((indent, statement))
    return top.body or []
