"""How far apart the clocks of two capture points are, with bounds.

One packet seen at two points, A and B, was at both at nearly the same time.
Where it passes A first, ``time at B - time at A`` is the offset of B's clock plus
a delay, hence no less than the offset; a packet the other way gives a number no
greater than it (the two-way exchange of RFC 5905 §8, without an exchange: any
connection's request and reply serve).  Drifting clocks make the offset a line,
and every such difference a point above or below it: all lines that separate the
points are possible, none else (Moon, Skelly and Towsley, INFOCOM 1999).  Their
convex hulls give exact bounds of offset and drift; nothing is averaged.

Which of two points is nearer to a client is not asked: request and reply of one
connection tell it, for with the wrong answer what is above lies below.

Time stamps are taken as good to ``RESOLUTION_NS``; two clocks are taken to drift
at most ``MOST_DRIFT``.  Where no line fits, a clock was stepped, and nothing is
claimed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzer.tables import TCP

RESOLUTION_NS = 1_000
"""Captures are commonly cut to microseconds: each difference may be off by one."""

MOST_DRIFT = 1e-3
"""Seconds per second: each clock off by the 500 ppm that adjtimex(2) can still correct."""

LATEST_NS = 4_000_000_000_000_000_000
"""Time stamps after 2096 are made up, and differences of them may not fit into 64 bits."""

BUCKETS = 256
"""So many groups of connections, in order of time, give their tightest bounds; a hull has few corners."""

Points = NDArray[np.float64]
"""Shape (n, 2): time at the first capture point since some epoch, and a difference of clocks; both in ns."""


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock against another: ``offset_ns`` is how far it is ahead at ``at_ns`` of the other's time.

    Both numbers have their bounds: the offset is ``offset_ns`` plus or minus
    ``bound_ns`` then, the drift (ns per ns of the other's time) ``drift`` plus or
    minus ``drift_bound``.
    """

    at_ns: int
    offset_ns: float
    bound_ns: float
    drift: float
    drift_bound: float

    def corrected(self, time_ns: int) -> int:
        """A time stamp of this clock as the other one would have given it."""
        return self.at_ns + round((time_ns - self.at_ns - self.offset_ns) / (1 + self.drift))

    def bound_at(self, time_ns: int) -> float:
        """How far, in ns, a corrected time stamp may be off."""
        return self.bound_ns + self.drift_bound * abs(time_ns - self.at_ns)

    def seen_from(self, other: Clock) -> Clock:
        """This clock against what ``other`` is measured against, where this one is measured against ``other``."""
        at = other.corrected(self.at_ns)
        return Clock(
            at, self.offset_ns + (self.at_ns - at),
            (self.bound_ns + other.bound_at(at)) * (1 + MOST_DRIFT),
            self.drift + other.drift * (1 + self.drift),
            (self.drift_bound + other.drift_bound) * (1 + MOST_DRIFT),
        )

    def turned(self) -> Clock:
        """The other clock against this one."""
        return Clock(
            self.at_ns + round(self.offset_ns), -self.offset_ns, self.bound_ns, -self.drift / (1 + self.drift),
            self.drift_bound * (1 + 3 * MOST_DRIFT),
        )


SAME = Clock(0, 0.0, 0.0, 0.0, 0.0)


def _hull(points: Points, *, lower: bool) -> Points:
    """The corners of the convex hull's lower (or upper) side, from left to right (Andrew's monotone chain)."""
    if not lower:
        mirrored = _hull(points * (1, -1), lower=True)
        return mirrored * (1, -1)
    kept: list[tuple[float, float]] = []
    for x, y in points[np.lexsort((points[:, 1], points[:, 0]))].tolist():
        if kept and kept[-1][0] == x:
            continue           # of several at one time the lowest came first
        while len(kept) > 1 and _turn(kept[-2], kept[-1], (x, y)) <= 0:
            kept.pop()
        kept.append((x, y))
    return np.array(kept)


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    """Above zero where the way from ``a`` by ``b`` to ``c`` turns left."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _drifts(above: Points, below: Points) -> tuple[float, float]:
    """The least and the greatest slope of a line between the two; the least is greater where there is none."""
    least, most = -MOST_DRIFT, MOST_DRIFT
    for x, low in below.tolist():
        apart = above[:, 0] - x
        room = above[:, 1] - low
        later, earlier = apart > 0, apart < 0
        if (room[apart == 0] < 0).any():
            return 1.0, -1.0
        most = min([most, *(room[later] / apart[later]).tolist()])
        least = max([least, *(room[earlier] / apart[earlier]).tolist()])
    return least, most


def line(above: Points, below: Points) -> Clock | None:
    """The clock that all these differences allow: none of ``above`` less, none of ``below`` more than its offset."""
    if not len(above) or not len(below):
        return None
    everything = np.concatenate([above[:, 0], below[:, 0]])
    at = float(round((everything.min() + everything.max()) / 2))
    upper = _hull(above - (at, -RESOLUTION_NS), lower=True)
    lower = _hull(below - (at, RESOLUTION_NS), lower=False)
    least, most = _drifts(upper, lower)
    if least > most:
        return None

    def room(drift: float) -> tuple[float, float]:
        return float((lower[:, 1] - drift * lower[:, 0]).max()), float((upper[:, 1] - drift * upper[:, 0]).min())

    drift = (least + most) / 2
    bottom, top = room(drift)
    offset = (bottom + top) / 2
    # the range of offsets over all drifts is concave: its ends are at the ends, or along a side of a hull
    slopes = {least, most, *_slopes(upper), *_slopes(lower)}
    rooms = [room(slope) for slope in slopes if least <= slope <= most]
    bound = max(max(high for _, high in rooms) - offset, offset - min(low for low, _ in rooms))
    return Clock(round(at), offset, bound, drift, (most - least) / 2)


def _slopes(corners: Points) -> list[float]:
    """The slopes of a hull's sides."""
    steps = np.diff(corners, axis=0)
    return (steps[:, 1] / steps[:, 0]).tolist()    # type: ignore[no-any-return]


def compare(rows: Iterable[Mapping[str, Any]]) -> dict[int, Clock]:
    """Every capture point's clock against that of the first one, by the way with the tightest bounds.

    ``rows`` are those of ``DIFFERENCE``.  Points that share no connection, request
    and reply, with any other known point are missing from the answer.
    """
    shared: dict[tuple[int, int], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        shared[row["a"], row["b"]].append(row)
    direct: dict[tuple[int, int], Clock] = {}
    for (a, b), some in shared.items():
        epoch = min(row["above_at"] for row in some)
        above, below = (
            np.array([(row[f"{side}_at"] - epoch, row[side]) for row in some], dtype=np.float64)
            for side in ("above", "below")
        )
        clock = line(above, below)
        if clock is not None:
            direct[a, b] = replace(clock, at_ns=clock.at_ns + epoch)
            direct[b, a] = direct[a, b].turned()
    if not direct:
        return {}
    known = {min(min(pair) for pair in direct): SAME}
    while ways := [
        (clock.seen_from(known[here]), there)
        for (here, there), clock in direct.items() if here in known and there not in known
    ]:
        clock, there = min(ways, key=lambda way: (way[0].bound_ns, way[1]))
        known[there] = clock
    return known


_KEY = "kind, client, client_port, isn"

DIFFERENCE = """
CREATE TABLE difference (
    a USMALLINT, b USMALLINT, bucket BIGINT, above_at BIGINT, above BIGINT, below_at BIGINT, below BIGINT,
    a_nearer DOUBLE
)
"""
"""What each pair of captures says of their clocks: of every bucket of connections the tightest bounds, in ns.
``a_nearer``: of so many of these connections A is nearer to the client, from 0 to 1."""

COMPARED = f"""
INSERT INTO difference
WITH request AS (
    -- the very same packet wherever it is seen: a retransmission has another identification or TSval, and one without
    -- either is not used where it was repeated
    SELECT l.capture, {_KEY}, l.syn_ip_id AS id, l.syn_tsval AS tsval,
           min(l.syn_ns) AS first, greatest(max(l.syn_ns), max(f.syn2_ns)) AS last
    FROM leg AS l
    JOIN flow AS f USING (capture, flow, kind)
    WHERE l.syn_frame IS NOT NULL AND l.syn_ns BETWEEN 0 AND {LATEST_NS} AND isn NOT IN (SELECT isn FROM plain_isn)
      AND (l.syn_ip_id > 0 OR (kind = {TCP} AND (l.syn_count = 1 OR l.syn_tsval > 0)))
    GROUP BY ALL
), reply AS (
    SELECT l.capture, {_KEY}, l.reply_ip_id AS id, l.reply_seq AS seq, f.synack_tsval AS tsval,
           min(l.reply_ns) AS first, greatest(max(l.reply_ns), max(f.synack2_ns)) AS last
    FROM leg AS l
    JOIN flow AS f USING (capture, flow, kind)
    WHERE l.reply_frame IS NOT NULL AND l.reply_ns BETWEEN 0 AND {LATEST_NS} AND isn NOT IN (SELECT isn FROM plain_isn)
      AND (l.reply_ip_id > 0 OR (kind = {TCP} AND (l.reply_count = 1 OR f.synack_tsval > 0)))
    GROUP BY ALL
), asked AS (
    SELECT a.capture AS a, b.capture AS b, {_KEY}, a.first AS asked,
           b.first - a.last AS ask,                 -- if A is nearer to the client
           b.last - a.first AS ask_turned           -- if B is
    FROM request AS a
    JOIN request AS b USING ({_KEY}, id, tsval)
    WHERE a.capture < b.capture
), answered AS (
    SELECT a.capture AS a, b.capture AS b, {_KEY}, a.first AS answered,
           b.last - a.first AS answer,
           b.first - a.last AS answer_turned
    FROM reply AS a
    JOIN reply AS b USING ({_KEY}, id, seq, tsval)
    WHERE a.capture < b.capture
), bounded AS (
    SELECT a, b, ntile({BUCKETS}) OVER (PARTITION BY a, b ORDER BY asked) AS bucket,
           CASE WHEN ask >= answer THEN ask ELSE answer_turned END AS above,
           CASE WHEN ask >= answer THEN asked ELSE answered END AS above_at,
           CASE WHEN ask >= answer THEN answer ELSE ask_turned END AS below,
           CASE WHEN ask >= answer THEN answered ELSE asked END AS below_at,
           CASE WHEN ask >= answer THEN 1 ELSE 0 END AS a_nearer
    FROM asked
    JOIN answered USING (a, b, {_KEY})
)
SELECT a, b, bucket, arg_min(above_at, above), min(above), arg_max(below_at, below), max(below), avg(a_nearer)
FROM bounded
GROUP BY a, b, bucket
ORDER BY a, b, bucket
"""
