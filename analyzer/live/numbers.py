"""Frame numbers of a diagnosis, moved: a window's own, the whole run's, those of the saved file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from analyzer.diagnose.finding import Diagnosis, Evidence, Finding
from analyzer.diagnose.frames import frame_filter
from analyzer.units import FrameNo

Move = Callable[[int], int]


def renumbered(diagnosis: Diagnosis, move: Move) -> Diagnosis:
    """The same diagnosis with every frame number moved; 0 ("none") stays."""
    return replace(
        diagnosis,
        findings=tuple(moved(finding, move) for finding in diagnosis.findings),
        connections=tuple(
            replace(row, frame=FrameNo(move(row.frame))) if row.frame else row for row in diagnosis.connections
        ),
    )


def moved(finding: Finding, move: Move) -> Finding:
    """One finding."""
    return replace(finding, evidence=tuple(_evidence(item, move) for item in finding.evidence))


def _evidence(item: Evidence, move: Move) -> Evidence:
    if not item.frame:
        return item
    frame = move(item.frame)
    own = item.filter == frame_filter(item.frame)
    return replace(item, frame=FrameNo(frame), filter=frame_filter(frame) if own else item.filter)
