"""The tracker's records: what is kept of a flow, of each of its two directions, and of a marked packet.

Both trackers hand over these records, and ``rows.py`` turns them into the FLOWS
table.  A direction is numbered by who spoke first (0 = the sender of the flow's
first packet), because which end is the initiator may be learned later.  A mark
that never happened takes no space.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FLOW = np.dtype([
    ("first_ns", "i8"), ("last_ns", "i8"),
    ("flow", "u4"), ("tunnel", "u4"),
    ("ends", "u4", 2),                # address ids of direction 0's and direction 1's sender
    ("history", "u4"),                # as in states.py, with direction 0 as the initiator
    ("duplicates", "u4"), ("synacks", "u4"), ("synack_last_seq", "u4"),
    ("ports", "u2", 2),
    ("interface", "u2"), ("vlan", "u2"),
    ("window_i", "u2"), ("window_r", "u2"), ("mss_i", "u2"), ("mss_r", "u2"),
    ("present", "u2"),                # bit per entry of SLOTS: this mark was set
    ("kind", "u1"), ("state", "u1"),
    ("initiator", "u1"),              # the direction whose sender is the initiator
    ("spare", "u1", 3),
])

SIDE = np.dtype([
    ("bytes", "u8"),
    ("packets", "u4"), ("syns", "u4"), ("rsts", "u4"),
    ("retrans", "u4"), ("retrans_bytes", "u4"), ("passed_bytes", "u4"),
    ("rst_flags", "u1"), ("dst_macs", "u1"), ("spare", "u1", 6),
])

MARK = np.dtype([
    ("position", "i8"), ("ns", "i8"),
    ("frame", "u4"), ("seq", "u4"), ("ack", "u4"), ("tsval", "u4"), ("tsecr", "u4"),
    ("src_mac", "u4"), ("dst_mac", "u4"),
    ("ip_id", "u2"), ("ttl", "u1"), ("spare", "u1"),
])

SLOTS = (
    "syn", "syn2", "synack", "synack2", "estab",
    "rst", "rst", "data", "data", "data2", "data2", "fin", "fin", "last", "last",
)
"""What the marks are.  Those that come in pairs are kept by direction (0, then 1)."""

SYN, SYN2, SYNACK, SYNACK2, ESTAB, RST, DATA, DATA2, FIN, LAST = 0, 1, 2, 3, 4, 5, 7, 9, 11, 13
"""The (first) slot of each."""

MACS = 4
"""Destination MACs told apart per direction; more are not counted."""


class Marks(NamedTuple):
    """All marks of one slot: ``marks[i]`` belongs to row ``rows[i]`` of the records."""

    rows: NDArray[np.uint32]
    marks: NDArray[np.void]


class Records(NamedTuple):
    """Finished flows: ``flows`` (n,) of FLOW, ``sides`` (2, n) of SIDE, one ``Marks`` for each of SLOTS."""

    flows: NDArray[np.void]
    sides: NDArray[np.void]
    marks: list[Marks]
