"""The whole of a run, whoever does the work: plan, read the parts, prove the chain, follow the shards, put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from analyzer.balance.mapping import Mapping
from analyzer.diagnose.evidence import Observed
from analyzer.errors import CaptureDamaged
from analyzer.flow.timeouts import DEFAULT, Limits
from analyzer.reading import Read, whole_point
from analyzer.scale.assemble import Numbers, Point
from analyzer.scale.chain import Chain
from analyzer.scale.follow import Numbering, Piece
from analyzer.scale.part import PartRead, Span
from analyzer.scale.plan import PART_BYTES, PointPlan
from analyzer.tables import Table

WORTH_SPLITTING = 2 * PART_BYTES
"""A file of so many octets that cannot be split is worth a word."""
Followed = tuple[object, int, bool]
"""Where FLOWS and ``first_frame`` of a shard are, flows let go early, whether the compiled tracker ran."""


Told = Callable[[str, int, int], None]
"""Is told what is being done, how much of it is done, and of how much."""
OctetsOf = Callable[[int, int | None], None]
"""Is told the number of a span and its octets read so far; None where all of it is read."""


def nobody(what: str, done: int, total: int) -> None:
    """Nobody wants to know."""
    del what, done, total


class Workers(Protocol):
    """Who reads parts and follows shards: processes of this machine, or of others."""

    def read(self, spans: Sequence[Span], told: OctetsOf) -> Iterator[PartRead]:
        """The parts, in the order of ``spans``."""

    def read_again(self, span: Span) -> PartRead:
        """One part, from the true place."""

    def keep(self, what: Numbering) -> object:
        """Puts a numbering where every worker finds it."""

    def follow(self, pieces: Sequence[Piece], shards: Sequence[int | None], capture: int, limits: Limits,
               ) -> Iterator[Followed]:
        """The shards of one point, in the order of ``shards``; None is all of them at once."""

    def flows(self, shards: Sequence[object]) -> Table:
        """FLOWS of a point from those of its shards (see ``follow.in_order``)."""


def read_captures(
    points: Sequence[PointPlan], shards: int, workers: Workers, mapping: Mapping, limits: Limits = DEFAULT,
    told: Told = nobody,
) -> Read:
    """As ``reading.read_captures``, with the same result, by many; ``told`` hears how far it is."""
    numbers = Numbers()
    read = Read(Observed([], [], [], numbers.book, mapping))
    everything = [span for point in points for file in point.files for span in file.spans]
    parts = workers.read(everything, _octets(points, told))
    flows, claims, icmp = [], [], []
    names: list[str] = []
    for number, plan in enumerate(points):
        point = _point(number, plan, parts, numbers, shards, workers)
        which: list[int | None] = [None] if point.together else list(range(shards))
        found: list[Followed] = []
        for followed in workers.follow(point.pieces, which, number, limits):
            found.append(followed)
            told(f"following {plan.vantage}", len(found), len(which))
        flows.append(workers.flows([where for where, _, _ in found]))
        point.close(sum(evicted for _, evicted, _ in found))
        read.compiled &= point.compiled and all(compiled for _, _, compiled in found)
        read.files.extend(point.files)
        read.captures.append(whole_point(point.files))
        names.append(plan.vantage if plan.named else "")
        seen = point.events()
        claims.append(seen[0])
        icmp.append(seen[1])
    read.observed = replace(read.observed, flows=flows, claims=claims, icmp=icmp, vantages=names)
    read.tunnels = numbers.tunnels
    return read


def _point(number: int, plan: PointPlan, parts: Iterator[PartRead], numbers: Numbers, shards: int,
           workers: Workers) -> Point:
    """A capture point from the parts of its files."""
    several = len(plan.files) > 1
    point = Point(number, plan.vantage, plan.role, numbers, shards, workers.keep, several=several)
    for file in plan.files:
        mine = _next(parts, len(file.spans))
        point.take_file(Chain(file.path, mine, workers.read_again, alone=not several))
        for _rest in mine:      # parts that the proof did not ask for
            pass
    if several and not any(file.read.frames for file in point.files):
        said = [warning for file in point.files for warning in file.read.warnings]
        if said:
            raise CaptureDamaged(said[0])
    return point


def _octets(points: Sequence[PointPlan], told: Told) -> OctetsOf:
    """Octets on disk, added up over all spans."""
    sizes: list[int] = []
    for point in points:
        for file in point.files:
            sizes += [file.octets // len(file.spans)] * len(file.spans)
    read = [0] * len(sizes)
    whole = sum(file.octets >= WORTH_SPLITTING and file.spans[0].whole for point in points for file in point.files)
    label = f"reading ({whole} of the files as a whole: one process each)" if whole else "reading"

    def of_span(number: int, octets: int | None) -> None:
        read[number] = sizes[number] if octets is None else min(octets, sizes[number])
        told(label, sum(read), sum(sizes))

    return of_span


def _next(parts: Iterator[PartRead], count: int) -> Iterator[PartRead]:
    for _ in range(count):
        yield next(parts)
