"""A flood of SYNs that nobody answered: what is beyond a limit is counted, not followed one by one.

A connection attempt is known by the client's initial sequence number at every
capture point (``attempts``), so all flows with a number go or stay together.
One stays where any packet in any capture may belong to it besides its SYNs: an
answer, a reset, data, an ICMP error that quotes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from analyzer.limits import amount
from analyzer.tables import TCP, Table

MOST_UNANSWERED = amount("REPLYPATH_UNANSWERED", 20_000)
"""Attempts of which only SYNs were seen; SYN scans and floods have more."""

Numbers = NDArray[np.uint32]


def thinned(flows: Sequence[Table], icmp: Sequence[Table], most: int) -> tuple[Sequence[Table], int]:
    """FLOWS tables without the unanswered attempts beyond the first ``most``, and how many attempts were left out."""
    silent = [_only_syns(table) for table in flows]
    if sum(int(rows.sum()) for rows in silent) <= most:
        return flows, 0
    spoken_for = np.unique(np.concatenate([
        *(_numbers(table, ~rows) for table, rows in zip(flows, silent, strict=True)),
        *(table["syn_seq"][rows & _quoted(table, icmp)] for table, rows in zip(flows, silent, strict=True)),
    ]))
    candidates = [table["syn_seq"][rows] for table, rows in zip(flows, silent, strict=True)]
    numbers, first = np.unique(np.concatenate(candidates), return_index=True)
    lone = ~np.isin(numbers, spoken_for, assume_unique=True)
    beyond = numbers[lone][np.argsort(first[lone], kind="stable")][most:]
    if not len(beyond):
        return flows, 0
    kept = [~(rows & np.isin(table["syn_seq"], beyond)) for table, rows in zip(flows, silent, strict=True)]
    return [_rows(table, rows) for table, rows in zip(flows, kept, strict=True)], len(beyond)


def _rows(table: Table, rows: NDArray[np.bool_]) -> Table:
    return {name: column[rows] for name, column in table.items()}


def _only_syns(table: Table) -> NDArray[np.bool_]:
    """Flows of which nothing was captured but the initiator's SYNs."""
    silent: NDArray[np.bool_] = (
        (table["kind"] == TCP) & (table["syn_frame"] != 0) & (table["packets_i"] == table["syn_count"])
        & (table["packets_r"] == 0) & (table["data_i_frame"] == 0) & (table["synack_frame"] == 0)
    )
    return silent


def _numbers(table: Table, rows: NDArray[np.bool_]) -> Numbers:
    """Every initial sequence number of a client that the packets kept of these flows may speak of."""
    columns = [table["syn_seq"][rows].astype(np.uint32)]
    for mark in ("synack", "rst_i", "rst_r"):
        seen = rows & (table[f"{mark}_frame"] != 0)
        columns += [table[f"{mark}_{number}"][seen].astype(np.uint32) - np.uint32(1) for number in ("ack", "seq")]
    return np.concatenate(columns)


def _quoted(table: Table, icmp: Sequence[Table]) -> NDArray[np.bool_]:
    """Flows whose sender's port an ICMP error quotes."""
    nothing = np.zeros(len(table["flow"]), dtype=np.bool_)
    quoted = (np.isin(table["initiator_port"], each["quote_src_port"]) for each in icmp)
    return reduce(np.logical_or, quoted, nothing)
