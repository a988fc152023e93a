"""The tracker's records as the FLOWS table: directions become initiator and responder.

A column is allocated as zeros, which the operating system backs with memory only
where something else is written, and written only where a mark happened: a
million unanswered SYNs do not pay for the SYN-ACKs that never came.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.flow import layout, states
from analyzer.flow.layout import Records
from analyzer.tables import FLOWS, Table, empty

_BY_ROLE = ("syn", "syn2", "synack", "synack2", "estab")
_BY_DIRECTION = ("rst", "data", "fin", "last")
_MARK_FIELDS = ("frame", "position", "ns", "seq", "ack", "tsval", "tsecr", "ttl", "ip_id", "src_mac", "dst_mac")
_SIDE_COLUMNS = {
    "packets": "packets_{}", "bytes": "bytes_{}", "rsts": "rst_{}_count", "rst_flags": "rst_{}_flags",
    "retrans": "retrans_{}", "retrans_bytes": "retrans_{}_bytes", "passed_bytes": "passed_{}_bytes",
    "dst_macs": "dst_macs_{}",
}


def assemble(records: Records, capture: int) -> Table:
    """The FLOWS table of these records, in the order of the flows' first packets."""
    flows, sides = records.flows, records.sides
    table = empty(FLOWS, len(flows))
    place = np.empty(len(flows), dtype=np.int64)
    place[np.argsort(flows["flow"], kind="stable")] = np.arange(len(flows))
    turned = flows["initiator"] == 1

    def put(column: str, values: NDArray[np.generic]) -> None:
        some = np.flatnonzero(values)
        table[column][place[some]] = values[some]

    if capture:
        table["capture"][:] = capture
    for name in ("flow", "interface", "kind", "tunnel", "vlan", "state", "first_ns", "last_ns", "duplicates",
                 "synack_last_seq", "window_i", "window_r", "mss_i", "mss_r"):
        put(name, flows[name])
    put("synack_count", flows["synacks"])
    put("history", _history(flows["history"], turned))
    rows = np.arange(len(flows))
    for role, end in (("i", turned.astype(np.int64)), ("r", 1 - turned.astype(np.int64))):
        whole = {"i": "initiator", "r": "responder"}[role]
        put(whole, flows["ends"][rows, end])
        put(f"{whole}_port", flows["ports"][rows, end])
        for field, column in _SIDE_COLUMNS.items():
            put(column.format(role), sides[field][end, rows])
    put("syn_count", sides["syns"][turned.astype(np.int64), rows])
    _marks(table, records, place, turned)
    return table


def _history(bits: NDArray[np.uint32], turned: NDArray[np.bool_]) -> NDArray[np.uint32]:
    initiators = np.uint32(states.HIST_S * sum(4**i for i in range(len(states.LETTERS))))
    exchanged = ((bits & initiators) << np.uint32(1)) | ((bits >> np.uint32(1)) & initiators)
    exchanged |= bits & np.uint32(states.FLIPPED)
    return np.where(turned, exchanged, bits).astype(np.uint32)


def _marks(table: Table, records: Records, place: NDArray[np.int64], turned: NDArray[np.bool_]) -> None:
    for slot, name in enumerate(_BY_ROLE):
        rows, marks = records.marks[slot]
        _scatter(table, name, place[rows], marks)
    for first, name in ((layout.RST, "rst"), (layout.DATA, "data"), (layout.FIN, "fin"), (layout.LAST, "last")):
        for x in (0, 1):
            rows, marks = records.marks[first + x]
            is_i = turned[rows] == (x == 1)
            _scatter(table, f"{name}_i", place[rows[is_i]], marks[is_i])
            _scatter(table, f"{name}_r", place[rows[~is_i]], marks[~is_i])
    for x in (0, 1):
        rows, marks = records.marks[layout.DATA2 + x]
        is_r = turned[rows] == (x == 0)
        _scatter(table, "data_r2", place[rows[is_r]], marks[is_r])


def _scatter(table: Table, name: str, at: NDArray[np.int64], marks: NDArray[np.void]) -> None:
    if len(at):
        for field in _MARK_FIELDS:
            table[f"{name}_{field}"][at] = marks[field]
