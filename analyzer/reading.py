"""Captures to columns: every file opened, decoded, tracked, batch by batch, in bounded memory."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analyzer.balance.mapping import Mapping
from analyzer.balance.vantage import declared_role
from analyzer.capture.ahead import ahead, worth_it
from analyzer.capture.source import NOT_A_PACKET, ChainedSource, Source, open_capture
from analyzer.diagnose.evidence import Observed
from analyzer.diagnose.overview import CaptureRead
from analyzer.errors import CaptureError
from analyzer.flow.events import EventCollector
from analyzer.flow.tracker import FlowTracker
from analyzer.tables import KINDS, OK, AddressBook, PacketTable
from analyzer.wire.decode import Decoder


@dataclass(slots=True)
class CaptureFile:
    """One file of a capture point: its frames are the point's, numbered from ``before`` + 1 on."""

    point: int                     # index into Read.captures
    read: CaptureRead
    before: int = 0
    timed: bool = False            # a packet with a time of its own was read


@dataclass(slots=True)
class Read:
    """What the captures gave: tables for the evidence, and what is said about the captures themselves.

    ``captures`` are the capture points, which the tables' ``capture`` columns
    number; ``files`` the files that they were read from, more than one where a
    capture was rotated.
    """

    observed: Observed
    captures: list[CaptureRead] = field(default_factory=list)
    warnings: tuple[str, ...] = ()
    compiled: bool = True
    files: list[CaptureFile] = field(default_factory=list)
    tunnels: list[str] = field(default_factory=lambda: [""])   # tunnel paths as text, by the ``tunnel`` columns' ids


def named(argument: str | Path) -> tuple[str, str, bool]:
    """``client=a.pcap`` as (vantage, path, named by the user); a path alone goes by its file name without endings.

    An existing file wins over the reading as ``name=path``.
    """
    text = str(argument)
    vantage, separator, path = text.partition("=")
    if separator and vantage and "/" not in vantage and not Path(text).exists():
        return vantage, path, True
    return ("stdin" if text == "-" else Path(text).name.split(".")[0] or text), text, False


def points(arguments: Iterable[str | Path]) -> list[tuple[str, list[str], bool]]:
    """The arguments as (vantage, paths, named by the user): a name that comes again is the same point's next file."""
    found: list[tuple[str, list[str], bool]] = []
    by_name: dict[str, list[str]] = {}
    for argument in arguments:
        vantage, path, by_user = named(argument)
        if by_user and vantage in by_name:
            by_name[vantage].append(path)
            continue
        paths = [path]
        found.append((vantage, paths, by_user))
        if by_user:
            by_name[vantage] = paths
    return found


def read_captures(arguments: Iterable[str | Path], mapping: Mapping) -> Read:
    """Every capture point, one after the other, into one set of tables with one address book."""
    book = AddressBook()
    decoder = Decoder(book)
    read = Read(Observed([], [], [], book, mapping))
    flows, claims, icmp = [], [], []
    names: list[str] = []
    compiled = decoder.compiled
    for number, (vantage, paths, by_user) in enumerate(points(arguments)):
        source = open_capture(paths[0]) if len(paths) == 1 else ChainedSource(paths)
        tracker = FlowTracker(number, book)
        events = EventCollector(number)
        role = declared_role(vantage) if by_user else ""
        ordered = source.paths if isinstance(source, ChainedSource) else paths
        files = {path: CaptureFile(number, CaptureRead(path, vantage, role=role)) for path in ordered}
        names.append(vantage if by_user else "")
        steps = decoded(source, decoder)
        with closing(ahead(steps) if decoder.compiled and worth_it(paths) else steps) as batches:
            for packets, timed, path in batches:
                tracker.feed(packets)
                events.feed(packets)
                count(files[path], packets, timed)
        for each in files.values():
            each.read.packets = in_order(each.read.packets)
        _close(list(files.values()), source, tracker)
        read.files.extend(files.values())
        read.captures.append(whole_point(list(files.values())))
        flows.append(tracker.finish())
        claims.append(events.claims())
        icmp.append(events.icmp())
        compiled &= tracker.compiled
    if not read.captures:
        raise CaptureError("no capture was given; expected at least one pcap or pcapng file, or - for standard input")
    read.observed.flows, read.observed.claims, read.observed.icmp = flows, claims, icmp
    read.observed.vantages = names
    read.compiled = compiled
    read.tunnels = decoder.tunnels
    return read


def decoded(source: Source, decoder: Decoder) -> Generator[tuple[PacketTable, NDArray[np.bool_], str], None, None]:
    """The packets of a capture, batch by batch: decoded, which of them have a time, and the file that holds them."""
    for batch in source.batches():
        yield decoder.decode(batch), batch.link_type != NOT_A_PACKET, source.locate(batch.first_frame)[0]


def count(file: CaptureFile, packets: PacketTable, timed: NDArray[np.bool_]) -> None:
    """Adds one batch to what is said of its file.  Rows that are not ``timed`` are no packets and have no time."""
    summary = file.read
    if not len(packets):
        return
    columns = packets.columns
    decoded = columns["verdict"] == OK
    undecoded = len(packets) - int(np.count_nonzero(decoded))
    kinds = np.bincount(columns["kind"][decoded] if undecoded else columns["kind"], minlength=len(KINDS))
    for kind, count in zip(KINDS, kinds.tolist(), strict=True):
        if count:
            summary.packets[kind] = summary.packets.get(kind, 0) + count
    if undecoded:
        summary.packets["undecoded"] = summary.packets.get("undecoded", 0) + undecoded
    summary.frames += len(packets)
    if not timed.any():
        return
    times = columns["time_ns"] if timed.all() else columns["time_ns"][timed]
    first, last = int(times.min()), int(times.max())
    summary.first_ns = min(summary.first_ns, first) if file.timed else first
    summary.last_ns = max(summary.last_ns, last) if file.timed else last
    file.timed = True


def in_order(packets: dict[str, int]) -> dict[str, int]:
    """Counts by kind in the order of ``KINDS``, wherever the batches were cut."""
    return {kind: packets[kind] for kind in (*KINDS, "undecoded") if kind in packets}


def _close(files: list[CaptureFile], source: Source, tracker: FlowTracker) -> None:
    """What is known of a capture only at its end: damage, drops, evictions, and how many frames came before a file."""
    for former, file in pairwise(files):
        file.before = former.before + former.read.frames
    first = files[0].read
    for warning in source.warnings:
        of = next((file.read for file in files if warning.startswith(f"{file.read.path}:")), first)
        of.warnings.append(warning)
    for interface in source.interfaces:
        if interface.drops:
            name = f" {interface.name}" if interface.name else ""
            first.warnings.append(f"the capturing interface{name} dropped {interface.drops} packets")
    if tracker.evicted:
        first.warnings.append(f"{tracker.evicted} connections were let go early: too many were open at once")


def whole_point(files: list[CaptureFile]) -> CaptureRead:
    """A capture point as a whole."""
    if len(files) == 1:
        return files[0].read
    whole = CaptureRead(", ".join(file.read.path for file in files), files[0].read.vantage, role=files[0].read.role)
    whole.frames = sum(file.read.frames for file in files)
    timed = [file.read for file in files if file.timed]
    whole.first_ns = min((each.first_ns for each in timed), default=0)
    whole.last_ns = max((each.last_ns for each in timed), default=0)
    for file in files:
        whole.warnings.extend(file.read.warnings)
        for kind, count in file.read.packets.items():
            whole.packets[kind] = whole.packets.get(kind, 0) + count
    whole.packets = in_order(whole.packets)
    return whole
