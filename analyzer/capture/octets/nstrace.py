"""NetScaler's own trace format, turned into pcapng as it is read.

It is what `start nstrace` leaves, unless it is told `-traceformat PCAP`.
Wireshark reads it, but nothing converts it: its link types have no number in
pcapng.  So this takes the Ethernet frame out of each record, makes an interface
of each card that the balancer numbers, and a comment of what it says beside the
frame: that it dropped it.

A trace is a row of records in pages of 16 KiB (version 2: 8 KiB).  A record
begins with its type (0: the rest of the page, in version 2 of the half page, is
empty) and its size, in 7 bits or, where the eighth is set, in 15.  A packet's
record goes on, little-endian:

Offset  Field
     3  card
     4  time, ns since 1970
    12  length on the wire, where the record holds part of the packet (version 2)
    20  length on the wire (versions 3.0 and 3.5)
    28  why it was dropped (3.5)
    34  what follows (3.5): 1 = the frame; 0, 2, 255 = no frame; else length (2), what follows (1), value

Before version 3.5 the frame follows a header of fixed length and, in some, two
names whose lengths stand in the header.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from analyzer.capture import records as r
from analyzer.capture.interface import Interface
from analyzer.capture.octets.window import Window
from analyzer.capture.write import Frame, interface_block, packet_block, section_block
from analyzer.errors import CaptureDamaged, CaptureUnreadable

PAGE = 8192
PAGES = {2: PAGE, 3: 2 * PAGE}
SIGNATURES = {b"NetScaler V20 Performance Data": 2, b"Netscaler V30 Performance Data": 3,
              b"Netscaler V35 Performance Data": 3}
SIGNATURE = 1
ETHERNET = 1
WIRE_PART, WIRE, DROPPED, FOLLOWS = 12, 20, 28, 34
NO_FRAME = (0, 2, 255)
NO_PACKET = struct.pack("<IIII", r.CUSTOM, 16, 0, 16)
"""A block that takes a row and is no packet: Wireshark numbers records without a frame, too."""


class Layout(NamedTuple):
    """How a packet's record is laid out."""

    header: int
    """Octets before the names or the frame."""
    wire: int = 0
    """Where the length on the wire stands; 0 = the record holds the whole packet."""
    names: int = 0
    """Where the lengths of two names stand; 0 = there are none."""
    chained: bool = False


LAYOUTS = {
    kind: layout
    for kinds, layout in (
        (range(0xF0, 0xF3), Layout(24)), (range(0xF4, 0xF7), Layout(28, WIRE_PART)),                      # 2.3
        (range(0xF8, 0xFC), Layout(29)), (range(0xFC, 0x100), Layout(33, WIRE_PART)),                     # 2.4
        (range(0xB0, 0xB4), Layout(31, 0, 29)), (range(0xB4, 0xB8), Layout(35, WIRE_PART, 33)),           # 2.5
        (range(0xA0, 0xA4), Layout(48, 0, 29)), (range(0xA4, 0xA8), Layout(52, WIRE_PART, 33)),           # 2.6
        (range(0xA8, 0xAC), Layout(52, WIRE, 31)),                                                        # 3.0
        (range(0xAC, 0xB0), Layout(35, WIRE, chained=True)),                                              # 3.5
    )
    for kind in kinds
}
"""By record type: sent, in the transmit buffer, received, received and steered to a core."""
OLD = frozenset(kind + i for kind in (0xC0, 0xD0, 0xE0) for i in (0, 1, 2, 4, 5, 6))
"""Packets of versions 2.0 to 2.2, whose times are relative to other records."""


def trace_version(octets: bytes) -> int:
    """The version (2 or 3) of a trace whose first page begins so; 0 where it is none."""
    for signature, version in SIGNATURES.items():
        at = octets.find(signature)
        if at >= 3 and octets[at - 3] == SIGNATURE:
            return version
    return 0


class NetScalerTrace:
    """A trace as pcapng; a ``window.Stream``."""

    def __init__(self, path: str, version: int, window: Window) -> None:
        self._path = path
        self._window = window
        self._page = PAGES[version]
        self._hole = PAGE // 2 if version == 2 else self._page
        self._cards: dict[int, int] = {}
        self._blocks = self._converted()
        self._ready = bytearray()
        self._failure: CaptureDamaged | CaptureUnreadable | None = None

    def readinto(self, buffer: memoryview, /) -> int:
        """As ``window.Stream``."""
        while len(self._ready) < len(buffer):
            try:
                block = next(self._blocks, b"")
            except (CaptureDamaged, CaptureUnreadable) as failure:
                block, self._failure = b"", failure
            if not block:
                break
            self._ready += block
        if self._failure and not self._ready:
            raise self._failure
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        del self._ready[:count]
        return count

    def close(self) -> None:
        """As ``window.Stream``."""
        self._window.stream.close()

    def _converted(self) -> Iterator[bytes]:
        """The blocks of the pcapng capture."""
        yield section_block("converted from a NetScaler trace")
        for record in self._records():
            layout = LAYOUTS.get(record[0])
            if layout is None:
                if record[0] in OLD:
                    raise self._damage("holds packets of version 2.0 to 2.2, not read here (take it as pcap)")
                continue
            if len(record) < layout.header:
                raise self._damage("holds a packet record that is shorter than its header")
            card = record[3]
            if card not in self._cards:
                self._cards[card] = len(self._cards)
                yield interface_block(Interface(link_type=ETHERNET, name=f"card {card}", system="NetScaler"))
            begin = _frame_at(record, layout)
            if begin > len(record):
                yield NO_PACKET
                continue
            why = record[DROPPED] if layout.chained else 0
            wire = struct.unpack_from("<H", record, layout.wire)[0] if layout.wire else None
            (time_ns,) = struct.unpack_from("<Q", record, 4)
            comment = f"the NetScaler dropped this packet (its error code: {why})" if why else ""
            yield packet_block(Frame(record[begin:], time_ns, self._cards[card], comment, wire))

    def _records(self) -> Iterator[bytes]:
        """The records, past the empty ends of pages."""
        window = self._window
        while len(window) >= 3 or window.more(3):
            kind, low, high = window.octets[window.begin : window.begin + 3].tolist()
            if kind == 0:
                self._skip(self._hole - window.offset % self._hole)
                continue
            size = low if low < 0x80 else (low & 0x7F) + 0x80 * high
            if size < 2:
                raise self._damage("holds a record without a length")
            if len(window) < size and not window.more(size):
                break
            yield window.octets[window.begin : window.begin + size].tobytes()
            window.begin += size
        if window.failure:
            raise window.failure
        if any(window.octets[window.begin : window.end]):
            raise self._damage("ends inside a record")

    def _skip(self, octets: int) -> None:
        """Go on so many octets further, or at the end."""
        while octets and (len(self._window) or self._window.more(1)):
            step = min(octets, len(self._window))
            self._window.begin += step
            octets -= step

    def _damage(self, what: str) -> CaptureDamaged:
        """What is wrong at the place that is being read."""
        return CaptureDamaged(f"{self._path}: the NetScaler trace {what} at octet {self._window.offset}; "
                              "what came before was read")


def _frame_at(record: bytes, layout: Layout) -> int:
    """Where the Ethernet frame begins; past the end where the record holds none."""
    if layout.names:
        return layout.header + record[layout.names] + record[layout.names + 1]
    if not layout.chained:
        return layout.header
    follows, at = record[FOLLOWS], layout.header
    while follows != ETHERNET:
        if follows in NO_FRAME or len(record) - at < 3:
            return len(record) + 1
        length, follows = struct.unpack_from("<HB", record, at)
        if length < 3:
            return len(record) + 1
        at += length
    return at
