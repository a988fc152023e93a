"""The tracker's records as the FLOWS table: directions become initiator and responder.

A column is allocated as zeros, which the operating system backs with memory only
where something else is written, and it is written only where there is something
to say: a million unanswered SYNs do not pay for the SYN-ACKs that never came.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from analyzer.flow import layout, states
from analyzer.flow.layout import Marks, Records
from analyzer.tables import FLOWS, MARKS, Column, Table

_AS_THEY_ARE = {
    "flow": "flow", "kind": "kind", "tunnel": "tunnel", "state": "state", "first_ns": "first_ns",
    "last_ns": "last_ns", "duplicates": "duplicates", "synacks": "synack_count",
    "synack_last_seq": "synack_last_seq", "interface": "interface", "vlan": "vlan", "window_i": "window_i",
    "window_r": "window_r", "mss_i": "mss_i", "mss_r": "mss_r",
}
_BY_DIRECTION = {
    "packets": "packets_{}", "bytes": "bytes_{}", "rsts": "rst_{}_count", "rst_flags": "rst_{}_flags",
    "retrans": "retrans_{}", "retrans_bytes": "retrans_{}_bytes", "passed_bytes": "passed_{}_bytes",
    "dst_macs": "dst_macs_{}",
}
_MARKS_OF_ROLES = ("syn", "syn2", "synack", "synack2", "estab")
_MARKS_OF_DIRECTIONS = {layout.RST: "rst", layout.DATA: "data", layout.FIN: "fin", layout.LAST: "last"}


Scatter = Callable[[NDArray[np.void], NDArray[np.uint32], NDArray[np.int64], Sequence[Column]], None]


def assemble(records: Records, capture: int, scatter_with: Scatter | None = None) -> Table:
    """The FLOWS table of these records, in the order of the flows' first packets.

    ``scatter_with`` may be the compiled ``scatter``; without it, the one below does the same.
    """
    sheet = _Sheet(records, capture, scatter_with or scatter)
    sheet.sides()             # in this order the records leave as the table comes
    records.forget_sides()
    sheet.marks()
    sheet.flows()
    return sheet.table


class _Sheet:
    def __init__(self, records: Records, capture: int, scatter: Scatter) -> None:
        self.records = records
        self.scatter = scatter
        self.table = _empty(records.count)
        self.order = np.argsort(records.flow("flow"), kind="stable")     # of the records, to stand as the flows do
        self.place = np.empty(records.count, dtype=np.int64)
        self.place[self.order] = np.arange(records.count)
        self.turned: NDArray[np.bool_] = records.flow("initiator") == 1
        if capture:
            self.table["capture"][:] = capture

    def put(self, name: str, values: Column) -> None:
        if values.any():
            self.table[name][:] = values[self.order]

    def sides(self) -> None:
        for name, column in _BY_DIRECTION.items():
            sides = self.records.side(name)
            self.put(column.format("i"), np.where(self.turned, sides[1], sides[0]))
            self.put(column.format("r"), np.where(self.turned, sides[0], sides[1]))
        syns = self.records.side("syns")
        self.put("syn_count", np.where(self.turned, syns[1], syns[0]))

    def flows(self) -> None:
        records, turned = self.records, self.turned
        for name, column in _AS_THEY_ARE.items():
            self.put(column, records.flow(name))
        self.put("history", _history(records.flow("history"), turned))
        for what, suffix in (("end", ""), ("port", "_port")):
            end0, end1 = records.flow(f"{what}0"), records.flow(f"{what}1")
            self.put(f"initiator{suffix}", np.where(turned, end1, end0))
            self.put(f"responder{suffix}", np.where(turned, end0, end1))

    def marks(self) -> None:
        for first, name in reversed(_MARKS_OF_DIRECTIONS.items()):      # the last packets first: see Kept
            for x in (0, 1):
                for marks in self.records.marks(first + x):
                    is_i = self.turned[marks.owner] == (x == 1)
                    self._scatter(f"{name}_i", marks, is_i)
                    self._scatter(f"{name}_r", marks, ~is_i)
        for slot, name in enumerate(_MARKS_OF_ROLES):
            for marks in self.records.marks(slot):
                self._scatter(name, marks, None)
        for x in (0, 1):
            for marks in self.records.marks(layout.DATA2 + x):
                self._scatter("data_r2", marks, self.turned[marks.owner] == (x == 0))

    def _scatter(self, name: str, marks: Marks, which: NDArray[np.bool_] | None) -> None:
        owner = marks.owner if which is None else marks.owner[which]
        every = np.arange(len(marks.owner), dtype=np.uint32) if marks.at is None else marks.at
        if len(owner):
            at = every if which is None else every[which]
            columns = [self.table[f"{name}_{field}"] for field in layout.MARK_FIELDS]
            self.scatter(marks.table, at, self.place[owner], columns)


def scatter(
    marks: NDArray[np.void], at: NDArray[np.uint32], rows: NDArray[np.int64], columns: Sequence[Column]
) -> None:
    """``marks[at[i]]`` into row ``rows[i]`` of the columns, in the order of ``layout.MARK_FIELDS``."""
    for field, column in zip(layout.MARK_FIELDS, columns, strict=True):
        values = marks[field][at]
        if values.any():
            column[rows] = values


def _empty(count: int) -> Table:
    """FLOWS of ``count`` zeros.  The columns of one mark lie together: where it never happened, all stay untouched."""
    table: Table = {}
    groups = {name: next((mark for mark in MARKS if name.startswith(f"{mark}_")), "") for name in FLOWS}
    for group in {"": None, **MARKS}:
        names = [name for name, its in groups.items() if its == group]
        sizes = [-(-count * np.dtype(FLOWS[name].dtype).itemsize // 64) * 64 for name in names]
        room = layout.zeros((sum(sizes),), np.dtype(np.uint8))
        for name, end, size in zip(names, np.cumsum(sizes).tolist(), sizes, strict=True):
            dtype = np.dtype(FLOWS[name].dtype)
            table[name] = room[end - size : end - size + count * dtype.itemsize].view(dtype)
    return {name: table[name] for name in FLOWS}


def _history(bits: Column, turned: NDArray[np.bool_]) -> Column:
    history = bits.astype(np.uint32)
    ours = np.uint32(states.INITIATORS)
    exchanged = (history & ours) << np.uint32(1) | history >> np.uint32(1) & ours | history & np.uint32(states.FLIPPED)
    return np.where(turned, exchanged, history).astype(np.uint32)
