"""One shard of one capture point, followed through all parts in their order: rows of FLOWS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from analyzer.flow.timeouts import DEFAULT, Limits
from analyzer.flow.tracker import FlowTracker
from analyzer.scale.loose import LOOSE
from analyzer.scale.shards import joined
from analyzer.tables import FLOWS, AddressBook, Column, PacketTable, Table, empty

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


class Loader(Protocol):
    """Brings what was kept from where it was put."""

    def packets(self, where: object, begin: int, end: int) -> Table:
        """Some rows of a segment's columns."""

    def numbering(self, where: object) -> Numbering:
        """How a part's numbers become the point's."""


def follow(
    pieces: Sequence[Piece], shard: int | None, capture: int, loader: Loader, limits: Limits = DEFAULT,
) -> tuple[Table, int, bool]:
    """FLOWS and ``first_frame`` of one shard (None: of all shards at once), flows let go early, whether compiled.

    Flows are numbered within the shard.
    """
    tracker = FlowTracker(capture, AddressBook(), limits)
    for packets in _packets(pieces, shard, loader):
        tracker.feed(PacketTable(packets, 0))
    frames = tracker.first_frames()
    evicted, compiled = tracker.evicted, tracker.compiled
    return {**tracker.finish(), FIRST_FRAME: frames}, evicted, compiled


def _packets(pieces: Sequence[Piece], shard: int | None, loader: Loader) -> Iterator[Table]:
    for piece in pieces:
        low, high = (0, len(piece.begins) - 1) if shard is None else (shard, shard + 1)
        begin, end = piece.begins[low], piece.begins[high]
        tables: list[Table] = []
        if end > begin:
            packets = loader.packets(piece.where, begin, end)
            tables.append(renumbered(packets, loader.numbering(piece.numbering)))
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


def in_order(shards: Sequence[Table]) -> Iterator[tuple[str, Column]]:
    """The flows of all shards in the order of their first packets, numbered from 0: one column after the other."""
    order = np.argsort(np.concatenate([table[FIRST_FRAME] for table in shards]), kind="stable")
    for name in FLOWS:
        column = np.concatenate([table[name] for table in shards])[order]
        yield name, np.arange(len(order), dtype=np.uint32) if name == "flow" else column
