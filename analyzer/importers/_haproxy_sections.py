"""The sections of haproxy.cfg and what each inherits from its defaults (configuration manual, section 4)."""

from __future__ import annotations

from dataclasses import dataclass, field

from analyzer.clean import shown
from analyzer.importers._rows import Rows
from analyzer.importers._words import Line, Word, misspelt, quoted

_PROXIES = frozenset({"defaults", "frontend", "backend", "listen"})
_OTHERS = frozenset({
    "global", "userlist", "peers", "mailers", "resolvers", "cache", "program", "http-errors", "ring", "log-forward",
    "fcgi-app", "crt-store", "traces", "log-profile", "acme"})
_WANTED = ("bind", "server", "default_backend", "use_backend", "source", "dispatch", "frontend", "backend", "listen",
           "server-template", "default-server")
_READ = _PROXIES | _OTHERS | {*_WANTED, "disabled", "enabled"}
"""The lines that say something to us; only these are cut into words."""


@dataclass(slots=True)
class Section:
    """A section; ``parent`` is the defaults section that it inherits from."""

    kind: str
    name: str
    line: int
    parent: Section | None
    body: list[Line] = field(default_factory=list)

    def last(self, *keywords: str) -> Line | None:
        """The last line with one of these keywords, here or else in the defaults."""
        found = next((line for line in reversed(self.body) if line.words[0] in keywords), None)
        return found or (self.parent.last(*keywords) if self.parent else None)

    @property
    def disabled(self) -> bool:
        """Is the whole section switched off."""
        last = self.last("disabled", "enabled")
        return last is not None and last.words[0] == "disabled"


def sections(text: str, rows: Rows) -> list[Section]:
    """The proxies of a file; what stands under ``.if`` is left out, because the condition is not ours to know."""
    found: list[Section] = []
    defaults: dict[str, Section] = {}
    here: Section | None = None
    latest: Section | None = None
    conditions = _Conditions(rows)
    for number, raw in enumerate(text.split("\n"), 1):
        head = raw.split(None, 1)
        if not head or head[0][0] == "#" or conditions.hide(head[0], number):
            continue
        kind = head[0]
        if kind not in _READ:
            if here is not None:
                misspelt(Word(kind, raw.index(kind) + 1), number, _WANTED, ("use-server",), rows.problems)
            continue
        words = quoted(raw)
        if kind in _PROXIES:
            name = str(words[1]) if len(words) > 1 else ""
            origin = Line(number, words).after("from")
            parent = defaults.get(origin) if origin else None if kind == "defaults" else latest
            here = Section(kind, name, number, parent)
            _head(here, words, rows)
            if kind == "defaults":
                defaults[name] = latest = here
            found.append(here)
        elif kind in _OTHERS:
            here = None
        elif here is not None:
            here.body.append(Line(number, words))
    conditions.end()
    return found


def _head(section: Section, words: list[Word], rows: Rows) -> None:
    """``listen NAME ADDRESS:PORT`` is how HAProxy up to 1.5 said ``bind``."""
    if section.kind != "defaults" and not section.name:
        rows.problems.add(section.line, words[0].column, f"{section.kind} NAME", "no name")
    if section.kind in {"listen", "frontend"} and len(words) > 2 and ":" in words[2]:
        section.body.append(Line(section.line, [Word("bind", words[2].column), *words[2:]]))


class _Conditions:
    """The ``.if`` blocks that are open: the line of each, and how many lines it hid."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.open: list[tuple[int, int]] = []

    def hide(self, first: str, number: int) -> bool:
        """Is this line a directive or under a condition."""
        if first == ".if":
            self.open.append((number, 0))
        elif first == ".endif" and not self.open:
            self.rows.problems.add(number, 1, "an .if above", shown(first))
        elif first == ".endif":
            line, hidden = self.open.pop()
            if hidden:
                self.rows.warn(line, f"{hidden} lines under this .if are left out: we cannot know whether it holds")
        elif self.open and not first.startswith("."):
            line, hidden = self.open[-1]
            self.open[-1] = (line, hidden + 1)
        return first.startswith(".") or bool(self.open)

    def end(self) -> None:
        """Every block must have been closed."""
        for number, _ in self.open:
            self.rows.problems.add(number, 1, "an .endif for this .if", "the end of the file")
