"""The tracker's records as the FLOWS table: directions become initiator and responder.

A column is allocated as zeros, which the operating system backs with memory only
where something else is written, and it is written only where there is something
to say: a million unanswered SYNs do not pay for the SYN-ACKs that never came.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.flow import layout, states
from analyzer.flow.layout import Marks, Records
from analyzer.tables import FLOWS, Column, Table

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
_MARK_FIELDS = ("frame", "position", "ns", "seq", "ack", "tsval", "tsecr", "ttl", "ip_id", "src_mac", "dst_mac")
_MARKS_OF_ROLES = ("syn", "syn2", "synack", "synack2", "estab")
_MARKS_OF_DIRECTIONS = {layout.RST: "rst", layout.DATA: "data", layout.FIN: "fin", layout.LAST: "last"}


def assemble(records: Records, capture: int) -> Table:
    """The FLOWS table of these records, in the order of the flows' first packets."""
    sheet = _Sheet(records, capture)
    sheet.sides()             # in this order the records leave as the table comes
    records.forget_sides()
    sheet.marks()
    sheet.flows()
    return sheet.table


class _Sheet:
    def __init__(self, records: Records, capture: int) -> None:
        self.records = records
        self.table: Table = {
            name: layout.zeros((records.count,), np.dtype(field.dtype)) for name, field in FLOWS.items()
        }
        self.place = np.empty(records.count, dtype=np.uint32)
        self.place[np.argsort(records.flow("flow"), kind="stable")] = np.arange(records.count, dtype=np.uint32)
        self.turned: NDArray[np.bool_] = records.flow("initiator") == 1
        if capture:
            self.table["capture"][:] = capture

    def put(self, name: str, values: Column) -> None:
        self._set(name, self.place, values)

    def _set(self, name: str, at: NDArray[np.uint32], values: Column) -> None:
        some = values != 0
        if some.all():
            self.table[name][at] = values
        elif some.any():
            self.table[name][at[some]] = values[some]

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
        at = self.place[marks.owner if which is None else marks.owner[which]]
        if len(at):
            for field in _MARK_FIELDS:
                self._set(f"{name}_{field}", at, marks.column(field, which))


def _history(bits: Column, turned: NDArray[np.bool_]) -> Column:
    history = bits.astype(np.uint32)
    ours = np.uint32(states.INITIATORS)
    exchanged = (history & ours) << np.uint32(1) | history >> np.uint32(1) & ours | history & np.uint32(states.FLIPPED)
    return np.where(turned, exchanged, history).astype(np.uint32)
