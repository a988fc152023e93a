"""Rotated captures: several files of one vantage point as one source, in the order of time.

A file's place is that of its first packet, not of its name: dumpcap and tcpdump
number their files, and the numbers wrap.  Frames are numbered through; positions
go on from file to file.  Whoever cites a frame asks ``locate`` for the file and
the number there, which is what Wireshark shows.
"""

from __future__ import annotations

import os
import stat
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analyzer.capture.interface import Comment, Interface, Source
from analyzer.capture.limits import DEFAULT_LIMITS, KIB, Limits
from analyzer.capture.octets.remote import is_remote
from analyzer.capture.reader import RecordReader
from analyzer.capture.recognize import open_reader
from analyzer.errors import CaptureDamaged, CaptureUnreadable
from analyzer.tables import Batch
from analyzer.units import SECOND_NS

OVERLAP_NS = SECOND_NS
"""Files of one ring may overlap so much: several queues of one card are written in turn."""
NEVER = 2**63 - 1
"""The time of a file without packets: it comes last."""


class ChainedSource:
    """Several captures as one; see ``interface.Source``."""

    def __init__(self, paths: Sequence[str | Path], *, limits: Limits = DEFAULT_LIMITS) -> None:
        """Sorts by the first packets; a file that is no capture raises here."""
        first = {str(path): _first_ns(str(path), limits) for path in paths}
        self.paths = sorted(first, key=lambda path: first[path])
        self.path = ", ".join(self.paths)
        self.format = "rotated"
        self.interfaces: list[Interface] = []
        self.comments: list[Comment] = []
        self.names: dict[bytes, str] = {}
        self.frames = 0
        self.warnings: list[str] = []
        self._limits = limits
        self._open: RecordReader | None = None
        self._known: dict[Interface, int] = {}
        self._begins: list[tuple[int, int]] = []   # for each file: frames before it, and where its positions begin

    def batches(self) -> Iterator[Batch]:
        """As ``interface.Source``; a file of which nothing is readable is a warning, as long as another one is."""
        position = last_ns = 0
        for path in self.paths:
            source = self._open = open_reader(path, self._limits)
            self._begins.append((self.frames, position))
            before, begin = self.frames, position
            try:
                for batch in source.batches():
                    if batch.first_frame == 1 and before and int(batch.time_ns[0]) < last_ns - OVERLAP_NS:
                        self.warnings.append(
                            f"{path}: begins {(last_ns - int(batch.time_ns[0])) // SECOND_NS} seconds before the end "
                            "of the file before it; their packets are taken one file after the other, not by time"
                        )
                    latest = int(batch.time_ns.max())
                    last_ns = latest if batch.first_frame == 1 else max(last_ns, latest)
                    position = begin + int(batch.position[-1]) + int(batch.captured_bytes[-1]) + 1
                    self.frames = before + source.frames
                    yield replace(
                        batch,
                        interface=self._renumbered(source.interfaces)[batch.interface],
                        position=batch.position + begin,
                        first_frame=before + batch.first_frame,
                    )
            except CaptureDamaged as error:
                self.warnings.append(str(error))
                continue
            self._take(source, before)
        if not self.frames and self.warnings:
            raise CaptureDamaged(self.warnings[0])

    def close(self) -> None:
        """As ``interface.Source``."""
        if self._open:
            self._open.close()

    def locate(self, frame: int) -> tuple[str, int]:
        """As ``interface.Source``."""
        index = bisect_right(self._begins, frame - 1, key=lambda begin: begin[0]) - 1
        return self.paths[index], frame - self._begins[index][0]

    def parts(self, wanted: Sequence[tuple[int, int]]) -> dict[str, dict[int, tuple[int, int]]]:
        """Frames and positions of ours, as frames and positions of the files, by file and by our number."""
        found: dict[str, dict[int, tuple[int, int]]] = {}
        for frame, position in wanted:
            path, theirs = self.locate(frame)
            found.setdefault(path, {})[frame] = theirs, position - self._begins[self.paths.index(path)][1]
        return found

    def _renumbered(self, interfaces: Sequence[Interface]) -> NDArray[np.uint16]:
        """The number among ours for each interface of a file: the same one in every file is one."""
        numbers = []
        for interface in interfaces:
            plain = replace(interface, section=0, received=None, drops=None)
            if plain not in self._known:
                self._known[plain] = len(self.interfaces)
                self.interfaces.append(plain)
            numbers.append(self._known[plain])
        return np.array(numbers or [0], np.uint16)    # events alone may have no interface, and say 0

    def _take(self, source: Source, before: int) -> None:
        """What a file says beside its frames, once it is read."""
        numbers = self._renumbered(source.interfaces)
        for number, interface in zip(numbers, source.interfaces, strict=False):
            ours = self.interfaces[number]
            self.interfaces[number] = replace(
                ours, received=_sum(ours.received, interface.received), drops=_sum(ours.drops, interface.drops)
            )
        room = self._limits.comments - len(self.comments)
        self.comments += [
            Comment(frame + before if frame else 0, text) for frame, text in source.comments[: max(0, room)]]
        for address, name in source.names.items():
            self.names.setdefault(address, name)
        self.warnings += source.warnings


def _sum(one: int | None, other: int | None) -> int | None:
    """Counts of two files, of which neither may say anything."""
    return other if one is None else one if other is None else one + other


def _first_ns(path: str, limits: Limits) -> int:
    """The time of a file's first packet, ``NEVER`` where it has none."""
    try:
        regular = is_remote(path) or stat.S_ISREG(os.stat(path).st_mode)   # noqa: PTH116 - "-" is no path
    except (OSError, ValueError):
        regular = True   # opening it says what is wrong
    if not regular:
        raise CaptureUnreadable(f"{path}: is a pipe or a folder; only files can be put in the order of time")
    little = replace(limits, chunk_bytes=64 * KIB, batch_frames=1)
    reader = open_reader(path, little)
    try:
        return next((int(batch.time_ns[0]) for batch in reader.batches()), NEVER)
    except CaptureDamaged:
        return NEVER
    finally:
        reader.close()
