"""Plain lines for a pipe, a log or a dumb terminal: one for each event, and the rest is silence."""

from __future__ import annotations

from datetime import datetime
from typing import TextIO

from analyzer.clean import clean
from analyzer.live.events import Began, Event, Found, Mended, Said, Status, Summary
from analyzer.report.sentences import counted, endpoint, listed
from analyzer.units import SECOND_NS


class Lines:
    """Writes each event as a line; status is not shown."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def event(self, event: Event) -> None:
        """As ``session.Screen``."""
        for line in lines_of(event):
            self._out.write(f"{line}\n")
        self._out.flush()

    def status(self, status: Status) -> None:
        """As ``session.Screen``."""


def lines_of(event: Event) -> list[str]:
    """An event in words, the first line with its time."""
    when = datetime.fromtimestamp(event.time_ns / SECOND_NS).astimezone().strftime("%H:%M:%S")
    return [f"{when}  {clean(first)}" if not number else f"          {clean(first)}"
            for number, first in enumerate(_words(event))]


def _words(event: Event) -> list[str]:
    match event:
        case Began():
            return [f"capturing on {listed(event.points, 8)}; end with Ctrl-C", *event.remarks]
        case Found():
            return _found(event)
        case Mended():
            finding = event.finding
            where = endpoint(finding.virtual) or f"{endpoint(finding.real)} through the balancer"
            who = f"{counted(event.connections, 'connection')} of {listed(finding.clients)} to {where}"
            return [f"MENDED #{event.number}  {finding.rule} {finding.name}: {who} established since, none failed"]
        case Said():
            return [event.sentence]
        case Summary():
            outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(event.connections.items()))
            found = ", ".join(f"{name} ({count:,})" for name, count in event.findings)
            return [f"summary of {event.seconds} s: {event.frames:,} frames",
                    f"connections so far: {outcomes or 'none'}; findings: {found or 'none'}"]


def _found(event: Found) -> list[str]:
    finding = event.finding
    frames = ", ".join(dict.fromkeys(str(item.frame) for item in finding.evidence if item.frame))
    if event.news == "new":
        word = finding.severity.value.upper()
        waited = f"{event.waited_ns / SECOND_NS:.1f} s after the packets showed it"
        # A capture that is read from a file tells of another day.
        said = [finding.summary, *([waited] if 0 <= event.waited_ns < 60 * SECOND_NS else [])]
    else:
        word, said = event.news.upper(), [event.reason]
    who = (f"{finding.certainty.value}, {counted(finding.connections, 'connection')} of {listed(finding.clients)} to "
           f"{endpoint(finding.virtual) or 'an unknown service'}, answered by {endpoint(finding.real) or 'nobody'}")
    return [
        f"{word} #{event.number}  {finding.rule} {finding.name}: {said[0]}",
        "; ".join([who, *said[1:], *([f"frames {frames}"] if frames else [])]),
        *([f"must change: {listed(finding.hosts, 8)}"] if finding.hosts and event.news == "new" else []),
    ]
