"""Where frames come from: one way to open whatever holds them.

    with closing nothing: ``for batch in open_capture("a.pcapng").batches(): ...``

A capture is recognised by its first octets, never by its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from analyzer.capture.compressed import MAGIC_BYTES, Decompressed, method_of
from analyzer.capture.files import PlainFile
from analyzer.capture.interface import Comment, Interface
from analyzer.capture.limits import DEFAULT_LIMITS, Limits
from analyzer.capture.pcap import PcapReader, is_pcap
from analyzer.capture.pcapng import MAGIC as PCAPNG_MAGIC
from analyzer.capture.pcapng import PcapngReader
from analyzer.capture.records import NOT_A_PACKET
from analyzer.capture.window import Window
from analyzer.errors import CaptureDamaged, NotACapture
from analyzer.tables import Batch

__all__ = ["DEFAULT_LIMITS", "NOT_A_PACKET", "Comment", "Interface", "Limits", "Source", "open_capture", "read_frames"]

Wanted = tuple[int, int] | tuple[int, int, int]
"""A frame's number and the position of its octets, as a batch gave them; then, where known, its captured length."""


class Source(Protocol):
    """One capture, read once from its beginning to its end.

    ``interfaces``, ``warnings``, ``comments`` and ``frames`` grow while
    ``batches`` is read, and are complete when it is exhausted.
    """

    path: str
    """As the user named it."""
    format: str
    """pcap, pcapng, ..."""
    interfaces: list[Interface]
    """In the order of the file; ``Batch.interface`` is an index of it."""
    comments: list[Comment]
    """What people wrote into the capture, within limits."""
    names: dict[bytes, str]
    """Host names by address (4 or 16 octets), from name resolution blocks."""
    frames: int
    """Frames so far."""

    @property
    def warnings(self) -> list[str]:
        """What was skipped or is not believed: one sentence each, with octet offsets."""

    def batches(self) -> Iterator[Batch]:
        """The frames.  ``CaptureError`` where nothing is readable or a limit ends the reading."""


def open_capture(path: str | Path, *, limits: Limits = DEFAULT_LIMITS) -> Source:
    """A capture file, or standard input for ``-``.

    ``CaptureUnreadable``, ``NotACapture`` or ``CaptureDamaged`` (nothing of its
    header is readable), each with the path and what was expected.
    """
    name = str(path)
    window = Window(PlainFile(name), limits.chunk_bytes)
    try:
        return _recognise(name, window, limits)
    except BaseException:
        window.stream.close()
        raise


def _recognise(name: str, window: Window, limits: Limits) -> Source:
    """The reader for what the first octets say, after decompression where they say that."""
    magic = window.peek(MAGIC_BYTES)
    if window.failure:
        raise window.failure
    inside, method = "", method_of(magic)
    if method:
        window = Window(Decompressed(name, method, window, limits), limits.chunk_bytes)
        magic = window.peek(MAGIC_BYTES)
        inside = f"inside its {method.name} compression "
        if window.failure and not magic:
            raise window.failure
    if not magic:
        raise NotACapture(f"{name}: {inside}is empty; expected a capture (pcap, pcapng)")
    if magic.startswith(PCAPNG_MAGIC):
        return PcapngReader(name, window, limits)
    if is_pcap(magic):
        return PcapReader(name, window, limits)
    raise NotACapture(
        f"{name}: {inside}begins with {magic[:4].hex()}, which is no capture that we know; expected pcap or pcapng"
    )


def read_frames(
    path: str | Path, wanted: Sequence[Wanted], *, limits: Limits = DEFAULT_LIMITS,
) -> dict[int, bytes]:
    """The octets of some frames of a capture that was read before, by frame number.

    One pass over the capture, which ends at the last of them.  ``CaptureDamaged``
    where a frame is no longer where it was.
    """
    missing = {want[0]: want[1] for want in wanted}
    found: dict[int, bytes] = {}
    batches = open_capture(path, limits=limits).batches()
    while missing:
        batch = next(batches, None)
        if batch is None:
            break
        for frame in [frame for frame in missing if 0 <= frame - batch.first_frame < len(batch)]:
            if batch.position[frame - batch.first_frame] == missing.pop(frame):
                found[frame] = batch.frame(frame - batch.first_frame)
    if len(found) < len({want[0] for want in wanted}):
        raise CaptureDamaged(f"{path}: changed since it was read: a frame is no longer where it was; analyze it again")
    return found
