"""What the trackers keep of a live flow, of each of its two directions, and of a marked packet.

A direction is numbered by who spoke first (0 = the sender of the flow's first
packet), because which end is the initiator may be learned later.

What is written for each packet stands in records of one cache line (FLOW, SIDE);
what is seldom needed stands apart (OPENING, RARE).  The compiled tracker maps
whole arrays of them, which take memory only where something was written: marks
are one array for each kind, so a mark that never happened takes no space.
"""

from __future__ import annotations

import mmap

import numpy as np
from numpy.typing import NDArray

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
"""As in FLOWS, behind the mark's name."""

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


# Room ------------------------------------------------------------------------------------------

_LINE = 64
_SMALL, _PAGE = 1 << 16, 1 << 21
_CHUNK = 1 << 16


def zeros(shape: tuple[int, ...], dtype: np.dtype[np.generic], *, large_pages: bool = True) -> NDArray[np.generic]:
    """Zeros that begin at a cache line, and take memory only where they are written.

    Not from ``malloc``: what that hands out again has to be written full of
    zeros first.  What is large comes on large pages: a page fault costs more
    than the zeros in it.  Not so where much between what is written stays zero.
    """
    size = int(np.prod(shape)) * dtype.itemsize
    if size < _SMALL:
        octets = np.zeros(size + _LINE, dtype=np.uint8)
        begin = -octets.ctypes.data % _LINE
        return octets[begin : begin + size].view(dtype).reshape(shape)
    room = size if size < _PAGE // 4 else -(-size // _PAGE) * _PAGE
    memory = mmap.mmap(-1, room, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)     # MAP_SHARED would be a file
    if large_pages and room >= _PAGE and hasattr(mmap, "MADV_HUGEPAGE"):
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
