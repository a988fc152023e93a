"""One shard of one capture point, followed through all parts in their order: rows of FLOWS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from analyzer.flow.merge import LOOSE
from analyzer.flow.timeouts import DEFAULT, Limits
from analyzer.flow.tracker import FlowTracker
from analyzer.scale.shards import joined
from analyzer.tables import AddressBook, PacketTable, Table, empty

FIRST_FRAME = "first_frame"
"""Column beside those of FLOWS: the frame number of each flow's first packet."""


@dataclass(slots=True)
class Numbering:
    """What turns a part's numbers into those of the capture point: its number for each of the part's."""

    addresses: NDArray[np.uint32]
    tunnels: NDArray[np.uint32]
    interfaces: NDArray[np.uint16]
    frames_before: int
    position: int


@dataclass(slots=True)
class Piece:
    """A segment of a part.

    ``where`` and ``numbering`` are what the keeper of the run gave back for the
    segment's columns and for the part's ``Numbering``.  ``extra`` holds later
    fragments whose first is in a part before: the point's numbers, and a column
    ``shard``.
    """

    where: object
    begins: list[int]
    numbering: object
    extra: Table = field(default_factory=dict)


Load = Callable[[object], object]
"""Brings a segment's columns, or a ``Numbering``, from where it was put."""


def follow(
    pieces: Sequence[Piece], shard: int | None, capture: int, load: Load, limits: Limits = DEFAULT,
) -> tuple[Table, int, bool]:
    """FLOWS and ``first_frame`` of one shard (None: of all shards at once), flows let go early, whether compiled.

    Flows are numbered within the shard.
    """
    tracker = FlowTracker(capture, AddressBook(), limits)
    for packets in _packets(pieces, shard, load):
        tracker.feed(PacketTable(packets, 0))
    frames = tracker.first_frames()
    evicted, compiled = tracker.evicted, tracker.compiled
    return {**tracker.finish(), FIRST_FRAME: frames}, evicted, compiled


def _packets(pieces: Sequence[Piece], shard: int | None, load: Load) -> Iterator[Table]:
    for piece in pieces:
        low, high = (0, len(piece.begins) - 1) if shard is None else (shard, shard + 1)
        begin, end = piece.begins[low], piece.begins[high]
        tables: list[Table] = []
        if end > begin:
            packets, numbering = load(piece.where), load(piece.numbering)
            assert isinstance(packets, dict)
            assert isinstance(numbering, Numbering)
            tables.append(renumbered({name: packets[name][begin:end] for name in LOOSE}, numbering))
        if piece.extra:
            mine = np.ones(len(piece.extra["shard"]), bool) if shard is None else piece.extra["shard"] == shard
            tables.append({name: piece.extra[name][mine] for name in LOOSE})
        made = joined(tables, list(LOOSE), empty(LOOSE)) if len(tables) != 1 else tables[0]
        if len(made["frame"]):
            if piece.extra or shard is None:
                order = np.argsort(made["frame"], kind="stable")
                made = {name: column[order] for name, column in made.items()}
            yield made


def renumbered(packets: Table, by: Numbering) -> Table:
    """Columns of ``LOOSE`` (or some of them) with the point's numbers."""
    made = dict(packets)
    if "interface" in packets and (by.interfaces.any() or len(by.interfaces) > 1):
        made["interface"] = by.interfaces[packets["interface"]]
    if "position" in packets and by.position:
        made["position"] = packets["position"] + by.position
    for name in ("src", "dst", "src_mac", "dst_mac"):
        made[name] = by.addresses[packets[name]]
    if len(by.tunnels) > 1:
        made["tunnel"] = by.tunnels[packets["tunnel"]]
    made["frame"] = (packets["frame"].astype(np.int64) + by.frames_before).astype(np.uint32)
    return made
