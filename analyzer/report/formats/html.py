"""HTML: one file that travels, with pictures, evidence, commands and proof; loads nothing, runs without script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import TYPE_CHECKING, TextIO

from analyzer.diagnose.finding import Diagnosis, Evidence, Finding
from analyzer.report.ways import DETAILS, Detail, Way, ways

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

NAME = "html"
SUFFIX = ".html"
DESCRIPTION = "one self-contained page to send on: pictures, evidence, commands, proof"
BINARY = False
OCTETS = True

LIMIT = 190_000
"""Characters of a page without its table of connections; beyond it, lesser ways of mending are only named."""


@dataclass(frozen=True, slots=True)
class Section:
    """A finding with what the page adds: an anchor, its pictures, its fixes by way."""

    ident: str
    finding: Finding
    topology: Markup
    ladder: Markup
    ways: tuple[Way, ...]
    sightings: tuple[tuple[tuple[str, Evidence], ...], ...]   # (identifier, empty where the frame has one already)

    @property
    def shared(self) -> dict[str, tuple[str, ...]]:
        """By host, what is to be known of every way there."""
        return {way.on: way.shared for way in self.ways if way.shared}


def write(diagnosis: Diagnosis, out: TextIO) -> None:
    """Write ``diagnosis`` as one page."""
    from analyzer.report.clean import cleaned  # noqa: PLC0415  # start-up time: this pulls in the template engine
    from analyzer.report.rows import table  # noqa: PLC0415
    from analyzer.report.timeline import timeline_svg  # noqa: PLC0415

    shown = cleaned(diagnosis)
    rows, timeline = table(shown), timeline_svg(shown.connections, "timeline")
    style, script = _part("style.css"), _part("page.js")
    template = _environment().get_template("page.html")
    for detail in DETAILS:
        sections = _sections(shown, detail)
        page = template.render(
            d=shown,
            sections=sections,
            best=_best(shown, sections),
            table=rows,
            timeline=timeline,
            style=style, style_hash=_hash(style),
            script=script, script_hash=_hash(script),
        )
        if len(page) - _table_size(page) <= LIMIT:
            break
    out.write(page)


def _best(diagnosis: Diagnosis, sections: list[Section]) -> Way | None:
    """The recommended way of the finding that the verdict speaks of."""
    from analyzer.report.sentences import leading  # noqa: PLC0415

    worst = leading(diagnosis)
    ways_out = [way for section in sections if section.finding is worst for way in section.ways]
    return next((way for way in ways_out if way.recommended), None)


def _table_size(page: str) -> int:
    """Characters of the table of connections: it grows with the capture, not with the findings."""
    start = page.find('<table id="connections"')
    return page.find("</table>", start) - start if start >= 0 else 0


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

    from analyzer.report import sentences, texts  # noqa: PLC0415
    from analyzer.report.prose import inline, prose  # noqa: PLC0415
    from analyzer.report.steps import steps  # noqa: PLC0415

    environment = Environment(
        loader=PackageLoader("analyzer.report", "templates"),
        autoescape=True,            # names, comments and payload come from strangers
        undefined=StrictUndefined,  # a misspelt field is an error, not a blank
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        say=texts.say, known=texts.known, s=sentences, inline=inline, prose=prose, anchor=anchor, len=len, steps=steps,
    )
    return environment


def _part(name: str) -> Markup:
    """A part of the page that is ours: style sheet or script, as it is."""
    from markupsafe import Markup  # noqa: PLC0415

    return Markup(files("analyzer.report").joinpath("templates", name).read_text("utf-8"))  # noqa: S704  # our own file


def _hash(text: str) -> str:
    """The source expression that lets exactly this text pass the content policy (CSP 3 §2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def anchor(section: str, evidence: Evidence) -> str:
    """The identifier of an evidence frame within the page: ``RP101-c0-f6``."""
    return f"{section}-c{evidence.capture}-f{evidence.frame}"


def _sections(diagnosis: Diagnosis, detail: Detail) -> list[Section]:
    from analyzer.report.ladder import ladder_svg  # noqa: PLC0415
    from analyzer.report.sentences import frame_place  # noqa: PLC0415
    from analyzer.report.texts import say  # noqa: PLC0415
    from analyzer.report.topology import topology_svg  # noqa: PLC0415

    sections = []
    for ident, finding in zip(identifiers([f.rule for f in diagnosis.findings]), diagnosis.findings, strict=True):
        def link(index: int, ident: str = ident, finding: Finding = finding) -> tuple[str, str]:
            item = finding.evidence[index]
            return f"#{anchor(ident, item)}", frame_place(diagnosis, item)

        sections.append(Section(
            ident, finding,
            topology_svg(finding, f"{ident}-net", say("picture.title")),
            ladder_svg(finding.ladder, f"{ident}-ladder", say("ladder.title"), link),
            tuple(ways(ident, finding, detail)),
            tuple(_sightings(ident, finding, detail.frames)),
        ))
    return sections


def _sightings(section: str, finding: Finding, frames: int) -> Iterator[tuple[tuple[str, Evidence], ...]]:
    from analyzer.report.sentences import sightings  # noqa: PLC0415

    seen: set[str] = set()
    for group in sightings(finding):
        named = []
        for number, item in enumerate(group):
            name = anchor(section, item)
            shown = item if number < frames else replace(item, octets="", payload="")
            named.append(("" if name in seen else name, shown))
            seen.add(name)
        yield tuple(named)


def identifiers(names: list[str]) -> list[str]:
    """An identifier per name, safe in an address: ``RP101``, and ``RP101-2`` for the second of that name."""
    seen: dict[str, int] = {}
    made = []
    for name in names:
        word = "".join(c for c in name if c.isascii() and c.isalnum())[:40] or "finding"
        seen[word] = seen.get(word, 0) + 1
        made.append(word if seen[word] == 1 else f"{word}-{seen[word]}")
    return made
