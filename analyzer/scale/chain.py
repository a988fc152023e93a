"""The parts of one file held against one another: each must begin where the one before it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from analyzer.capture.parts import Carried
from analyzer.capture.source import open_capture
from analyzer.errors import CaptureDamaged
from analyzer.scale.part import PartRead, Span

ReadAgain = Callable[[Span], PartRead]


@dataclass(slots=True)
class FileRead:
    """A file: the parts that are true, in their order, and what its reader would warn of."""

    path: str
    parts: list[PartRead] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    again: int = 0            # parts that had to be read again


def chained(path: str, parts: Iterable[PartRead], read_again: ReadAgain, *, alone: bool) -> FileRead:
    """The parts of a file, proven or read again.

    ``CaptureDamaged`` where nothing in it is readable; with other files beside it
    (not ``alone``) that is a warning.
    """
    try:
        file, carried = _proven(path, parts, read_again)
        if not carried.frames and (carried.failure or carried.damages):
            for _batch in open_capture(path).batches():   # says what is wrong with the whole of it
                pass
    except CaptureDamaged as error:
        if alone:
            raise
        return FileRead(path, [], [str(error)])
    return file


def _proven(path: str, parts: Iterable[PartRead], read_again: ReadAgain) -> tuple[FileRead, Carried]:
    file, carried = FileRead(path), Carried()
    for number, part in enumerate(parts):
        if part.span.whole:
            return FileRead(path, [part], part.warnings), Carried(frames=part.summary.frames)
        if carried.done or (number and carried.at >= part.span.stop):
            continue
        if number == 0:
            carried = part.carried
        elif part.tidy and part.began == carried.at:
            carried = carried.after(part.carried)
        else:
            file.again += 1
            part = read_again(replace(part.span, carried=carried))  # noqa: PLW2901 - the same, from the true place
            carried = part.carried
        file.parts.append(part)
    file.warnings = carried.warnings(path)
    return file, carried
