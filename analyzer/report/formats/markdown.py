"""Markdown for tickets: the same facts, commands in fences, the ladder as a Mermaid sequence diagram."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TextIO

from analyzer.diagnose.finding import Diagnosis, Finding, Fix, Ladder, Proof
from analyzer.report.clean import cleaned
from analyzer.report.ladder import brief
from analyzer.report.prose import blocks, runs
from analyzer.report.sentences import (
    capture_name,
    capture_next,
    clock,
    detail,
    endpoint,
    failed,
    frame_place,
    listed,
    mapping_words,
    proof_sentence,
    service,
    shown_by,
    sightings,
    verdict_sentence,
    verdict_word,
)
from analyzer.report.steps import Form, steps
from analyzer.report.texts import known, say
from analyzer.report.ways import Way, ways

NAME = "markdown"
SUFFIX = ".md"
DESCRIPTION = "text for tickets (GitHub, GitLab), with a Mermaid ladder"
BINARY = False
OCTETS = False

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>|~&#]|(?<=[A-Za-z]):(?=//)|(?<=www)\.|^[-+=]|^\d+[.)](?=\s)", re.IGNORECASE)
_BACKTICKS = re.compile(r"`+")


def write(diagnosis: Diagnosis, out: TextIO) -> None:
    """Write ``diagnosis`` as Markdown (CommonMark with GitHub's tables)."""
    for part in _page(cleaned(diagnosis)):
        out.write(part)
        out.write("\n\n")


def plain(text: str) -> str:
    """``text`` so that Markdown shows it as it is: every ASCII sign that could mean something is escaped."""
    return _SPECIAL.sub(lambda match: "".join(f"\\{c}" if not c.isalnum() else c for c in match.group()), text)


def span(text: str) -> str:
    """``text`` as code within a line; the fence is longer than any run of backticks inside (CommonMark §6.1)."""
    fence = "`" * (max((len(run) for run in _BACKTICKS.findall(text)), default=0) + 1)
    pad = " " if text[:1] in {"`", " "} or text[-1:] in {"`", " "} else ""
    return f"{fence}{pad}{text}{pad}{fence}" if text else ""


def fenced(lines: Iterable[str], kind: str = "") -> str:
    """Lines as a block of code, fenced by more backticks than they hold (CommonMark §4.5)."""
    text = "\n".join(lines)
    fence = "`" * max(3, max((len(run) for run in _BACKTICKS.findall(text)), default=0) + 1)
    return f"{fence}{kind}\n{text}\n{fence}"


def rich(text: str) -> str:
    """One line of ours that may hold code and emphasis, said again so that nothing else in it means anything."""
    marks: dict[str, Callable[[str], str]] = {
        "": plain, "code": span, "strong": lambda run: f"**{plain(run)}**", "em": lambda run: f"*{plain(run)}*",
    }
    return "".join(marks[kind](run) for kind, run in runs(text))


def _prose(text: str) -> Iterator[str]:
    """A rule's explanation, block by block."""
    for kind, lines in blocks(text):
        match kind:
            case "ul":
                yield _bullets(map(rich, lines))
            case "pre":
                yield fenced(lines)
            case _:
                yield rich(lines[0])


def _cell(text: str) -> str:
    """Code within a table: the bar would end the cell even there."""
    return span(text.replace("|", "¦"))


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _page(diagnosis: Diagnosis) -> Iterator[str]:
    yield f"# {plain(verdict_word(diagnosis))}"
    yield plain(verdict_sentence(diagnosis))
    for finding in diagnosis.findings:
        yield from _finding(diagnosis, finding)
    if diagnosis.cannot_tell:
        yield f"## {say('head.cannot-tell')}"
    for question in diagnosis.cannot_tell:
        yield f"**{plain(question.question)}** {plain(question.because)}"
        if question.capture_next:
            yield f"{plain(capture_next(question.capture_next))}:"
            yield fenced([question.capture_next.command], "sh")
    yield from _services(diagnosis)
    if diagnosis.captures:
        yield f"## {say('head.captures')}"
        yield _bullets(
            f"{span(capture_name(c))}: {plain(c.vantage)}, {plain(known(f'role.{c.role}', c.role))} "
            f"({plain(known(f'origin.{c.role_origin}', c.role_origin))}), {c.frames:,} {say('label.frames').lower()}"
            + (f", {say('label.clock').lower()} {plain(clock(c))}" if c.clock_offset_ns is not None else "")
            + "".join(f"; {plain(warning)}" for warning in c.warnings)
            for c in diagnosis.captures
        )
    for head, lines in (("head.assumptions", diagnosis.assumptions), ("head.warnings", diagnosis.warnings)):
        if lines:
            yield f"## {say(head)}"
            yield _bullets(map(plain, lines))
    yield f"{say('product')} {plain(diagnosis.version)}"


def _finding(diagnosis: Diagnosis, finding: Finding) -> Iterator[str]:
    yield f"## {plain(finding.rule)} {plain(finding.name)} ({say(f'severity.{finding.severity}')})"
    yield rich(finding.summary)
    facts = (
        (say("label.connections"), failed(diagnosis, finding)),
        (say("label.clients"), listed(finding.clients, 8)),
        (say("label.virtual"), service(finding.virtual)),
        (say("label.real"), endpoint(finding.real)),
        (say("label.hosts"), listed(finding.hosts, 8)),
        (say("label.certainty"), say(f"certainty.{finding.certainty}.long")),
        (say("label.mapping"), mapping_words(finding)),
        (say("label.contrast"), finding.contrast),
    )
    yield "\n".join(["| | |", "|---|---|", *(f"| {label} | {plain(value)} |" for label, value in facts if value)])
    if finding.ladder.hosts and finding.ladder.events:
        yield f"### {say('head.ladder')}"
        yield fenced(mermaid(finding.ladder), "mermaid")
    if finding.evidence:
        yield f"### {say('head.evidence')}"
        yield _bullets(
            f"{', '.join(span(frame_place(diagnosis, item)) for item in group)}: {rich(group[0].says)} "
            f"{span(group[0].segment)}".rstrip()
            for group in sightings(finding)
        )
    if finding.filter:
        yield f"{say('label.filter')}: {span(finding.filter)}"
    if finding.why:
        yield f"### {say('head.why')}"
        yield from _prose(finding.why)
    if finding.reasons:
        yield f"### {say('head.reasons')}"
        yield _bullets(map(rich, finding.reasons))
    yield f"### {say('head.fixes')}"
    if not finding.fixes:
        yield say("fix.none")
    shared: dict[str, None] = {}
    seen: dict[Form, str] = {}
    for number, way in enumerate(ways("", finding), 1):
        if way.shared and way.on not in shared:
            shared[way.on] = None
            yield f"**{plain(say('head.caveats.host', host=way.on))}**:"
            yield _bullets(map(rich, way.shared))
        yield from _way(way, number, seen)


def _way(way: Way, number: int, seen: dict[Form, str]) -> Iterator[str]:
    """One way out: what is true of it in every dialect, then the commands of each."""
    mark = f" ({say('fix.recommended')})" if way.recommended else ""
    yield f"#### {number}. {plain(way.title)}, {plain(say('fix.on', host=way.on))}{mark}"
    if way.same_proof:
        yield from _proof(way.proof)
    if way.why:
        yield rich(way.why)
    yield from _listed("head.caveats", way.caveats)
    for _, fix in way.fixes:
        yield f"##### {plain(known(f'dialect.{fix.dialect}', fix.dialect))}"
        if not way.same_proof:
            yield from _proof(fix.proof)
        if not way.same_why and fix.why:
            yield rich(fix.why)
        yield from _listed("head.caveats", way.own(fix))
        yield from _commands(fix, f"{number}, {known(f'dialect.{fix.dialect}', fix.dialect)}", seen)


def _proof(proof: Proof) -> Iterator[str]:
    yield f"**{say(f'proof.{proof.applicability}')}**: {proof_sentence(proof)}"
    yield from _listed("head.broken", proof.broken_connections)
    yield from _listed("head.missing", proof.missing_facts)


def _listed(head: str, lines: tuple[str, ...]) -> Iterator[str]:
    if lines:
        yield f"{say(head)}:"
        yield _bullets(map(rich, lines))


def _commands(fix: Fix, place: str, seen: dict[Form, str]) -> Iterator[str]:
    """The steps of one dialect; a titled form that was printed before is only pointed at."""
    kind = "sh" if fix.dialect.startswith("linux") else ""
    found = steps(fix)
    for step in found:
        if step.alternatives:
            yield f"{step.heading}: {say('step.forms')}"
        for form in step.forms:
            if form.title and form in seen:
                yield f"{plain(form.title)}: {plain(say('replay.as-before', number=seen[form]))}"
                continue
            seen[form] = place
            yield from _form(form, step.heading, kind)
    if not found:
        yield say("fix.no-commands")
    elif not fix.executed:
        yield say("fix.not-executed")


def _form(form: Form, heading: str, kind: str) -> Iterator[str]:
    yield f"{plain(form.title or heading)}:"
    yield fenced(form.lines, kind)
    if form.undo:
        yield f"{say('step.undo.form')}:"
        yield fenced(form.undo, kind)
    if not form.executed:
        yield say("fix.not-executed")


def _services(diagnosis: Diagnosis) -> Iterator[str]:
    if not diagnosis.services:
        return
    yield f"## {say('head.services')}"
    heads = ("label.virtual", "label.reals", "label.origin", "label.source", "label.support")
    rows = (
        (_cell(service(row.virtual)),
         ", ".join(f"{_cell(endpoint(real))} {plain(real.forwarding)}" for real in row.reals),
         plain(known(f"origin.{row.origin}", row.origin)), plain(detail(row.origin, row.source)), plain(shown_by(row)))
        for row in diagnosis.services
    )
    yield "\n".join([
        f"| {' | '.join(say(head) for head in heads)} |", "|---|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ])


def mermaid(ladder: Ladder) -> Iterator[str]:
    """The ladder as a Mermaid sequence diagram; stray arrows end in a cross, lost ones are dashed."""
    yield "sequenceDiagram"
    for number, host in enumerate(ladder.hosts):
        yield f"  participant h{number} as {_mermaid_text(' '.join(filter(None, (host.name, host.address))))}"
    arrows = {"stray": "-x", "rejected": "-x", "lost": "--)"}
    for event in ladder.events:
        remark = "" if event.outcome not in arrows else f" ({say(f'outcome.{event.outcome}')})"
        arrow = arrows.get(event.outcome, "->>")
        yield f"  h{event.sender}{arrow}h{event.receiver}: {_mermaid_text(brief(event) + remark)}"


def _mermaid_text(text: str) -> str:
    """Text that Mermaid takes for text: everything but plain words becomes a character reference."""
    return re.sub(r"[^A-Za-z0-9 .,:/()\[\]_-]", lambda match: f"#{ord(match.group())};", text)
