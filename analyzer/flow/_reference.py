"""The flow tracker in plain Python: slow, and the specification of ``_fast.pyx``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.flow import layout, states
from analyzer.flow._record import Flow
from analyzer.flow._side import Packet
from analyzer.flow.layout import Marks, Records
from analyzer.flow.seq import advance
from analyzer.flow.timeouts import REORDER_NS, Limits
from analyzer.tables import ACK, ICMP_ECHO, OK, RST, SYN, TCP, UDP, PacketTable

_ECHO_REPLIES = frozenset({0, 129})     # ICMP and ICMPv6 echo reply (RFC 792, RFC 4443 §4.2)
_COLUMNS = Packet._fields[:-1]


class Tracker:
    """A table of live flows by their ends, and the records of those that left it."""

    compiled = False

    def __init__(self, limits: Limits, secret: int) -> None:
        self._limits = limits
        self._secret = secret
        self._index: dict[tuple[int, ...], int] = {}
        self._slots: list[Flow | None] = []
        self._free: list[int] = []
        self._hand = 0
        self._number = 0
        self._clock = self._previous = -(1 << 63)
        self._done: list[Flow] = []
        self.evicted = 0

    def feed(self, table: PacketTable) -> None:
        """Follow the packets of one batch."""
        columns = [table.columns[name].tolist() for name in _COLUMNS]
        for frame, values in enumerate(zip(*columns, strict=True), table.first_frame):
            packet = Packet._make((*values, frame))
            if packet.verdict == OK and packet.kind in (TCP, UDP, ICMP_ECHO):
                self._packet(packet)

    def records(self) -> Records:
        """Every flow so far, left or live; the tracker goes on."""
        flows = [*self._done, *(flow for flow in self._slots if flow is not None)]
        return _pack(flows)

    def _packet(self, packet: Packet) -> None:
        # One stray time stamp in the future must not end every flow: the clock
        # only moves to where two packets in a row have been.
        self._clock = max(self._clock, min(packet.time_ns, self._previous))
        self._previous = packet.time_ns
        self._sweep()
        key = _key(packet)
        slot = self._index.get(key)
        flow = None if slot is None else self._slots[slot]
        if flow is not None and self._begins_anew(flow, packet):
            self._retire(flow)
            flow = None
        if flow is None:
            flow = self._open(key, packet)
        else:
            flow.used = True
        x = int((packet.src, packet.src_port) != flow.ends[0])
        if packet.kind == TCP:
            flow.segment(x, packet, self._secret)
        else:
            flow.datagram(x, packet, self._secret)

    def _open(self, key: tuple[int, ...], packet: Packet) -> Flow:
        if len(self._index) >= self._limits.live_flows:
            self._evict()
        flow = Flow(self._number, packet)
        self._number += 1
        if not _sender_initiates(packet):
            flow.initiator = 1
            flow.history |= states.FLIPPED if not packet.flags & SYN or packet.kind != TCP else 0
        if self._free:
            slot = self._free.pop()
            self._slots[slot] = flow
        else:
            slot = len(self._slots)
            self._slots.append(flow)
        self._index[key] = slot
        return flow

    def _retire(self, flow: Flow) -> None:
        slot = self._index.pop(_ends_key(flow))
        self._slots[slot] = None
        self._free.append(slot)
        self._done.append(flow)

    def _timeout(self, flow: Flow) -> int:
        if flow.kind != TCP:
            return self._limits.datagram_ns
        if flow.state in states.HALF_OPEN:
            return self._limits.half_open_ns
        return self._limits.closed_ns if flow.closed else self._limits.established_ns

    def _sweep(self) -> None:
        """Look at one slot for each packet: what cannot go on any more leaves."""
        if not self._slots:
            return
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

    def _begins_anew(self, flow: Flow, packet: Packet) -> bool:
        """True where this packet is the first of another flow between the same ends."""
        if packet.time_ns - flow.last_ns > self._timeout(flow):
            return True
        if flow.kind != TCP or packet.flags & (SYN | RST) != SYN:
            return False
        x = int((packet.src, packet.src_port) != flow.ends[0])
        return _other_synack(flow, x, packet) if packet.flags & ACK else _other_syn(flow, x, packet)


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


def _key(packet: Packet) -> tuple[int, ...]:
    one, other = (packet.src, packet.src_port), (packet.dst, packet.dst_port)
    return (packet.kind, packet.tunnel, *min(one, other), *max(one, other))


def _ends_key(flow: Flow) -> tuple[int, ...]:
    return (flow.kind, flow.tunnel, *min(flow.ends), *max(flow.ends))


def _pack(flows: list[Flow]) -> Records:
    table = np.zeros(len(flows), dtype=layout.FLOW)
    sides = np.zeros((2, len(flows)), dtype=layout.SIDE)
    for row, flow in enumerate(flows):
        present = sum(1 << slot for slot in flow.marks)
        (src, src_port), (dst, dst_port) = flow.ends
        table[row] = (flow.first_ns, flow.last_ns, flow.number, flow.tunnel, (src, dst), flow.history, flow.duplicates,
                      flow.synacks, flow.synack_last_seq, (src_port, dst_port), flow.interface, flow.vlan,
                      flow.window_i, flow.window_r, flow.mss_i, flow.mss_r, present, flow.kind, flow.state,
                      flow.initiator, (0, 0, 0))
        for x, side in enumerate(flow.sides):
            sides[x, row] = (side.bytes, side.packets, side.syns, side.rsts, side.retrans, side.retrans_bytes,
                             side.passed_bytes, side.rst_flags, len(side.macs), (0,) * 6)
    return Records(table, sides, [_pack_marks(flows, slot) for slot in range(len(layout.SLOTS))])


def _pack_marks(flows: list[Flow], slot: int) -> Marks:
    rows = [row for row, flow in enumerate(flows) if slot in flow.marks]
    marks: NDArray[np.void] = np.array([flows[row].marks[slot] for row in rows], dtype=layout.MARK)
    return Marks(np.array(rows, dtype=np.uint32), marks)
