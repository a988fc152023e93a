"""One frame while it is taken apart: how far we may read, and the row that is filled.

Two ends are kept apart, because a snap length shortens one and not the other:

``end``       where the octets that we hold stop (capture, or an inner length that is shorter)
``wire_end``  where the packet stopped on the wire, by its own headers

A header that does not fit before ``end`` stops the frame: ``cut`` where the snap
length did it, ``malformed`` where the frame itself contradicts its headers.
Columns filled before that keep their values; all others are 0.
"""

from __future__ import annotations

from enum import IntEnum

from analyzer.tables import CUT, MALFORMED, PACKETS, AddressBook
from analyzer.wire.paths import TunnelBook

MAX_HEADERS = 32
"""Headers of all kinds (tags, labels, extension headers, tunnels) that one frame may stack."""

U32_MAX = 0xFFFFFFFF


class Layer(IntEnum):
    """What the next octets are.  Each has one reader; a reader names the next layer."""

    DONE = 0
    ETHERNET = 1
    LLC = 2
    VLAN = 3
    SHIM = 4          # a tag of known size and then an ethertype
    WRAP = 5          # a tag of known size and then a whole Ethernet frame
    MPLS = 6
    PPPOE = 7
    PPP = 8
    CHDLC = 9
    NULL = 10
    SLL = 11
    SLL2 = 12
    NFLOG = 13
    ARP = 14
    IP = 15           # version by the first four bits
    IPV4 = 16
    IPV6 = 17
    EXTENSION = 18    # an IPv6 extension header, or AH
    TCP = 19
    UDP = 20
    ICMP = 21
    ICMPV6 = 22
    GRE = 23
    VXLAN = 24
    GENEVE = 25
    GTP = 26
    NSH = 27
    VXLAN_GPE = 28


Next = tuple[Layer, int]
"""The layer to read next and the position of its first octet."""

DONE: Next = (Layer.DONE, 0)

# What a tunnel forgets: the columns that spoke of the outer packet.
PACKET_COLUMNS = ("kind", "src", "dst", "ip_proto", "ttl", "ip_id", "ip_bytes", "src_port", "dst_port", "seq",
                  "payload_bytes")


class Stop(Exception):
    """The frame cannot be read further; carries the verdict."""

    def __init__(self, verdict: int) -> None:
        self.verdict = verdict
        super().__init__(verdict)


class Frame:
    """The octets of one frame, how far they reach, and its row of ``PACKETS``."""

    __slots__ = ("book", "broadcast", "captured", "end", "ethertype", "jumbo_at", "octets", "row", "tunnels", "version",
                 "wire", "wire_end")

    def __init__(self, octets: bytes, wire_bytes: int, book: AddressBook, tunnels: TunnelBook) -> None:
        self.octets = octets
        self.captured = len(octets)
        self.wire = wire_bytes
        self.end = len(octets)
        self.wire_end = max(wire_bytes, len(octets))
        self.version = 0      # of the innermost IP header
        self.ethertype = 0    # that led to a SHIM
        self.broadcast = False
        self.jumbo_at = -1    # where a hop-by-hop header may carry the real length (RFC 2675 §2)
        self.book = book
        self.tunnels = tunnels
        self.row = dict.fromkeys(PACKETS, 0)

    @property
    def cut(self) -> bool:
        """Whether it is the snap length that ends what may be read."""
        return self.end == self.captured < self.wire

    def need(self, at: int, octets: int) -> None:
        """Stop unless ``octets`` more may be read at ``at``."""
        if at + octets > self.end:
            raise Stop(CUT if self.cut else MALFORMED)

    def u8(self, at: int) -> int:
        """One octet."""
        self.need(at, 1)
        return self.octets[at]

    def u16(self, at: int) -> int:
        """Two octets, network order."""
        self.need(at, 2)
        return int.from_bytes(self.octets[at:at + 2], "big")

    def u32(self, at: int) -> int:
        """Four octets, network order."""
        self.need(at, 4)
        return int.from_bytes(self.octets[at:at + 4], "big")

    def address(self, at: int, octets: int) -> int:
        """The id of an address of 4, 6 or 16 octets."""
        self.need(at, octets)
        return self.book.intern(self.octets[at:at + octets])

    def narrow(self, stop: int) -> None:
        """A header says that its packet stops at ``stop``: whatever follows is a trailer."""
        self.wire_end = stop
        self.end = min(self.end, stop)

    def enter(self, kind: int, key: int, first: int = 0, second: int = 0) -> None:
        """Go into a tunnel: extend the path, and forget what the row said of the outer packet."""
        self.row["tunnel"] = self.tunnels.enter(self.row["tunnel"], kind, key, first, second)
        for name in PACKET_COLUMNS:
            self.row[name] = 0
