"""Where frames come from: the public names of this folder.

A capture is opened by ``open_capture``, or several that one vantage point made
one after the other by ``ChainedSource``; either is a ``Source`` of batches.
``read_frames`` shows single frames again.
"""

from __future__ import annotations

from pathlib import Path

from analyzer.capture.evidence import Wanted, read_frames
from analyzer.capture.interface import Comment, Interface, Source
from analyzer.capture.limits import DEFAULT_LIMITS, Limits
from analyzer.capture.recognize import open_reader
from analyzer.capture.records import NOT_A_PACKET
from analyzer.capture.rotated import ChainedSource

__all__ = [
    "DEFAULT_LIMITS", "NOT_A_PACKET", "ChainedSource", "Comment", "Interface", "Limits", "Source", "Wanted",
    "open_capture", "read_frames",
]


def open_capture(path: str | Path, *, limits: Limits = DEFAULT_LIMITS, prompt: bool = False) -> Source:
    """A capture file, a FIFO, or standard input for ``-``.

    ``prompt`` hands on what a pipe gives as soon as it comes, for captures that
    are still being made.  ``CaptureUnreadable``, ``NotACapture`` or
    ``CaptureDamaged`` (nothing of its header is readable), each with the path and
    what was expected.
    """
    return open_reader(path, limits, prompt=prompt)
