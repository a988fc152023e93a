"""One flow as the plain-Python tracker keeps it: the specification of what a packet changes.

``_fast.pyx`` does the same on arrays; a property test holds the two equal.
"""

from __future__ import annotations

from analyzer.flow import layout, states
from analyzer.flow._side import Packet, Side, covers, end_of, keep_alive, overtaken
from analyzer.flow.duplicates import memory
from analyzer.flow.seq import advance, after
from analyzer.tables import ACK, FIN, RST, SYN

_ANY_RST = states.HIST_R | states.HIST_R << 1
_BOTH_FINS = states.HIST_F | states.HIST_F << 1


class Flow:
    """A flow; ``segment`` and ``datagram`` take its next packet."""

    def __init__(self, number: int, packet: Packet) -> None:
        self.number = number
        self.slot = -1
        self.opener = packet
        self.kind, self.tunnel = packet.kind, packet.tunnel
        self.other_tunnel = packet.tunnel      # where the other direction runs, once it was found elsewhere
        self.interface, self.vlan, self.first_frame = packet.interface, packet.vlan, packet.frame
        self.ends = ((packet.src, packet.src_port), (packet.dst, packet.dst_port))
        self.first_ns = self.last_ns = packet.time_ns
        self.initiator = 0
        self.state = states.NOTHING
        self.history = 0
        self.duplicates = self.synacks = self.synack_last_seq = 0
        self.window_i = self.window_r = self.mss_i = self.mss_r = 0
        self.syn_seen = False                  # a SYN of the initiator, as against one inferred
        self.used = False                      # more than one packet since the eviction hand passed
        self.sides = (Side(), Side())
        self.marks: dict[int, tuple[int, ...]] = {}

    def direction(self, packet: Packet) -> int:
        """0 where the sender is that of the flow's first packet, else 1."""
        return int((packet.src, packet.src_port) != self.ends[0])

    @property
    def closed(self) -> bool:
        """True after an RST, or when both ends have sent their FIN."""
        return bool(self.history & _ANY_RST) or self.history & _BOTH_FINS == _BOTH_FINS

    @property
    def settled(self) -> bool:
        """True when both ends have sent their FIN and seen it acknowledged, and neither an RST."""
        one, other = self.sides
        ended = self.history & (_ANY_RST | _BOTH_FINS) == _BOTH_FINS
        return ended and one.end == other.acked and other.end == one.acked

    @staticmethod
    def _memory(packet: Packet, secret: int) -> int:
        words = (packet.seq | packet.ack << 32, packet.tsval | packet.ip_bytes << 32,
                 packet.ip_id | packet.window << 16 | packet.flags << 32)
        return memory(secret, words, packet.ttl, packet.time_ns)

    def _count(self, x: int, packet: Packet) -> None:
        side = self.sides[x]
        side.packets += 1
        side.bytes += packet.payload_bytes
        if packet.dst_mac not in side.macs and len(side.macs) < layout.MACS:
            side.macs.append(packet.dst_mac)
        self.marks[layout.LAST + x] = packet.mark()

    def _first(self, slot: int, packet: Packet) -> bool:
        """Set a mark unless it is set; True where it was not."""
        if slot in self.marks:
            return False
        self.marks[slot] = packet.mark()
        return True

    def _at_another_hop(self, slot: int, copy: int, packet: Packet) -> None:
        """Set the mark ``copy`` when a duplicate is the packet marked in ``slot``, with other MACs or TTL."""
        if slot not in self.marks or copy in self.marks:
            return
        now, then = packet.mark(), self.marks[slot]
        if now[3:7] == then[3:7] and now[9] == then[9] and (now[7:9], now[10]) != (then[7:9], then[10]):
            self.marks[copy] = now

    def datagram(self, x: int, packet: Packet, secret: int) -> None:
        """The next UDP datagram or ICMP echo message, sent by direction ``x``."""
        side = self.sides[x]
        self.last_ns = max(self.last_ns, packet.time_ns)
        now = self._memory(packet, secret)
        if side.has_copy(packet, now):
            self.duplicates += 1
            self._at_another_hop(layout.DATA + x, layout.DATA2 + x, packet)
            return
        side.remember(now)
        self._count(x, packet)
        self._first(layout.DATA + x, packet)
        self.history |= states.HIST_D << x
        self.state = states.UDP2 if self.sides[1 - x].packets else states.UDP1

    def segment(self, x: int, packet: Packet, secret: int) -> None:
        """The next TCP segment, sent by direction ``x``."""
        side = self.sides[x]
        self.last_ns = max(self.last_ns, packet.time_ns)
        now = self._memory(packet, secret)
        if not self._is_news(side, packet) and side.has_copy(packet, now):
            self._copy(x, packet)
            return
        side.remember(now)
        self._count(x, packet)
        self._handshake(x, packet)
        what = self._what(x, packet)
        self._note(x, packet)
        self.state = int(states.MOVES[self.state, int(x != self.initiator), what])
        if packet.flags & RST == 0:
            self._sent(x, packet)
            if packet.flags & ACK:
                self._acknowledged(x, packet.ack)

    @staticmethod
    def _is_news(side: Side, packet: Packet) -> bool:
        """Does it go further than anything before?  Then it is no copy, and the search is spared."""
        if packet.flags & RST:
            return False
        if side.end is None or after(end_of(packet), side.end):
            return True
        return bool(packet.flags & ACK) and (side.acked is None or after(packet.ack, side.acked))

    def _copy(self, x: int, packet: Packet) -> None:
        self.duplicates += 1
        if packet.flags & SYN and packet.flags & ACK:
            self._at_another_hop(layout.SYNACK, layout.SYNACK2, packet)
        elif packet.flags & SYN:
            self._at_another_hop(layout.SYN, layout.SYN2, packet)
        if packet.payload_bytes:
            self._at_another_hop(layout.DATA + x, layout.DATA2 + x, packet)

    def _handshake(self, x: int, packet: Packet) -> None:
        """SYN and SYN-ACK: who is the initiator, and the initial sequence numbers."""
        side, peer = self.sides[x], self.sides[1 - x]
        if packet.flags & SYN == 0 or packet.flags & RST:
            return
        if packet.flags & ACK:
            if not self.syn_seen and self.synacks == 0:
                self.initiator = 1 - x
            if peer.isn is None:
                peer.isn = advance(packet.ack, -1)
            self.synacks += 1
            self.synack_last_seq = packet.seq
            if self._first(layout.SYNACK, packet):
                self.window_r, self.mss_r = packet.window, packet.mss
        else:
            if not self.syn_seen:
                self.initiator, self.syn_seen = x, True
            side.syns += 1
            if x == self.initiator and self._first(layout.SYN, packet):
                self.window_i, self.mss_i = packet.window, packet.mss
        if side.isn != packet.seq or side.end is None:
            side.isn = packet.seq
            side.end, side.gap, side.in_flight = None, (0, 0), []

    def _what(self, x: int, packet: Packet) -> int:
        """Which column of the transition table."""
        flags, peer = packet.flags, self.sides[1 - x]
        if flags & RST:
            return states.RST_
        fits = not flags & ACK or peer.isn is None or covers(peer, packet.ack)
        if flags & SYN:
            return states.SYN_ if not flags & ACK else states.SYNACK if fits else states.WRONG
        if flags & FIN:
            return states.FIN_
        if packet.payload_bytes:
            return states.DATA
        return states.ACK_ if fits else states.WRONG

    def _note(self, x: int, packet: Packet) -> None:
        """History letters, and the marks that go with them."""
        flags, side, seen = packet.flags, self.sides[x], 0
        if flags & RST:
            seen |= states.HIST_R
            side.rsts += 1
            if self._first(layout.RST + x, packet):
                side.rst_flags = flags
        elif flags & SYN:
            seen |= states.HIST_H if flags & ACK else states.HIST_S
        if flags & FIN and not flags & RST:
            seen |= states.HIST_F
            self._first(layout.FIN + x, packet)
        if packet.payload_bytes and not flags & RST:
            seen |= states.HIST_D
            self._first(layout.DATA + x, packet)
        if flags & (SYN | FIN | RST) not in (0, SYN, FIN, RST):
            seen |= states.HIST_Q
        if flags & (ACK | SYN | FIN | RST) == ACK:
            seen |= 0 if packet.payload_bytes else states.HIST_A
            seen |= 0 if packet.window else states.HIST_W
        self.history |= seen << x
        accepts = flags & (ACK | SYN | RST) == ACK and covers(self.sides[1 - x], packet.ack)
        if accepts and x == self.initiator and layout.SYNACK in self.marks:
            self._first(layout.ESTAB, packet)

    def _sent(self, x: int, packet: Packet) -> None:
        """Sequence numbers: progress, gaps, and what is sent again."""
        side, end = self.sides[x], end_of(packet)
        if side.end is None:
            side.first_seq, side.end, side.advanced_ns = packet.seq, end, packet.time_ns
        elif after(end, side.end):
            if after(packet.seq, side.end):
                side.gap = (side.end, packet.seq)
                self.history |= states.HIST_G << x
            side.end, side.advanced_ns = end, packet.time_ns
        elif packet.payload_bytes and not keep_alive(side, packet) and not overtaken(side, packet):
            side.retrans += 1
            side.retrans_bytes = max(side.retrans_bytes, packet.ip_bytes)
            self.history |= states.HIST_T << x
        if packet.payload_bytes and packet.ip_bytes > side.passed_bytes:
            if not side.in_flight:
                side.in_flight.append((packet.ip_bytes, end))
            elif packet.ip_bytes > side.in_flight[-1][0]:
                side.in_flight[1:] = [(packet.ip_bytes, end)]

    def _acknowledged(self, x: int, ack: int) -> None:
        """An acknowledgment from direction ``x``: the other's packets that it covers have passed."""
        side, peer = self.sides[x], self.sides[1 - x]
        if side.acked is None or after(ack, side.acked):
            side.acked = ack
        while peer.in_flight and not after(peer.in_flight[0][1], ack):
            peer.passed_bytes = max(peer.passed_bytes, peer.in_flight.pop(0)[0])
