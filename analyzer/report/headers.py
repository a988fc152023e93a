"""The headers of one frame as fields, each with the octets that it was read from: for an eye, not for analysis.

What the octets are is asked of ``wire/``, header by header, tunnels and all;
``fields`` says which of them are shown.  Reading ends where payload begins, or at
the first header that is not here: what lies behind is never shown as a field.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from analyzer.report import fields
from analyzer.report.fields import Row
from analyzer.tables import AddressBook
from analyzer.wire.frame import MAX_HEADERS, Layer, Stop
from analyzer.wire.frame import Frame as WireFrame
from analyzer.wire.linktypes import LINK_TYPES
from analyzer.wire.paths import TunnelBook

WIRE_BYTES = 1 << 16
"""How long a frame was on the wire is not known any more: as long as it may be."""
ECHO, ECHO_V6 = (0, 8), (128, 129)
REDIRECT, TOO_BIG, NEIGHBOURS, REDIRECT_V6 = 5, 2, (135, 136), 137
ERRORS, ERRORS_V6 = (3, 4, 5, 11, 12), (1, 2, 3, 4)
GUESSED = (Layer.VXLAN, Layer.VXLAN_GPE, Layer.GENEVE, Layer.GTP)
"""Announced by a port alone: where nothing follows, it is payload that only looks like it."""


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
    """One header of a frame with its fields; ``quoted`` by an ICMP message."""

    name: str
    parts: tuple[Part, ...]
    at: int = 0
    quoted: bool = False


class Frame:
    """A frame that is being read: its octets, its headers so far, and where the last of them ends."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.headers: list[Header] = []
        self.kept: list[slice] = []
        """Octets that are no field, but belong to the form of a header (and hold no address)."""
        self.end = 0
        self.limit = len(octets)
        """Where the innermost packet ends by its own length: what is behind is a trailer."""
        self.strange = False
        """A header was passed over."""

    def header(self, name: str, rows: tuple[Row, ...], at: int, size: int, *, quoted: bool = False) -> bool:
        """Read the fields of ``rows`` that are there; whether the whole header of ``size`` octets is."""
        stop = min(at + size, self.limit)
        if at >= stop:
            return False
        self.headers.append(Header(name, tuple(self._parts(at, rows, stop)), at, quoted))
        self.end = stop
        return at + size <= self.limit

    def _parts(self, at: int, rows: tuple[Row, ...], stop: int) -> Iterator[Part]:
        """The fields of the header that begins at ``at`` and ends before ``stop``."""
        for offset, size, name, kind in rows:
            place = slice(at + offset, at + offset + size)
            if place.stop > stop:
                continue
            if kind == "kept":
                self.kept.append(place)
            else:
                yield Part(place.start, size, name, fields.READERS[kind](self.octets[place]), kind)

    def also(self, at: int, *rows: Row) -> None:
        """Fields that belong to the header read last."""
        last = self.headers[-1]
        more = tuple(self._parts(at, rows, self.limit))
        self.headers[-1] = Header(last.name, last.parts + more, last.at, last.quoted)
        self.end = max([self.end, *(part.at + part.size for part in more)])

    def number(self, at: int, size: int) -> int:
        """A number in network order; what is not there counts as zero."""
        return int.from_bytes(self.octets[at:at + size], "big")


def read(octets: bytes, link_type: int) -> Frame:
    """The headers of a frame of this link type (LINKTYPE_); none where the link type is not known."""
    frame = Frame(octets)
    if link_type in LINK_TYPES:
        _walk(frame, *LINK_TYPES[link_type])
    return frame


def _walk(frame: Frame, layer: Layer, at: int, *, quoted: bool = False) -> None:
    """Header after header, as ``wire`` finds them; of a packet that is quoted only its first octets are there."""
    from analyzer.wire._reference import READERS  # noqa: PLC0415 - every protocol, where a frame is looked at

    book = AddressBook()
    wire = WireFrame(frame.octets[:frame.limit], WIRE_BYTES, book, TunnelBook(book))
    for _ in range(MAX_HEADERS):
        kind, frame.limit = wire.row["ip_proto"], wire.end
        try:
            following, after = READERS[layer](wire, at)
        except Stop:
            following, after = Layer.DONE, 0
        if not following and layer in GUESSED:
            return
        if not _show(frame, layer, at, after, kind, quoted=quoted) or not following:
            return
        layer, at = following, after


def _show(frame: Frame, layer: Layer, at: int, after: int, kind: int, *, quoted: bool) -> bool:
    """One header, which ends at ``after`` where that is known; whether the whole of it is there."""
    if layer is Layer.IP:    # its version tells, and is read next
        return True
    if layer not in fields.SHOWN:
        frame.strange = True
        return True
    name, rows = fields.SHOWN[layer]
    if layer is Layer.EXTENSION and kind == 44:
        rows = fields.FRAGMENT
    size = after - at if after else _size(frame, layer, at)
    if not frame.header(name, rows, at, size, quoted=quoted):
        return False
    match layer:
        case Layer.TCP:
            _options(frame, at + 20, at + size)
        case Layer.GRE:
            _gre(frame, at, at + size)
        case Layer.ICMP:
            _icmp(frame, at, quoted=quoted)
        case Layer.ICMPV6:
            _icmp6(frame, at, quoted=quoted)
        case _:
            pass
    return True


def _size(frame: Frame, layer: Layer, at: int) -> int:
    """Octets of a header behind which ``wire`` does not go on; 0 where it is none."""
    match layer:
        case Layer.IPV4:
            size = (frame.number(at, 1) & 15) * 4
            return size if frame.number(at, 1) >> 4 == 4 and size >= 20 else 0
        case Layer.IPV6:
            return 40 if frame.number(at, 1) >> 4 == 6 else 0
        case Layer.TCP:
            return max(20, (frame.number(at + 12, 1) >> 4) * 4)
        case Layer.ARP:
            return 28
        case Layer.SLL:
            return 16
        case Layer.SLL2:
            return 20
        case Layer.ETHERNET:
            return 14
        case Layer.UDP | Layer.EXTENSION | Layer.ICMP | Layer.ICMPV6:
            return 8
        case _:
            return 4


def _options(frame: Frame, at: int, stop: int) -> None:
    """TCP options; one whose length lies ends them."""
    while at < stop and frame.octets[at] != fields.END:
        kind = frame.octets[at]
        size = 1 if kind == fields.NOP else frame.number(at + 1, 1) if at + 1 < stop else 0
        if size < 1 or at + size > stop:
            return
        rows = fields.OPTIONS.get(kind, ())
        if rows or kind in {fields.NOP, fields.SACK}:
            frame.kept.append(slice(at, at + size))
        frame.also(at, *(row for row in rows if row[0] + row[1] <= size))
        at += size


def _gre(frame: Frame, at: int, stop: int) -> None:
    """The optional words; what follows them before the packet (ERSPAN, WCCP) is kept."""
    flags, at = frame.number(at, 2), at + 4
    for versions, flag, rows in fields.GRE_WORDS:
        if flags & flag and versions >> (flags & 7) & 1 and at + 4 <= len(frame.octets):
            frame.also(at, *rows)
            at += 4
    if at < stop:
        frame.kept.append(slice(at, stop))


def _icmp(frame: Frame, at: int, *, quoted: bool) -> None:
    kind, code = frame.number(at, 1), frame.number(at + 1, 1)
    if kind in ECHO:
        frame.also(at, (4, 2, "identifier", "number"), (6, 2, "sequence", "number"))
    elif kind == REDIRECT:
        frame.also(at, (4, 4, "gateway", "ipv4"))
    elif (kind, code) == (3, 4):
        frame.also(at, (6, 2, "MTU", "number"))
    if kind in ERRORS and not quoted:
        _walk(frame, Layer.IP, at + 8, quoted=True)


def _icmp6(frame: Frame, at: int, *, quoted: bool) -> None:
    kind = frame.number(at, 1)
    if kind in ECHO_V6:
        frame.also(at, (4, 2, "identifier", "number"), (6, 2, "sequence", "number"))
    elif kind == TOO_BIG:
        frame.also(at, (4, 4, "MTU", "number"))
    if kind in ERRORS_V6 and not quoted:
        _walk(frame, Layer.IP, at + 8, quoted=True)
    elif kind in NEIGHBOURS:
        frame.also(at, (4, 4, "", "kept"), (8, 16, "target", "ipv6"))
        _neighbour_options(frame, at + 24, quoted=quoted)
    elif kind == REDIRECT_V6:
        frame.also(at, (8, 16, "target", "ipv6"), (24, 16, "destination", "ipv6"))
        _neighbour_options(frame, at + 40, quoted=quoted)


def _neighbour_options(frame: Frame, at: int, *, quoted: bool) -> None:
    """Link-layer addresses, and behind them the packet that a redirect quotes (RFC 4861 §4.6)."""
    while frame.number(at + 1, 1):
        match frame.number(at, 1):
            case 1 | 2:
                frame.also(at, (0, 2, "", "kept"), (2, 6, "link-layer address", "mac"))
            case 4:
                if not quoted:
                    frame.also(at, (0, 2, "", "kept"))
                    _walk(frame, Layer.IP, at + 8, quoted=True)
                return
            case _:
                pass
        at += 8 * frame.number(at + 1, 1)
