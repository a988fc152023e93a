# The compiled tracker: the columns of FLOWS, and what the tracker knows of a flow as its row.


cdef int _set_columns(Tracker self) except -1:
    """Pointers to the columns of FLOWS, each of ``room`` values."""
    c, rows = self.store.columns, self.store.capacity
    cdef Out *o = &self.out
    cdef MarkOut *m
    self.room = rows
    o.first_ns, o.last_ns = w8(c["first_ns"], rows), w8(c["last_ns"], rows)
    o.flow, o.tunnel, o.history = w4(c["flow"], rows), w4(c["tunnel"], rows), w4(c["history"], rows)
    o.duplicates, o.synacks = w4(c["duplicates"], rows), w4(c["synack_count"], rows)
    o.synack_last_seq, o.syns = w4(c["synack_last_seq"], rows), w4(c["syn_count"], rows)
    o.first_frame = w4(c["first_frame"], rows)
    o.interface, o.vlan = w2(c["interface"], rows), w2(c["vlan"], rows)
    o.kind, o.state = w1(c["kind"], rows), w1(c["state"], rows)
    for x, (role, whole) in enumerate((("i", "initiator"), ("r", "responder"))):
        o.end[x], o.port[x] = w4(c[whole], rows), w2(c[f"{whole}_port"], rows)
        o.packets[x], o.bytes[x] = w4(c[f"packets_{role}"], rows), <uint64_t *>w8(c[f"bytes_{role}"].view("i8"), rows)
        o.rsts[x], o.rst_flags[x] = w4(c[f"rst_{role}_count"], rows), w1(c[f"rst_{role}_flags"], rows)
        o.retrans[x], o.retrans_bytes[x] = w4(c[f"retrans_{role}"], rows), w4(c[f"retrans_{role}_bytes"], rows)
        o.passed_bytes[x], o.dst_macs[x] = w4(c[f"passed_{role}_bytes"], rows), w1(c[f"dst_macs_{role}"], rows)
        o.window[x], o.mss[x] = w2(c[f"window_{role}"], rows), w2(c[f"mss_{role}"], rows)
    for what, name in enumerate(_MARKS):
        m = &self.mark_out[what]
        m.position, m.ns = w8(c[f"{name}_position"], rows), w8(c[f"{name}_ns"], rows)
        m.frame, m.seq, m.ack = w4(c[f"{name}_frame"], rows), w4(c[f"{name}_seq"], rows), w4(c[f"{name}_ack"], rows)
        m.tsval, m.tsecr = w4(c[f"{name}_tsval"], rows), w4(c[f"{name}_tsecr"], rows)
        m.src_mac, m.dst_mac = w4(c[f"{name}_src_mac"], rows), w4(c[f"{name}_dst_mac"], rows)
        m.ip_id, m.ttl = w2(c[f"{name}_ip_id"], rows), w1(c[f"{name}_ttl"], rows)
    return 0


cdef int _put_flow(Tracker self, uint32_t slot) noexcept nogil:
    """What FLOWS says of the flow itself.  Zeros are only written where something else may stand."""
    cdef Flow *flow = &self.flows[slot]
    cdef Opening *opening = &self.openings[slot]
    cdef Out *o = &self.out
    cdef uint32_t row = flow.flow, history = flow.history
    cdef bint looked = self.looked
    if flow.initiator:
        history = history << 1 & THEIRS | history >> 1 & OURS | history & FLIPPED
    o.first_ns[row], o.last_ns[row], o.flow[row] = flow.first_ns, flow.last_ns, row
    o.end[flow.initiator][row], o.end[1 - flow.initiator][row] = flow.end0, flow.end1
    o.port[flow.initiator][row], o.port[1 - flow.initiator][row] = flow.port0, flow.port1
    o.history[row], o.kind[row], o.first_frame[row] = history, flow.kind, opening.first_frame
    put1(o.state, row, flow.state, looked)
    put4(o.tunnel, row, flow.tunnel, looked)
    put4(o.duplicates, row, flow.duplicates, looked)
    put4(o.synacks, row, flow.synacks, looked)
    put4(o.synack_last_seq, row, flow.synack_last_seq, looked)
    put2(o.interface, row, opening.interface, looked)
    put2(o.vlan, row, opening.vlan, looked)
    put2(o.window[0], row, opening.window_i, looked)
    put2(o.window[1], row, opening.window_r, looked)
    put2(o.mss[0], row, opening.mss_i, looked)
    put2(o.mss[1], row, opening.mss_r, looked)
    return 0


cdef int _put_side(Tracker self, uint32_t slot, int x) noexcept nogil:
    """What FLOWS says of one direction."""
    cdef Flow *flow = &self.flows[slot]
    cdef Side *side = &self.sides[x][slot]
    cdef Rare *rare = &self.rares[x][slot]
    cdef Out *o = &self.out
    cdef int role = x != flow.initiator
    cdef uint32_t row = flow.flow
    cdef bint looked = self.looked
    put4(o.packets[role], row, side.packets, looked)
    if side.bytes or looked:
        o.bytes[role][row] = side.bytes
    put4(o.passed_bytes[role], row, side.passed_bytes, looked)
    put1(o.dst_macs[role], row, side.dst_macs, looked)
    put4(o.rsts[role], row, rare.rsts, looked)
    put1(o.rst_flags[role], row, rare.rst_flags, looked)
    put4(o.retrans[role], row, rare.retrans, looked)
    put4(o.retrans_bytes[role], row, rare.retrans_bytes, looked)
    if role == 0:
        put4(o.syns, row, rare.syns, looked)
    return 0


cdef int _put_mark(Tracker self, uint32_t slot, uint32_t what) noexcept nogil:
    """One mark of the flow, if it was set."""
    cdef Flow *flow = &self.flows[slot]
    cdef Mark *mark
    cdef MarkOut *m
    cdef uint32_t kept_in = what, row = flow.flow
    cdef int place = place_of(what, flow.initiator)
    if what >= M_LAST:
        kept_in = flow.last1 if what > M_LAST else flow.last0
    if place < 0 or kept_in == NO_SLOT or (what < M_LAST and not flow.present >> what & 1):
        return 0
    mark, m = &self.marks[kept_in][slot], &self.mark_out[place]
    m.position[row], m.ns[row], m.frame[row] = mark.position, mark.ns, mark.frame
    put4(m.seq, row, mark.seq, False)
    put4(m.ack, row, mark.ack, False)
    put4(m.tsval, row, mark.tsval, False)
    put4(m.tsecr, row, mark.tsecr, False)
    put4(m.src_mac, row, mark.src_mac, False)
    put4(m.dst_mac, row, mark.dst_mac, False)
    put2(m.ip_id, row, mark.ip_id, False)
    put1(m.ttl, row, mark.ttl, False)
    return 0


cdef int _clear_marks(Tracker self, uint32_t row) noexcept nogil:
    """All marks of a row that was written before."""
    cdef MarkOut *m
    cdef int place
    for place in range(14):
        m = &self.mark_out[place]
        m.position[row] = m.ns[row] = 0
        m.frame[row] = m.seq[row] = m.ack[row] = m.tsval[row] = m.tsecr[row] = m.src_mac[row] = m.dst_mac[row] = 0
        m.ip_id[row] = 0
        m.ttl[row] = 0
    return 0


cdef int _retire(Tracker self, uint32_t slot) except -1 nogil:
    """The flow is over: its row is written, its slot is free."""
    cdef Flow *flow = &self.flows[slot]
    cdef uint64_t base = _base(self, flow.kind, flow.end0, flow.port0, flow.end1, flow.port1)
    cdef uint32_t what
    cdef int x
    _forget(self, base, flow.tunnel, slot)
    if flow.other_tunnel != flow.tunnel:
        _forget(self, base, flow.other_tunnel, slot)
    if flow.tunnel and flow.other_tunnel:
        _forget(self, base, 0, slot)
    if self.looked:
        _clear_marks(self, flow.flow)
    for x in range(2):
        _flush(self, slot, x)
        _put_side(self, slot, x)
    for what in range(<uint32_t>KINDS_OF_MARKS):
        _put_mark(self, slot, what)
    _put_flow(self, slot)
    flow.bits &= ~LIVE
    self.free[self.free_count] = slot
    self.free_count += 1
    self.live -= 1
    return 0
