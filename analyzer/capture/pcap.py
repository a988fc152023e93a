"""pcap: the savefile of libpcap, in both byte orders, and the variants that others made of it.

Offset  Field of the file header
     0  magic: byte order, resolution, variant
     4  version, 16 bits each
     8  time zone and accuracy, never used
    16  snap length
    20  from the low end: link type (16 bits), reserved (10), FCS length present (1), reserved (1), FCS length / 16 (4)
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from analyzer.capture import records as r
from analyzer.capture.interface import Interface, plain_link_type
from analyzer.capture.limits import Limits
from analyzer.capture.octets.window import Window
from analyzer.capture.reader import RecordReader
from analyzer.capture.scan import find_pcap, scan_pcap
from analyzer.errors import CaptureDamaged, NotACapture

MICRO, NANO = 1_000, 1


class Variant(NamedTuple):
    """One of the formats that call themselves pcap."""

    name: str
    fraction_ns: int = MICRO
    file_header: int = 24
    record_headers: tuple[int, ...] = (16,)
    """Octets of a record header; where several are possible the first records decide, in this order."""


MAGICS = {
    0xA1B2C3D4: Variant("pcap", record_headers=(16, 24, 20)),   # also Red Hat 6.1's 24 and Nokia's 20 octets
    0xA1B23C4D: Variant("pcap, nanoseconds", NANO),
    0xA1B2CD34: Variant("pcap, modified", record_headers=(24, 28)),   # Kuznetzov's patches of 1999-10 and 1999-09
    0x1C0001AC: Variant("pcap, Ixia hardware", NANO, 28),
    0x1C0001AB: Variant("pcap, Ixia software", file_header=28),
}
AIX_LINK_TYPES = {6: 1, 9: 6, 15: 10, 24: 0}
"""AIX (version 2.2 of the standard magic) writes interface types of RFC 1573, and nanoseconds."""
TRIED_RECORDS = 3


def is_pcap(magic: bytes) -> bool:
    """Whether a file that begins so calls itself pcap."""
    return len(magic) >= 4 and any(int.from_bytes(magic[:4], order) in MAGICS for order in ("little", "big"))


class PcapReader(RecordReader):
    """A pcap file; see ``interface.Source``."""

    def __init__(self, path: str, window: Window, limits: Limits) -> None:
        head = window.peek(24)
        big = int.from_bytes(head[:4], "big") in MAGICS
        order = ">" if big else "<"
        variant = MAGICS[struct.unpack(order + "I", head[:4])[0]]
        if len(window.peek(variant.file_header)) < variant.file_header:
            raise CaptureDamaged(
                f"{path}: the file ends at octet {len(head)}, inside its own header of {variant.file_header} octets"
            )
        major, minor, _zone, _accuracy, snap_length, link = struct.unpack(order + "HHiIII", head[4:])
        if major < 2:
            raise NotACapture(f"{path}: octet 4: pcap version {major}.{minor} is not known; expected 2.4")
        if link & 0x03FF0000:
            raise NotACapture(f"{path}: octet 20: reserved bits of the link type are set ({link:#010x})")
        fraction_ns, link_type = variant.fraction_ns, link & 0xFFFF
        aix = (major, minor) == (2, 2) and variant.name == "pcap" and link in AIX_LINK_TYPES
        if aix:
            variant, fraction_ns, link_type = Variant("pcap, AIX"), NANO, AIX_LINK_TYPES[link]
        super().__init__(path, variant.name, window, limits)
        window.begin += variant.file_header
        old = major == 543 or (major, minor) < (2, 3)   # 543: tcpdump of DG/UX
        self._first_ns = self._tallies[r.LAST_NS] = -1
        self._layout = np.zeros(6, np.int64)
        self._layout[r.BIG] = big
        self._layout[r.HEADER] = variant.record_headers[0]
        self._layout[r.FRACTION_NS] = fraction_ns
        self._layout[r.LENGTHS] = r.SWAPPED if old else r.DOUBTFUL if (major, minor) == (2, 3) else r.PLAIN
        self._layout[r.RECORD_LIMIT] = limits.record_bytes
        self._layout[r.LINK] = plain_link_type(link_type)
        self.interfaces.append(
            Interface(
                link_type=plain_link_type(link_type),
                snap_length=snap_length,
                ticks_per_second=10**9 // fraction_ns,
                fcs_bytes=(link >> 28) * 2 if link & 0x04000000 and not aix else None,
            )
        )
        self._choose(variant.record_headers, snap_length)

    def _scan(self, columns: r.Columns, row: int) -> r.Result:
        result = scan_pcap(self._window.stretch(), columns, row, self._layout, self._tallies)
        if self._first_ns < 0 and result[0] > row:
            self._first_ns = int(columns.time_ns[row])
        return result

    def _find(self) -> tuple[int, int, int]:
        return find_pcap(self._window.stretch(), self._layout, (self._first_ns, int(self._tallies[r.LAST_NS])))

    def captured_at(self, at: Callable[[int, int], bytes], position: int) -> int | None:
        """As ``reader.RecordReader``."""
        order = ">" if self._layout[r.BIG] else "<"
        header = at(position - int(self._layout[r.HEADER]), 16)
        if len(header) < 16:
            return None
        captured, wire = (int(length) for length in struct.unpack(order + "II", header[8:]))
        lengths = self._layout[r.LENGTHS]
        if lengths == r.SWAPPED or (lengths == r.DOUBTFUL and captured > wire):
            captured = wire
        return captured if captured <= self._limits.record_bytes else None

    def _choose(self, headers: tuple[int, ...], snap_length: int) -> None:
        """Settle how long a record header is, where the magic leaves that open: by which the first records make sense.

        Somebody who watches a capture grow is not kept waiting for them.
        """
        if len(headers) > 1 and not self._window.prompt:
            octets = self._window.peek(TRIED_RECORDS * (max(headers) + self._limits.record_bytes))
            order = ">" if self._layout[r.BIG] else "<"
            limits = (self._limits.record_bytes, snap_length or self._limits.record_bytes)
            faults = {header: _faults(octets, header, order, limits, self._window.eof) for header in headers}
            # One fault, such as a file that ends inside its second record, makes no rare variant of a common one.
            self._layout[r.HEADER] = min(headers, key=lambda header: faults[header] + (header != headers[0]))


def _faults(octets: bytes, header: int, order: str, limits: tuple[int, int], eof: bool) -> int:
    """How many things are wrong with the first records, if their headers are that long."""
    faults, at = 0, 0
    for _ in range(TRIED_RECORDS):
        if at + header > len(octets):
            return faults + (eof and at != len(octets))
        fields: tuple[int, int, int, int] = struct.unpack_from(order + "IIII", octets, at)
        _seconds, fraction, captured, wire = fields
        faults += (fraction >= 1_000_000) + (captured > limits[1]) + (captured > wire) + (wire > r.WIRE_LIMIT)
        if header > 16:   # an interface index; Nokia has something there that is small, too
            faults += int(struct.unpack_from(order + "I", octets, at + 16)[0] > 10_000)
        if captured > limits[0]:
            return faults + 2 * TRIED_RECORDS   # nothing can be asked of the records after it
        at += header + captured
    return faults + (eof and at > len(octets))
