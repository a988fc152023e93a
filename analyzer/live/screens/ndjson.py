"""One JSON object a line, for machines: the events as they come, and the whole diagnosis at the end.

Each has ``event`` and ``time_ns``; the words are those of ``events`` in lower
case, a finding has the form that it has in ``--format json``.
"""

from __future__ import annotations

import json
from typing import TextIO

from analyzer.diagnose.finding import Diagnosis
from analyzer.live.events import Event, Status
from analyzer.report.clean import cleaned
from analyzer.report.document import to_document


class JsonLines:
    """Writes each event as one line; status is not shown."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def event(self, event: Event) -> None:
        """As ``session.Screen``."""
        self._out.write(json_line(event))
        self._out.flush()

    def status(self, status: Status) -> None:
        """As ``session.Screen``."""

    def report(self, diagnosis: Diagnosis) -> None:
        """The last line: the whole document."""
        document = {"event": "report", "diagnosis": to_document(cleaned(diagnosis))}
        self._out.write(f"{json.dumps(document, ensure_ascii=True)}\n")
        self._out.flush()


def json_line(event: Event) -> str:
    """An event as one line of JSON, ASCII only."""
    import msgspec  # noqa: PLC0415 - start-up time

    fields = msgspec.to_builtins(cleaned(event))
    return f"{json.dumps({'event': type(event).__name__.lower(), **fields}, ensure_ascii=True)}\n"
