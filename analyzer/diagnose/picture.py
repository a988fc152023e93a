"""The handshake as a picture: hosts as columns, packets as arrows."""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.units import UnixNs


@dataclass(frozen=True, slots=True)
class LadderEvent:
    """One arrow of the ladder: who to whom, what, and whether it went wrong.

    ``sender`` and ``receiver`` are indexes into ``Ladder.hosts``; ``outcome`` is
    "ok", "stray" (the reply that skips the balancer), "rejected" or "lost".
    """

    time_ns: UnixNs
    sender: int
    receiver: int
    text: str
    outcome: str
    evidence: int | None           # index into Finding.evidence


@dataclass(frozen=True, slots=True)
class LadderHost:
    """One column of the ladder: ``kind`` is client, balancer, server, router or other."""

    kind: str
    name: str
    address: str
    mac: str = ""


@dataclass(frozen=True, slots=True)
class Ladder:
    """The handshake as a picture: hosts as columns, packets as arrows."""

    hosts: tuple[LadderHost, ...] = ()
    events: tuple[LadderEvent, ...] = ()
