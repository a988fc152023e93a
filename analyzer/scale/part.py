"""One part of one file, read and decoded by itself: packets divided into shards, and all that is said of the part.

Nothing here depends on the other parts.  Addresses and tunnel paths are numbered
in the order in which this part meets them, frames from 1; ``assemble`` gives
them the numbers that they have in the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from analyzer.capture.carried import Carried
from analyzer.capture.interface import Interface
from analyzer.capture.limits import DEFAULT_LIMITS, Limits
from analyzer.capture.parts import Part, open_part
from analyzer.capture.source import NOT_A_PACKET, Source, open_capture
from analyzer.diagnose.overview import CaptureRead
from analyzer.errors import CaptureDamaged
from analyzer.flow.events import EventCollector
from analyzer.flow.timeouts import FRAGMENT_FRAMES
from analyzer.flow.tracker import FlowTracker
from analyzer.reading import CaptureFile, count
from analyzer.scale.loose import LOOSE
from analyzer.scale.shards import UNDECIDED, Sharder, by_shard, joined, late
from analyzer.tables import AddressBook, Batch, Table, empty
from analyzer.units import UnixNs
from analyzer.version import VERSION
from analyzer.wire.decode import Decoder

SEGMENT_FRAMES = 400_000
"""Frames that are divided at once: 84 octets each are held in memory."""
EVENTS = 2_000_000
"""Different claims and ICMP events of a part: more than a part of the usual size can hold."""
NEVER = -(2**63)


@dataclass(frozen=True, slots=True)
class Span:
    """What is to be read: the records of ``path`` that begin in ``[begin, stop)``, or all of it where ``whole``."""

    path: str
    shards: int
    begin: int = 0
    stop: int = 0
    whole: bool = True
    carried: Carried | None = None


@dataclass(slots=True)
class Segment:
    """Packets of some hundred thousand frames: ``where`` holds their columns, by shard.

    ``where`` is what the writer of the run gave back: a path, or the table itself.
    Shard ``s`` stands in the rows from ``begins[s]`` to ``begins[s + 1]``.
    """

    where: object
    begins: list[int]


@dataclass(slots=True)
class PartRead:
    """All that a part says.  ``capture`` columns are 0; ids, frames and positions are the part's own."""

    span: Span
    version: str = VERSION
    worker: str = ""       # of a cluster, that read it
    compiled: bool = True
    began: int | None = None
    tidy: bool = True
    carried: Carried = field(default_factory=Carried)
    summary: CaptureRead = field(default_factory=lambda: CaptureRead("", ""))
    timed: bool = False
    packed: list[bytes] = field(default_factory=list)
    tunnels: list[str] = field(default_factory=list)
    interfaces: list[Interface] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    claims: Table = field(default_factory=dict)
    icmp: Table = field(default_factory=dict)
    dropped: int = 0
    first_ns: UnixNs | None = None        # of the first frame
    latest_ns: int = NEVER                # of the packets that are followed
    earliest_ns: int = 2**63 - 1
    late: bool = False
    head: list[Table] = field(default_factory=list)    # later fragments whose first may be in a part before
    tail: Table = field(default_factory=dict)          # what later fragments in the next part may belong to
    end_position: int = 0                 # behind the last frame's octets, plus one
    end_ns: int = 0                       # the latest frame of the file
    damaged: CaptureDamaged | None = None  # nothing of it is readable


Keep = Callable[[Table], object]
"""Puts a segment's columns somewhere, and says where."""
Told = Callable[[int], None]
"""Is told now and then how many octets of the file on disk have been used up."""


def nobody(octets: int) -> None:
    """Nobody wants to know."""
    del octets


def read_part(span: Span, keep: Keep, told: Told = nobody, limits: Limits = DEFAULT_LIMITS,
              segment_frames: int = SEGMENT_FRAMES) -> PartRead:
    """Read one part; errors as ``source.open_capture``, but that a part that is all damage says so."""
    source: Source
    try:
        if span.whole:
            source = open_capture(span.path, limits=limits)
        else:
            source = open_part(span.path, span.begin, span.stop, limits, carried=span.carried)
        return _read(source, PartRead(span), keep, told, segment_frames)
    except CaptureDamaged as error:
        return PartRead(span, damaged=error)


def _read(source: Source, read: PartRead, keep: Keep, told: Told, segment_frames: int) -> PartRead:
    book = AddressBook()
    decoder = Decoder(book)
    events = EventCollector(0, EVENTS)
    sharder = Sharder(book.packed, read.span.shards)
    file = CaptureFile(0, read.summary)
    before = read.span.carried.frames if read.span.carried else 0
    pending: list[tuple[Table, list[int]]] = []
    frames = 0
    for batch in _own_numbers(source.batches(), before):
        packets = decoder.decode(batch)
        events.feed(packets)
        count(file, packets, batch.link_type != NOT_A_PACKET)
        _note(read, batch)
        divided, shard = sharder.divide(packets)
        is_late, latest = late(divided["time_ns"].astype(np.int64), read.latest_ns)
        read.late, read.latest_ns = read.late or is_late, latest
        if len(divided["time_ns"]):
            read.earliest_ns = min(read.earliest_ns, int(divided["time_ns"].min()))
        if len(shard):
            pending.append(_by_shard(divided, shard, read))
        frames += len(batch)
        if frames >= segment_frames:
            read.segments.append(_segment(pending, read.span.shards, keep))
            pending, frames = [], 0
            told(_octets_read(source))
    if pending:
        read.segments.append(_segment(pending, read.span.shards, keep))
    read.timed = file.timed
    read.packed, read.tunnels = book.packed, decoder.tunnels
    read.claims, read.icmp, read.dropped = events.claims(), events.icmp(), events.dropped
    read.tail = sharder.last_frames()
    read.interfaces, read.warnings = source.interfaces, list(source.warnings)
    read.compiled = decoder.compiled and FlowTracker(0, book).compiled
    if isinstance(source, Part):
        read.began, read.tidy, read.carried = source.began, source.tidy, source.carried()
    else:
        read.carried = Carried(frames=source.frames)
    return read


def _octets_read(source: Source) -> int:
    """Of a compressed file the compressed octets."""
    return int(getattr(getattr(source, "stream", None), "offset", 0))


def _by_shard(packets: Table, shard: NDArray[np.int64], read: PartRead) -> tuple[Table, list[int]]:
    """The packets by shard, without fragments that belong nowhere; those that may belong to a part before stand by."""
    lost = shard == UNDECIDED
    if lost.any():
        early = lost & (packets["frame"].astype(np.int64) <= FRAGMENT_FRAMES)
        if early.any():
            read.head.append({name: column[early] for name, column in packets.items()})
        packets, shard = {name: column[~lost] for name, column in packets.items()}, shard[~lost]
    table, begins = by_shard(packets, shard, read.span.shards)
    return table, begins.tolist()


def _own_numbers(batches: Iterator[Batch], before: int) -> Iterator[Batch]:
    """Frames numbered from 1, whatever the reader carried over."""
    for batch in batches:
        if before:
            yield Batch(batch.octets, batch.start, batch.captured_bytes, batch.wire_bytes, batch.time_ns,
                        batch.link_type, batch.interface, batch.position, batch.first_frame - before)
        else:
            yield batch


def _note(read: PartRead, batch: Batch) -> None:
    """What is to be known of the frames at the part's ends."""
    if read.first_ns is None:
        read.first_ns = UnixNs(int(batch.time_ns[0]))
        read.end_ns = int(batch.time_ns.max())
    read.end_ns = max(read.end_ns, int(batch.time_ns.max()))
    read.end_position = int(batch.position[-1]) + int(batch.captured_bytes[-1]) + 1


def _segment(pending: list[tuple[Table, list[int]]], shards: int, keep: Keep) -> Segment:
    """Batches that are each sorted by shard, as one table sorted by shard."""
    pieces: list[Table] = []
    begins = [0]
    for which in range(shards):
        rows = 0
        for table, edges in pending:
            low, high = edges[which], edges[which + 1]
            if high > low:
                pieces.append({name: column[low:high] for name, column in table.items()})
                rows += high - low
        begins.append(begins[-1] + rows)
    return Segment(keep(joined(pieces, list(LOOSE), empty(LOOSE))), begins)
