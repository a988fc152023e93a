# The compiled tracker: later fragments, which have no ports, find the flow of their first (see _reference.py).


cdef inline void _see(Tracker self, uint32_t row, Seen *seen) noexcept nogil:
    """What is to be known of a frame while its later fragments may come."""
    cdef Columns *c = &self.c
    seen.time_ns = c.time_ns[row]
    seen.frame, seen.src, seen.dst, seen.tunnel = _frame(self, row), c.src[row], c.dst[row], c.tunnel[row]
    seen.src_mac, seen.dst_mac, seen.tag = c.src_mac[row], c.dst_mac[row], self.tags[row]
    seen.src_port, seen.dst_port, seen.ip_id = c.src_port[row], c.dst_port[row], c.ip_id[row]
    seen.kind, seen.ttl, seen.ip_proto, seen.ours = c.kind[row], c.ttl[row], c.ip_proto[row], self._ours(row)


cdef int _keep_seen(Tracker self) except -1 nogil:
    """Keep the last frames of the batch for the fragments in the next."""
    cdef uint32_t new = self.rows if self.rows < FRAGMENT_FRAMES else FRAGMENT_FRAMES
    cdef uint32_t old = self.seen_count if self.seen_count + new <= FRAGMENT_FRAMES else FRAGMENT_FRAMES - new
    cdef uint32_t i
    if old and old < self.seen_count:
        for i in range(old):
            self.seen[i] = self.seen[self.seen_count - old + i]
    for i in range(new):
        _see(self, self.rows - new + i, &self.seen[old + i])
    self.seen_count = old + new
    return 0


cdef int _fragment(Tracker self, uint32_t row) except -1 nogil:
    """A later fragment: its octets are those of the flow of its first fragment, a few frames ago."""
    cdef Seen now, first
    cdef uint32_t back
    _see(self, row, &now)
    for back in range(1, FRAGMENT_FRAMES + 1):
        if back <= row:
            _see(self, row - back, &first)
        elif back - row <= self.seen_count:
            first = self.seen[self.seen_count - (back - row)]
        else:
            return 0
        if now.frame - first.frame > FRAGMENT_FRAMES:
            return 0
        if (first.ours and first.src == now.src and first.dst == now.dst and first.ip_proto == now.ip_proto
                and first.ip_id == now.ip_id and first.tunnel == now.tunnel and first.ttl == now.ttl
                and first.src_mac == now.src_mac and first.dst_mac == now.dst_mac
                and since(now.time_ns, first.time_ns) + since(first.time_ns, now.time_ns) <= REORDER_NS):
            return _add_fragment(self, row, &first)
    return 0


cdef int _add_fragment(Tracker self, uint32_t row, Seen *first) except -1 nogil:
    cdef Packet p
    cdef Flow *flow
    cdef long slot
    memset(&p, 0, sizeof(p))
    p.kind, p.src, p.src_port, p.dst, p.dst_port = first.kind, first.src, first.src_port, first.dst, first.dst_port
    p.time_ns = self.c.time_ns[row]
    slot = _at(self, first.tag, first.tunnel, &p)
    if slot >= 0:
        flow = &self.flows[slot]
        self.sides[direction(flow, &p)][slot].bytes += self.c.payload[row]
        if p.time_ns > flow.last_ns:
            flow.last_ns = p.time_ns
    return 0
