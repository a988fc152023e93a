"""What the packets say beside flows: ARP and neighbour discovery claims, ICMP errors and redirects.

One row stands for all packets that say the same; grouping is vectorised, batch
by batch.  A capture can hold any number of different claims (an ARP scan, a
flood of ICMP errors with forged quotes), so the rows are capped: the first
``limit`` different ones are kept, and ``dropped`` counts the packets that said
something else after that.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analyzer.tables import (
    ARP_REPLY,
    ARP_REQUEST,
    CLAIMS,
    ICMP_ERROR,
    ICMP_EVENTS,
    ICMP_REDIRECT,
    ND_ADVERT,
    ND_SOLICIT,
    OK,
    Column,
    PacketTable,
    Schema,
    Table,
    empty,
)

LIMIT = 200_000
"""Different rows kept of each table: about 13 MB of ICMP events."""

_CLAIMS = (ARP_REQUEST, ARP_REPLY, ND_SOLICIT, ND_ADVERT)
_COUNTED = ("first_frame", "first_ns", "last_ns", "count")


class EventCollector:
    """The CLAIMS and ICMP_EVENTS of one capture; ``capture`` is the index that the rows will carry."""

    def __init__(self, capture: int, limit: int = LIMIT) -> None:
        self.capture = capture
        self.limit = limit
        self.dropped = 0
        self._claims = empty(CLAIMS)
        self._icmp = empty(ICMP_EVENTS)

    def feed(self, table: PacketTable) -> None:
        """Take in one batch."""
        columns = table.columns
        kind = columns["kind"]
        if not len(kind) or kind.max() < ICMP_ERROR:
            return
        good = columns["verdict"] == OK
        rows = np.flatnonzero(good & np.isin(kind, _CLAIMS))
        if len(rows):
            self._claims = self._grown(self._claims, self._claimed(table, rows), CLAIMS)
        rows = np.flatnonzero(good & np.isin(kind, (ICMP_ERROR, ICMP_REDIRECT)))
        if len(rows):
            self._icmp = self._grown(self._icmp, self._complained(table, rows), ICMP_EVENTS)

    def claims(self) -> Table:
        """CLAIMS so far, in the order of their first packets."""
        return dict(self._claims)

    def icmp(self) -> Table:
        """ICMP_EVENTS so far, in the order of their first packets."""
        return dict(self._icmp)

    def _grown(self, before: Table, new: Table, schema: Schema) -> Table:
        table, dropped = grouped([before, new], schema, self.limit)
        self.dropped += dropped
        return table

    def _claimed(self, table: PacketTable, rows: NDArray[np.intp]) -> Table:
        packets = {name: column[rows] for name, column in table.columns.items()}
        arp = np.isin(packets["kind"], (ARP_REQUEST, ARP_REPLY))
        return self._once(CLAIMS, table, rows, {
            "kind": packets["kind"],
            "ip": packets["about_ip"],
            "mac": packets["about_mac"],
            "asker": np.where(arp, packets["dst"], packets["src"]),
            "src_mac": packets["src_mac"],
            "gratuitous": packets["code"],
        })

    def _complained(self, table: PacketTable, rows: NDArray[np.intp]) -> Table:
        packets = {name: column[rows] for name, column in table.columns.items()}
        same = ("kind", "code", "src", "dst", "src_mac", "dst_mac", "ttl", "about_ip", "quote_src", "quote_dst",
                "quote_proto", "quote_src_port", "quote_dst_port")
        error = packets["kind"] == ICMP_ERROR
        return self._once(ICMP_EVENTS, table, rows, {
            **{name: packets[name] for name in same},
            "type": packets["flags"],
            "mtu": np.where(error, packets["ack"], np.uint32(0)),
        })

    def _once(self, schema: Schema, table: PacketTable, rows: NDArray[np.intp], values: Table) -> Table:
        """One row for each packet."""
        once: Table = {name: np.zeros(len(rows), dtype=field.dtype) for name, field in schema.items()}
        times = table.columns["time_ns"][rows]
        values = {
            **values,
            "first_frame": rows + table.first_frame,
            "first_ns": times,
            "last_ns": times,
            "count": np.ones(len(rows), dtype=np.uint32),
        }
        for name, column in values.items():
            once[name][:] = column
        once["capture"][:] = self.capture
        return once


def grouped(tables: Sequence[Table], schema: Schema, limit: int) -> tuple[Table, int]:
    """Rows alike become one, in the order of their first frames; also the packets of rows beyond ``limit``.

    ``schema`` ends in the columns ``first_frame``, ``first_ns``, ``last_ns`` and
    ``count``; the others are what makes two rows alike.  Grouping in steps gives
    what grouping at once gives.
    """
    joined: Table = {name: np.concatenate([table[name] for table in tables]) for name in schema}
    order = np.argsort(joined["first_frame"], kind="stable")
    joined = {name: column[order] for name, column in joined.items()}
    first, group = _alike([joined[name] for name in schema if name not in _COUNTED])
    result: Table = {name: column[first] for name, column in joined.items()}
    np.maximum.at(result["last_ns"], group, joined["last_ns"])
    counts = np.zeros(len(first), dtype=np.int64)
    np.add.at(counts, group, joined["count"].astype(np.int64))
    result["count"] = counts.astype(np.uint32)
    dropped = int(counts[limit:].sum())
    return {name: column[:limit] for name, column in result.items()}, dropped


def _alike(keys: Sequence[Column]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The first row of each group of equal rows, ascending; and each row's group."""
    rows = len(keys[0])
    if rows == 0:
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    order = np.lexsort(list(keys))        # stable: within a group the rows stay in order
    begins = np.ones(rows, dtype=bool)
    begins[1:] = False
    for key in keys:
        sorted_key = key[order]
        begins[1:] |= sorted_key[1:] != sorted_key[:-1]
    leaders = order[begins]
    rank = np.argsort(np.argsort(leaders))
    group = np.empty(rows, dtype=np.intp)
    group[order] = rank[np.cumsum(begins) - 1]
    return np.sort(leaders), group
