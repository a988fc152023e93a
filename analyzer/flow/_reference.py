"""The flow tracker in plain Python: slow, and the specification of ``_fast.pyx``.

A flow is found by its ends and its tunnel path.  Where one direction runs inside
a tunnel and the other outside (a gateway balancer that hands packets back plain)
or in another tunnel, the two halves meet by the rule of ``_half``; two
conversations between the same ends in two tunnels stay two flows.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from analyzer.flow import states
from analyzer.flow._record import Flow
from analyzer.flow._side import Packet, covers
from analyzer.flow.rows import table_of
from analyzer.flow.seq import advance
from analyzer.flow.timeouts import FRAGMENT_FRAMES, REORDER_NS, SWEEP, Limits
from analyzer.tables import ACK, ICMP_ECHO, LATER_FRAGMENT, OK, RST, SYN, TCP, UDP, PacketTable, Table

_ECHO_REPLIES = frozenset({0, 129})     # ICMP and ICMPv6 echo reply (RFC 792, RFC 4443 §4.2)
_COLUMNS = Packet._fields[:-1]


class Tracker:
    """A table of live flows by their ends, and the records of those that left it."""

    compiled = False

    def __init__(self, limits: Limits, secret: int) -> None:
        self._limits = limits
        self._secret = secret
        self._index: dict[tuple[int, tuple[int, ...]], int] = {}     # (tunnel, ends) -> slot
        self.live = 0
        self._slots: list[Flow | None] = []
        self._free: list[int] = []
        self._hand = 0
        self._number = 0
        self._clock = self._previous = -(1 << 63)
        self._done: list[Flow] = []
        self._recent: deque[Packet] = deque(maxlen=FRAGMENT_FRAMES)
        self._finished = False
        self.evicted = 0

    def feed(self, table: PacketTable) -> None:
        """Follow the packets of one batch."""
        self._check()
        columns = [table.columns[name].tolist() for name in _COLUMNS]
        frames = table.columns.get("frame", np.arange(table.first_frame, table.first_frame + len(table)))
        for values in zip(*columns, frames.tolist(), strict=True):
            packet = Packet._make(values)
            if packet.verdict == OK and packet.kind in (TCP, UDP, ICMP_ECHO):
                self._packet(packet)
            elif packet.verdict == LATER_FRAGMENT:
                self._fragment(packet)
            self._recent.append(packet)

    def table(self, capture: int, *, final: bool = False) -> Table:
        """FLOWS so far, in the order of first packets; after ``final`` the tracker is used up."""
        self._check()
        self._finished = final
        return table_of(self._flows(), capture)

    def first_frames(self) -> NDArray[np.uint32]:
        """The frame number of each flow's first packet, in the order of ``table``."""
        self._check()
        return np.array([flow.first_frame for flow in self._flows()], dtype=np.uint32)

    def _flows(self) -> list[Flow]:
        live = (flow for flow in self._slots if flow is not None)
        return sorted((*self._done, *live), key=lambda flow: flow.number)

    def _check(self) -> None:
        if self._finished:
            raise ValueError("this tracker has finished")

    def _packet(self, packet: Packet) -> None:
        # One stray time stamp in the future must not end every flow: the clock
        # only moves to where two packets in a row have been.
        self._clock = max(self._clock, min(packet.time_ns, self._previous))
        self._previous = packet.time_ns
        ends = _ends(packet)
        flow = self._find(ends, packet)
        if flow is not None and _begins_anew(flow, packet):
            self._retire(flow)
            flow = None
        if flow is None:
            flow = self._open(ends, packet)
        else:
            flow.used = True
        x = flow.direction(packet)
        if packet.kind == TCP:
            flow.segment(x, packet, self._secret)
        else:
            flow.datagram(x, packet, self._secret)

    def _fragment(self, packet: Packet) -> None:
        """A later fragment: its octets are those of the flow of its first fragment, a few frames ago."""
        for first in reversed(self._recent):
            if packet.frame - first.frame > FRAGMENT_FRAMES:
                return
            if first.verdict == OK and first.kind in (TCP, UDP, ICMP_ECHO) and first.begins(packet):
                flow = self._at(first.tunnel, _ends(first), packet)
                if flow is not None:
                    flow.sides[flow.direction(first)].bytes += packet.payload_bytes
                    flow.last_ns = max(flow.last_ns, packet.time_ns)
                return

    def _find(self, ends: tuple[int, ...], packet: Packet) -> Flow | None:
        flow = self._at(packet.tunnel, ends, packet)
        if flow is not None and packet.tunnel in (flow.tunnel, flow.other_tunnel):
            return flow
        if flow is None and packet.tunnel:
            flow = self._at(0, ends, packet)
        if flow is None or not _half(flow, packet):
            return None
        flow.other_tunnel = packet.tunnel
        self._index[packet.tunnel, ends] = flow.slot
        return flow

    def _at(self, tunnel: int, ends: tuple[int, ...], packet: Packet) -> Flow | None:
        """The flow that (tunnel, ends) leads to; one that has timed out by now leaves."""
        slot = self._index.get((tunnel, ends))
        flow = None if slot is None else self._slots[slot]
        if flow is not None and packet.time_ns - flow.last_ns > self._timeout(flow):
            self._retire(flow)
            return None
        return flow

    def _open(self, ends: tuple[int, ...], packet: Packet) -> Flow:
        for _ in range(SWEEP if self._slots else 0):
            self._sweep()
        if self.live >= self._limits.live_flows:
            self._evict()
        flow = Flow(self._number, packet)
        self._number += 1
        if not _sender_initiates(packet):
            flow.initiator = 1
            flow.history |= states.FLIPPED if not packet.flags & SYN or packet.kind != TCP else 0
        if not self._free:
            self._free.append(len(self._slots))
            self._slots.append(None)
        flow.slot = self._free.pop()
        self._slots[flow.slot] = flow
        self.live += 1
        self._index[packet.tunnel, ends] = flow.slot
        if packet.tunnel and self._at(0, ends, packet) is None:
            self._index[0, ends] = flow.slot     # where a plain answer will look
        return flow

    def _retire(self, flow: Flow) -> None:
        ends = _ends(flow.opener)
        for tunnel in {flow.tunnel, flow.other_tunnel, 0}:
            if self._index.get((tunnel, ends)) == flow.slot:
                del self._index[tunnel, ends]
        self._slots[flow.slot] = None
        self._free.append(flow.slot)
        self.live -= 1
        self._done.append(flow)

    def _timeout(self, flow: Flow) -> int:
        if flow.kind != TCP:
            return self._limits.datagram_ns
        if flow.state in states.HALF_OPEN:
            return self._limits.half_open_ns
        if flow.settled:
            return self._limits.settled_ns
        return self._limits.closed_ns if flow.closed else self._limits.established_ns

    def _sweep(self) -> None:
        """Look at the next slot: what cannot go on any more leaves."""
        self._hand = (self._hand + 1) % len(self._slots)
        flow = self._slots[self._hand]
        if flow is not None and self._clock - flow.last_ns > self._timeout(flow) + REORDER_NS:
            self._retire(flow)

    def _evict(self) -> None:
        """Make room: the next flow that is closed, or silent (or new) since the hand last passed."""
        while True:
            self._hand = (self._hand + 1) % len(self._slots)
            flow = self._slots[self._hand]
            if flow is None:
                continue
            if flow.closed or not flow.used:
                self._retire(flow)
                self.evicted += 1
                return
            flow.used = False


def _begins_anew(flow: Flow, packet: Packet) -> bool:
    """True where this packet is the first of another flow between the same ends."""
    if flow.kind != TCP or packet.flags & (SYN | RST) != SYN:
        return False
    x = flow.direction(packet)
    return _other_synack(flow, x, packet) if packet.flags & ACK else _other_syn(flow, x, packet)


def _half(flow: Flow, packet: Packet) -> bool:
    """True where ``packet`` is the missing direction of a flow that was seen in one tunnel, or outside, only.

    Half inside and half outside is enough; in two tunnels (a virtual network for
    each direction) the packet must acknowledge what the other half sent.
    """
    x = flow.direction(packet)
    if flow.other_tunnel != flow.tunnel or flow.sides[x].packets:
        return False
    if (flow.tunnel == 0) != (packet.tunnel == 0):
        return True
    return packet.kind == TCP and bool(packet.flags & ACK) and covers(flow.sides[1 - x], packet.ack)


def _other_syn(flow: Flow, x: int, packet: Packet) -> bool:
    """True for a SYN of another connection than the flow's: its ISN says so (RFC 9293 §3.4.1)."""
    side, peer = flow.sides[x], flow.sides[1 - x]
    if side.isn is not None:
        # What a SYN-ACK told about a SYN not seen counts data sent with it (RFC 7413).
        ends = (packet.seq, advance(packet.seq, packet.payload_bytes if not flow.syn_seen else 0))
        return side.isn not in ends
    if peer.isn is not None:
        return flow.state != states.S0      # S0: simultaneous open, or a split handshake
    return not _just_before(flow, x, packet)


def _other_synack(flow: Flow, x: int, packet: Packet) -> bool:
    """True for a SYN-ACK of another connection than the flow's."""
    side, peer = flow.sides[x], flow.sides[1 - x]
    if peer.isn is None:
        return not _just_before(flow, x, packet)
    if side.isn == packet.seq or packet.ack == advance(peer.isn, 1):
        return False                        # sent again, or the server began again
    return flow.closed or not flow.syn_seen


def _just_before(flow: Flow, x: int, packet: Packet) -> bool:
    """True where a flow caught in the middle was in truth its beginning, captured in the wrong order."""
    if flow.closed or packet.time_ns - flow.first_ns > REORDER_NS:
        return False
    side, peer, after_syn = flow.sides[x], flow.sides[1 - x], advance(packet.seq, 1)
    if side.end is not None:
        return side.first_seq == after_syn
    return peer.acked == after_syn


def _sender_initiates(packet: Packet) -> bool:
    if packet.kind == ICMP_ECHO:
        return packet.flags not in _ECHO_REPLIES
    if packet.kind == TCP and packet.flags & (SYN | RST) == SYN:
        return not packet.flags & ACK
    return states.sender_initiates(packet.src_port, packet.dst_port)


def _ends(packet: Packet) -> tuple[int, ...]:
    one, other = (packet.src, packet.src_port), (packet.dst, packet.dst_port)
    return (packet.kind, *min(one, other), *max(one, other))
