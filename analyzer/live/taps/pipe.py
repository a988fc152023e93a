"""A capture that comes through a pipe: standard input, a FIFO, ``<(ssh host tcpdump -U -w - ...)``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

from analyzer.capture.source import DEFAULT_LIMITS, Interface, Source, open_capture
from analyzer.tables import Batch

LIMITS = replace(DEFAULT_LIMITS, spool_bytes=0)
"""A live stream has no end: what is kept of it is the ring's business."""


class Pipe:
    """``path`` is read until it ends; a ``tap.Tap``."""

    def __init__(self, path: str, vantage: str, named: str = "") -> None:
        self.points = [(vantage, named)]
        self.path = path
        self._source: Source | None = None
        self._stopped = False

    @property
    def interfaces(self) -> list[Interface]:
        """As ``tap.Tap``."""
        return self._source.interfaces if self._source else []

    def batches(self) -> Iterator[Batch]:
        """As ``tap.Tap``: opening waits for the writer's first octets."""
        self._source = open_capture(self.path, limits=LIMITS, prompt=True)
        for batch in self._source.batches():
            yield batch
            if self._stopped:
                return

    def stop(self) -> bool:
        """As ``tap.Tap``: the writer is not ours; what it writes from here on is not read."""
        self._stopped = True
        return False

    def kill(self) -> None:
        """As ``tap.Tap``."""
        self._stopped = True

    def remarks(self) -> list[str]:
        """As ``tap.Tap``."""
        return list(self._source.warnings) if self._source else []


def is_pipe(path: str) -> bool:
    """Whether ``path`` can only be read once: standard input, a FIFO, a descriptor."""
    if path == "-":
        return True
    try:
        return not os.path.isfile(path)   # noqa: PTH113 - a FIFO and /dev/fd/63 exist and are no files
    except ValueError:
        return False
