"""Where live packets come from: a tap is read in a thread of its own, batch by batch, into one bounded queue."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from analyzer.capture.source import Interface
from analyzer.errors import AnalyzerError
from analyzer.tables import Batch

WAITING = 64
"""Batches (of a megabyte at most) that may wait while a diagnosis is made.  Then the tap's own buffers fill."""
NAP_S = 0.04
SMALL_BYTES = 128 * 1024
"""After a small batch the reader rests, so that the next one holds more: decoding has a price for each batch."""


class Tap(Protocol):
    """One stream of frames, from one or several interfaces.

    ``interfaces`` grows while ``batches`` is read; ``Batch.interface`` is an index of it.
    """

    points: list[tuple[str, str]]
    """What each interface is called, as far as that is known before, and what the user named it (or empty)."""

    @property
    def interfaces(self) -> list[Interface]:
        """In the order of the stream."""

    def batches(self) -> Iterator[Batch]:
        """The frames as they come; ``CaptureError`` or ``ToolError`` where nothing can be read."""

    def stop(self) -> bool:
        """Ask for an end: what is on its way still comes.  True where an end will come."""

    def kill(self) -> None:
        """End now."""

    def remarks(self) -> list[str]:
        """What is to be said of the tap once it has ended, one sentence each."""


class Arrived(NamedTuple):
    """A batch, or (``batch`` None) the end of a tap, with the reason where it was not asked for."""

    tap: int
    batch: Batch | None
    failure: AnalyzerError | None = None


class Intake:
    """All taps at once: ``take`` gives what came."""

    def __init__(self, taps: list[Tap]) -> None:
        self.taps = taps
        self.running = set(range(len(taps)))
        self._queue: queue.Queue[Arrived] = queue.Queue(WAITING)
        for number, tap in enumerate(taps):
            threading.Thread(target=self._read, args=(number, tap), name=f"tap {number}", daemon=True).start()

    @property
    def waiting(self) -> int:
        """Batches that have come and were not taken yet."""
        return self._queue.qsize()

    def take(self, wait_s: float) -> Arrived | None:
        """The next that came, or None where nothing did in so many seconds."""
        try:
            arrived = self._queue.get(timeout=wait_s) if wait_s > 0 else self._queue.get_nowait()
        except queue.Empty:
            return None
        if arrived.batch is None:
            self.running.discard(arrived.tap)
        return arrived

    def _read(self, number: int, tap: Tap) -> None:
        failure: AnalyzerError | None = None
        try:
            for batch in tap.batches():
                self._queue.put(Arrived(number, batch))
                if int(batch.captured_bytes.sum()) < SMALL_BYTES:
                    time.sleep(NAP_S)
        except AnalyzerError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - a thread's own fault must reach the loop, not end unseen
            failure = AnalyzerError(f"{tap.points[0][0]}: reading failed: {type(error).__name__}: {error}")
        self._queue.put(Arrived(number, None, failure))
