"""Captured packets on disk, newest first to stay: segments of pcapng blocks, and the cited frames of those that left.

All points share one ring in the order of arrival, so a frame's number in the
whole run tells its segment.  A segment is nothing but packet blocks; the section
and interface blocks are written before them when the ring is saved.  A frame
that a finding cites is kept for good (within ``CITED``): when its segment must
go, its block is copied into a segment of its own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from analyzer.diagnose.finding import Diagnosis
from analyzer.errors import OutputError
from analyzer.live.kept.blocks import lengths, packet_blocks
from analyzer.tables import Batch

SEGMENTS = 16
CITED = 20_000
"""Frames that findings cite; the first so many are kept."""


@dataclass(slots=True)
class Segment:
    """A file of packet blocks: frames ``first`` to ``first + len(sizes) - 1`` of the run."""

    path: Path
    first: int
    sizes: list[NDArray[np.int64]]
    octets: int = 0
    frames: int = 0

    def starts(self) -> NDArray[np.int64]:
        """Where each block begins, and where the last one ends."""
        sizes = np.concatenate(self.sizes) if self.sizes else np.zeros(0, np.int64)
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])


class Ring:
    """At most ``most_bytes`` of packets in a folder of its own beside ``beside``."""

    def __init__(self, beside: Path, most_bytes: int) -> None:
        """``OutputError`` where nothing can be written there."""
        try:
            self.folder = Path(tempfile.mkdtemp(prefix=f".{beside.name[:80]}.", suffix=".ring", dir=beside.parent))
        except OSError as error:
            raise OutputError(f"{beside}: nothing can be written there: {error.strerror}") from error
        self.segments: deque[Segment] = deque()
        self.kept: dict[int, bytes] = {}
        """Blocks of cited frames whose segments have left, by frame."""
        self.cited: set[int] = set()
        self.lost = 0
        """Frames that could not be written."""
        self._most = most_bytes
        self._out: BinaryIO | None = None
        self._count = 0
        self._full = False

    @property
    def kept_bytes(self) -> int:
        """What the ring holds now."""
        return sum(segment.octets for segment in self.segments)

    @property
    def first(self) -> int:
        """The first frame that the segments still hold."""
        return self.segments[0].first if self.segments else 0

    def keep(self, batch: Batch, places: NDArray[np.uint16], first: int) -> list[str]:
        """Write a batch whose row 0 is frame ``first``; what is to be said of it."""
        octets = packet_blocks(batch, places)
        segment = self.segments[-1] if self.segments else None
        said: list[str] = []
        if (segment is None or self._out is None or segment.octets >= self._most // SEGMENTS
                or segment.first + segment.frames != first):
            segment = self._begin(first)
        while segment is None or not self._write(segment, octets):
            if not self._full:
                self._full = True
                said.append("the disk that holds the packets is full: older ones leave sooner; the diagnosis goes on")
            if len(self.segments) < 2:   # nothing to give up: this batch is not kept
                self.lost += len(batch)
                self._close()
                return said
            self._drop()
            segment = segment or self._begin(first)
        segment.sizes.append(lengths(batch))
        segment.frames += len(batch)
        while self.kept_bytes > self._most and len(self.segments) > 1:
            self._drop()
        return said

    def cite(self, diagnosis: Diagnosis) -> None:
        """The frames that findings cite, and the claims before them, are not to be lost."""
        for finding in diagnosis.findings:
            for item in finding.evidence:
                if item.frame and len(self.cited) < CITED:
                    self.cited.add(int(item.frame))

    def block(self, frame: int) -> bytes | None:
        """The packet block of a frame, where the ring has it."""
        if frame in self.kept:
            return self.kept[frame]
        segment = next((each for each in self.segments if each.first <= frame < each.first + each.frames), None)
        if segment is None:
            return None
        self._flush()
        starts = segment.starts()
        begin, end = int(starts[frame - segment.first]), int(starts[frame - segment.first + 1])
        with segment.path.open("rb") as held:
            held.seek(begin)
            return held.read(end - begin)

    def remove(self) -> None:
        """The ring and its folder are gone."""
        self._close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        """Everything is on disk."""
        self._close()

    # --- files ------------------------------------------------------------------------------------------

    def _begin(self, first: int) -> Segment | None:
        self._close()
        self._count += 1
        segment = Segment(self.folder / f"{self._count:08d}.blocks", first, [])
        try:
            descriptor = os.open(segment.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError:
            return None
        self._out = os.fdopen(descriptor, "wb", buffering=0)
        self.segments.append(segment)
        return segment

    def _write(self, segment: Segment, octets: bytes) -> bool:
        """Append, all or nothing."""
        assert self._out is not None
        view = memoryview(octets)
        try:
            while view:
                view = view[self._out.write(view) or 0 :]
        except OSError:
            self._out.truncate(segment.octets)
            self._out.seek(segment.octets)
            return False
        segment.octets += len(octets)
        return True

    def _drop(self) -> None:
        """The oldest segment leaves; what is cited in it stays."""
        segment = self.segments[0]
        for frame in sorted(f for f in self.cited if segment.first <= f < segment.first + segment.frames):
            block = self.block(frame)
            if block is not None:
                self.kept[frame] = block
        self.segments.popleft()
        segment.path.unlink(missing_ok=True)

    def _flush(self) -> None:
        if self._out is not None:
            self._out.flush()

    def _close(self) -> None:
        if self._out is not None:
            self._out.close()
            self._out = None
