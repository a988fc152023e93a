"""Frames that matter are read again, by the position that a batch gave them.

In a plain file that is one short read each: the header before a frame says how
long it is.  In a compressed or converted capture, and for the rare frame whose
length only its interface knows (a simple packet block), it is one more pass,
which ends at the last frame wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analyzer.capture.interface import Source
from analyzer.capture.limits import DEFAULT_LIMITS, Limits
from analyzer.capture.octets.files import Again, PlainFile
from analyzer.capture.reader import RecordReader
from analyzer.capture.recognize import open_again
from analyzer.capture.rotated import ChainedSource
from analyzer.errors import CaptureDamaged, CaptureUnreadable

Wanted = tuple[int, int] | tuple[int, int, int]
"""A frame's number, the position of its octets and, where known, its captured length."""


def read_frames(
    capture: str | Path | Source, wanted: Sequence[Wanted], *, limits: Limits = DEFAULT_LIMITS,
) -> dict[int, bytes]:
    """The octets of some frames of a capture that was read before, by frame number.

    ``capture`` is the name that was opened, or the source; several files that
    were read as one need the source.  ``CaptureDamaged`` where a frame is no
    longer where it was, ``CaptureUnreadable`` where it came through a pipe and
    was not kept.
    """
    if isinstance(capture, ChainedSource):
        found: dict[int, bytes] = {}
        for path, numbers in capture.parts([(want[0], want[1]) for want in wanted]).items():
            again = read_frames(path, list(numbers.values()), limits=limits)
            found.update({frame: again[theirs[0]] for frame, theirs in numbers.items()})
        return found
    if not wanted:
        return {}
    reader = open_again(capture if isinstance(capture, (str, Path)) else capture.path, limits)
    try:
        direct = _directly(reader, wanted)
        return _in_one_pass(reader, {want[0]: want[1] for want in wanted}) if direct is None else direct
    finally:
        reader.close()


def _directly(reader: RecordReader, wanted: Sequence[Wanted]) -> dict[int, bytes] | None:
    """The frames by short reads, or None where that does not go or something is not as it was."""
    stream = reader.stream
    if not isinstance(stream, PlainFile) or not stream.regular:
        return None
    found: dict[int, bytes] = {}
    for frame, position, *known in wanted:
        captured = known[0] if known else reader.captured_at(stream.at, position)
        if captured is None:
            return None
        found[frame] = stream.at(position, captured)
        if len(found[frame]) != captured:
            return None
    return found


def _in_one_pass(reader: RecordReader, missing: dict[int, int]) -> dict[int, bytes]:
    """The frames by reading up to the last of them; ``missing`` is position by frame number."""
    found: dict[int, bytes] = {}
    for batch in reader.batches():
        for frame in [frame for frame in missing if 0 <= frame - batch.first_frame < len(batch)]:
            if batch.position[frame - batch.first_frame] != missing.pop(frame):
                raise _changed(reader, frame)
            found[frame] = batch.frame(frame - batch.first_frame)
        if not missing:
            return found
    stream = reader.stream
    if isinstance(stream, Again) and not stream.spool.complete:
        raise CaptureUnreadable(
            f"{reader.path}: frame {min(missing)} cannot be shown again: only the first {stream.spool.octets} octets "
            "of the pipe were kept; save the capture to a file and analyze that"
        )
    raise _changed(reader, min(missing))


def _changed(reader: RecordReader, frame: int) -> CaptureDamaged:
    """Somebody wrote into the file between two looks."""
    return CaptureDamaged(
        f"{reader.path}: frame {frame} is no longer where it was: the file has changed since it was read; "
        "analyze it again"
    )
