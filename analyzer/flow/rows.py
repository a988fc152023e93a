"""FLOWS: its columns while they grow, and its rows from the plain tracker's flows.

A column is zeros, which the operating system backs with memory only where
something else is written.  The columns of one mark lie together, so that a mark
which never happened takes no memory: a million unanswered SYNs do not pay for
the SYN-ACKs that never came.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from analyzer.flow import layout, states
from analyzer.flow._record import Flow
from analyzer.tables import FLOWS, MARKS, Column, Table, empty

_FIRST, _MANY = 1024, 16384
_LINE = 64
_LARGE = 1 << 20
"""Rows from which a column fills large pages of its own.  In fewer, a free tail or a column of zeros lies in each
page beside something else, and would take memory: a third of all."""
_DTYPES = {name: np.dtype(field.dtype) for name, field in FLOWS.items()} | {"first_frame": np.dtype("u4")}


class Store:
    """FLOWS with room for more rows, and beside it ``first_frame``: the frame number of each flow's first packet."""

    def __init__(self) -> None:
        self.capacity = 0
        self.columns: dict[str, Column] = {}
        self.grow()

    def grow(self) -> None:
        """More room; the columns are others after that."""
        before, used = self.columns, self.capacity
        self.capacity = _FIRST if not used else (16 if used < _MANY else 4) * used
        self.columns = _columns(self.capacity)
        for name, column in before.items():
            if column.any():
                self.columns[name][:used] = column

    def table(self, rows: int, capture: int, *, copy: bool) -> Table:
        """FLOWS: the first ``rows`` rows, as they are or as a copy."""
        self.columns["capture"][:rows] = capture
        return {name: self.columns[name][:rows].copy() if copy else self.columns[name][:rows] for name in FLOWS}

    def first_frames(self, rows: int) -> NDArray[np.uint32]:
        """A copy of ``first_frame``."""
        return self.columns["first_frame"][:rows].astype(np.uint32)


def _columns(rows: int) -> dict[str, Column]:
    """Columns of zeros, those of each mark in memory of their own."""
    mark_of = {name: next((mark for mark in MARKS if name.startswith(f"{mark}_")), "") for name in _DTYPES}
    found: dict[str, Column] = {}
    for group in {"": None, **MARKS}:
        names = [name for name in _DTYPES if mark_of[name] == group]
        sizes = [-(-rows * _DTYPES[name].itemsize // _LINE) * _LINE for name in names]
        room = layout.zeros((sum(sizes),), np.dtype(np.uint8), large_pages=rows >= _LARGE)
        for name, size, end in zip(names, sizes, accumulate(sizes), strict=True):
            found[name] = room[end - size : end - size + rows * _DTYPES[name].itemsize].view(_DTYPES[name])
    return found


# Rows of the plain tracker ---------------------------------------------------------------------

_AS_THEY_ARE = ("kind", "tunnel", "state", "first_ns", "last_ns", "duplicates", "synack_last_seq", "interface", "vlan",
                "window_i", "window_r", "mss_i", "mss_r")
_OF_A_DIRECTION = {
    "packets": "packets_{}", "bytes": "bytes_{}", "rsts": "rst_{}_count", "rst_flags": "rst_{}_flags",
    "retrans": "retrans_{}", "retrans_bytes": "retrans_{}_bytes", "passed_bytes": "passed_{}_bytes",
}
_OF_ROLES = {layout.SYN: "syn", layout.SYN2: "syn2", layout.SYNACK: "synack", layout.SYNACK2: "synack2",
             layout.ESTAB: "estab"}
_OF_DIRECTIONS = {layout.RST: "rst_{}", layout.DATA: "data_{}", layout.FIN: "fin_{}", layout.LAST: "last_{}"}


def table_of(flows: Sequence[Flow], capture: int) -> Table:
    """The FLOWS table of these flows, which stand in the order of their first packets."""
    table = empty(FLOWS, len(flows))
    table["capture"][:] = capture
    for row, flow in enumerate(flows):
        for name, value in _row(flow).items():
            table[name][row] = value
    return table


def _row(flow: Flow) -> dict[str, int]:
    row = {name: int(getattr(flow, name)) for name in _AS_THEY_ARE}
    row |= {"flow": flow.number, "synack_count": flow.synacks, "syn_count": flow.sides[flow.initiator].syns,
            "history": states.swapped(flow.history) if flow.initiator else flow.history}
    for x, side in enumerate(flow.sides):
        role, whole = ("i", "initiator") if x == flow.initiator else ("r", "responder")
        row[whole], row[f"{whole}_port"] = flow.ends[x]
        row[f"dst_macs_{role}"] = len(side.macs)
        row |= {column.format(role): getattr(side, name) for name, column in _OF_A_DIRECTION.items()}
        for slot, name in _OF_DIRECTIONS.items():
            row |= _mark(flow, slot + x, name.format(role))
        if role == "r":
            row |= _mark(flow, layout.DATA2 + x, "data_r2")
    for slot, name in _OF_ROLES.items():
        row |= _mark(flow, slot, name)
    return row


def _mark(flow: Flow, slot: int, name: str) -> dict[str, int]:
    values = flow.marks.get(slot, ())
    return {f"{name}_{field}": value for field, value in zip(layout.MARK_FIELDS, values, strict=False)}
