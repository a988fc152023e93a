"""What is to be read: capture points, their files in the order of time, and the parts of each file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from analyzer.balance.vantage import declared_role
from analyzer.capture.carried import Carried
from analyzer.capture.limits import MIB
from analyzer.capture.octets.remote import RemoteFile, is_remote
from analyzer.capture.parts import TO_THE_END, record_span
from analyzer.capture.source import ChainedSource
from analyzer.errors import CaptureError
from analyzer.reading import points
from analyzer.scale.part import Span

PART_BYTES = 64 * MIB
"""Octets of one part: about a second's work, and at most about 100 MB of columns in memory."""
SHARD_BYTES = 256 * MIB
"""Capture octets for each shard: as many flows as one process can hold easily, even if they are short."""
MOST_SHARDS = 512


@dataclass(slots=True)
class FilePlan:
    """A file and its parts.  ``octets`` is its size on disk."""

    path: str
    spans: list[Span]
    octets: int


@dataclass(slots=True)
class PointPlan:
    """A capture point and its files."""

    vantage: str
    named: bool
    files: list[FilePlan] = field(default_factory=list)

    @property
    def role(self) -> str:
        """What the user's name for it says."""
        return declared_role(self.vantage) if self.named else ""


def plan(arguments: Iterable[str | Path], jobs: int, part_bytes: int = PART_BYTES,
         shards: int | None = None) -> tuple[list[PointPlan], int]:
    """The capture points that the arguments name, and into how many shards their packets are divided."""
    named = points(arguments)
    if not named:
        raise CaptureError("no capture was given; expected at least one pcap or pcapng file, or - for standard input")
    ordered = [(vantage, ChainedSource(paths).paths if len(paths) > 1 else paths, by_user)
               for vantage, paths, by_user in named]
    octets = sum(size(path) for _, paths, _ in ordered for path in paths)
    shards = shards or max(1, jobs, min(MOST_SHARDS, -(-octets // SHARD_BYTES)))
    found = []
    for vantage, paths, by_user in ordered:
        found.append(PointPlan(vantage, by_user, [
            FilePlan(path, spans(path, shards, part_bytes), size(path)) for path in paths
        ]))
    return found, shards


def spans(path: str, shards: int, part_bytes: int) -> list[Span]:
    """The parts of a file: one, where it cannot be split or is small."""
    whole = record_span(path)
    if whole is None:
        return [Span(path, shards)]
    begin, end = whole
    edges = [begin, *range(begin + part_bytes, end - part_bytes // 2, part_bytes), TO_THE_END]
    return cut_at(path, shards, edges)


def cut_at(path: str, shards: int, edges: Sequence[int]) -> list[Span]:
    """The parts of a file between ``edges``; the first one begins at the first record."""
    return [Span(path, shards, low, high, whole=False, carried=None if number else Carried())
            for number, (low, high) in enumerate(pairwise(edges))]


def is_file(path: str) -> bool:
    """Whether it is a plain file (or missing, which whoever opens it says)."""
    return path != "-" and (is_remote(path) or Path(path).is_file() or not Path(path).exists())


def size(path: str) -> int:
    """Octets of a file; 0 where there is none to ask."""
    try:
        if is_remote(path):
            return RemoteFile(path).octets
        return Path(path).stat().st_size
    except (OSError, CaptureError):
        return 0

