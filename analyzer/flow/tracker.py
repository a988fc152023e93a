"""Packets to flows: fed batch by batch, bounded, the same however the batches are cut.

    tracker = FlowTracker(capture=0, book=book)
    for table in decoded:
        tracker.feed(table)
    flows = tracker.finish()

Memory depends on the flows that live at once, and on the compact records of those that are over.
"""

from __future__ import annotations

import os
import secrets
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from analyzer.flow import _reference
from analyzer.flow.timeouts import DEFAULT, Limits
from analyzer.tables import AddressBook, PacketTable, Table


class _Kernel(Protocol):
    compiled: bool
    evicted: int
    live: int

    def feed(self, table: PacketTable) -> None: ...
    def table(self, capture: int, *, final: bool = False) -> Table: ...
    def first_frames(self) -> NDArray[np.uint32]: ...


def _kernel(limits: Limits) -> _Kernel:
    """The compiled tracker, or its plain twin where there is none (or REPLYPATH_PURE is set)."""
    secret = secrets.randbits(64)
    if not os.environ.get("REPLYPATH_PURE"):
        try:
            from analyzer.flow import _fast  # noqa: PLC0415 - optional: there may be no compiler
        except ImportError:
            pass
        else:
            return _fast.Tracker(limits, secret)
    return _reference.Tracker(limits, secret)


class FlowTracker:
    """The flows of one capture.

    ``capture`` is the index that the rows will carry, ``book`` the address book
    that the packet columns refer to.  Nothing here opens, waits, or looks at a
    clock: time is the packets' time.
    """

    def __init__(self, capture: int, book: AddressBook, limits: Limits = DEFAULT) -> None:
        self.capture = capture
        self.book = book
        self._kernel = _kernel(limits)

    @property
    def compiled(self) -> bool:
        """True where the compiled tracker is at work."""
        return self._kernel.compiled

    @property
    def evicted(self) -> int:
        """Flows that had to leave before their time, because ``Limits.live_flows`` was reached."""
        return self._kernel.evicted

    @property
    def live(self) -> int:
        """Flows that could still go on."""
        return self._kernel.live

    def feed(self, table: PacketTable) -> None:
        """Follow the packets of one batch.

        Where ``table.columns`` has ``frame`` (u4), these are the frame numbers:
        the packets need not be neighbours.
        """
        self._kernel.feed(table)

    def first_frames(self) -> NDArray[np.uint32]:
        """The frame number of each flow's first packet, in the order of ``snapshot`` and ``finish``."""
        return self._kernel.first_frames()

    def snapshot(self) -> Table:
        """FLOWS as they stand; the tracker goes on."""
        return self._kernel.table(self.capture)

    def finish(self) -> Table:
        """FLOWS, in the order of their first packets; the tracker is used up."""
        return self._kernel.table(self.capture, final=True)
