"""What a number counts, and where a fact was read.  Imports nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

UnixNs = NewType("UnixNs", int)
"""An instant: nanoseconds since 1970-01-01T00:00:00Z.  Never a float."""

DurationNs = NewType("DurationNs", int)
"""A length of time in nanoseconds."""

FrameNo = NewType("FrameNo", int)
"""A frame's number in its capture, from 1, as Wireshark counts."""

SECOND_NS = 1_000_000_000
"""Nanoseconds in a second."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a fact was read: the file as the user named it, and the line (from 1; 0 = the whole file)."""

    source: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" if self.line else self.source
