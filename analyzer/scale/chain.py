"""The parts of one file held against one another: each must begin where the one before it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from analyzer.capture.carried import Carried
from analyzer.capture.interface import Interface
from analyzer.capture.source import open_capture
from analyzer.errors import CaptureDamaged
from analyzer.scale.part import PartRead, Span

ReadAgain = Callable[[Span], PartRead]


class Chain:
    """The parts of a file that are true: as they were read, or read again.

    When they have been taken, ``warnings`` is what the file's reader would warn
    of, ``interfaces`` what the file describes, and ``again`` how many parts had
    to be read a second time.
    """

    def __init__(self, path: str, parts: Iterable[PartRead], read_again: ReadAgain, *, alone: bool) -> None:
        self.path = path
        self.warnings: list[str] = []
        self.interfaces: list[Interface] = []
        self.again = 0
        self._parts, self._read_again, self._alone = parts, read_again, alone

    def proven(self) -> Iterator[PartRead]:
        """The parts that hold packets, in their order.

        ``CaptureDamaged`` where nothing in the file is readable; with other files
        beside it (not ``alone``) that is a warning.
        """
        try:
            yield from self._proven()
        except CaptureDamaged as error:
            if self._alone:
                raise
            self.warnings, self.interfaces = [str(error)], []

    def _proven(self) -> Iterator[PartRead]:
        carried = Carried()
        for number, part in enumerate(self._parts):
            true = part
            if part.damaged:
                raise part.damaged
            if part.span.whole:
                self.warnings, self.interfaces = part.warnings, part.interfaces
                yield part
                return
            if carried.done or (number and carried.at >= part.span.stop):
                continue
            if number and part.tidy and part.began == carried.at and carried.leads_to(part.carried):
                carried = carried.after(part.carried)
            else:
                if number:
                    self.again += 1
                    true = self._read_again(replace(part.span, carried=carried))
                carried = true.carried
            self.warnings, self.interfaces = carried.warnings(self.path), list(carried.interfaces)
            if true.summary.frames:
                yield true
        if not carried.frames and (carried.failure or carried.damages):
            for _batch in open_capture(self.path).batches():   # says what is wrong with the whole of it
                pass
