"""Flows and claims as sightings: this MAC sent this packet to that MAC, first in this frame.

A sighting is the smallest thing a capture says about a network.  Millions of
flows collapse to a few hundred of them, so everything after this is plain Python.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.network.host import IPAddress
from analyzer.tables import ARP_REPLY, ARP_REQUEST, ND_ADVERT, ND_SOLICIT, AddressBook, Table

START_TTLS = frozenset({64, 128, 255})
"""A packet with one of these has passed no router yet."""

FROM_INITIATOR = ("syn", "syn2", "estab", "rst_i", "data_i")
FROM_RESPONDER = ("synack", "synack2", "rst_r", "data_r", "data_r2")


@dataclass(frozen=True, slots=True)
class Sighting:
    """One kind of packet between two MACs.  ``capture`` and ``frame`` are the first such; MAC "" is not known."""

    capture: int
    frame: int
    source: IPAddress
    destination: IPAddress
    source_mac: str
    destination_mac: str
    ttl: int
    first_ns: int = 0
    last_ns: int = 0

    @property
    def original(self) -> bool:
        """Sent by ``source`` itself, not forwarded: its time to live is still a start value."""
        return self.ttl in START_TTLS


@dataclass(frozen=True, slots=True)
class Claim:
    """``address`` is at ``mac``, said by ARP or neighbour discovery; ``sought`` is the address it asked for."""

    capture: int
    frame: int
    address: IPAddress
    mac: str
    sought: IPAddress | None = None


def sightings(tables: Iterable[Table], book: AddressBook) -> list[Sighting]:
    """Every different sighting, in the order of captures and frames."""
    found: dict[tuple[int, ...], Sighting] = {}
    for flows in tables:
        for prefixes, source, destination in (
            (FROM_INITIATOR, "initiator", "responder"), (FROM_RESPONDER, "responder", "initiator"),
        ):
            for prefix in prefixes:
                _collect(found, flows, prefix, (source, destination), book)
    return sorted(found.values(), key=lambda each: (each.capture, each.frame))


def _collect(
    found: dict[tuple[int, ...], Sighting], flows: Table, prefix: str, ends: tuple[str, str], book: AddressBook
) -> None:
    frames = flows[f"{prefix}_frame"]
    rows = np.flatnonzero(frames)
    if not len(rows):
        return
    names = ("capture", *ends, f"{prefix}_src_mac", f"{prefix}_dst_mac", f"{prefix}_ttl")
    columns = [flows[name][rows].astype(np.uint64) for name in names]
    times = flows[f"{prefix}_ns"][rows]
    for first, last in _each(columns, frames[rows]):
        key = tuple(int(column[first]) for column in columns)
        frame, known = int(frames[rows[first]]), found.get(key)
        begin, end = int(times[first]), int(times[last])
        if known is not None:
            frame, begin, end = min(frame, known.frame), min(begin, known.first_ns), max(end, known.last_ns)
        capture, source, destination, source_mac, destination_mac, ttl = key
        found[key] = Sighting(
            capture, frame, book.ip(source), book.ip(destination), book.text(source_mac),
            book.text(destination_mac), ttl, begin, end,
        )


def _each(columns: Sequence[NDArray[np.uint64]], frames: NDArray[np.generic]) -> Iterator[tuple[int, int]]:
    """The first and the last row (by frame) of rows alike (alike by a 64-bit mix of all columns)."""
    mixed = np.zeros(len(frames), dtype=np.uint64)
    for column in columns:
        mixed = (mixed ^ column) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    order = np.argsort(frames, kind="stable")
    _, first = np.unique(mixed[order], return_index=True)
    _, last = np.unique(mixed[order][::-1], return_index=True)
    yield from zip(order[first].tolist(), order[::-1][last].tolist(), strict=True)


def claims(tables: Iterable[Table], book: AddressBook) -> list[Claim]:
    """Who says that it has which address; a solicitation speaks for its sender."""
    found: list[Claim] = []
    for table in tables:
        for row in range(len(table["kind"])):
            kind, asker = int(table["kind"][row]), int(table["asker"][row])
            address, mac = int(table["ip"][row]), int(table["mac"][row])
            sought = asker if kind == ARP_REQUEST else 0
            if kind == ND_SOLICIT:
                address, sought = asker, address
            if kind not in (ARP_REQUEST, ARP_REPLY, ND_ADVERT, ND_SOLICIT) or not address or not mac:
                continue
            capture, frame = int(table["capture"][row]), int(table["first_frame"][row])
            owner = book.ip(address)
            if not owner.is_unspecified and not owner.is_multicast:
                found.append(Claim(capture, frame, owner, book.text(mac), book.ip(sought) if sought else None))
    return found
