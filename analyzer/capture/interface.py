"""What a capture is to everybody else: a source of batches, with interfaces, comments and warnings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from analyzer.tables import Batch

_RAW_ALIASES = {12: 101, 14: 101}   # DLT_RAW of Linux and the BSDs, of OpenBSD: files hold them too


def plain_link_type(number: int) -> int:
    """The LINKTYPE_ value for what stands in a file, where raw IP goes by three numbers."""
    return _RAW_ALIASES.get(number, number)


class Comment(NamedTuple):
    """What somebody wrote into the capture.  ``frame`` is 0 where it is about the section or an interface."""

    frame: int
    text: str


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface block of pcapng, or the file header of pcap.

    ``drops`` counts packets that the capturing side lost (interface statistics,
    or else drop counts of packets); None where the file does not say.
    """

    link_type: int
    """LINKTYPE_ value."""
    snap_length: int = 0
    """Octets kept of a frame; 0 = no limit."""
    name: str = ""
    description: str = ""
    capture_filter: str = ""
    system: str = ""
    """Operating system of the machine that captured."""
    ticks_per_second: int = 1_000_000
    """Resolution of its time stamps."""
    offset_seconds: int = 0
    """Added to its time stamps."""
    fcs_bytes: int | None = None
    """Frame check sequence at the end of each frame; None = not said."""
    received: int | None = None
    """Packets that the interface received, by its statistics."""
    drops: int | None = None
    section: int = 0
    """Which section of the file described it, from 0."""


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

    def close(self) -> None:
        """Give the file back, where ``batches`` is not read to its end."""

    def locate(self, frame: int) -> tuple[str, int]:
        """The file that holds a frame, and the frame's number in that file."""

    def batches(self) -> Iterator[Batch]:
        """The frames.  ``CaptureError`` where nothing is readable or a limit ends the reading."""
