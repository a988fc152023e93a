"""What was read since one moment: flows, claims and ICMP of every point, with an address book of its own.

A generation is the reading of a capture that began at its ``base`` and has not
ended.  It never forgets; what bounds memory is that a younger one takes over
(``window``) and this one goes as a whole, with its book and its kernels' memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from analyzer.balance.mapping import Mapping
from analyzer.diagnose.evidence import Observed
from analyzer.flow.events import EventCollector
from analyzer.flow.tracker import FlowTracker
from analyzer.live.points import Point
from analyzer.network.host import Host
from analyzer.reading import Read
from analyzer.tables import NOT_IP, AddressBook, Batch, PacketTable, Table
from analyzer.wire.decode import Decoder


def median_ns(packets: PacketTable) -> int:
    """A time of a batch that no single stray clock moves."""
    return int(np.median(packets.columns["time_ns"].astype(np.int64)))


class Generation:
    """Fed with every batch from ``base`` on; frames are numbered from 1 on behind ``base``."""

    def __init__(self, base: int) -> None:
        self.base = base
        self.first_ns: int | None = None
        self.book = AddressBook()
        self.decoder = Decoder(self.book)
        self._trackers: list[FlowTracker] = []
        self._events: list[EventCollector] = []

    def feed(self, batch: Batch, places: NDArray[np.uint16], first_frame: int) -> PacketTable:
        """Follow a batch whose row 0 is frame ``first_frame`` of the whole run; the decoded rows."""
        packets = self.decoder.decode(replace(batch, first_frame=first_frame - self.base))
        if not len(packets):
            return packets
        if self.first_ns is None:
            self.first_ns = median_ns(packets)
        used = np.unique(places).tolist()
        for point in range(len(self._trackers), used[-1] + 1):
            self._trackers.append(FlowTracker(point, self.book))
            self._events.append(EventCollector(point))
        verdict = packets.columns["verdict"]
        for point in used:
            mine = packets
            if len(used) > 1:   # the others' rows stay, so that the numbers fit, but say nothing
                theirs = np.where(places == point, verdict, np.uint8(NOT_IP))
                mine = PacketTable({**packets.columns, "verdict": theirs}, packets.first_frame)
            self._trackers[point].feed(mine)
            self._events[point].feed(mine)
        return packets

    @property
    def rows(self) -> int:
        """Flows so far, of all points: what this generation's memory and a diagnosis cost."""
        return sum(len(tracker.first_frames()) for tracker in self._trackers)

    @property
    def live(self) -> int:
        """Flows that could still go on."""
        return sum(tracker.live for tracker in self._trackers)

    @property
    def evicted(self) -> int:
        """Flows that had to leave before their time."""
        return sum(tracker.evicted for tracker in self._trackers)

    def flows(self, seen: int | None, before: int | None = None) -> list[Table]:
        """FLOWS of each point: those that began up to frame ``seen`` of the run, and before frame ``before``."""
        found = []
        for tracker in self._trackers:
            table = tracker.snapshot()
            first = tracker.first_frames().astype(np.int64) + self.base
            keep = np.ones(len(first), bool)
            if seen is not None:
                keep &= first <= seen
            if before is not None:
                keep &= first < before
            found.append(table if keep.all() else {name: column[keep] for name, column in table.items()})
        return found

    def read(self, flows: list[Table], points: Sequence[Point], mapping: Mapping, hosts: Sequence[Host]) -> Read:
        """What a diagnosis asks for, with ``flows`` as they were cut; the tables are nobody else's."""
        # A copy: what the evidence interns must not get into the kernels' books between two batches.
        book = AddressBook(list(self.book.packed), dict(self.book.ids))
        observed = Observed(
            flows, [each.claims() for each in self._events], [each.icmp() for each in self._events], book, mapping,
            vantages=[point.named for point in points], hosts=tuple(hosts),
        )
        read = Read(observed, captures=[point.read for point in points], tunnels=self.decoder.tunnels)
        read.compiled = self.decoder.compiled and all(tracker.compiled for tracker in self._trackers)
        return read

    def said(self) -> tuple[int, int]:
        """How many ARP, neighbour discovery and ICMP rows there are, and how many packets they stand for."""
        tables = [table for each in self._events for table in (each.claims(), each.icmp())]
        return sum(len(table["count"]) for table in tables), sum(int(table["count"].sum()) for table in tables)
