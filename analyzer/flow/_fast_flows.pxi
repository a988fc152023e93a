# The compiled tracker: the open-addressed index, and how flows come and go (see _reference.py).


cdef inline uint64_t _base(Tracker self, uint8_t kind, uint32_t src, uint16_t src_port, uint32_t dst,
                           uint16_t dst_port) noexcept nogil:
    """A hash of the ends, in either order."""
    cdef uint64_t one = <uint64_t>src << 16 | src_port, other = <uint64_t>dst << 16 | dst_port
    if one > other:
        one, other = other, one
    return fold(self.secret ^ one, (other | <uint64_t>kind << 48) ^ SALT1)


cdef inline uint32_t _tag(Tracker self, uint64_t base, uint32_t tunnel) noexcept nogil:
    # folded a second time: the first leaves ends that follow one another in runs, under one secret in thirty
    return <uint32_t>(fold(base ^ tunnel, self.secret ^ SALT0) >> 32)


cdef long _at(Tracker self, uint32_t tag, uint32_t tunnel, Packet *p) except -2 nogil:
    """The slot of the flow at (tunnel, ends), or -1.  One that has timed out by now leaves."""
    cdef uint32_t place = tag & self.mask
    cdef Entry *entry
    cdef Flow *flow
    while True:
        entry = &self.index[place]
        if entry.slot == 0:
            return -1
        if entry.tag == tag and entry.tunnel == tunnel and same_ends(&self.flows[entry.slot - 1], p):
            flow = &self.flows[entry.slot - 1]
            if since(p.time_ns, flow.last_ns) > _timeout(self, flow, entry.slot - 1):
                _retire(self, entry.slot - 1)
                return -1
            return entry.slot - 1
        place = (place + 1) & self.mask


cdef int _enter(Tracker self, uint32_t tag, uint32_t tunnel, uint32_t slot, Packet *p) except -1 nogil:
    """Let (tunnel, ends) lead to a slot."""
    cdef uint32_t place
    cdef Entry *entry
    if self.entries * 2 > self.mask:
        with gil:
            self._grow()
    place = tag & self.mask
    while True:
        entry = &self.index[place]
        if entry.slot == 0:
            entry.slot, entry.tag, entry.tunnel = slot + 1, tag, tunnel
            self.entries += 1
            return 0
        if entry.tag == tag and entry.tunnel == tunnel and same_ends(&self.flows[entry.slot - 1], p):
            entry.slot = slot + 1
            return 0
        place = (place + 1) & self.mask


cdef int _forget(Tracker self, uint64_t base, uint32_t tunnel, uint32_t slot) except -1 nogil:
    """Take the entry (tunnel, ends) -> slot out, if it is there, and close the hole behind it."""
    cdef uint32_t tag = _tag(self, base, tunnel), place, hole
    cdef Entry *entry
    place = tag & self.mask
    while True:
        entry = &self.index[place]
        if entry.slot == 0:
            return 0
        if entry.slot == slot + 1 and entry.tunnel == tunnel and entry.tag == tag:
            break
        place = (place + 1) & self.mask
    hole = place
    while True:
        place = (place + 1) & self.mask
        entry = &self.index[place]
        if entry.slot == 0:
            break
        if ((place - entry.tag) & self.mask) >= ((place - hole) & self.mask):
            self.index[hole] = entry[0]
            hole = place
    self.index[hole].slot = 0
    self.entries -= 1
    return 0


cdef inline bint _closed(Tracker self, Flow *flow) noexcept nogil:
    return flow.history & ANY_RST or flow.history & BOTH_FINS == BOTH_FINS


cdef inline uint64_t _timeout(Tracker self, Flow *flow, uint32_t slot) noexcept nogil:
    if flow.kind != TCP:
        return self.datagram_ns
    if self.half_open[flow.state]:
        return self.half_open_ns
    if not _closed(self, flow):
        return self.established_ns
    return self.settled_ns if _settled(self, flow, slot) else self.closed_ns


cdef bint _settled(Tracker self, Flow *flow, uint32_t slot) noexcept nogil:
    cdef Side *one = &self.sides[0][slot]
    cdef Side *other = &self.sides[1][slot]
    if flow.history & ANY_RST or (one.known & other.known & (END | ACKED)) != (END | ACKED):
        return False
    return one.end == other.acked and other.end == one.acked


cdef inline uint32_t _next(Tracker self) noexcept nogil:
    self.hand += 1
    if self.hand >= self.slots:
        self.hand = 0
    return self.hand


cdef int _sweep(Tracker self) except -1 nogil:
    cdef Flow *flow = &self.flows[_next(self)]
    if flow.bits & LIVE and since(self.clock, flow.last_ns) > _timeout(self, flow, self.hand) + REORDER_NS:
        return _retire(self, self.hand)
    return 0


cdef int _evict(Tracker self) except -1 nogil:
    cdef Flow *flow
    while True:
        flow = &self.flows[_next(self)]
        if not flow.bits & LIVE:
            continue
        if not flow.bits & USED or _closed(self, flow):
            self.evicted += 1
            return _retire(self, self.hand)
        flow.bits &= ~USED


cdef long _find(Tracker self, uint64_t base, Packet *p) except -2 nogil:
    cdef long slot = _at(self, p.tag, p.tunnel, p)
    cdef Flow *flow
    if slot >= 0:
        flow = &self.flows[slot]
        if p.tunnel == flow.tunnel or p.tunnel == flow.other_tunnel:
            return slot
    elif p.tunnel:
        slot = _at(self, _tag(self, base, 0), 0, p)
    if slot < 0:
        return -1
    flow = &self.flows[slot]
    if not _half(self, flow, <uint32_t>slot, direction(flow, p), p):
        return -1
    flow.other_tunnel = p.tunnel
    _enter(self, p.tag, p.tunnel, <uint32_t>slot, p)
    return slot


cdef int _half(Tracker self, Flow *flow, uint32_t slot, int x, Packet *p) except -1 nogil:
    if flow.other_tunnel != flow.tunnel or self.sides[x][slot].packets:
        return False
    if (flow.tunnel == 0) != (p.tunnel == 0):
        return True
    return p.kind == TCP and p.flags & ACK and _covers(self, &self.sides[1 - x][slot], slot, x, p.ack)


cdef inline bint _sender_initiates(Tracker self, Packet *p) noexcept nogil:
    if p.kind == ICMP_ECHO:
        return p.flags != 0 and p.flags != 129
    if p.kind == TCP and p.flags & (SYN | RST) == SYN:
        return not p.flags & ACK
    if (p.src_port < WELL_KNOWN_END) != (p.dst_port < WELL_KNOWN_END):
        return p.dst_port < WELL_KNOWN_END
    if (p.src_port < EPHEMERAL_BEGIN) != (p.dst_port < EPHEMERAL_BEGIN):
        return p.dst_port < EPHEMERAL_BEGIN
    return True


cdef long _open(Tracker self, uint64_t base, Packet *p) except -2 nogil:
    cdef uint32_t slot
    cdef Flow *flow
    cdef Opening *opening
    cdef int x
    if self.slots:
        for x in range(SWEEP):
            _sweep(self)
    if self.live >= self.limit:
        _evict(self)
    if self.free_count:
        self.free_count -= 1
        slot = self.free[self.free_count]
        memset(&self.sides[0][slot], 0, sizeof(Side))
        memset(&self.sides[1][slot], 0, sizeof(Side))
        memset(&self.rares[0][slot], 0, sizeof(Rare))
        memset(&self.rares[1][slot], 0, sizeof(Rare))
    else:
        if self.slots == self.capacity:
            with gil:
                self._reserve()
        slot = self.slots
        self.slots += 1
    flow, opening = &self.flows[slot], &self.openings[slot]
    memset(flow, 0, sizeof(Flow))
    flow.first_ns = flow.last_ns = p.time_ns
    flow.end0, flow.end1, flow.port0, flow.port1 = p.src, p.dst, p.src_port, p.dst_port
    flow.tunnel = flow.other_tunnel = p.tunnel
    if self.number == self.room:
        with gil:
            self.store.grow()
            _set_columns(self)
    flow.flow = self.number
    self.number += 1
    flow.kind, flow.state, flow.bits = p.kind, NOTHING, LIVE
    flow.last0 = flow.last1 = NO_SLOT
    if not _sender_initiates(self, p):
        flow.initiator = 1
        if not p.flags & SYN or p.kind != TCP:
            flow.history = FLIPPED
    memset(opening, 0, sizeof(Opening))
    opening.interface, opening.vlan, opening.first_frame = (
        self.c.interface[p.row], self.c.vlan[p.row], _frame(self, p.row))
    self.live += 1
    _enter(self, p.tag, p.tunnel, slot, p)
    if p.tunnel and _at(self, _tag(self, base, 0), 0, p) < 0:
        _enter(self, _tag(self, base, 0), 0, slot, p)
    return slot


cdef int _begins_anew(Tracker self, Flow *flow, uint32_t slot, Packet *p) except -1 nogil:
    cdef int x
    if flow.kind != TCP or p.flags & (SYN | RST) != SYN:
        return False
    x = direction(flow, p)
    return _other_synack(self, flow, slot, x, p) if p.flags & ACK else _other_syn(self, flow, slot, x, p)


cdef int _other_syn(Tracker self, Flow *flow, uint32_t slot, int x, Packet *p) except -1 nogil:
    cdef uint32_t isn = self.rares[x][slot].isn
    if self.sides[x][slot].known & ISN:
        return isn != p.seq and (flow.bits & SYN_SEEN or isn != p.seq + p.payload)
    if self.sides[1 - x][slot].known & ISN:
        return flow.state != S0
    return not _just_before(self, flow, slot, x, p)


cdef int _other_synack(Tracker self, Flow *flow, uint32_t slot, int x, Packet *p) except -1 nogil:
    if not self.sides[1 - x][slot].known & ISN:
        return not _just_before(self, flow, slot, x, p)
    if self.sides[x][slot].known & ISN and self.rares[x][slot].isn == p.seq:
        return False
    if p.ack == self.rares[1 - x][slot].isn + 1:
        return False
    return _closed(self, flow) or not flow.bits & SYN_SEEN


cdef int _just_before(Tracker self, Flow *flow, uint32_t slot, int x, Packet *p) except -1 nogil:
    if _closed(self, flow) or since(p.time_ns, flow.first_ns) > REORDER_NS:
        return False
    if self.sides[x][slot].known & END:
        return self.rares[x][slot].first_seq == p.seq + 1
    return self.sides[1 - x][slot].known & ACKED and self.sides[1 - x][slot].acked == p.seq + 1
