"""A ladder, lines of packet text, as the captures that several vantage points would have made of it.

So rule documents and tests run through the real decoder.
"""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import dedent

import numpy as np

from analyzer.errors import ConfigSyntaxError
from analyzer.tables import Batch
from analyzer.wire.compose import frame
from analyzer.wire.packet import Packet
from analyzer.wire.text import parse

__all__ = ["batch", "batches", "frame", "ladder", "packets"]

ETHERNET = 1

Frames = list[tuple[int, bytes]]
"""Time in ns, octets."""


def packets(text: str, source: str = "ladder") -> list[Packet]:
    """The packets of a ladder, in its order; empty lines and lines that begin with ``#`` are passed over.

    Raises one ``ConfigSyntaxError`` that holds every line that could not be read,
    each with ``source``, line and column.
    """
    found: list[Packet] = []
    problems: list[str] = []
    for number, line in enumerate(dedent(text).splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            found.append(parse(line, f"{source}:{number}"))
        except ConfigSyntaxError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigSyntaxError(problems)
    return found


def ladder(text: str, source: str = "ladder") -> dict[str, Frames]:
    """Frames by vantage point, in the ladder's order; lines without ``@`` belong to the vantage point ""."""
    points: dict[str, Frames] = {}
    for packet in packets(text, source):
        points.setdefault(packet.vantage, []).append((packet.time_ns, frame(packet)))
    return points


def batches(text: str, source: str = "ladder") -> dict[str, Batch]:
    """One batch of Ethernet frames for each vantage point of a ladder."""
    return {point: batch(frames) for point, frames in ladder(text, source).items()}


def batch(frames: Iterable[tuple[int, bytes]], link_type: int = ETHERNET, first_frame: int = 1) -> Batch:
    """Whole frames as a batch; positions count the octets before each."""
    listed = list(frames)
    sizes = np.array([len(octets) for _, octets in listed], dtype=np.uint32)
    start = np.zeros(len(listed), dtype=np.int64)
    start[1:] = np.cumsum(sizes[:-1], dtype=np.int64)
    return Batch(
        octets=np.frombuffer(b"".join(octets for _, octets in listed), dtype=np.uint8),
        start=start,
        captured_bytes=sizes,
        wire_bytes=sizes.copy(),
        time_ns=np.array([time_ns for time_ns, _ in listed], dtype=np.int64),
        link_type=np.full(len(listed), link_type, dtype=np.uint16),
        interface=np.zeros(len(listed), dtype=np.uint16),
        position=start.copy(),
        first_frame=first_frame,
    )
