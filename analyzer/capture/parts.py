"""A part of a pcap or pcapng file: the records that begin between two octets, read without what comes before them.

Where a part begins is guessed: the first place from which ``CHAIN`` records
follow one another, or where a block begins and ends alike.  The guess is proven
by the part before it, whose chain of records must end at exactly that place
(``Carried.at`` against ``Part.began``), and, in a pcapng file, with the section
and interfaces that the part assumed (those before the file's first packet).
Whoever puts parts together reads a part again, from the true place and with
what is ``Carried`` there, where they differ or where there was damage.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from analyzer.capture import records as r
from analyzer.capture.carried import Block, Carried
from analyzer.capture.interface import Comment, Interface
from analyzer.capture.limits import DEFAULT_LIMITS, Limits
from analyzer.capture.octets.compressed import MAGIC_BYTES
from analyzer.capture.octets.files import PlainFile
from analyzer.capture.octets.remote import RemoteFile, is_remote
from analyzer.capture.octets.window import Stream, Window
from analyzer.capture.pcap import PcapReader, is_pcap
from analyzer.capture.pcapng import MAGIC, PcapngReader
from analyzer.capture.reader import RecordReader
from analyzer.errors import CaptureDamaged, CaptureError
from analyzer.tables import Batch

GUESS = -1
"""In place of a reason for damage: nothing is wrong, the place of the first record is not known."""
LITTLE = 8
"""Octets read at once behind the part's end: no record or block is shorter, so none comes in unasked."""
TO_THE_END = 2**63 - 1
HEAD_BYTES = 65_536
"""Octets that are read at once of what comes before a pcapng file's first packet."""
NO_TIME = -(2**63) + 1
"""In place of the time of the packet before, which blocks without a time are given: it is not known in a part."""


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


class Bounded(RecordReader):
    """What the parts of both formats have in common: they begin and stop where they are told."""

    began: int | None = None
    _end = TO_THE_END
    _stretch: _Stretch | None = None

    def _bounded(self, begin: int, stop: int, carried: Carried | None) -> None:
        """Begin at the head's end, where a part before ended, or at the first record after ``begin``."""
        start = carried.at if carried and carried.at else self._window.offset if carried else begin
        self.began = start if carried else None
        self._end = stop
        self._stretch = _Stretch(self._window.stream, start, stop)
        self._window = Window(self._stretch, self._limits.chunk_bytes, prompt=True)
        self._window.base = start
        if carried is None:
            self._lost = start, GUESS
        elif carried.at:
            self.frames, self._damages, self._unsaid = carried.frames, carried.damages, carried.unsaid
            self._said[:] = carried.said
            self._tallies[:] = carried.tallies
            self._tallies[r.LAST_NS] = carried.last_ns
            self._done = carried.done or start >= stop

    @property
    def tidy(self) -> bool:
        """Nothing in it depends on what came before."""
        return self.began is not None and not (self._damages or self._said or self._window.failure)

    def carried(self) -> Carried:
        """What is known at the part's end."""
        return Carried(
            at=self._window.offset, frames=self.frames, last_ns=int(self._tallies[r.LAST_NS]),
            damages=self._damages, said=tuple(self._said), unsaid=self._unsaid,
            tallies=tuple(int(tally) for tally in self._tallies), failure=str(self._window.failure or ""),
            done=self._damages >= self._limits.damages, interfaces=tuple(self.interfaces),
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
        if self._stretch is None:      # the head of the file, before the part
            return row, need
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


class PcapPart(Bounded, PcapReader):
    """The records of a pcap file that begin in ``[begin, stop)``.

    With ``carried`` they begin at ``carried.at``, and the reader goes on as if
    it had read all that comes before; without, the first one is sought from
    ``begin`` on and ``began`` says where it is (None: nowhere).
    """

    def __init__(self, path: str, plain: Stream, stop: int, limits: Limits, *, begin: int = 0,
                 carried: Carried | None = None) -> None:
        super().__init__(path, Window(plain, limits.chunk_bytes), limits)
        self._bounded(begin, stop, carried)
        if carried and carried.at:
            self._first_ns = carried.first_ns

    def carried(self) -> Carried:
        """What is known at the part's end."""
        return replace(super().carried(), first_ns=self._first_ns)


class PcapngPart(Bounded, PcapngReader):
    """The blocks of a pcapng file that begin in ``[begin, stop)``; see ``PcapPart``.

    Without ``carried`` it assumes that the section and the interfaces are those
    before the file's first packet.
    """

    _timeless = _counted = False
    """A block took its time from a packet before the part; a packet says how many were lost before it."""

    def __init__(self, path: str, plain: Stream, stop: int, limits: Limits, *, begin: int = 0,
                 carried: Carried | None = None) -> None:
        super().__init__(path, Window(plain, min(HEAD_BYTES, limits.chunk_bytes)), limits)
        self.sound = not (self._said or self._damages or self._lost or self._done)
        """Nothing is odd before the first packet."""
        if carried and carried.block:
            self._restore(carried.block, carried.interfaces)
        self._bounded(begin + -begin % self.step, stop, carried)     # every block begins at a multiple of 32 bits
        self._assumed: Block | None = None
        if carried is None:
            self.interfaces[:] = [replace(each, received=None, drops=None) for each in self.interfaces]
            self._assumed = self._state()
            self._tallies[:] = 0
            self._tallies[r.LAST_NS] = NO_TIME

    @property
    def tidy(self) -> bool:
        """Nothing in it depends on what came before."""
        return super().tidy and self._assumed is not None and not (
            self._timeless or self._counted or tuple(self.names.items()) != self._assumed.names)

    def carried(self) -> Carried:
        """What is known at the part's end."""
        return replace(super().carried(), block=self._state(), assumed=self._assumed)

    def batches(self) -> Iterator[Batch]:
        """As ``interface.Source``."""
        for batch in super().batches():
            self._timeless |= self._assumed is not None and bool((batch.time_ns == NO_TIME).any())
            yield batch

    def _settle(self) -> None:
        self._counted |= bool(self._table.drops[: self._layout[r.NG_INTERFACES]].any())
        super()._settle()

    def _state(self) -> Block:
        """What the blocks have said so far."""
        interfaces = int(self._layout[r.NG_INTERFACES])
        *entries, drops = (tuple(column[:interfaces].tolist()) for column in r.arrays(self._table))
        return Block(
            self._order, self._section, self._section_at, self._foreign, self._crowded,
            int(self._layout[r.NG_COMMENTS]), tuple(entries), drops, tuple(self.names.items()), len(self.comments),
            self._kept_bytes,
        )

    def _restore(self, known: Block, interfaces: tuple[Interface, ...]) -> None:
        """Know what a reader knew that came as far as here."""
        self._order, self._section, self._section_at = known.order, known.section, known.section_at
        self._foreign, self._crowded, self._kept_bytes = known.foreign, known.crowded, known.kept_bytes
        self._layout[r.NG_BIG] = known.order == ">"
        self._layout[r.NG_COMMENTS], self._layout[r.NG_INTERFACES] = known.wants_comments, len(known.drops)
        self._table = r.empty_interfaces(max(16, len(known.drops)))
        for column, values in zip(r.arrays(self._table), (*known.entries, known.drops), strict=True):
            column[: len(values)] = values
        self.interfaces[:] = interfaces
        self.names = dict(known.names)
        self.comments = [Comment(0, "")] * known.comments      # how many there are is all that matters


Part = PcapPart | PcapngPart


def open_part(path: str, begin: int, stop: int, limits: Limits = DEFAULT_LIMITS, *,
              carried: Carried | None = None) -> Part:
    """A part of a file that ``record_span`` could split; errors as ``source.open_capture``."""
    stream = _opened(path)
    try:
        kind = PcapngPart if stream.at(0, len(MAGIC)) == MAGIC else PcapPart
        return kind(path, stream, stop, limits, begin=begin, carried=carried)
    except BaseException:
        stream.close()
        raise


def _opened(path: str) -> PlainFile | RemoteFile:
    return RemoteFile(path) if is_remote(path) else PlainFile(path)


def record_span(path: str, limits: Limits = DEFAULT_LIMITS) -> tuple[int, int] | None:
    """Where the records of a file begin and end, if it can be split: a plain pcap or pcapng file; else None."""
    try:
        plain = _opened(path)
    except CaptureError:
        return None      # whoever reads it says why
    try:
        regular = isinstance(plain, RemoteFile) or plain.regular
        magic = plain.at(0, MAGIC_BYTES) if regular and path != "-" else b""
        if is_pcap(magic):
            part: Part = PcapPart(path, plain, TO_THE_END, limits, carried=Carried())
        elif magic.startswith(MAGIC):
            part = PcapngPart(path, plain, TO_THE_END, limits, carried=Carried())
        else:
            return None      # compressed, or what only Wireshark reads
        begin = part.began if isinstance(part, PcapPart) or part.sound else None
        end = plain.octets if isinstance(plain, RemoteFile) else Path(path).stat().st_size
    except (CaptureError, OSError):
        return None
    else:
        return None if begin is None else (begin, end)
    finally:
        plain.close()
