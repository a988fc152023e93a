"""XML text to a tree with line and column; a document type, and with it every entity of its own, is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from analyzer.importers._braces import DEEPEST
from analyzer.importers._problems import Problems

_MOST_ELEMENTS = 2_000_000


@dataclass(slots=True)
class Element:
    """An element; ``text`` is its own text without white space at the ends."""

    tag: str
    line: int
    column: int
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def all(self, *path: str) -> Iterator[Element]:
        """Every element down a path."""
        if not path:
            yield self
            return
        for child in self.children:
            if child.tag == path[0]:
                yield from child.all(*path[1:])

    def first(self, *path: str) -> Element:
        """The first element down a path; an empty one where there is none."""
        return next(self.all(*path), Element("", self.line, self.column))

    def has(self, tag: str) -> bool:
        """Is there such a child (``<disabled/>``)."""
        return any(child.tag == tag for child in self.children)


class _Builder:
    """Events of the parser to elements."""

    def __init__(self, problems: Problems) -> None:
        from xml.parsers import expat  # noqa: PLC0415 - for XML alone

        self.problems = problems
        self.top = Element("", 0, 0)
        self.open = [self.top]
        self.count = 0
        self.parts: list[list[str]] = [[]]
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.data
        self.parser.StartDoctypeDeclHandler = self.doctype

    def where(self) -> tuple[int, int]:
        """Where the parser is."""
        return self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber + 1

    def doctype(self, *_: object) -> None:
        """Entities are how a small document becomes a large one, or reads other files."""
        raise self.problems.stop(*self.where(), "XML without a document type", "<!DOCTYPE")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self.count += 1
        if len(self.open) > DEEPEST:
            raise self.problems.stop(*self.where(), f"at most {DEEPEST} levels of nesting", "more")
        if self.count > _MOST_ELEMENTS:
            raise self.problems.stop(*self.where(), f"at most {_MOST_ELEMENTS:,} elements", "more")
        element = Element(tag, *self.where(), attributes)
        self.open[-1].children.append(element)
        self.open.append(element)
        self.parts.append([])

    def end(self, _tag: str) -> None:
        """An element ends."""
        self.open.pop().text = "".join(self.parts.pop()).strip()

    def data(self, text: str) -> None:
        """Text."""
        self.parts[-1].append(text)


def document(text: str, problems: Problems) -> Element:
    """The root element.  Raises ``ConfigSyntaxError`` where the text is not XML or has a document type."""
    from xml.parsers import expat  # noqa: PLC0415 - for XML alone

    builder = _Builder(problems)
    try:
        builder.parser.Parse(text, True)
    except (expat.ExpatError, UnicodeError, ValueError) as error:
        line = getattr(error, "lineno", 0)
        column = getattr(error, "offset", -1) + 1
        raise problems.stop(line, column, "XML", str(error).partition(":")[0]) from None
    return builder.top.children[0]
