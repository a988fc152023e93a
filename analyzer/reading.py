"""Captures to columns: every file opened, decoded, tracked, batch by batch, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from analyzer.balance.mapping import Mapping
from analyzer.balance.vantage import declared_role
from analyzer.capture.source import Source, open_capture
from analyzer.diagnose.evidence import Observed
from analyzer.diagnose.overview import CaptureRead
from analyzer.errors import CaptureError
from analyzer.flow.events import EventCollector
from analyzer.flow.tracker import FlowTracker
from analyzer.tables import KINDS, OK, AddressBook, PacketTable
from analyzer.wire.decode import Decoder


@dataclass(slots=True)
class Read:
    """What the captures gave: tables for the evidence, and what is said about the captures themselves."""

    observed: Observed
    captures: list[CaptureRead] = field(default_factory=list)
    warnings: tuple[str, ...] = ()
    compiled: bool = True


def named(argument: str | Path) -> tuple[str, str, bool]:
    """``client=a.pcap`` as (vantage, path, named by the user); a path alone goes by its file name without endings.

    An existing file wins over the reading as ``name=path``.
    """
    text = str(argument)
    vantage, separator, path = text.partition("=")
    if separator and vantage and "/" not in vantage and not Path(text).exists():
        return vantage, path, True
    return ("stdin" if text == "-" else Path(text).name.split(".")[0] or text), text, False


def read_captures(arguments: Iterable[str | Path], mapping: Mapping) -> Read:
    """Every capture, one after the other, into one set of tables with one address book."""
    book = AddressBook()
    decoder = Decoder(book)
    read = Read(Observed([], [], [], book, mapping))
    flows, claims, icmp = [], [], []
    names: list[str] = []
    compiled = decoder.compiled
    for number, argument in enumerate(arguments):
        vantage, path, by_user = named(argument)
        source = open_capture(path)
        tracker = FlowTracker(number, book)
        events = EventCollector(number)
        summary = CaptureRead(path=path, vantage=vantage, role=declared_role(vantage) if by_user else "")
        names.append(vantage if by_user else "")
        for batch in source.batches():
            packets = decoder.decode(batch)
            tracker.feed(packets)
            events.feed(packets)
            _count(summary, packets)
        _close(summary, source, tracker)
        read.captures.append(summary)
        flows.append(tracker.finish())
        claims.append(events.claims())
        icmp.append(events.icmp())
        compiled &= tracker.compiled
    if not read.captures:
        raise CaptureError("no capture was given; expected at least one pcap or pcapng file, or - for standard input")
    read.observed.flows, read.observed.claims, read.observed.icmp = flows, claims, icmp
    read.observed.vantages = names
    read.compiled = compiled
    return read


def _count(summary: CaptureRead, packets: PacketTable) -> None:
    """Adds one batch to what is said of its capture."""
    if not len(packets):
        return
    columns = packets.columns
    decoded = columns["verdict"] == OK
    kinds = np.bincount(columns["kind"][decoded], minlength=len(KINDS))
    for kind, count in zip(KINDS, kinds.tolist(), strict=True):
        if count:
            summary.packets[kind] = summary.packets.get(kind, 0) + count
    undecoded = int(len(packets) - decoded.sum())
    if undecoded:
        summary.packets["undecoded"] = summary.packets.get("undecoded", 0) + undecoded
    times = columns["time_ns"]
    first, last = int(times.min()), int(times.max())
    summary.first_ns = first if summary.frames == 0 else min(summary.first_ns, first)
    summary.last_ns = last if summary.frames == 0 else max(summary.last_ns, last)
    summary.frames += len(packets)


def _close(summary: CaptureRead, source: Source, tracker: FlowTracker) -> None:
    """What is known of a capture only at its end: damage, drops, evictions."""
    summary.warnings.extend(source.warnings)
    for interface in source.interfaces:
        if interface.drops:
            name = f" {interface.name}" if interface.name else ""
            summary.warnings.append(f"the capturing interface{name} dropped {interface.drops} packets")
    if tracker.evicted:
        summary.warnings.append(f"{tracker.evicted} connections were let go early: too many were open at once")
