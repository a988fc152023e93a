"""One direction of a flow, as the plain-Python tracker keeps it."""

from __future__ import annotations

from typing import NamedTuple

from analyzer.flow.duplicates import REMEMBERED, is_copy
from analyzer.flow.seq import advance, after, distance
from analyzer.flow.timeouts import REORDER_NS
from analyzer.tables import FIN, SYN, TCP

OUT_OF_ORDER_NS = 3_000_000
"""A segment that fills a gap this soon was overtaken; later, it was lost and sent again."""


class Packet(NamedTuple):
    """The columns of PACKETS that a flow needs, by their names, and the frame number."""

    time_ns: int
    position: int
    interface: int
    verdict: int
    kind: int
    vlan: int
    tunnel: int
    src_mac: int
    dst_mac: int
    src: int
    dst: int
    ip_proto: int
    ttl: int
    ip_id: int
    ip_bytes: int
    src_port: int
    dst_port: int
    flags: int
    seq: int
    ack: int
    window: int
    has_ts: int
    tsval: int
    tsecr: int
    mss: int
    payload_bytes: int
    frame: int

    def begins(self, fragment: Packet) -> bool:
        """True where this may be the first fragment of the datagram that ``fragment`` belongs to (RFC 791 §3.2)."""
        same = ("src", "dst", "ip_proto", "ip_id", "tunnel", "ttl", "src_mac", "dst_mac")
        soon = abs(fragment.time_ns - self.time_ns) <= REORDER_NS
        return soon and all(getattr(self, name) == getattr(fragment, name) for name in same)

    def mark(self) -> tuple[int, ...]:
        """What is kept of a packet that matters, in the order of ``layout.MARK``."""
        return (self.position, self.time_ns, self.frame, self.seq, self.ack, self.tsval, self.tsecr,
                self.src_mac, self.dst_mac, self.ip_id, self.ttl, 0)


class Side:
    """One direction of a flow."""

    def __init__(self) -> None:
        self.packets = self.bytes = self.syns = self.rsts = self.rst_flags = 0
        self.retrans = self.retrans_bytes = self.passed_bytes = 0
        self.macs: list[int] = []
        self.isn: int | None = None            # seen, or inferred from the SYN-ACK that answers it
        self.first_seq = 0                     # of the first segment that is no RST
        self.end: int | None = None            # highest sequence number sent, plus one
        self.acked: int | None = None          # highest acknowledgment number sent
        self.gap: tuple[int, int] = (0, 0)     # the last stretch that was jumped over
        self.advanced_ns = 0                   # when ``end`` moved last
        self.in_flight: list[tuple[int, int]] = []    # up to two (IP length, end) not yet acknowledged
        self.recent: list[int] = []            # memories of the last packets
        self.cursor = 0

    def remember(self, memory: int) -> None:
        """Keep the memory of a packet, over the oldest one."""
        if len(self.recent) < REMEMBERED:
            self.recent.append(memory)
        else:
            self.recent[self.cursor] = memory
        self.cursor = (self.cursor + 1) % REMEMBERED

    def has_copy(self, packet: Packet, memory: int) -> bool:
        """True where this very packet was captured a moment ago."""
        return any(is_copy(then, memory, packet.ip_id, datagram=packet.kind != TCP) for then in self.recent)


def end_of(packet: Packet) -> int:
    """The sequence number after the segment; SYN and FIN count one each (RFC 9293 §3.4)."""
    return advance(packet.seq, packet.payload_bytes + bool(packet.flags & SYN) + bool(packet.flags & FIN))


def covers(peer: Side, ack: int) -> bool:
    """True where ``ack`` acknowledges the peer's SYN, and nothing that the peer has not sent here."""
    if peer.isn is None:
        return False
    first = advance(peer.isn, 1)
    last = first if peer.end is None or after(first, peer.end) else peer.end
    return not after(first, ack) and not after(ack, last)


def keep_alive(side: Side, packet: Packet) -> bool:
    """True for at most one octet, just before what is due (RFC 9293 §3.8.4)."""
    return packet.payload_bytes <= 1 and side.end is not None and distance(packet.seq, side.end) == 1


def overtaken(side: Side, packet: Packet) -> bool:
    """True where it fills the last gap, and at once."""
    low, high = side.gap
    return (not after(low, packet.seq) and not after(end_of(packet), high) and low != high
            and packet.time_ns - side.advanced_ns < OUT_OF_ORDER_NS)
