"""Where our time goes: the CPU seconds of each stage of one diagnosis, in one process.

``python -m bench.stages CAPTURE`` prints them as JSON.
"""

from __future__ import annotations

import io
import json
import sys
import time

from analyzer.balance.mapping import EMPTY
from analyzer.capture.source import open_capture
from analyzer.flow.events import EventCollector
from analyzer.flow.tracker import FlowTracker
from analyzer.tables import AddressBook
from analyzer.wire.decode import Decoder


class Clock:
    """CPU seconds by stage."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}
        self.last = time.process_time()

    def mark(self, stage: str) -> None:
        """Book the time since the last mark on a stage."""
        now = time.process_time()
        self.stages[stage] = self.stages.get(stage, 0.0) + now - self.last
        self.last = now


def stages(path: str) -> dict[str, float]:
    """Seconds by stage; ``analyze`` again as a whole at the end, for what the stages leave out."""
    clock = Clock()
    book = AddressBook()
    decoder, tracker, events = Decoder(book), FlowTracker(0, book), EventCollector(0)
    for batch in open_capture(path).batches():
        clock.mark("capture: find the records")
        table = decoder.decode(batch)
        clock.mark("wire: decode")
        tracker.feed(table)
        clock.mark("flow: track")
        events.feed(table)
        clock.mark("flow: claims and ICMP")
    clock.mark("capture: find the records")
    tracker.finish()
    clock.mark("flow: FLOWS table")

    from analyzer import api, reading
    from analyzer.report.formats import json as writer

    clock.mark("import the rest")
    read = reading.read_captures([path], EMPTY)
    clock.mark("(the same again, as the command does it)")
    diagnosis = api.diagnose(read, mapping=EMPTY, hosts={})
    clock.mark("balance, diagnose, remedy")
    writer.write(diagnosis, io.StringIO())
    clock.mark("report: JSON")
    return clock.stages


if __name__ == "__main__":
    json.dump(stages(sys.argv[1]), sys.stdout, indent=1)
