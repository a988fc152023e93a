# The compiled tracker: what a TCP segment changes in its flow (see _record.py and _side.py).


cdef int _segment(Tracker self, Flow *flow, uint32_t slot, int x, Packet *p) except -1 nogil:
    cdef Side *side = &self.sides[x][slot]
    cdef Side *peer = &self.sides[1 - x][slot]
    cdef uint64_t now = _memory(self, p)
    cdef bint news = not p.flags & RST and (
        not side.known & END or after(p.end, side.end)
        or (p.flags & ACK and (not side.known & ACKED or after(p.ack, side.acked))))
    if not news and _has_copy(self, side, slot, x, p, now):
        return _copy(self, flow, slot, x, p)
    _remember(self, side, slot, x, now)
    _count(self, side, slot, x, p)
    if p.flags & (SYN | RST) == SYN:
        _handshake(self, flow, side, peer, slot, x, p)
    flow.state = self.moves[flow.state][x != flow.initiator][_what(self, flow, peer, slot, x, p)]
    _note(self, flow, slot, x, p)
    if not p.flags & RST:
        _sent(self, flow, side, slot, x, p)
        if p.flags & ACK:
            _acknowledged(self, side, peer, slot, x, p)
    return _last(self, flow, side, slot, x, p)


cdef int _copy(Tracker self, Flow *flow, uint32_t slot, int x, Packet *p) except -1 nogil:
    flow.duplicates += 1
    if p.flags & SYN:
        if p.flags & ACK:
            _another_hop(self, flow, M_SYNACK, M_SYNACK2, slot, p.row)
        else:
            _another_hop(self, flow, M_SYN, M_SYN2, slot, p.row)
    if p.payload:
        _another_hop(self, flow, M_DATA + x, M_DATA2 + x, slot, p.row)
    return 0


cdef int _handshake(Tracker self, Flow *flow, Side *side, Side *peer, uint32_t slot, int x, Packet *p) except -1 nogil:
    cdef Opening *opening = &self.openings[slot]
    cdef Rare *rare = &self.rares[x][slot]
    if p.flags & ACK:
        if not flow.bits & SYN_SEEN and flow.synacks == 0:
            flow.initiator = 1 - x
        if not peer.known & ISN:
            self.rares[1 - x][slot].isn = p.ack - 1
            peer.known |= ISN
        flow.synacks += 1
        flow.synack_last_seq = p.seq
        if _first(self, flow, M_SYNACK, slot, p):
            opening.window_r, opening.mss_r = self.c.window[p.row], self.c.mss[p.row]
    else:
        if not flow.bits & SYN_SEEN:
            flow.initiator = x
            flow.bits |= SYN_SEEN
        rare.syns += 1
        if x == flow.initiator and _first(self, flow, M_SYN, slot, p):
            opening.window_i, opening.mss_i = self.c.window[p.row], self.c.mss[p.row]
    if not side.known & ISN or rare.isn != p.seq or not side.known & END:
        rare.isn = p.seq
        side.known = (side.known | ISN) & ~END
        rare.gap_low = rare.gap_high = 0
        side.flight_bytes = rare.next_bytes = 0
    return 0


cdef int _covers(Tracker self, Side *peer, uint32_t slot, int x, uint32_t ack) except -1 nogil:
    """``x`` acknowledges: is it the peer's SYN, and nothing that the peer has not sent here?"""
    cdef uint32_t first, last
    if not peer.known & ISN:
        return False
    first = self.rares[1 - x][slot].isn + 1
    last = first if not peer.known & END or after(first, peer.end) else peer.end
    return not after(first, ack) and not after(ack, last)


cdef int _what(Tracker self, Flow *flow, Side *peer, uint32_t slot, int x, Packet *p) except -1 nogil:
    if p.flags & RST:
        return WHAT_RST
    if p.flags & SYN:
        if not p.flags & ACK:
            return WHAT_SYN
        return WHAT_SYNACK if not peer.known & ISN or _covers(self, peer, slot, x, p.ack) else WHAT_WRONG
    if p.flags & FIN:
        return WHAT_FIN
    if p.payload:
        return WHAT_DATA
    if not p.flags & ACK or not peer.known & ISN:
        return WHAT_ACK
    if self.moves[flow.state][x != flow.initiator][WHAT_ACK] == flow.state:
        return WHAT_WRONG            # either way the state stays
    return WHAT_ACK if _covers(self, peer, slot, x, p.ack) else WHAT_WRONG


cdef inline int _note(Tracker self, Flow *flow, uint32_t slot, int x, Packet *p) except -1 nogil:
    cdef uint32_t seen = 0
    if p.flags & (SYN | FIN | RST):
        seen = _note_special(self, flow, slot, x, p)
    elif p.flags & ACK:
        if not p.payload:
            seen |= HIST_A
        if not self.c.window[p.row]:
            seen |= HIST_W
    if p.payload and not p.flags & RST:
        seen |= HIST_D
        _first(self, flow, M_DATA + x, slot, p)
    flow.history |= seen << x
    if (flow.present & (1 << M_SYNACK | 1 << M_ESTAB) == 1 << M_SYNACK and x == flow.initiator
            and p.flags & (ACK | SYN | RST) == ACK and _covers(self, &self.sides[1 - x][slot], slot, x, p.ack)):
        _first(self, flow, M_ESTAB, slot, p)
    return 0


cdef uint32_t _note_special(Tracker self, Flow *flow, uint32_t slot, int x, Packet *p) except? 0xFFFFFFFF nogil:
    cdef uint32_t seen = 0
    cdef uint8_t special = p.flags & (SYN | FIN | RST)
    cdef Rare *rare
    if p.flags & RST:
        seen |= HIST_R
        rare = &self.rares[x][slot]
        rare.rsts += 1
        if _first(self, flow, M_RST + x, slot, p):
            rare.rst_flags = p.flags
    elif p.flags & SYN:
        seen |= HIST_H if p.flags & ACK else HIST_S
    if p.flags & FIN and not p.flags & RST:
        seen |= HIST_F
        _first(self, flow, M_FIN + x, slot, p)
    if special != SYN and special != FIN and special != RST:
        seen |= HIST_Q
    return seen


cdef inline int _sent(Tracker self, Flow *flow, Side *side, uint32_t slot, int x, Packet *p) except -1 nogil:
    cdef Rare *rare
    if not side.known & END:
        self.rares[x][slot].first_seq = p.seq
        side.end, side.advanced_ns = p.end, p.time_ns
        side.known |= END
    elif after(p.end, side.end):
        if after(p.seq, side.end):
            rare = &self.rares[x][slot]
            rare.gap_low, rare.gap_high = side.end, p.seq
            flow.history |= HIST_G << x
        side.end, side.advanced_ns = p.end, p.time_ns
    elif p.payload and not (p.payload <= 1 and side.end - p.seq == 1):
        rare = &self.rares[x][slot]
        if not _overtaken(self, side, rare, p):
            rare.retrans += 1
            rare.retrans_bytes = larger(rare.retrans_bytes, p.ip_bytes)
            flow.history |= HIST_T << x
    if p.payload and p.ip_bytes > side.passed_bytes:
        if not side.flight_bytes:
            side.flight_bytes, side.flight_end = p.ip_bytes, p.end
        elif p.ip_bytes > side.flight_bytes:
            rare = &self.rares[x][slot]
            if p.ip_bytes > rare.next_bytes:
                rare.next_bytes, rare.next_end = p.ip_bytes, p.end
    return 0


cdef inline bint _overtaken(Tracker self, Side *side, Rare *rare, Packet *p) noexcept nogil:
    return (not after(rare.gap_low, p.seq) and not after(p.end, rare.gap_high) and rare.gap_low != rare.gap_high
            and since(p.time_ns, side.advanced_ns) < OUT_OF_ORDER_NS)


cdef inline int _acknowledged(Tracker self, Side *side, Side *peer, uint32_t slot, int x, Packet *p) except -1 nogil:
    cdef Rare *rare
    if not side.known & ACKED or after(p.ack, side.acked):
        side.acked = p.ack
        side.known |= ACKED
    while peer.flight_bytes and not after(peer.flight_end, p.ack):
        rare = &self.rares[1 - x][slot]
        peer.passed_bytes = larger(peer.passed_bytes, peer.flight_bytes)
        peer.flight_bytes, peer.flight_end = rare.next_bytes, rare.next_end
        rare.next_bytes = 0
    return 0
