"""One process that does all the work and keeps everything in memory; see ``run.Workers``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyzer.flow.timeouts import Limits
from analyzer.scale.follow import Numbering, Piece, follow, in_order
from analyzer.scale.part import SEGMENT_FRAMES, PartRead, Span, read_part
from analyzer.scale.run import Followed, OctetsOf
from analyzer.tables import Table


class Inline:
    """No processes and no files: what the others are held to."""

    def __init__(self, segment_frames: int = SEGMENT_FRAMES) -> None:
        self._segment_frames = segment_frames
        self.read_twice = 0

    def read(self, spans: Sequence[Span], told: OctetsOf) -> Iterator[PartRead]:
        """As ``run.Workers``."""
        for number, span in enumerate(spans):
            told(number, None)
            yield read_part(span, _itself, segment_frames=self._segment_frames)

    def read_again(self, span: Span) -> PartRead:
        """As ``run.Workers``."""
        self.read_twice += 1
        return read_part(span, _itself, segment_frames=self._segment_frames)

    def keep(self, what: Numbering) -> object:
        """As ``run.Workers``."""
        return what

    def follow(self, pieces: Sequence[Piece], shards: Sequence[int | None], capture: int, limits: Limits,
               ) -> Iterator[Followed]:
        """As ``run.Workers``."""
        for shard in shards:
            yield follow(pieces, shard, capture, _There(), limits)

    def flows(self, shards: Sequence[object]) -> Table:
        """As ``run.Workers``."""
        return dict(in_order([shard for shard in shards if isinstance(shard, dict)]))


def _itself(table: Table) -> object:
    return table


class _There:
    def packets(self, where: object, begin: int, end: int) -> Table:
        assert isinstance(where, dict)
        return {name: column[begin:end] for name, column in where.items()}

    def numbering(self, where: object) -> Numbering:
        assert isinstance(where, Numbering)
        return where
