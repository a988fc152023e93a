"""Parts put together in the order of the files: everything that a reader of the whole would have said.

Addresses, tunnel paths and interfaces get the numbers that they would have had
(those of their first appearance), frames and positions count through, warnings
are those of one reader.  What is left is to follow the shards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

import numpy as np
from numpy.typing import NDArray

from analyzer.capture.interface import Interface
from analyzer.capture.rotated import OVERLAP_NS
from analyzer.diagnose.overview import CaptureRead
from analyzer.errors import LimitExceeded
from analyzer.flow.events import LIMIT, grouped
from analyzer.flow.timeouts import REORDER_NS
from analyzer.reading import CaptureFile, in_order
from analyzer.scale.chain import Chain
from analyzer.scale.follow import Numbering, Piece, renumbered
from analyzer.scale.loose import LOOSE
from analyzer.scale.part import NEVER, PartRead
from analyzer.scale.shards import SEEN, UNDECIDED, firsts, hashes, joined, last, shard_of
from analyzer.tables import CLAIMS, ICMP_EVENTS, AddressBook, Column, Schema, Table, empty
from analyzer.units import SECOND_NS

MOST_FRAMES = 2**32 - 1
"""Frame numbers are 32-bit columns."""


@dataclass(slots=True)
class Numbers:
    """The numbers of a whole run: one address book and one list of tunnel paths for all capture points."""

    book: AddressBook = field(default_factory=AddressBook)
    tunnels: list[str] = field(default_factory=lambda: [""])
    _tunnel_ids: dict[str, int] = field(default_factory=lambda: {"": 0})

    def addresses(self, packed: Sequence[bytes]) -> NDArray[np.uint32]:
        """The run's number for each address of a part, given in the order of their first appearance."""
        return np.array([self.book.intern(octets) for octets in packed], dtype=np.uint32)

    def paths(self, texts: Sequence[str]) -> NDArray[np.uint32]:
        """The run's number for each tunnel path of a part, whose addresses have been numbered before."""
        said = [self._as_here(text) for text in texts]
        for text in said:
            if text not in self._tunnel_ids:
                self._tunnel_ids[text] = len(self.tunnels)
                self.tunnels.append(text)
        return np.array([self._tunnel_ids[text] for text in said], dtype=np.uint32)

    def _as_here(self, path: str) -> str:
        """A path as it reads here: of two addresses the one that was numbered first comes first (``wire.paths``)."""
        return " ".join("<>".join(sorted(word.split("<>"), key=self._number)) if "<>" in word else word
                        for word in path.split(" "))

    def _number(self, address: str) -> int:
        return self.book.ids[ip_address(address).packed if address else b""]


class Point:
    """One capture point: its files, and the parts of each, taken in their order."""

    def __init__(self, number: int, vantage: str, role: str, numbers: Numbers, shards: int,
                 keep: Callable[[Numbering], object], *, several: bool) -> None:
        self.number = number
        self.files: list[CaptureFile] = []
        self.pieces: list[Piece] = []
        self.compiled = True
        self.together = shards == 1     # follow all shards at once: times run backwards
        self._vantage, self._role, self._numbers, self._shards = vantage, role, numbers, shards
        self._keep = keep
        self._several = several         # files of one point: interfaces and positions are those of the point
        self._interfaces: dict[Interface, int] = {}
        self._drops: list[Interface] = []
        self._claims: list[Table] = []
        self._icmp: list[Table] = []
        self._frames = self._position = 0
        self._latest, self._end_ns = NEVER, 0
        self._overlaps: list[str] = []
        self._tail: Table = {}             # the last frames of the parts so far

    def take_file(self, chain: Chain) -> None:
        """A file, part by part."""
        file = CaptureFile(self.number, CaptureRead(chain.path, self._vantage, role=self._role), before=self._frames)
        begin = self._position
        for part in chain.proven():
            if part.first_ns is not None:
                if self._several and not file.read.frames and self._frames:
                    self._overlap(chain.path, int(part.first_ns))
                self._end_ns = max(part.end_ns, self._end_ns) if file.read.frames else part.end_ns
                self._position = begin + part.end_position if self._several else 0
            self._take(file, part, begin)
        self._renumbered(chain.interfaces)
        self._drops.extend(chain.interfaces)
        file.read.packets = in_order(file.read.packets)
        file.read.warnings.extend(self._overlaps)
        self._overlaps.clear()
        file.read.warnings.extend(chain.warnings)
        self.files.append(file)

    def events(self) -> tuple[Table, Table]:
        """CLAIMS and ICMP_EVENTS of the point."""
        claims, _dropped = grouped(self._claims or [empty(CLAIMS)], CLAIMS, LIMIT)
        icmp, _dropped = grouped(self._icmp or [empty(ICMP_EVENTS)], ICMP_EVENTS, LIMIT)
        return claims, icmp

    def close(self, evicted: int) -> None:
        """What is said when everything has been followed."""
        first = self.files[0].read
        for name, drops in self._dropped():
            first.warnings.append(f"the capturing interface{name} dropped {drops} packets")
        if evicted:
            first.warnings.append(f"{evicted} connections were let go early: too many were open at once")

    def _dropped(self) -> list[tuple[str, int]]:
        if not self._several:
            return [(f" {each.name}" if each.name else "", each.drops) for each in self._drops if each.drops]
        totals: dict[Interface, int] = {}
        for each in self._drops:
            plain = replace(each, section=0, received=None, drops=None)
            totals[plain] = totals.get(plain, 0) + (each.drops or 0)
        return [(f" {each.name}" if each.name else "", drops) for each, drops in totals.items() if drops]

    def _overlap(self, path: str, first_ns: int) -> None:
        if first_ns < self._end_ns - OVERLAP_NS:
            self._overlaps.append(
                f"{path}: begins {(self._end_ns - first_ns) // SECOND_NS} seconds before the end "
                "of the file before it; their packets are taken one file after the other, not by time"
            )

    def _take(self, file: CaptureFile, part: PartRead, position: int) -> None:
        addresses, tunnels = self._numbers.addresses(part.packed), self._numbers.paths(part.tunnels)
        interfaces = self._renumbered(part.interfaces)
        self.compiled &= part.compiled
        before = self._frames
        self._claims.append(_events(part.claims, CLAIMS, self.number, addresses, before))
        self._icmp.append(_events(part.icmp, ICMP_EVENTS, self.number, addresses, before))
        if len(self._claims) > 64:   # keep few
            claims, icmp = self.events()
            self._claims, self._icmp = [claims], [icmp]
        self.together |= part.late or part.earliest_ns < self._latest - REORDER_NS
        self._latest = max(self._latest, part.latest_ns)
        numbering = Numbering(addresses, tunnels, interfaces, before, position)
        kept = self._keep(numbering)
        pieces = [Piece(segment.where, segment.begins, kept) for segment in part.segments]
        pieces = pieces or [Piece(None, [0] * (self._shards + 1), kept)]
        _add(file, part)
        self._frames += part.summary.frames
        if self._frames > MOST_FRAMES:
            raise LimitExceeded(
                f"{file.read.path}: the capture point {self._vantage} has more than {MOST_FRAMES} frames; "
                "analyze its files in two runs")
        pieces[0].extra = self._settled_fragments(part, numbering)
        self.pieces += pieces

    def _renumbered(self, interfaces: Sequence[Interface]) -> NDArray[np.uint16]:
        """As ``capture.rotated.ChainedSource``: the same interface in every file is one."""
        if not self._several:
            return np.arange(max(1, len(interfaces)), dtype=np.uint16)
        numbers = []
        for interface in interfaces:
            plain = replace(interface, section=0, received=None, drops=None)
            numbers.append(self._interfaces.setdefault(plain, len(self._interfaces)))
        return np.array(numbers or [0], dtype=np.uint16)

    def _settled_fragments(self, part: PartRead, numbering: Numbering) -> Table:
        """Later fragments at a part's beginning whose first fragment is in a part before, with the shard of that."""
        head: Table = {}
        if part.head and self._tail:
            head = renumbered(joined(part.head, list(LOOSE), empty(LOOSE)), numbering)
            seen = {name: np.concatenate([self._tail[name], head[name]]) for name in SEEN}
            found = firsts(seen, np.arange(len(head["frame"])) + len(self._tail["frame"]))
            whose = {name: seen[name][found] for name in ("src", "dst", "src_port", "dst_port")}
            ids, places = np.unique(np.concatenate([whose["src"], whose["dst"]]), return_inverse=True)
            of_address = hashes([self._numbers.book.packed[number] for number in ids.tolist()])
            whose["src"], whose["dst"] = places[: len(found)], places[len(found):]
            head["shard"] = np.where(found >= 0, shard_of(whose, of_address, self._shards), UNDECIDED)
        if part.tail:
            self._tail = last(self._tail, renumbered(part.tail, numbering))
        return head


def _events(
    table: Table, schema: Schema, capture: int, addresses: NDArray[np.uint32], before: int,
) -> Table:
    """CLAIMS or ICMP_EVENTS of a part with the point's numbers."""
    made: Table = {}
    for name, column_field in schema.items():
        column: Column = table[name]
        if column_field.unit == "address id":
            column = addresses[column]
        elif name == "capture":
            column = np.full(len(column), capture, dtype=np.uint16)
        elif name == "first_frame":
            column = (column.astype(np.int64) + before).astype(np.uint32)
        made[name] = column
    return made


def _add(file: CaptureFile, part: PartRead) -> None:
    """The counts of a part to those of its file."""
    whole, one = file.read, part.summary
    whole.frames += one.frames
    for kind, packets in one.packets.items():
        whole.packets[kind] = whole.packets.get(kind, 0) + packets
    if part.timed:
        whole.first_ns = min(whole.first_ns, one.first_ns) if file.timed else one.first_ns
        whole.last_ns = max(whole.last_ns, one.last_ns) if file.timed else one.last_ns
        file.timed = True
