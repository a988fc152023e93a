"""The headers of one frame as fields, each with the octets that it was read from: for an eye, not for analysis.

A header is a table of (offset, octets, name, how it is read), straight from the
pictures in ``wire/``.  Reading ends where payload begins, or at the first header
that is not here: what lies behind is never shown as a field.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from analyzer.wire.packet import flag_text

Row = tuple[int, int, str, str]

ETHERNET: tuple[Row, ...] = ((0, 6, "destination", "mac"), (6, 6, "source", "mac"), (12, 2, "type", "hex"))
VLAN: tuple[Row, ...] = ((0, 2, "tag", "vlan"), (2, 2, "type", "hex"))
COOKED: tuple[Row, ...] = (
    (0, 2, "packet type", "number"), (2, 2, "hardware", "number"), (4, 2, "address length", "number"),
    (6, 6, "source", "mac"), (14, 2, "protocol", "hex"),
)
COOKED2: tuple[Row, ...] = (
    (0, 2, "protocol", "hex"), (4, 4, "interface", "number"), (8, 2, "hardware", "number"),
    (10, 1, "packet type", "number"), (11, 1, "address length", "number"), (12, 6, "source", "mac"),
)
FAMILY: tuple[Row, ...] = ((0, 4, "family", "hex"),)
ARP: tuple[Row, ...] = (
    (0, 2, "hardware", "number"), (2, 2, "protocol", "hex"), (4, 2, "lengths", "hex"), (6, 2, "operation", "number"),
    (8, 6, "sender MAC", "mac"), (14, 4, "sender", "ipv4"), (18, 6, "target MAC", "mac"), (24, 4, "target", "ipv4"),
)
IPV4: tuple[Row, ...] = (
    (0, 1, "version and length", "hex"), (1, 1, "DSCP and ECN", "hex"), (2, 2, "length", "number"),
    (4, 2, "identification", "hex"), (6, 2, "flags and offset", "hex"), (8, 1, "TTL", "number"),
    (9, 1, "protocol", "number"), (10, 2, "checksum", "sum"), (12, 4, "source", "ipv4"), (16, 4, "destination", "ipv4"),
)
IPV6: tuple[Row, ...] = (
    (0, 4, "version, class, flow", "hex"), (4, 2, "payload length", "number"), (6, 1, "next header", "number"),
    (7, 1, "hop limit", "number"), (8, 16, "source", "ipv6"), (24, 16, "destination", "ipv6"),
)
FRAGMENT: tuple[Row, ...] = ((0, 1, "next header", "number"), (2, 2, "offset", "hex"), (4, 4, "identification", "hex"))
EXTENSION: tuple[Row, ...] = ((0, 1, "next header", "number"), (1, 1, "length", "number"))
PORTS: tuple[Row, ...] = ((0, 2, "source port", "number"), (2, 2, "destination port", "number"))
TCP: tuple[Row, ...] = (
    *PORTS, (4, 4, "sequence", "number"), (8, 4, "acknowledgment", "number"), (12, 1, "header length", "words"),
    (13, 1, "flags", "flags"), (14, 2, "window", "number"), (16, 2, "checksum", "sum"), (18, 2, "urgent", "number"),
)
UDP: tuple[Row, ...] = (*PORTS, (4, 2, "length", "number"), (6, 2, "checksum", "sum"))
ICMP: tuple[Row, ...] = ((0, 1, "type", "number"), (1, 1, "code", "number"), (2, 2, "checksum", "sum"))
OPTIONS: dict[int, tuple[Row, ...]] = {
    2: ((2, 2, "MSS", "number"),), 3: ((2, 1, "window scale", "number"),), 4: ((0, 2, "SACK permitted", "hex"),),
    8: ((2, 4, "timestamp", "number"), (6, 4, "echoed timestamp", "number")),
}
"""TCP options (RFC 9293 §3.2, RFC 7323, RFC 2018) that are read."""

ARP_TYPE, IPV4_TYPE, IPV6_TYPE, TAGS = 0x0806, 0x0800, 0x86DD, (0x8100, 0x88A8, 0x9100)
EXTENSIONS, FRAGMENT_HEADER = (0, 43, 60), 44
ECHO, ECHO_V6 = (0, 8), (128, 129)
REDIRECT, TOO_BIG, NEIGHBOURS, REDIRECT_V6 = 5, 2, (135, 136), 137
ERRORS, ERRORS_V6 = (3, 4, 5, 11, 12), (1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class Part:
    """One field: where its octets are, its name, its value as text, and how it was read."""

    at: int
    size: int
    name: str
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Header:
    """One header of a frame with its fields."""

    name: str
    parts: tuple[Part, ...]


READERS: dict[str, Callable[[bytes], str]] = {
    "mac": lambda octets: octets.hex(":"),
    "ipv4": lambda octets: str(IPv4Address(octets)),
    "ipv6": lambda octets: str(IPv6Address(octets)),
    "number": lambda octets: str(int.from_bytes(octets, "big")),
    "hex": lambda octets: f"0x{octets.hex()}",
    "sum": lambda octets: f"0x{octets.hex()}",
    "vlan": lambda octets: str(int.from_bytes(octets, "big") & 0xFFF),
    "words": lambda octets: str((octets[0] >> 4) * 4),
    "flags": lambda octets: flag_text(octets[0]),
}


class Frame:
    """A frame that is being read: its octets, its headers so far, and where the last of them ends."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.headers: list[Header] = []
        self.end = 0

    def header(self, name: str, rows: tuple[Row, ...], at: int, size: int) -> bool:
        """Read the fields of ``rows`` that are there; whether the whole header of ``size`` octets is."""
        whole = at + size <= len(self.octets)
        parts = tuple(self.part(at, row) for row in rows if at + row[0] + row[1] <= len(self.octets))
        if parts:
            self.headers.append(Header(name, parts))
            self.end = min(at + size, len(self.octets))
        return whole

    def part(self, at: int, row: Row) -> Part:
        """One field of the header that begins at ``at``."""
        offset, size, name, kind = row
        return Part(at + offset, size, name, READERS[kind](self.octets[at + offset:at + offset + size]), kind)

    def also(self, at: int, *rows: Row) -> None:
        """Fields that belong to the header read last."""
        last = self.headers[-1]
        more = tuple(self.part(at, row) for row in rows if at + row[0] + row[1] <= len(self.octets))
        self.headers[-1] = Header(last.name, last.parts + more)
        self.end = max(self.end, *(part.at + part.size for part in more)) if more else self.end

    def number(self, at: int, size: int) -> int:
        """A number in network order; what is not there counts as zero."""
        return int.from_bytes(self.octets[at:at + size], "big")


def read(octets: bytes, link_type: int) -> Frame:
    """The headers of a frame of this link type (LINKTYPE_); none where the link type is not known here."""
    frame = Frame(octets)
    match link_type:
        case 1:
            if frame.header("Ethernet", ETHERNET, 0, 14):
                _by_type(frame, frame.number(12, 2), 14)
        case 113:
            if frame.header("Linux cooked", COOKED, 0, 16):
                _by_type(frame, frame.number(14, 2), 16)
        case 276:
            if frame.header("Linux cooked", COOKED2, 0, 20):
                _by_type(frame, frame.number(0, 2), 20)
        case 0 | 108:
            if frame.header("Loopback", FAMILY, 0, 4):
                _ip(frame, 4)
        case 12 | 14 | 101 | 228 | 229:
            _ip(frame, 0)
        case _:
            pass
    return frame


def _by_type(frame: Frame, kind: int, at: int) -> None:
    while kind in TAGS:
        if not frame.header("VLAN", VLAN, at, 4):
            return
        kind, at = frame.number(at + 2, 2), at + 4
    if kind == ARP_TYPE:
        frame.header("ARP", ARP, at, 28)
    elif kind in {IPV4_TYPE, IPV6_TYPE}:
        _ip(frame, at)


def _ip(frame: Frame, at: int, *, quoted: bool = False) -> None:
    """An IP header and what it carries; of a packet that is quoted in an ICMP error only its first octets are there."""
    version = frame.number(at, 1) >> 4
    if version == 4:
        size = (frame.number(at, 1) & 15) * 4
        fragment = frame.number(at + 6, 2) & 0x1FFF
        if size >= 20 and frame.header("IPv4", IPV4, at, size) and not fragment:
            _transport(frame, frame.number(at + 9, 1), at + size, quoted=quoted)
    elif version == 6 and frame.header("IPv6", IPV6, at, 40):
        _extensions(frame, frame.number(at + 6, 1), at + 40, quoted=quoted)


def _extensions(frame: Frame, protocol: int, at: int, *, quoted: bool) -> None:
    while protocol in EXTENSIONS or protocol == FRAGMENT_HEADER:
        size = 8 if protocol == FRAGMENT_HEADER else 8 + 8 * frame.number(at + 1, 1)
        rows = FRAGMENT if protocol == FRAGMENT_HEADER else EXTENSION
        later = protocol == FRAGMENT_HEADER and frame.number(at + 2, 2) >> 3
        if not frame.header("IPv6 extension", rows, at, size) or later:
            return
        protocol, at = frame.number(at, 1), at + size
    _transport(frame, protocol, at, quoted=quoted)


def _transport(frame: Frame, protocol: int, at: int, *, quoted: bool) -> None:
    match protocol:
        case 4 | 41:
            _ip(frame, at)
        case 6:
            size = max(20, (frame.number(at + 12, 1) >> 4) * 4)
            if frame.header("TCP", TCP, at, size):
                _options(frame, at + 20, at + size)
        case 17:
            frame.header("UDP", UDP, at, 8)
        case 1:
            _icmp(frame, at, quoted=quoted)
        case 58:
            _icmp6(frame, at, quoted=quoted)
        case _:
            pass


def _options(frame: Frame, at: int, stop: int) -> None:
    """TCP options; one whose length lies ends them."""
    while at < stop and frame.octets[at]:
        size = 1 if frame.octets[at] == 1 else frame.number(at + 1, 1) if at + 1 < stop else 0
        if size < 1 or at + size > stop:
            return
        frame.also(at, *(row for row in OPTIONS.get(frame.octets[at], ()) if row[0] + row[1] <= size))
        at += size


def _icmp(frame: Frame, at: int, *, quoted: bool) -> None:
    if not frame.header("ICMP", ICMP, at, 8):
        return
    kind, code = frame.number(at, 1), frame.number(at + 1, 1)
    if kind in ECHO:
        frame.also(at, (4, 2, "identifier", "number"), (6, 2, "sequence", "number"))
    elif kind == REDIRECT:
        frame.also(at, (4, 4, "gateway", "ipv4"))
    elif (kind, code) == (3, 4):
        frame.also(at, (6, 2, "MTU", "number"))
    if kind in ERRORS and not quoted:
        _ip(frame, at + 8, quoted=True)


def _icmp6(frame: Frame, at: int, *, quoted: bool) -> None:
    if not frame.header("ICMPv6", ICMP, at, 8):
        return
    kind = frame.number(at, 1)
    if kind in ECHO_V6:
        frame.also(at, (4, 2, "identifier", "number"), (6, 2, "sequence", "number"))
    elif kind == TOO_BIG:
        frame.also(at, (4, 4, "MTU", "number"))
    if kind in ERRORS_V6 and not quoted:
        _ip(frame, at + 8, quoted=True)
    elif kind in NEIGHBOURS:
        frame.also(at, (8, 16, "target", "ipv6"))
        _neighbour_options(frame, at + 24, quoted=quoted)
    elif kind == REDIRECT_V6:
        frame.also(at, (8, 16, "target", "ipv6"), (24, 16, "destination", "ipv6"))
        _neighbour_options(frame, at + 40, quoted=quoted)


def _neighbour_options(frame: Frame, at: int, *, quoted: bool) -> None:
    """Link-layer addresses, and behind them the packet that a redirect quotes (RFC 4861 §4.6)."""
    while frame.number(at + 1, 1):
        match frame.number(at, 1):
            case 1 | 2:
                frame.also(at, (2, 6, "link-layer address", "mac"))
            case 4:
                if not quoted:
                    _ip(frame, at + 8, quoted=True)
                return
            case _:
                pass
        at += 8 * frame.number(at + 1, 1)
