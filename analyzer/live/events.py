"""What a live run says while it runs: values, which lines, JSON or a dashboard show in their own ways."""

from __future__ import annotations

from dataclasses import dataclass, field

from analyzer.diagnose.finding import Diagnosis, Finding, Service
from analyzer.units import UnixNs


@dataclass(frozen=True, slots=True)
class Began:
    """The run has begun: what is captured where, and by what."""

    time_ns: UnixNs
    points: tuple[str, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A fault is announced: ``news`` is new, changed or again; ``reason`` says what changed.

    ``waited_ns`` is from the first packet of the reply that proves it (or of the
    connection) by the packets' clock to the announcement by ours.
    """

    time_ns: UnixNs
    news: str
    number: int
    finding: Finding
    reason: str = ""
    waited_ns: int = 0


@dataclass(frozen=True, slots=True)
class Mended:
    """New connections of a fault's clients to its service succeed, and none has failed since."""

    time_ns: UnixNs
    number: int
    finding: Finding
    connections: int
    since_ns: UnixNs


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence about the run itself: a tap that ended, a disk that is full."""

    time_ns: UnixNs
    sentence: str


@dataclass(frozen=True, slots=True)
class Summary:
    """An hour of a run that goes on for days."""

    time_ns: UnixNs
    seconds: int
    frames: int
    connections: dict[str, int]
    findings: tuple[tuple[str, int], ...]


Event = Began | Found | Mended | Said | Summary


@dataclass(slots=True)
class Known:
    """One fault over the whole run, as the dashboard and the metrics show it."""

    number: int
    finding: Finding
    connections: int
    mended: int = 0
    """Connections that have succeeded since the last that failed."""


@dataclass(slots=True)
class Status:
    """How the run stands: a few numbers, several times a second."""

    elapsed_s: float = 0.0
    frames: int = 0
    rate: float = 0.0
    lost: int = 0
    flows: int = 0
    live: int = 0
    points: list[tuple[str, int]] = field(default_factory=list)
    services: tuple[Service, ...] = ()
    connections: dict[str, int] = field(default_factory=dict)
    known: list[Known] = field(default_factory=list)
    diagnosis: Diagnosis | None = None
    waiting: int = 0
    kept_bytes: int = 0
