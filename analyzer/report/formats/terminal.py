"""Terminal: the verdict, each finding with its commands, what could not be told.

Commands stand at the left edge, one line each, without a box: what the mouse
marks is what the shell gets.  Colour only repeats what the words say.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TextIO

from analyzer.diagnose.finding import Diagnosis, Finding, Fix
from analyzer.report.clean import cleaned
from analyzer.report.ladder import ladder_lines
from analyzer.report.replay import compared
from analyzer.report.sentences import (
    capture_name,
    capture_next,
    clock,
    counted,
    detail,
    endpoint,
    failed,
    frame_place,
    instant,
    listed,
    mapping_words,
    proof_sentence,
    shown_by,
    sightings,
    verdict_sentence,
    verdict_word,
)
from analyzer.report.sheet import Sheet
from analyzer.report.steps import Step, steps
from analyzer.report.texts import known, say
from analyzer.report.ways import ways

NAME = "terminal"
SUFFIX = ".txt"
DESCRIPTION = "text for people, as wide as the terminal; colour where it is one"
BINARY = False
OCTETS = False

PIPE_WIDTH = 100

_STYLE = {
    "bypass": "bold white on red", "fault": "bold white on red", "healthy": "bold black on green",
    "cannot-tell": "bold black on yellow", "error": "bold red", "warning": "bold yellow", "info": "bold",
    "proven": "green", "harmful": "bold red", "ineffective": "yellow", "unproven": "yellow",
}


def write(diagnosis: Diagnosis, out: TextIO, *, width: int | None = None) -> None:
    """Write ``diagnosis`` as text; ``width`` in columns, else the terminal's own, else ``PIPE_WIDTH``.

    Characters that the encoding of ``out`` lacks become question marks.
    """
    from rich.console import Console  # noqa: PLC0415  # start-up time

    terminal = out.isatty()
    buffer = io.StringIO()
    console = Console(
        file=buffer, force_terminal=terminal, highlight=False, markup=False, emoji=False,
        width=width or (None if terminal else PIPE_WIDTH),
    )
    _Page(console).diagnosis(cleaned(diagnosis))
    encoding = getattr(out, "encoding", None) or "utf-8"
    text = "\n".join(line.rstrip(" ") for line in buffer.getvalue().split("\n"))
    out.write(text.encode(encoding, "replace").decode(encoding))


class _Page(Sheet):
    """What is printed, part by part, on one console."""

    def diagnosis(self, diagnosis: Diagnosis) -> None:
        """The whole page, verdict first."""
        self.raw(f" {diagnosis.verdict.upper()} ", _STYLE[diagnosis.verdict])
        self.text(verdict_word(diagnosis), "bold")
        self.text(verdict_sentence(diagnosis))
        for number, finding in enumerate(diagnosis.findings, 1):
            self.finding(diagnosis, finding, number)
        self.open_questions(diagnosis)
        self.services(diagnosis)
        self.captures(diagnosis)
        for heading, lines in (("head.assumptions", diagnosis.assumptions), ("head.warnings", diagnosis.warnings)):
            if lines:
                self.head(say(heading))
                for line in lines:
                    self.bullet(line)
        self.blank()
        self.text(f"{say('product')} {diagnosis.version}", "dim")

    def finding(self, diagnosis: Diagnosis, finding: Finding, number: int) -> None:
        """One finding: what, who, evidence, ladder, the recommended commands, verify, undo, caveats, proof."""
        self.blank()
        self.raw("-" * self.width, "dim")
        of = f" {number}/{len(diagnosis.findings)}" if len(diagnosis.findings) > 1 else ""
        self.text(f"{say(f'severity.{finding.severity}').upper()}{of}  {finding.rule} {finding.name}",
                  _STYLE[finding.severity])
        self.text(finding.summary)
        self.blank()
        self.pairs((
            (say("label.clients"), listed(finding.clients, 8)),
            (say("label.virtual"), endpoint(finding.virtual)),
            (say("label.real"), endpoint(finding.real)),
            (say("label.hosts"), listed(finding.hosts, 8)),
            (say("label.connections"), failed(diagnosis, finding)),
            (say("label.contrast"), finding.contrast),
            (say("label.certainty"), say(f"certainty.{finding.certainty}.long")),
            (say("label.mapping"), mapping_words(finding)),
            (say("label.filter"), finding.filter),
        ))
        self.evidence(diagnosis, finding)
        lines = ladder_lines(finding.ladder, self.width)
        if lines:
            self.head(say("head.ladder"))
            for line in lines:
                self.raw(line)
        if finding.reasons:
            self.head(say("head.reasons"))
            for reason in finding.reasons:
                self.bullet(reason)
        self.fixes(finding)

    def evidence(self, diagnosis: Diagnosis, finding: Finding) -> None:
        """Each frame: file and number, the segment, what it says, and the filter that shows it."""
        if finding.evidence:
            self.head(say("head.evidence"))
        for group in sightings(finding):
            places = ", ".join(frame_place(diagnosis, item) for item in group)
            self.text(f"{places}  {group[0].segment}".rstrip(), "bold", 2)
            self.text(group[0].says, indent=4)
            for item in group:
                # A filter that only repeats the number is left to the page.
                if item.filter not in {"", f"frame.number == {item.frame}"}:
                    self.raw(f"    {item.filter}", "dim")

    def fixes(self, finding: Finding) -> None:
        """The recommended fix in full, the others by name."""
        if not finding.fixes:
            self.head(say("head.fix"))
            self.text(say("fix.none"), indent=2)
            return
        best = next((fix for fix in finding.fixes if fix.recommended), finding.fixes[0])
        self.head(f"{say('head.fix')}: {best.title}, {say('fix.on', host=best.on)}{_spoken([best])}")
        if best.why:
            self.text(best.why, indent=2)
        if best.caveats:
            self.blank()
            self.text(f"{say('head.caveats')}:", "bold")
            for caveat in best.caveats:
                self.bullet(caveat)
        self.steps(best)
        self.proof(best)
        self.others(finding, best)

    def others(self, finding: Finding, best: Fix) -> None:
        """The other ways by name, each with the systems that it can be said for."""
        lines = []
        for way in ways("", finding):
            named = [fix for _, fix in way.fixes if fix is not best]
            for word in dict.fromkeys(say(f"proof.{fix.proof.applicability}") for fix in named):
                spoken = _spoken([fix for fix in named if say(f"proof.{fix.proof.applicability}") == word])
                lines.append(f"{way.title}, {say('fix.on', host=way.on)}{spoken}: {word}")
        if lines:
            self.head(say("head.other-fixes"))
        for line in lines:
            self.bullet(line)

    def steps(self, fix: Fix) -> None:
        """The commands, step by step; several permanent forms are only named, for the page and the ticket have them."""
        found = steps(fix)
        for step in found:
            self.blank()
            self.text(f"{step.heading}:", "bold")
            if step.alternatives:
                self.text(say("step.forms.named"))
                self.text(", ".join(form.title for form in step.forms), indent=2)
            else:
                self.forms(step)
        if not found:
            self.text(say("fix.no-commands"), indent=2)
        elif not fix.executed:
            self.blank()
            self.text(say("fix.not-executed"))

    def forms(self, step: Step) -> None:
        """Every form of a step, in full."""
        for form in step.forms:
            if form.title:
                self.text(f"{form.title}:")
            self.commands(form.lines)
            if form.undo:
                self.text(f"{say('step.undo.form')}:")
                self.commands(form.undo)

    def proof(self, fix: Fix) -> None:
        """The replay: the numbers, what would break, the packets that take another way."""
        self.head(f"{say('head.proof')}: {say(f'proof.{fix.proof.applicability}')}")
        self.text(proof_sentence(fix.proof), _STYLE[fix.proof.applicability], 2)
        for heading, lines in (
            ("head.broken", fix.proof.broken_connections), ("head.missing", fix.proof.missing_facts),
        ):
            if lines:
                self.text(f"{say(heading)}:", "bold", 2)
                for line in lines:
                    self.bullet(line, 4)
        self.replay(fix)
        if fix.proof.assumptions:
            self.text(f"{say('head.assumed')}:", "bold", 2)
            for line in fix.proof.assumptions:
                self.bullet(line, 4)

    def replay(self, fix: Fix) -> None:
        """Both traces; a packet that takes the same way in both is only named."""
        legs = compared(fix.proof.before, fix.proof.after)
        for heading, side in (("head.before", "now"), ("head.after", "then")):
            if not any(getattr(leg, side) for leg in legs):
                continue
            self.text(f"{say(heading)}:", "bold", 2)
            for leg in legs:
                hops = getattr(leg, side)
                same = leg.same and side == "then"
                if leg.title and hops:
                    self.text(f"{leg.title}{': ' + say('replay.as-now') if same else ''}", indent=4)
                for hop in hops if not same else ():
                    self.bullet(hop, 6 if leg.title else 4)

    def open_questions(self, diagnosis: Diagnosis) -> None:
        """What could not be told, and the capture that would tell."""
        if diagnosis.cannot_tell:
            self.head(say("head.cannot-tell"))
        for question in diagnosis.cannot_tell:
            self.text(question.question, "bold", 2)
            self.text(question.because, indent=2)
            if question.capture_next:
                self.text(f"{capture_next(question.capture_next)}:", indent=2)
                self.commands((question.capture_next.command,))

    def services(self, diagnosis: Diagnosis) -> None:
        """The mapping that was used."""
        if diagnosis.services:
            self.head(say("head.services"))
        for service in diagnosis.services:
            reals = listed([f"{endpoint(real)} ({real.forwarding})" for real in service.reals], 12)
            self.text(f"{endpoint(service.virtual)}/{service.virtual.protocol} -> {reals}", indent=2)
            origin = known(f"origin.{service.origin}", service.origin)
            said = "; ".join(filter(None, (origin, detail(service.origin, service.source))))
            self.text(f"{said}; {shown_by(service)}", "dim", 4)
            if service.balancers:
                self.text(say("service.balancers", addresses=listed(service.balancers)), "dim", 4)

    def captures(self, diagnosis: Diagnosis) -> None:
        """Where was looked."""
        if diagnosis.captures:
            self.head(say("head.captures"))
        for capture in diagnosis.captures:
            origin = known(f"origin.{capture.role_origin}", capture.role_origin)
            role = known(f"role.{capture.role}", capture.role)
            self.text(f"{capture_name(capture)}  {capture.vantage}: {role} ({origin}), "
                      f"{counted(capture.frames, 'frame')}", indent=2)
            if capture.frames:
                self.text(f"{instant(capture.first_ns)} - {instant(capture.last_ns)}", "dim", 4)
            if capture.clock_offset_ns is not None and len(diagnosis.captures) > 1:
                self.text(f"{say('label.clock').lower()}: {clock(capture)}", "dim", 4)
            for warning in capture.warnings:
                self.text(f"! {warning}", "yellow", 4)


def _spoken(fixes: Iterable[Fix]) -> str:
    """The dialects of some fixes in brackets; nothing where a change is only described."""
    names = ", ".join(fix.dialect for fix in fixes if fix.dialect)
    return f" ({names})" if names else ""
