"""The connection table: every connection while they are few, groups of like ones when they are many."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from analyzer.diagnose.finding import Connection, Diagnosis

FEW = 400
"""Up to so many connections each has its own row."""

MOST = 800
"""Rows that a page carries; what does not fit is counted, and the CSV has it all."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a connection, or (``count`` > 1) the first of a group that differ only in client port and time."""

    first: Connection
    count: int


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that are shown; ``grouped`` tells whether they stand for groups, the rest is counted."""

    rows: tuple[Row, ...]
    grouped: bool
    rows_left_out: int
    connections_left_out: int


def table(diagnosis: Diagnosis, few: int = FEW, most: int = MOST) -> Rows:
    """Rows of ``diagnosis``: those of a finding first, then by number and time; at most ``most``."""
    connections = diagnosis.connections
    if len(connections) <= few:
        return Rows(tuple(Row(c, 1) for c in connections), grouped=False, rows_left_out=0, connections_left_out=0)
    counts: Counter[tuple[object, ...]] = Counter()
    firsts: dict[tuple[object, ...], Connection] = {}
    for c in connections:
        key = (c.protocol, c.client, c.dialled, c.dialled_port, c.real, c.real_port, c.outcome, c.state, c.finding)
        counts[key] += 1
        firsts.setdefault(key, c)
    ordered = sorted(
        (Row(first, counts[key]) for key, first in firsts.items()),
        key=lambda row: (row.first.finding is None, -row.count, row.first.first_ns),
    )
    shown = tuple(ordered[:most])
    return Rows(shown, grouped=True, rows_left_out=len(ordered) - len(shown),
                connections_left_out=len(connections) - sum(row.count for row in shown))
