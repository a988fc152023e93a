"""Which shard a packet goes to: all packets of one pair of ends go to the same one, so a shard can be followed alone.

The key is the unordered pair of (address, port); tunnels do not count, for the
halves of one conversation may meet from inside and outside of one.  A later
fragment has no ports: it goes where its first fragment went, found as the
tracker finds it (``flow.timeouts.FRAGMENT_FRAMES``).
"""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from analyzer.flow.timeouts import FRAGMENT_FRAMES, REORDER_NS
from analyzer.scale.loose import LOOSE
from analyzer.tables import ICMP_ECHO, LATER_FRAGMENT, OK, TCP, UDP, Column, PacketTable, Table

UNDECIDED = -1
"""A later fragment whose first fragment is not among the frames at hand."""

_ALIKE = ("src", "dst", "ip_proto", "ip_id", "tunnel", "ttl", "src_mac", "dst_mac")
"""What a later fragment shares with its first one, beside the time (see ``flow._side.Packet.begins``)."""
SEEN = (*_ALIKE, "time_ns", "src_port", "dst_port", "frame", "verdict")
_ONE, _OTHER = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


def hashes(packed: Sequence[bytes]) -> NDArray[np.uint64]:
    """A number for each address that is the same in every process."""
    return np.array([crc32(octets) for octets in packed], dtype=np.uint64)


def shard_of(packets: Table, of_address: NDArray[np.uint64], shards: int) -> NDArray[np.int64]:
    """The shard of each packet by its ends; ``of_address`` are the ``hashes`` of the ids."""
    one = (of_address[packets["src"]] << np.uint64(16) | packets["src_port"]) * _ONE
    other = (of_address[packets["dst"]] << np.uint64(16) | packets["dst_port"]) * _ONE
    both = (one ^ one >> np.uint64(29)) + (other ^ other >> np.uint64(29))
    shard: NDArray[np.int64] = ((both * _OTHER >> np.uint64(40)) % np.uint64(shards)).astype(np.int64)
    return shard


class Sharder:
    """Divides the batches of one reader.  ``packed`` is its address book, which grows."""

    def __init__(self, packed: Sequence[bytes], shards: int) -> None:
        self._packed = packed
        self._shards = shards
        self._hashes = np.zeros(0, np.uint64)
        self._before: Table = {}         # the last frames: what a fragment may belong to

    def divide(self, table: PacketTable) -> tuple[Table, NDArray[np.int64]]:
        """The packets that a tracker follows, as columns of ``LOOSE`` in their order, and the shard of each."""
        columns = table.columns
        verdict, kind = columns["verdict"], columns["kind"]
        ours = (verdict == OK) & ((kind == TCP) | (kind == UDP) | (kind == ICMP_ECHO))
        later = verdict == LATER_FRAGMENT
        rows = np.flatnonzero(ours | later)
        packets = {name: columns[name][rows] for name in LOOSE if name != "frame"}
        packets["frame"] = (rows + table.first_frame).astype(np.uint32)
        shard = self._of(packets)
        fragments = np.flatnonzero(packets["verdict"] == LATER_FRAGMENT)
        if len(fragments):
            shard[fragments] = self._of_first(packets, fragments)
        self._keep(packets)
        return packets, shard

    def last_frames(self) -> Table:
        """What a later fragment of the next part may belong to: the firsts among the last frames."""
        return self._before

    def _of(self, packets: Table) -> NDArray[np.int64]:
        if len(self._hashes) < len(self._packed):
            self._hashes = np.concatenate([self._hashes, hashes(self._packed[len(self._hashes):])])
        return shard_of(packets, self._hashes, self._shards)

    def _of_first(self, packets: Table, fragments: NDArray[np.intp]) -> NDArray[np.int64]:
        known = len(self._before["frame"]) if self._before else 0
        seen = {name: np.concatenate([self._before[name], packets[name]]) if known else packets[name]
                for name in SEEN}
        first = firsts(seen, fragments + known)
        found = first >= 0
        shard = np.full(len(fragments), UNDECIDED, np.int64)
        shard[found] = self._of({name: seen[name][first[found]] for name in ("src", "dst", "src_port", "dst_port")})
        return shard

    def _keep(self, packets: Table) -> None:
        self._before = last(self._before, packets)


def last(before: Table, packets: Table) -> Table:
    """The last frames of both, as many as a later fragment looks back."""
    near = {name: packets[name][-FRAGMENT_FRAMES:] for name in SEEN}
    if before:
        near = {name: np.concatenate([before[name], near[name]])[-FRAGMENT_FRAMES:] for name in SEEN}
    return near


def firsts(seen: Table, fragments: NDArray[np.intp]) -> NDArray[np.int64]:
    """For each later fragment (a row of ``seen``) the row of its first fragment; -1 where it is not there.

    As the tracker does: the nearest frame before, at most ``FRAGMENT_FRAMES`` away.
    """
    found = np.full(len(fragments), -1, np.int64)
    open_ = np.arange(len(fragments))
    frames, times = seen["frame"].astype(np.int64), seen["time_ns"].astype(np.int64)
    for back in range(1, FRAGMENT_FRAMES + 1):
        rows = fragments[open_]
        reach = rows >= back
        open_, rows = open_[reach], rows[reach]
        then = rows - back
        near = frames[rows] - frames[then] <= FRAGMENT_FRAMES
        open_, rows, then = open_[near], rows[near], then[near]
        if not len(open_):
            break
        alike = seen["verdict"][then] == OK
        for name in _ALIKE:
            alike &= seen[name][then] == seen[name][rows]
        alike &= np.abs(times[then] - times[rows]) <= REORDER_NS
        found[open_[alike]] = then[alike]
        open_ = open_[~alike]
    return found


def late(times: NDArray[np.int64], latest: int) -> tuple[bool, int]:
    """Whether a packet comes more than ``REORDER_NS`` after a later one; and the latest time so far.

    Where none does, a tracker's sweep changes no answer, and shards followed
    apart give what following all at once gives.
    """
    if not len(times):
        return False, latest
    running = np.maximum(np.maximum.accumulate(times), latest)
    return bool((running - times > REORDER_NS).any()), int(running[-1])


def by_shard(packets: Table, shard: NDArray[np.int64], shards: int) -> tuple[Table, NDArray[np.int64]]:
    """The packets sorted by shard, each shard's in their order, and where each shard begins (and the last ends)."""
    order = np.argsort(shard.astype(np.uint16), kind="stable")
    begins = np.searchsorted(shard[order], np.arange(shards + 1))
    return {name: column[order] for name, column in packets.items()}, begins.astype(np.int64)


def joined(tables: Sequence[Table], names: Sequence[str], empty: Table) -> Table:
    """Tables one after the other; ``empty`` gives the types where there is none."""
    made: Table = {}
    for name in names:
        columns: list[Column] = [table[name] for table in tables]
        made[name] = np.concatenate(columns) if columns else empty[name]
    return made
