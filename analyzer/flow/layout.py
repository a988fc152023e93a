"""The trackers' records: what is kept of a flow, of each of its two directions, and of a marked packet.

Both trackers hand over ``Records``, and ``rows.py`` turns them into the FLOWS
table.  A direction is numbered by who spoke first (0 = the sender of the flow's
first packet), because which end is the initiator may be learned later.

What is written for each packet stands in records of one cache line (FLOW, SIDE);
what is seldom needed stands apart (OPENING, RARE).  The compiled tracker maps
whole arrays of them, which take memory only where something was written: marks
are one array for each kind, so a mark that never happened takes no space.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzer.tables import Column

FLOW = np.dtype([
    ("first_ns", "i8"), ("last_ns", "i8"),
    ("end0", "u4"), ("end1", "u4"),   # address ids of direction 0's and direction 1's sender
    ("port0", "u2"), ("port1", "u2"),
    ("tunnel", "u4"), ("other_tunnel", "u4"),
    ("flow", "u4"),
    ("history", "u4"),                # as in states.py, with direction 0 as the initiator
    ("duplicates", "u4"), ("synacks", "u4"), ("synack_last_seq", "u4"),
    ("present", "u2"),                # bit for each of SLOTS: this mark was set (for LAST see last0, last1)
    ("kind", "u1"), ("state", "u1"),
    ("initiator", "u1"),              # the direction whose sender is the initiator
    ("bits", "u1"),                   # the tracker's own
    ("last0", "u1"), ("last1", "u1"), # the slot that holds the direction's last packet; 0xFF = none
])

OPENING = np.dtype([
    ("interface", "u2"), ("vlan", "u2"), ("window_i", "u2"), ("window_r", "u2"), ("mss_i", "u2"), ("mss_r", "u2"),
    ("first_frame", "u4"),
])

SIDE = np.dtype([
    ("bytes", "u8"), ("advanced_ns", "i8"), ("memory", "u8"),
    ("packets", "u4"), ("end", "u4"), ("acked", "u4"), ("passed_bytes", "u4"), ("flight_bytes", "u4"),
    ("flight_end", "u4"), ("mac", "u4"), ("last_row", "u4"),
    ("known", "u1"), ("cursor", "u1"), ("filled", "u1"), ("dst_macs", "u1"), ("spare", "u4"),
])

RARE = np.dtype([
    ("isn", "u4"), ("first_seq", "u4"), ("syns", "u4"), ("rsts", "u4"), ("retrans", "u4"), ("retrans_bytes", "u4"),
    ("gap_low", "u4"), ("gap_high", "u4"), ("next_bytes", "u4"), ("next_end", "u4"),
    ("rst_flags", "u1"), ("spare", "u1", 3),
])

OVER = np.dtype([
    ("bytes", "u8"), ("packets", "u4"), ("passed_bytes", "u4"),
    ("syns", "u4"), ("rsts", "u4"), ("retrans", "u4"), ("retrans_bytes", "u4"),
    ("rst_flags", "u1"), ("dst_macs", "u1"), ("spare", "u1", 6),
])
"""A direction of a flow that is over: what FLOWS says of it, and no more."""

MARK = np.dtype([
    ("position", "i8"), ("ns", "i8"),
    ("frame", "u4"), ("seq", "u4"), ("ack", "u4"), ("tsval", "u4"), ("tsecr", "u4"),
    ("src_mac", "u4"), ("dst_mac", "u4"),
    ("ip_id", "u2"), ("ttl", "u1"), ("spare", "u1"),
])

RING = np.dtype([("memory", "u8", 8)])
"""The packets remembered of one direction after its first (see ``duplicates.memory``); SIDE holds that one."""

MORE_MACS = np.dtype([("macs", "u4", 4)])
"""Destination MACs of one direction after its first."""

MARK_FIELDS = tuple(name for name in MARK.names or () if name != "spare")

SLOTS = (
    "syn", "syn2", "synack", "synack2", "estab",
    "rst", "rst", "data", "data", "data2", "data2", "fin", "fin", "last", "last",
)
"""What the marks are.  Those that come in pairs are kept by direction (0, then 1)."""

SYN, SYN2, SYNACK, SYNACK2, ESTAB, RST, DATA, DATA2, FIN, LAST = 0, 1, 2, 3, 4, 5, 7, 9, 11, 13
"""The (first) slot of each."""

NOWHERE = 0xFF
"""In place of a slot: the direction has not sent anything."""

MACS = 4
"""Destination MACs told apart per direction; more are not counted."""


class Part(NamedTuple):
    """Records of some flows: tables of one length (the last axis), and which of their rows (None = all)."""

    tables: tuple[NDArray[np.void], ...]
    rows: NDArray[np.uint32] | None


class Marks(NamedTuple):
    """Marks of one slot: ``table[at[i]]`` (``table[i]`` where ``at`` is None) belongs to record ``owner[i]``."""

    owner: NDArray[np.uint32]
    table: NDArray[np.void]
    at: NDArray[np.uint32] | None

    def column(self, name: str, which: NDArray[np.bool_] | None = None) -> Column:
        """One field, of all these marks or of those that ``which`` selects."""
        column: Column = self.table[name]
        if self.at is not None:
            return column[self.at if which is None else self.at[which]]
        return column if which is None else column[which]


class Kept:
    """The marks of flows that are over, ``loose`` by slot, and of those that are live, in the tables by slot.

    ``take`` may be called once for each slot, LAST and LAST + 1 before all others
    (a last packet may be kept in another mark's table): it lets go of what it
    gives, so that FLOWS can grow while the records shrink.
    """

    def __init__(self, flows: NDArray[np.void], live: NDArray[np.uint32], over: int,
                 tables: list[NDArray[np.void] | None], loose: list[list[Marks]]) -> None:
        self._flows, self._live, self._over = flows, live, over
        self._tables, self._loose = tables, loose

    def take(self, slot: int) -> list[Marks]:
        """All marks of one slot."""
        given, self._loose[slot] = self._loose[slot], []
        if slot >= LAST:
            kept_in = self._flows[f"last{slot - LAST}"][self._live]
            for where in np.unique(kept_in).tolist():
                if where != NOWHERE:
                    given += self._of_live(kept_in == where, self._tables[where])
            self._tables[slot] = None
        else:
            given += self._of_live(self._flows["present"][self._live] >> slot & 1 == 1, self._tables[slot])
            self._tables[slot] = None
        return given

    def _of_live(self, which: NDArray[np.bool_], table: NDArray[np.void] | None) -> list[Marks]:
        if table is None or not which.any():
            return []
        these = np.flatnonzero(which).astype(np.uint32)
        return [Marks(these + np.uint32(self._over), table, self._live[these])]


class Records:
    """Flows that are over or still live, in any order; ``count`` of them.

    ``flow`` gives a field of FLOW or OPENING as (count,), ``side`` one of OVER as
    (2, count); for ``marks`` see ``Kept``.
    """

    def __init__(self, flows: Sequence[Part], sides: Sequence[Part], marks: Kept) -> None:
        self._flows = flows
        self._sides = sides
        self.marks = marks.take
        self.count = len(self.flow("flow"))

    def flow(self, name: str) -> Column:
        """One field of all flows."""
        return _column(self._flows, name)

    def side(self, name: str) -> Column:
        """One field of both directions of all flows."""
        return _column(self._sides, name)

    def forget_sides(self) -> None:
        """Let go of the directions: nobody asks for them any more."""
        self._sides = []


def _column(parts: Sequence[Part], name: str) -> Column:
    found: list[Column] = []
    for tables, rows in parts:
        table = next(each for each in tables if name in (each.dtype.names or ()))
        found.append(table[name] if rows is None else table[name][..., rows])
    return np.concatenate(found, axis=-1)


# Room ------------------------------------------------------------------------------------------

_LINE = 64
_SMALL, _PAGE = 1 << 16, 1 << 21
_CHUNK = 1 << 16


def zeros(shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    """Zeros that begin at a cache line, and take memory only where they are written.

    Not from ``malloc``: what that hands out again has to be written full of
    zeros first.  What is large comes on large pages: a page fault costs more
    than the zeros in it.
    """
    size = int(np.prod(shape)) * dtype.itemsize
    if size < _SMALL:
        octets = np.zeros(size + _LINE, dtype=np.uint8)
        begin = -octets.ctypes.data % _LINE
        return octets[begin : begin + size].view(dtype).reshape(shape)
    room = size if size < _PAGE // 4 else -(-size // _PAGE) * _PAGE
    memory = mmap.mmap(-1, room, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)     # MAP_SHARED would be a file
    if room >= _PAGE and hasattr(mmap, "MADV_HUGEPAGE"):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, dtype=np.uint8, count=size).view(dtype).reshape(shape)


def larger(table: NDArray[np.generic], columns: int) -> NDArray[np.generic]:
    """The same table with more columns; what is all zeros is not copied, so that it still takes no memory."""
    bigger = zeros((*table.shape[:-1], columns), table.dtype)
    before, after = table.view(np.uint8), bigger.view(np.uint8)
    for row in np.ndindex(table.shape[:-1]):
        for begin in range(0, before.shape[-1], _CHUNK):
            part = before[row][begin : begin + _CHUNK]
            if part.any():
                after[row][begin : begin + len(part)] = part
    return bigger
