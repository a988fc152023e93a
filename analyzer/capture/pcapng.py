"""pcapng: sections of blocks, each section in its own byte order, with interfaces described anywhere in it.

Block       Offset  Field
section          8  byte-order magic
(0x0A0D0D0A)    12  version, 16 bits each
                16  section length, or -1: never needed
                24  options
interface (1)    8  link type, 16 bits; 16 reserved
                12  snap length
                16  options
names (4)        8  records, each padded to 32 bits; options
statistics (5)   8  interface
                12  time, high and low
                20  options
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from analyzer.capture import records as r
from analyzer.capture.blocks import (
    COMMENT,
    Options,
    Order,
    clock,
    describe,
    integer,
    name_records,
    options_of,
    rounded,
    statistics,
    texts,
)
from analyzer.capture.interface import Comment
from analyzer.capture.limits import Limits
from analyzer.capture.octets.window import Window
from analyzer.capture.reader import RecordReader
from analyzer.capture.scan import find_pcapng, scan_pcapng
from analyzer.errors import CaptureDamaged, NotACapture

MAGIC = b"\x0a\x0d\x0d\x0a"
BYTE_ORDERS: dict[bytes, Order] = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
NOTES = 4096
"""Comments that a scanner notes before it hands them over."""


class PcapngReader(RecordReader):
    """A pcapng file; see ``interface.Source``."""

    step = 4

    def __init__(self, path: str, window: Window, limits: Limits) -> None:
        super().__init__(path, "pcapng", window, limits)
        self._layout = np.array([0, 0, limits.record_bytes, limits.block_bytes, limits.options, 1], np.int64)
        self._table = r.empty_interfaces(16)
        self._notes = np.zeros(2 * NOTES, np.int64)
        self._order: Order = "<"
        self._section = -1
        self._section_at = -1
        self._foreign = False   # a section of a version that we do not know: its blocks are not believed
        self._kept_bytes = 0
        self._crowded = False
        self._first_section()
        self._fill(r.empty_columns(0))   # the interfaces that stand before the first packet

    def _first_section(self) -> None:
        """Read the section header that makes the file a pcapng file."""
        head = self._window.peek(28)
        if len(head) < 28:
            raise CaptureDamaged(f"{self.path}: the file ends at octet {len(head)}, inside its section header block")
        if head[8:12] not in BYTE_ORDERS:
            raise NotACapture(f"{self.path}: octet 8: {head[8:12].hex()} is no byte-order magic of pcapng")
        if (need := self._section_header()) and self._window.more(need):
            self._section_header()
        if self._foreign:
            raise NotACapture(f"{self.path}: {self._said[0]}")

    def _scan(self, columns: r.Columns, row: int) -> r.Result:
        section = r.Section(self._layout, self._table, self._notes, self._tallies)
        return scan_pcapng(self._window.stretch(), columns, row, section)

    def _find(self) -> tuple[int, int, int]:
        return find_pcapng(self._window.stretch(), self._layout)

    def _whole(self, reason: int) -> int:
        if reason not in (r.LYING, r.OVERSIZE):
            return 0
        return rounded(integer(self._window.peek(8)[4:], self._order))

    def captured_at(self, at: Callable[[int, int], bytes], position: int) -> int | None:
        """As ``reader.RecordReader``; nothing of a simple packet, whose length its interface bounds."""
        head = at(position - 28, 28)
        orders: tuple[Order, Order] = ("<", ">")
        for order in orders if len(head) == 28 else ():
            stated, captured = integer(head[4:8], order), integer(head[20:24], order)
            if (
                integer(head[:4], order) in {r.PACKET, r.OLD_PACKET}
                and captured <= min(stated - 32, self._limits.record_bytes)
                and integer(at(position - 32 + rounded(stated), 4), order) in {stated, rounded(stated)}
            ):
                return captured
        return None

    def _block(self) -> int:
        head = self._window.peek(8)
        if head[:4] == MAGIC:
            return self._section_header()
        kind, length = integer(head[:4], self._order), rounded(integer(head[4:], self._order))
        body = self._window.peek(length)[8:-4]
        if not self._foreign:
            match kind:
                case r.DESCRIPTION:
                    self._description(body)
                case r.STATISTICS:
                    self._statistics(body)
                case r.NAMES:
                    self._name_resolution(body)
        self._window.begin += length
        return 0

    def _section_header(self) -> int:
        """Begin a section: 0, or how many octets it needs."""
        if len(self._window) < 28:
            return 28
        head = self._window.peek(28)
        order = BYTE_ORDERS.get(head[8:12])
        if order is None:
            return self._damaged(r.BAD_BLOCK)
        if self._section_at != self._window.offset:   # not the second look at one that was not there as a whole
            self._begin_section(head, order)
        stated = integer(head[4:8], order)
        length = rounded(stated)
        if stated < 28 or stated > self._limits.block_bytes:
            return self._damaged(r.BAD_BLOCK if stated < 28 else r.LONG_BLOCK)
        if len(self._window) < length:
            return length
        block = self._window.peek(length)
        if integer(block[-4:], order) not in {stated, length}:
            return self._damaged(r.TRAILER)
        self._keep_comments(0, options_of(block[24:-4], order, self._limits.options))
        self._window.begin += length
        return 0

    def _begin_section(self, head: bytes, order: Order) -> None:
        """Forget the interfaces of the section before, and take this one's byte order."""
        self._settle()
        self._order = order
        self._section += 1
        self._section_at = self._window.offset
        self._layout[r.NG_BIG] = order == ">"
        self._layout[r.NG_INTERFACES] = 0
        major, minor = integer(head[12:14], order), integer(head[14:16], order)
        self._foreign = major != 1 or minor not in {0, 2}
        if self._foreign:
            self._warn(f"octet {self._section_at + 12}: pcapng version {major}.{minor} is not known; expected 1.0")

    def _description(self, body: bytes) -> None:
        """Describe one more interface of this section."""
        number, index = int(self._layout[r.NG_INTERFACES]), len(self.interfaces)
        if index >= self._limits.interfaces:
            if not self._crowded:
                self._warn(
                    f"octet {self._window.offset}: more than {index} interfaces are described; "
                    "the packets of the others are left out"
                )
            self._crowded = True
            return
        options = options_of(body[8:], self._order, self._limits.options)
        interface = describe(body, self._order, options, self._section)
        if not self._affordable(len(interface.name) + len(interface.description) + len(interface.capture_filter)):
            interface = replace(interface, name="", description="", capture_filter="", system="")
        self.interfaces.append(interface)
        self._keep_comments(0, options)
        if number == len(self._table.link_type):
            self._table = self._table.doubled()
        rule, factor, offset_ns, _ticks, seconds = clock(options, self._order)
        if offset_ns != seconds * 10**9:
            self._warn(f"octet {self._window.offset}: the time offset of {seconds} seconds is out of range")
        self._table.enter(number, (interface.link_type, interface.snap_length, rule, factor, offset_ns, index, 0))
        self._layout[r.NG_INTERFACES] = number + 1

    def _statistics(self, body: bytes) -> None:
        """The last statistics of an interface are the whole of it."""
        number = integer(body[:4], self._order)
        if number >= self._layout[r.NG_INTERFACES]:
            return
        index = int(self._table.place[number])
        received, lost = statistics(options_of(body[12:], self._order, self._limits.options), self._order)
        interface = self.interfaces[index]
        self.interfaces[index] = replace(
            interface,
            received=interface.received if received is None else received,
            drops=interface.drops if lost is None else lost,
        )

    def _name_resolution(self, body: bytes) -> None:
        for address, name in name_records(body, self._order, self._limits.names - len(self.names)):
            if not self._affordable(len(name)):
                return
            self.names.setdefault(address, name)

    def _noted(self) -> None:
        octets = self._window.octets
        for i in range(int(self._tallies[r.NOTES])):
            noted, at = (int(value) for value in self._notes[2 * i : 2 * i + 2])
            length = integer(octets[at + 2 : at + 4].tobytes(), self._order)
            self._keep_comments(self.frames + noted + 1, [(COMMENT, octets[at + 4 : at + 4 + length].tobytes())])
        self._tallies[r.NOTES] = 0

    def _settle(self) -> None:
        """Packets that say how many were lost before them, where the interface itself does not."""
        for number in np.flatnonzero(self._table.drops[: self._layout[r.NG_INTERFACES]]):
            index = int(self._table.place[number])
            interface, lost = self.interfaces[index], int(self._table.drops[number])
            self.interfaces[index] = replace(interface, drops=max(interface.drops or 0, lost))

    def _keep_comments(self, frame: int, options: Options) -> None:
        """Keep comments as long as the limits allow; then say once that there are more."""
        for says in texts(options, COMMENT):
            if self._layout[r.NG_COMMENTS] == 0:
                return
            if len(self.comments) < self._limits.comments and self._affordable(len(says)):
                self.comments.append(Comment(frame, says))
            else:
                self._layout[r.NG_COMMENTS] = 0
                self._warn(f"only the first {len(self.comments)} comments are kept")

    def _affordable(self, octets: int) -> bool:
        """Spend from what all texts of the file may take together."""
        self._kept_bytes += octets
        return self._kept_bytes <= self._limits.comment_bytes
