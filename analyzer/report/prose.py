"""The little Markdown that rule documents use, as safe markup: paragraphs, lists, code, emphasis.

On purpose not a Markdown library: no links, no images, no raw HTML, so that
nothing in a document can make a page load or run anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from markupsafe import Markup, escape

_ITEM = re.compile(r"(?:[*-]|\d+[.)])\s+")
_INLINE = re.compile(
    r"`([^`]+)`"
    r"|(?<![^\s(])\*\*([^*\s](?:[^*]*[^*\s])?)\*\*(?![^\s.,;:)!?])"
    # Around whole words only: a star in a command or a pattern is a star.
    r"|(?<![^\s(])\*([^*\s](?:[^*]*[^*\s])?)\*(?![^\s.,;:)!?])"
)


def runs(text: str) -> Iterator[tuple[str, str]]:
    """One line as runs: ("", text), ("code", ...), ("strong", ...) or ("em", ...)."""
    end = 0
    for match in _INLINE.finditer(text):
        if match.start() > end:
            yield "", text[end:match.start()]
        yield next((n, g) for n, g in zip(("code", "strong", "em"), match.groups(), strict=True) if g)
        end = match.end()
    if end < len(text):
        yield "", text[end:]


def inline(text: str) -> Markup:
    """One line with its code and emphasis marked."""
    return Markup().join(
        Markup("<{0}>{1}</{0}>").format(kind, run) if kind else escape(run) for kind, run in runs(text)
    )


def blocks(text: str) -> Iterator[tuple[str, list[str]]]:
    """The document's blocks in order: ``("p", [text])``, ``("ul", items)`` or ``("pre", [code])``."""
    for number, part in enumerate(re.split(r"^```.*$", text, flags=re.MULTILINE)):
        if number % 2:
            yield "pre", [part.strip("\n")]
        else:
            for paragraph in re.split(r"\n\s*\n", part):
                yield from _paragraph([line.strip() for line in paragraph.split("\n") if line.strip()])


def _paragraph(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Lines without an empty one between them: text, then perhaps a list; a line without a mark goes on."""
    kind, items = "p", list[str]()
    for line in lines:
        mark = _ITEM.match(line)
        if mark:
            if kind == "p" and items:
                yield kind, items
                items = []
            kind = "ul"
            items.append(line[mark.end():])
        elif items:
            items[-1] = f"{items[-1]} {line}"
        else:
            items.append(line.lstrip("# "))
    if items:
        yield kind, items


def prose(text: str) -> Markup:
    """``text`` as HTML."""
    made: list[Markup] = []
    for kind, lines in blocks(text):
        if kind == "ul":
            items = Markup().join(Markup("<li>{}</li>").format(inline(line)) for line in lines)
            made.append(Markup("<ul>{}</ul>").format(items))
        elif kind == "pre":
            made.append(Markup("<pre><code>{}</code></pre>").format(lines[0]))
        else:
            made.append(Markup("<p>{}</p>").format(inline(lines[0])))
    return Markup("\n").join(made)
