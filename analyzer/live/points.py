"""Capture points of a live run: every interface is one, and so is every named pipe."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from analyzer.balance.vantage import declared_role
from analyzer.capture.source import NOT_A_PACKET, Interface
from analyzer.diagnose.overview import CaptureRead
from analyzer.tables import KINDS, OK, Batch, PacketTable


@dataclass(slots=True)
class Point:
    """One capture point, with what was read there since the beginning."""

    read: CaptureRead
    named: str                     # by the user; else empty
    link_type: int = 1
    drops: int = 0
    timed: bool = False

    def count(self, packets: PacketTable, rows: NDArray[np.intp], link_type: NDArray[np.uint16]) -> None:
        """Add the rows of a batch that are this point's."""
        columns, summary = packets.columns, self.read
        decoded = columns["verdict"][rows] == OK
        kinds = np.bincount(columns["kind"][rows][decoded], minlength=len(KINDS))
        counted = dict(zip(KINDS, kinds.tolist(), strict=True)) | {"undecoded": int(len(rows) - decoded.sum())}
        for kind, count in counted.items():
            if count:
                summary.packets[kind] = summary.packets.get(kind, 0) + count
        summary.frames += len(rows)
        times = columns["time_ns"][rows][link_type[rows] != NOT_A_PACKET]
        if len(times):
            first, last = int(times.min()), int(times.max())
            summary.first_ns = min(summary.first_ns, first) if self.timed else first
            summary.last_ns = max(summary.last_ns, last) if self.timed else last
            self.timed = True


@dataclass(slots=True)
class Points:
    """All points, numbered in the order in which they appear, and which interface of which tap each is."""

    all: list[Point] = field(default_factory=list)
    _numbers: dict[tuple[int, int], int] = field(default_factory=dict)

    def announce(self, tap: int, interface: int, vantage: str, named: str) -> None:
        """A point that is known before its first frame; ``named`` by the user, or empty."""
        self._numbers[tap, interface] = len(self.all)
        role = declared_role(named) if named else ""
        self.all.append(Point(CaptureRead(vantage, vantage, role=role), named))

    def of(self, batch: Batch, tap: int, interfaces: list[Interface]) -> NDArray[np.uint16]:
        """The point of each frame of a batch."""
        used = np.unique(batch.interface)
        table = np.zeros(int(used[-1]) + 1 if len(used) else 0, np.uint16)
        for interface in used.tolist():
            number = self._numbers.get((tap, interface))
            if number is None:
                known = interfaces[interface].name if interface < len(interfaces) else ""
                tap_name = self.all[self._numbers[tap, 0]].read.vantage
                self.announce(tap, interface, f"{tap_name}:{known or interface}", "")
                number = self._numbers[tap, interface]
            table[interface] = number
        places = table[batch.interface]
        for interface in used.tolist():
            point = self.all[table[interface]]
            if not point.timed and interface < len(interfaces):
                point.link_type = interfaces[interface].link_type
        return places

    def lost(self, tap: int, interfaces: list[Interface]) -> None:
        """Take in what the capturing side says that it lost."""
        for index, interface in enumerate(interfaces):
            number = self._numbers.get((tap, index))
            if number is not None and interface.drops:
                self.all[number].drops = max(self.all[number].drops, interface.drops)
