"""The ring as one pcapng file: cited frames that have left it, then what it holds; each cited frame with a comment.

The frame numbers of a diagnosis become those of the file, which a reader opens
in Wireshark.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO

from analyzer.capture.source import Interface
from analyzer.capture.write import Frame, interface_block, packet_block, section_block
from analyzer.clean import clean
from analyzer.diagnose.finding import Diagnosis
from analyzer.live.kept.ring import Ring, Segment
from analyzer.live.numbers import renumbered
from analyzer.live.points import Points
from analyzer.report.output import write_file
from analyzer.units import FrameNo

PIECE = 1 << 20


def save(ring: Ring, points: Points, diagnosis: Diagnosis, path: str, *, force: bool) -> Diagnosis:
    """Write the file; the same diagnosis with the file's name and numbers.

    ``OutputError`` where it cannot be written: the ring is still there.
    """
    ring.close()
    comments = _comments(diagnosis)
    file = str(path)
    write_file(file, lambda out: _write(ring, points, comments, out), force=force)
    earlier = sorted(ring.kept)
    first = ring.first

    def number(frame: int) -> int:
        if first and frame >= first:
            return frame - first + 1 + len(earlier)
        place = bisect_left(earlier, frame)
        return place + 1 if place < len(earlier) and earlier[place] == frame else 0

    captures = tuple(replace(capture, path=file) for capture in diagnosis.captures)
    found = renumbered(replace(diagnosis, captures=captures), number)
    return replace(found, findings=tuple(
        replace(finding, evidence=tuple(
            item if item.frame else replace(item, filter="", frame=FrameNo(0)) for item in finding.evidence
        )) for finding in found.findings
    ))


def _comments(diagnosis: Diagnosis) -> Mapping[int, str]:
    """What each cited frame says, by frame."""
    found: dict[int, str] = {}
    for finding in diagnosis.findings:
        for item in finding.evidence:
            if item.frame:
                says = f"{finding.rule} {finding.name}: {item.says}"
                found[item.frame] = f"{found[item.frame]}\n{says}" if item.frame in found else says
    return found


def _write(ring: Ring, points: Points, comments: Mapping[int, str], out: IO[bytes]) -> None:
    out.write(section_block("captured by replypath live"))
    for point in points.all:
        out.write(interface_block(Interface(point.link_type, snap_length=0, name=clean(point.read.vantage))))
    for frame in sorted(ring.kept):
        out.write(_commented(ring.kept[frame], comments.get(frame, "")))
    for segment in ring.segments:
        for piece in _pieces(segment, comments):
            out.write(piece)


def _pieces(segment: Segment, comments: Mapping[int, str]) -> Iterator[bytes]:
    """A segment's octets, with comments put in."""
    cited = sorted(frame for frame in comments if segment.first <= frame < segment.first + segment.frames)
    starts = segment.starts()
    with Path(segment.path).open("rb") as held:
        at = 0
        for frame in cited:
            begin, end = (int(starts[frame - segment.first + more]) for more in (0, 1))
            while at < begin:
                piece = held.read(min(PIECE, begin - at))
                at += len(piece)
                yield piece
            yield _commented(held.read(end - begin), comments[frame])
            at = end
        while at < segment.octets:
            piece = held.read(min(PIECE, segment.octets - at))
            at += len(piece)
            yield piece


def _commented(block: bytes, comment: str) -> bytes:
    """The same packet block with a comment."""
    if not comment:
        return block
    interface, high, low, captured, wire = struct.unpack_from("<IIIII", block, 8)
    octets = block[28 : 28 + captured]
    return packet_block(Frame(octets, high << 32 | low, interface, clean(comment), wire))
