"""A part of a pcap file: the records that begin between two octets, read without what comes before them.

Where a part begins is guessed: the first place from which ``CHAIN`` records
follow one another.  The guess is proven by the part before it, whose chain of
record headers must end at exactly that place; ``Part.ended`` and ``Part.began``
say so, and whoever puts parts together reads a part again, from the true place
and with what is ``Carried`` there, where they differ or where there was damage.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from analyzer.capture import records as r
from analyzer.capture.limits import DEFAULT_LIMITS, Limits
from analyzer.capture.octets.compressed import MAGIC_BYTES, method_of
from analyzer.capture.octets.files import PlainFile
from analyzer.capture.octets.remote import RemoteFile, is_remote
from analyzer.capture.octets.window import Stream, Window
from analyzer.capture.pcap import PcapReader, is_pcap
from analyzer.capture.reader import sentences
from analyzer.errors import CaptureDamaged, CaptureError
from analyzer.tables import Batch

GUESS = -1
"""In place of a reason for damage: nothing is wrong, the place of the first record is not known."""
LITTLE = 16
"""Octets read at once behind the part's end: no record header is shorter, so no record comes in unasked."""
TO_THE_END = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Carried:
    """What a reader knows when it has read a file as far as ``at``; the next part goes on from there."""

    at: int = 0
    frames: int = 0
    first_ns: int = -1
    last_ns: int = -1
    damages: int = 0
    said: tuple[str, ...] = ()
    unsaid: int = 0
    tallies: tuple[int, ...] = (0,) * r.TALLIES
    failure: str = ""      # why the operating system would not go on
    done: bool = False       # reading ended before the end of the file: it was more noise than capture

    def warnings(self, path: str) -> list[str]:
        """As ``interface.Source.warnings``, for the file so far."""
        return sentences(path, self.said, self.unsaid, self.tallies, self.failure)

    def after(self, part: Carried) -> Carried:
        """What is known after a part that was read by itself (its frames and tallies counted from nothing)."""
        tallies = list(self.tallies)
        for which in (r.ODD_FRACTION, r.CLAMPED, r.UNSTAMPED, r.STRANGER):
            if not tallies[which]:
                tallies[which + 1] = part.tallies[which + 1]
            tallies[which] += part.tallies[which]
        return replace(
            self, at=part.at, frames=self.frames + part.frames, tallies=tuple(tallies),
            first_ns=self.first_ns if self.first_ns >= 0 else part.first_ns,
            last_ns=part.last_ns if part.frames else self.last_ns,
        )


class _Stretch:
    """The file from one octet on, in large pieces as far as ``stop`` and in little ones behind it."""

    def __init__(self, plain: Stream, at: int, stop: int) -> None:
        self.plain, self.at, self.stop = plain, at, stop
        self.wide = False
        if isinstance(plain, PlainFile | RemoteFile):
            plain.offset = at

    def readinto(self, buffer: memoryview, /) -> int:
        """As ``window.Stream``."""
        room = self.stop - self.at if self.at < self.stop else len(buffer) if self.wide else LITTLE
        count = self.plain.readinto(buffer[:room])
        self.at += count
        return count

    def close(self) -> None:
        """As ``window.Stream``."""
        self.plain.close()


class Part(PcapReader):
    """The records of a pcap file that begin in ``[begin, stop)``.

    With ``carried`` they begin at ``carried.at``, and the reader goes on as if
    it had read all that comes before; without, the first one is sought from
    ``begin`` on and ``began`` says where it is (None: nowhere).
    """

    def __init__(self, path: str, plain: Stream, stop: int, limits: Limits, *, begin: int = 0,
                 carried: Carried | None = None) -> None:
        super().__init__(path, Window(plain, limits.chunk_bytes), limits)
        start = carried.at if carried and carried.at else self._window.offset if carried else begin
        self.began: int | None = start if carried else None
        self._end = stop
        self._stretch = _Stretch(plain, start, stop)
        self._window = Window(self._stretch, limits.chunk_bytes, prompt=True)
        self._window.base = start
        if carried is None:
            self._lost = start, GUESS
            return
        self.frames, self._damages, self._unsaid = carried.frames, carried.damages, carried.unsaid
        self._said[:] = carried.said
        self._tallies[:] = carried.tallies
        self._first_ns, self._tallies[r.LAST_NS] = carried.first_ns, carried.last_ns
        self._done = carried.done or (start >= stop and carried.at > 0)

    @property
    def tidy(self) -> bool:
        """Nothing in it depends on what came before."""
        return self.began is not None and not (self._damages or self._said or self._window.failure)

    def carried(self) -> Carried:
        """What is known at the part's end."""
        return Carried(
            at=self._window.offset, frames=self.frames, first_ns=self._first_ns,
            last_ns=int(self._tallies[r.LAST_NS]), damages=self._damages, said=tuple(self._said),
            unsaid=self._unsaid, tallies=tuple(int(tally) for tally in self._tallies),
            failure=str(self._window.failure or ""),
            done=self._done and not self._passed() and not self._window.eof,
        )

    def batches(self) -> Iterator[Batch]:
        """As ``interface.Source``; whether anything is readable is for the whole file to say."""
        try:
            yield from super().batches()
        except CaptureDamaged:
            if self.frames:
                raise

    def _passed(self) -> bool:
        return self._lost is None and self._window.offset >= self._end

    def _fill(self, columns: r.Columns) -> tuple[int, int]:
        row, need = super()._fill(columns)
        self._stretch.wide = self._lost is not None
        if self._passed():
            self._done, need = True, 0
        return row, need

    def _seek(self) -> int:
        need = super()._seek()
        if self._passed():
            self._done = True
        return need

    def _skipped(self, begin: int, reason: int) -> None:
        if reason != GUESS:
            super()._skipped(begin, reason)
        elif not self._done:
            self.began = self._window.offset


def open_part(path: str, begin: int, stop: int, limits: Limits = DEFAULT_LIMITS, *,
              carried: Carried | None = None, plain: Stream | None = None) -> Part:
    """A part of a file that ``record_span`` could split; errors as ``source.open_capture``."""
    stream = plain or _opened(path)
    try:
        return Part(path, stream, stop, limits, begin=begin, carried=carried)
    except BaseException:
        stream.close()
        raise


def _opened(path: str) -> PlainFile | RemoteFile:
    return RemoteFile(path) if is_remote(path) else PlainFile(path)


def record_span(path: str, limits: Limits = DEFAULT_LIMITS) -> tuple[int, int] | None:
    """Where the records of a file begin and end, if it can be split: a plain pcap file; else None."""
    try:
        plain = _opened(path)
    except CaptureError:
        return None      # whoever reads it says why
    try:
        regular = isinstance(plain, RemoteFile) or plain.regular
        magic = plain.at(0, MAGIC_BYTES) if regular and path != "-" else b""
        if method_of(magic) or not is_pcap(magic):
            return None
        begin = Part(path, plain, TO_THE_END, limits, carried=Carried()).began
        end = plain.octets if isinstance(plain, RemoteFile) else Path(path).stat().st_size
    except (CaptureError, OSError):
        return None
    else:
        return None if begin is None else (begin, end)
    finally:
        plain.close()
