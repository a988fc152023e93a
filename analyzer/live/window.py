"""A window that slides over the stream: two generations, the older one judged, the younger one growing up.

Once the judged generation is half full (of time or of flows), a second one
begins beside it and is fed as well; once it is full, the younger takes its
place.  So what is judged always reaches back at least half a window, memory is
that of two generations, and nothing is ever cut in the middle of a connection
that the judged generation saw begin.  The price: tracking everything twice, at
a tenth of a microsecond a packet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.live.generation import Generation, median_ns
from analyzer.tables import Batch, PacketTable, Table
from analyzer.units import SECOND_NS


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a window may hold: nanoseconds of packet time, and flows of all points together."""

    age_ns: int = 600 * SECOND_NS
    flows: int = 60_000


class Window:
    """The judged generation and, in the second half of its life, the next one."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.judged = Generation(0)
        self.turned = 0
        """How often a generation has left."""
        self._next: Generation | None = None
        self._now_ns = 0

    def feed(self, batch: Batch, places: NDArray[np.uint16], first_frame: int) -> PacketTable:
        """Both follow the batch; the rows as the judged one decoded them."""
        packets = self.judged.feed(batch, places, first_frame)
        if self._next is not None:
            self._next.feed(batch, places, first_frame)
        elif self._filled() >= 0.5:
            self._next = Generation(first_frame - 1 + len(batch))
        if len(packets):
            self._now_ns = max(self._now_ns, median_ns(packets))
        return packets

    @property
    def full(self) -> bool:
        """Whether the judged generation is to leave now: ``leaving``, then ``turn``."""
        return self._next is not None and self._filled() >= 1

    def leaving(self) -> list[Table]:
        """FLOWS that will be known to nobody after ``turn``: those that began before the next generation."""
        assert self._next is not None
        return self.judged.flows(None, self._next.base + 1)

    def turn(self) -> None:
        """The next generation takes over."""
        assert self._next is not None
        self.judged, self._next = self._next, None
        self.turned += 1

    def _filled(self) -> float:
        """How full the judged generation is, of 1."""
        began = self.judged.first_ns
        age = self._now_ns - began if began is not None else 0
        return max(age / self.bounds.age_ns, self.judged.rows / self.bounds.flows)
