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
