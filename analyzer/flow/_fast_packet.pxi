# The compiled tracker: what a packet changes in its flow (see _record.py and _side.py).


cdef inline uint32_t _frame(Tracker self, uint32_t row) noexcept nogil:
    return self.c.frame[row] if self.c.frame else self.first_frame + row


cdef int _write(Tracker self, uint32_t what, uint32_t slot, uint32_t row) except -1 nogil:
    cdef Mark *mark
    if what >= KINDS_OF_MARKS or slot >= self.capacity or row >= self.rows:
        with gil:
            raise IndexError(f"mark {what} of slot {slot} from row {row}")
    mark = &self.marks[what][slot]
    mark.position, mark.ns, mark.frame = self.c.position[row], self.c.time_ns[row], _frame(self, row)
    mark.seq, mark.ack, mark.tsval, mark.tsecr = self.c.seq[row], self.c.ack[row], self.c.tsval[row], self.c.tsecr[row]
    mark.src_mac, mark.dst_mac, mark.ip_id, mark.ttl = (
        self.c.src_mac[row], self.c.dst_mac[row], self.c.ip_id[row], self.c.ttl[row])
    return 0


cdef inline int _first(Tracker self, Flow *flow, int what, uint32_t slot, Packet *p) except -1 nogil:
    if flow.present >> what & 1:
        return False
    flow.present |= 1 << what
    _write(self, what, slot, p.row)
    p.kept = what
    return True


cdef int _another_hop(Tracker self, Flow *flow, int what, int copy, uint32_t slot, uint32_t row) except -1 nogil:
    cdef Mark *mark
    if not flow.present >> what & 1 or flow.present >> copy & 1:
        return 0
    mark = &self.marks[what][slot]
    if (mark.seq == self.c.seq[row] and mark.ack == self.c.ack[row] and mark.tsval == self.c.tsval[row]
            and mark.tsecr == self.c.tsecr[row] and mark.ip_id == self.c.ip_id[row]
            and (mark.src_mac != self.c.src_mac[row] or mark.dst_mac != self.c.dst_mac[row]
                 or mark.ttl != self.c.ttl[row])):
        flow.present |= 1 << copy
        _write(self, copy, slot, row)
    return 0


cdef inline int _last(Tracker self, Flow *flow, Side *side, uint32_t slot, int x, Packet *p) except -1 nogil:
    """Where the direction's last packet is: in the mark that it just set, or written when the batch ends."""
    if p.kept >= 0:
        if x:
            flow.last1 = p.kept
        else:
            flow.last0 = p.kept
        side.last_row = 0
        return 0
    if side.last_row == 0:
        self.touched[self.touched_count] = 2 * slot + x
        self.touched_count += 1
    side.last_row = p.row + 1
    return 0


cdef int _flush(Tracker self, uint32_t slot, int x) except -1 nogil:
    """Write the direction's last packet of this batch into its mark."""
    cdef Side *side = &self.sides[x][slot]
    if side.last_row:
        _write(self, M_LAST + x, slot, side.last_row - 1)
        side.last_row = 0
        if x:
            self.flows[slot].last1 = M_LAST + 1
        else:
            self.flows[slot].last0 = M_LAST
    return 0


cdef inline uint64_t _memory(Tracker self, Packet *p) except? 0 nogil:
    """See ``duplicates.memory``."""
    cdef uint64_t value = fold((p.seq | <uint64_t>p.ack << 32) ^ self.secret,
                               (self.c.tsval[p.row] | <uint64_t>p.ip_bytes << 32) ^ SALT0)
    value = fold(value ^ (p.ip_id | <uint64_t>self.c.window[p.row] << 16 | <uint64_t>p.flags << 32),
                 self.secret ^ SALT1)
    return (value >> PRINT_SHIFT << PRINT_SHIFT | <uint64_t>(self.c.ttl[p.row] & 15) << TTL_SHIFT
            | <uint64_t>p.time_ns >> UNIT_SHIFT & 0xFFFFFF)


cdef inline bint _is_copy(Tracker self, uint64_t then, uint64_t now, Packet *p) noexcept nogil:
    """See ``duplicates.is_copy``."""
    cdef int elapsed, hops
    if (then ^ now) >> PRINT_SHIFT:
        return False
    elapsed = <int>((now - then + 0x800000) & 0xFFFFFF) - 0x800000
    if elapsed > COPY_UNITS or -elapsed > COPY_UNITS:
        return False
    if p.ip_id:
        return True
    hops = <int>(((then >> TTL_SHIFT) - (now >> TTL_SHIFT)) & 15)
    if p.kind != TCP:
        return 0 < hops < 8
    return hops != 0 or -WEAK_UNITS <= elapsed <= WEAK_UNITS


cdef int _has_copy(Tracker self, Side *side, uint32_t slot, int x, Packet *p, uint64_t now) except -1 nogil:
    cdef int k
    cdef Ring *ring
    if side.filled and _is_copy(self, side.memory, now, p):
        return True
    if side.filled > 1:
        ring = &self.rings[x][slot]
        for k in range(1, side.filled):
            if _is_copy(self, ring.memory[k], now, p):
                return True
    return False


cdef inline int _remember(Tracker self, Side *side, uint32_t slot, int x, uint64_t now) except -1 nogil:
    if side.cursor:
        self.rings[x][slot].memory[side.cursor] = now
    else:
        side.memory = now
    side.cursor = (side.cursor + 1) & 7
    if side.filled < 8:
        side.filled += 1
    return 0


cdef int _packet(Tracker self, uint64_t base, Packet *p) except -1 nogil:
    cdef long slot
    cdef int64_t reached = p.time_ns if p.time_ns < self.previous else self.previous
    cdef Flow *flow
    if reached > self.clock:
        self.clock = reached
    self.previous = p.time_ns
    slot = _find(self, base, p)
    if slot >= 0:
        flow = &self.flows[slot]
        if _begins_anew(self, flow, <uint32_t>slot, p):
            _retire(self, <uint32_t>slot)
            slot = -1
        else:
            flow.bits |= USED
    if slot < 0:
        slot = _open(self, base, p)
    if slot >= self.capacity:
        with gil:
            raise IndexError(f"slot {slot}")
    flow = &self.flows[slot]
    if p.time_ns > flow.last_ns:
        flow.last_ns = p.time_ns
    p.kept = -1
    if p.kind == TCP:
        return _segment(self, flow, <uint32_t>slot, direction(flow, p), p)
    return _datagram(self, flow, <uint32_t>slot, direction(flow, p), p)


cdef int _count(Tracker self, Side *side, uint32_t slot, int x, Packet *p) except -1 nogil:
    cdef MoreMacs *more
    cdef int k
    side.packets += 1
    side.bytes += p.payload
    if side.dst_macs == 0:
        side.mac, side.dst_macs = p.dst_mac, 1
    elif side.mac != p.dst_mac and side.dst_macs < 4:
        more = &self.more_macs[x][slot]
        for k in range(1, side.dst_macs):
            if more.macs[k] == p.dst_mac:
                return 0
        more.macs[side.dst_macs] = p.dst_mac
        side.dst_macs += 1
    return 0


cdef int _datagram(Tracker self, Flow *flow, uint32_t slot, int x, Packet *p) except -1 nogil:
    cdef Side *side = &self.sides[x][slot]
    cdef uint64_t now = _memory(self, p)
    if _has_copy(self, side, slot, x, p, now):
        flow.duplicates += 1
        return _another_hop(self, flow, M_DATA + x, M_DATA2 + x, slot, p.row)
    _remember(self, side, slot, x, now)
    _count(self, side, slot, x, p)
    _first(self, flow, M_DATA + x, slot, p)
    flow.history |= HIST_D << x
    flow.state = UDP2 if self.sides[1 - x][slot].packets else UDP1
    return _last(self, flow, side, slot, x, p)


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
