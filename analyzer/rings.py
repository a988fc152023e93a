"""Rotated captures: what was found in a capture point's frames is cited by file, with the file's own frame numbers.

Frames of a point are numbered through while they are analyzed.  A reader opens
one file in Wireshark, so a Diagnosis has one ``Capture`` for each file.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from analyzer.diagnose.finding import Connection, Diagnosis, Evidence
from analyzer.diagnose.frames import frame_filter
from analyzer.reading import CaptureFile
from analyzer.units import FrameNo, UnixNs

Citing = TypeVar("Citing", Evidence, Connection)


def place(files: Sequence[CaptureFile], point: int, frame: int) -> tuple[int, int]:
    """The index of the file that holds a frame of a capture point, and the frame's number there."""
    mine = [index for index, file in enumerate(files) if file.point == point]
    index = mine[max(0, bisect_left([files[each].before for each in mine], frame) - 1)]
    return index, frame - files[index].before if frame else 0


def by_file(diagnosis: Diagnosis, files: Sequence[CaptureFile]) -> Diagnosis:
    """A diagnosis of capture points as one of files; the same one where each point is one file."""
    if len(files) <= len(diagnosis.captures):
        return diagnosis

    def moved(item: Citing) -> Citing:
        capture, frame = place(files, item.capture, item.frame)
        if isinstance(item, Evidence) and item.filter == frame_filter(item.frame):
            return replace(item, capture=capture, frame=FrameNo(frame), filter=frame_filter(frame))
        return replace(item, capture=capture, frame=FrameNo(frame))

    captures = tuple(
        replace(
            diagnosis.captures[file.point], path=file.read.path, frames=file.read.frames,
            first_ns=UnixNs(file.read.first_ns), last_ns=UnixNs(file.read.last_ns),
            warnings=tuple(file.read.warnings), packets=dict(file.read.packets),
        )
        for file in files
    )
    findings = tuple(
        replace(finding, evidence=tuple(moved(item) for item in finding.evidence)) for finding in diagnosis.findings
    )
    rows = tuple(moved(row) for row in diagnosis.connections)
    return replace(diagnosis, captures=captures, findings=findings, connections=rows)
