"""A window that slides over a stream of octets: large reads into buffers that are used again."""

from __future__ import annotations

import sys
from typing import Protocol

import numpy as np

from analyzer.capture.records import Octets, Stretch
from analyzer.errors import CaptureDamaged, CaptureUnreadable


class Stream(Protocol):
    """Where octets come from: a file, a pipe, a decompressor, a child process."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill ``buffer`` from its beginning; how many octets came, 0 at the end.

        ``CaptureUnreadable`` where the operating system refuses, ``CaptureDamaged``
        where compressed data lies, ``LimitExceeded`` where it explodes.
        """

    def close(self) -> None:
        """Give back what the operating system lent."""


class Window:
    """``octets[begin:end]`` is what was read and not used yet; ``base`` is the place of ``octets[0]`` in the stream.

    Reading copies at most one unfinished record to the front of a buffer.  A
    buffer that somebody still looks at, through a batch or a slice of it, is not
    written again: who looks is counted by the interpreter.
    """

    def __init__(self, stream: Stream, chunk_bytes: int, *, prompt: bool = False) -> None:
        """``prompt``: hand on what a pipe gives at once, rather than fill a chunk."""
        self.stream = stream
        self.begin = self.end = self.base = 0
        self.eof = False
        self.failure: CaptureDamaged | CaptureUnreadable | None = None
        self._chunk = chunk_bytes
        self.prompt = prompt
        self._pool: list[Octets] = []
        self.octets = np.empty(0, np.uint8)

    def __len__(self) -> int:
        return self.end - self.begin

    @property
    def offset(self) -> int:
        """The place of the next octet in the stream."""
        return self.base + self.begin

    def stretch(self) -> Stretch:
        """What a scanner may look at now."""
        return Stretch(self.octets, self.begin, self.end, self.eof, self.base)

    def more(self, need: int) -> bool:
        """Read on until at least ``need`` octets are there, ``begin`` included; False where the stream ends before.

        The caller has held ``need`` against its limits.  A stream that fails ends
        there: the reason stays in ``failure``.
        """
        kept = self.octets[self.begin : self.end]
        octets = self._free(max(self._chunk, need, len(kept)))
        octets[: len(kept)] = kept
        self.base += self.begin
        self.begin, self.end = 0, len(kept)
        del kept
        self.octets = octets
        view = octets.data
        while not self.eof and self.end < len(octets):
            try:
                count = self.stream.readinto(view[self.end :])
            except (CaptureDamaged, CaptureUnreadable) as failure:
                self.failure, count = failure, 0
            self.eof = count == 0
            self.end += count
            if self.prompt and self.end >= need:
                break
        return self.end >= need

    def peek(self, count: int) -> bytes:
        """The next octets, without using them up; fewer at the end of the stream."""
        if len(self) < count:
            self.more(count)
        return self.octets[self.begin : min(self.begin + count, self.end)].tobytes()

    def _free(self, capacity: int) -> Octets:
        """A buffer of at least ``capacity`` octets that nobody looks at."""
        self._pool = [octets for octets in self._pool if len(octets) >= capacity]
        for octets in self._pool:
            # Three who look: the pool, this loop and the question itself.
            if octets is not self.octets and sys.getrefcount(octets) <= 3:
                return octets
        fresh = np.empty(capacity, np.uint8)
        if len(self._pool) < 3:
            self._pool.append(fresh)
        return fresh
