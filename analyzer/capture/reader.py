"""What pcap and pcapng have in common: scan, hand on batches, go on after damage, and say what was skipped."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from analyzer.capture import records as r
from analyzer.capture.interface import Comment, Interface
from analyzer.capture.limits import Limits
from analyzer.capture.octets.window import Stream, Window
from analyzer.errors import CaptureDamaged
from analyzer.tables import Batch

TRUNCATED = 0
REASONS = {
    TRUNCATED: "the record claims to go on after the end of the file",
    r.OVERLONG: "a record claims more than {record} octets",
    r.ZEROS: "there is nothing but zeros",
    r.BAD_BLOCK: "no block can have the length that stands there",
    r.LONG_BLOCK: "a block claims more than {block} octets",
    r.TRAILER: "the two lengths of a block disagree",
    r.LYING: "a packet claims to be longer than its block",
    r.OVERSIZE: "a packet claims more than {record} octets",
}
ODDITIES = {
    r.ODD_FRACTION: "{count} time stamps have a fraction of a whole second or more, the first at octet {at}",
    r.CLAMPED: "{count} time stamps lie outside the years 1677 to 2262 and were held at that limit, "
               "the first at octet {at}",
    r.UNSTAMPED: "{count} packets carry no time stamp and were given that of the packet before them, "
                 "the first at octet {at}",
    r.STRANGER: "{count} packets name an interface that no block describes and were left out, the first at octet {at}",
}


def sentences(path: str, said: Sequence[str], unsaid: int, tallies: Sequence[int], failure: str) -> list[str]:
    """The warnings of a reader: why the stream failed, what was said, how much was not, and what was added up."""
    counted = [
        says.format(count=tallies[which], at=tallies[which + 1]) for which, says in ODDITIES.items() if tallies[which]
    ]
    rest = [f"{unsaid} further warnings of this kind are not listed"] if unsaid else []
    return ([failure] if failure else []) + [f"{path}: {says}" for says in (*said, *rest, *counted)]


class RecordReader(ABC):
    """A capture that is read once, from its beginning to its end; see ``interface.Source``."""

    step = 1
    """How far after damage the search for the next record begins, and in what steps it goes."""

    def __init__(self, path: str, file_format: str, window: Window, limits: Limits) -> None:
        self.path = path
        self.format = file_format
        self.interfaces: list[Interface] = []
        self.comments: list[Comment] = []
        self.names: dict[bytes, str] = {}
        self.frames = 0
        self._window = window
        self._limits = limits
        self._tallies = np.zeros(r.TALLIES, np.int64)
        self._said: list[str] = []
        self._unsaid = 0
        self._damages = 0
        self._lost: tuple[int, int] | None = None   # octet offset and reason, while the next record is sought
        self._done = False

    @abstractmethod
    def _scan(self, columns: r.Columns, row: int) -> r.Result:
        """Run the scanner over the window."""

    @abstractmethod
    def _find(self) -> tuple[int, int, int]:
        """Search the window for the next record."""

    @abstractmethod
    def captured_at(self, at: Callable[[int, int], bytes], position: int) -> int | None:
        """Octets captured of the frame at ``position``, by its header; None where that does not say.

        ``at`` gives so many octets from an offset on.
        """

    @property
    def stream(self) -> Stream:
        """Where the octets come from."""
        return self._window.stream

    def close(self) -> None:
        """Give the file back, where ``batches`` is not read to its end."""
        self._window.stream.close()

    def locate(self, frame: int) -> tuple[str, int]:
        """The file that holds a frame, and its number in that file."""
        return self.path, frame

    def _whole(self, reason: int) -> int:
        """Octets that can be stepped over although they are damaged; 0 where the next record must be sought."""
        del reason
        return 0

    def _block(self) -> int:
        """Take in the block at the window's beginning: 0, or how many octets it needs."""
        raise AssertionError(f"{self.format} has no blocks")

    def _noted(self) -> None:
        """Take in the comments that the scanner noted."""
        return

    def _settle(self) -> None:
        """Take in what the scanner added up."""
        return

    @property
    def warnings(self) -> list[str]:
        """What was skipped or is not believed, one sentence each, so far."""
        failure = str(self._window.failure) if self._window.failure else ""
        return sentences(self.path, self._said, self._unsaid, self._tallies.tolist(), failure)

    def batches(self) -> Iterator[Batch]:
        """The frames in the order of the file; a batch may be kept as long as one likes.

        ``LimitExceeded`` where going on would cost more than the limits allow;
        ``CaptureDamaged`` or ``CaptureUnreadable`` where nothing was readable.
        """
        try:
            while not self._done:
                columns = r.empty_columns(self._limits.batch_frames)
                rows, need = self._fill(columns)
                self._settle()
                first, self.frames = self.frames + 1, self.frames + rows
                if rows:
                    yield self._batch(columns, rows, first)
                if need and self._window.eof:
                    self._break_off()
                elif need:
                    self._window.more(need)   # and where that is not there, the scanner looks again, knowing the end
        finally:
            self.close()
        if not self.frames and (self._window.failure or self._damages):
            raise self._window.failure or CaptureDamaged(f"{self.warnings[0]}; no packet in it is readable")

    def _batch(self, columns: r.Columns, rows: int, first: int) -> Batch:
        """The filled rows, beside the octets that they point into."""
        return Batch(
            octets=self._window.octets,
            start=columns.start[:rows],
            captured_bytes=columns.captured_bytes[:rows],
            wire_bytes=columns.wire_bytes[:rows],
            time_ns=columns.time_ns[:rows],
            link_type=columns.link_type[:rows],
            interface=columns.interface[:rows],
            position=columns.position[:rows],
            first_frame=first,
        )

    def _fill(self, columns: r.Columns) -> tuple[int, int]:
        """Scan as far as the window goes: rows, and how many octets are needed to go on (0 where rows are full)."""
        row = 0
        while not self._done:
            if self._lost:
                need = self._seek()
            else:
                row, self._window.begin, status, number = self._scan(columns, row)
                self._noted()
                match status:
                    case r.FULL:
                        return row, 0
                    case r.MORE:
                        need = number
                    case r.BLOCK:
                        need = self._block()
                    case r.DAMAGED:
                        need = self._damaged(number)
                    case _:
                        need = 0
            if need:
                return row, need
        return row, 0

    def _damaged(self, reason: int) -> int:
        """Step over damage, or begin to seek what comes after it."""
        begin = self._window.offset
        whole = self._whole(reason)
        if whole:
            self._window.begin += whole
            self._skipped(begin, reason)
        else:
            self._window.begin += self.step
            self._lost = begin, reason
        return 0

    def _seek(self) -> int:
        """Go on with a search: 0 once it is over, else how many octets it needs."""
        assert self._lost is not None
        begin, reason = self._lost
        status, self._window.begin, need = self._find()
        if status == r.MORE:
            return need
        self._lost = None
        if status == r.NOTHING:
            self._done = True
            if reason == TRUNCATED:
                self._damages += 1
                self._warn(
                    f"the file ends at octet {self._window.offset}, inside a record that begins at octet {begin}; "
                    "what came before it was read"
                )
                return 0
        self._skipped(begin, reason)
        return 0

    def _break_off(self) -> None:
        """The stream ends inside a record, or just where it should."""
        if self._lost:
            return
        if len(self._window) == 0:
            self._done = True
            return
        self._lost = self._window.offset, TRUNCATED
        self._window.begin = min(self._window.begin + self.step, self._window.end)

    def _skipped(self, begin: int, reason: int) -> None:
        """Say which octets were not read, and stop where there is more noise than capture."""
        limits = self._limits
        why = REASONS[reason].format(record=limits.record_bytes, block=limits.block_bytes)
        self._warn(f"octets {begin} to {self._window.offset - 1} were skipped: {why}")
        self._damages += 1
        if self._damages >= limits.damages:
            self._warn(f"damaged in {self._damages} places; reading ended at octet {self._window.offset}")
            self._done = True

    def _warn(self, says: str) -> None:
        """Keep a sentence, or count it."""
        if len(self._said) < self._limits.warnings:
            self._said.append(says)
        else:
            self._unsaid += 1
