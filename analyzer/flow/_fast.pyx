# cython: language_level=3
"""The flow tracker, compiled: arrays of records, found through an open-addressed index.

Its specification is ``_reference.py`` with ``_record.py`` and ``_side.py``; a
property test holds the two equal.  A slot holds one live flow; the records of a
slot stand in arrays of their own (``layout.py``).  The index is keyed by a hash
with a random secret, so a crafted capture cannot choose its collisions.
"""

from libc.stdint cimport INT64_MIN
from libc.string cimport memset

import numpy as np

from analyzer.flow import duplicates as _duplicates
from analyzer.flow import layout as _layout
from analyzer.flow import states as _states
from analyzer.flow import timeouts as _timeouts
from analyzer.flow._side import OUT_OF_ORDER_NS as _OUT_OF_ORDER_NS
from analyzer.flow._side import Packet as _Packet

cdef enum:
    SIDES_AHEAD = 8          # how many packets ahead the directions are fetched,
    FLOW_AHEAD = 16          # the flow that says which direction it is,
    AHEAD = 24               # and the index that leads to the flow
    WINDOW = 32              # a power of two above
    KINDS_OF_MARKS = 15
    BLOCK = 8192             # records of flows that are over, in one array
    FIRST_SLOTS = 2048

cdef int S0 = _states.S0, NOTHING = _states.NOTHING, UDP1 = _states.UDP1, UDP2 = _states.UDP2
cdef uint32_t HIST_S = _states.HIST_S, HIST_H = _states.HIST_H, HIST_A = _states.HIST_A, HIST_D = _states.HIST_D
cdef uint32_t HIST_F = _states.HIST_F, HIST_R = _states.HIST_R, HIST_T = _states.HIST_T, HIST_G = _states.HIST_G
cdef uint32_t HIST_W = _states.HIST_W, HIST_Q = _states.HIST_Q, FLIPPED = _states.FLIPPED
cdef uint32_t BOTH_FINS = HIST_F | HIST_F << 1, ANY_RST = HIST_R | HIST_R << 1
cdef int WELL_KNOWN_END = _states.WELL_KNOWN_END, EPHEMERAL_BEGIN = _states.EPHEMERAL_BEGIN
cdef uint64_t OUT_OF_ORDER_NS = _OUT_OF_ORDER_NS, REORDER_NS = _timeouts.REORDER_NS
cdef uint64_t SALT0 = _duplicates.SALT[0], SALT1 = _duplicates.SALT[1]
cdef int SWEEP = _timeouts.SWEEP
cdef int COPY_UNITS = _duplicates.COPY_UNITS, WEAK_UNITS = _duplicates.WEAK_UNITS
cdef int UNIT_SHIFT = _duplicates.UNIT_SHIFT, PRINT_SHIFT = _duplicates.PRINT_SHIFT, TTL_SHIFT = _duplicates.TTL_SHIFT

assert _duplicates.REMEMBERED == 8
assert _layout.MACS == 4
assert len(_layout.SLOTS) == KINDS_OF_MARKS

_LOOSE = np.dtype([("mark", _layout.MARK), ("owner", "u4"), ("slot", "u4")])
_ENTRY = np.dtype([("slot", "u4"), ("tag", "u4"), ("tunnel", "u4")])
_COLUMNS = [name for name in _Packet._fields if name != "frame"]
_TABLES = (
    ((), _layout.FLOW), ((), _layout.OPENING), ((2,), _layout.SIDE), ((2,), _layout.RARE), ((2,), _layout.RING),
    ((2,), _layout.MORE_MACS), *(((), _layout.MARK) for _ in _layout.SLOTS),
)


cdef class Tracker:
    """See ``_reference.Tracker``: the same, with the same answers."""

    compiled = True

    cdef readonly long long evicted
    cdef readonly uint32_t live
    cdef uint64_t secret, half_open_ns, established_ns, closed_ns, datagram_ns
    cdef uint32_t limit, capacity, slots, hand, number, entries, mask, free_count, touched_count
    cdef uint32_t over_count, over_before, loose_count, first_frame
    cdef int64_t clock, previous
    cdef object tables
    cdef list blocks, loose_by_slot
    # of live flows, by slot
    cdef Flow[::1] flows
    cdef Opening[::1] openings
    cdef Side[:, ::1] sides
    cdef Rare[:, ::1] rares
    cdef Ring[:, ::1] rings
    cdef MoreMacs[:, ::1] more_macs
    cdef Mark *marks[KINDS_OF_MARKS]
    cdef uint32_t[::1] free
    cdef Entry[::1] index
    # of flows that are over
    cdef Flow[::1] over_flows
    cdef Opening[::1] over_openings
    cdef Over[:, ::1] over_sides
    cdef Loose[::1] loose
    # of the transition table, and of the batch at hand
    cdef const uint8_t[:, :, ::1] moves
    cdef uint8_t[::1] half_open
    cdef uint32_t[::1] touched
    cdef const int64_t[::1] time_ns, position
    cdef const uint32_t[::1] frame, seq, ack, tsval, tsecr, src_mac, dst_mac
    cdef const uint16_t[::1] ip_id, interface, vlan, window, mss
    cdef const uint8_t[::1] ttl

    def __init__(self, limits, secret):
        self.limit = max(1, limits.live_flows)
        self.secret = secret
        self.half_open_ns, self.established_ns = limits.half_open_ns, limits.established_ns
        self.closed_ns, self.datagram_ns = limits.closed_ns, limits.datagram_ns
        self.clock = self.previous = INT64_MIN
        self.index = np.zeros(1024, dtype=_ENTRY)
        self.mask = 1023
        self.moves = _states.MOVES
        half_open = np.zeros(NOTHING + 1, dtype=np.uint8)
        half_open[list(_states.HALF_OPEN)] = 1
        self.half_open = half_open
        self.blocks = []
        self.loose_by_slot = [[] for _ in _layout.SLOTS]
        self._reserve()
        self._new_block()
        self._new_loose()

    # Room ----------------------------------------------------------------------------------------

    cdef int _reserve(self) except -1:
        """Room for sixteen times as many live flows, one table at a time."""
        cdef Mark[::1] marks
        self.capacity = min(self.limit, max(FIRST_SLOTS, 16 * self.capacity))
        self.free = np.zeros(self.capacity, dtype=np.uint32)     # nothing is free, or there were no need for room
        tables = self.tables = self.tables or [_layout.zeros((*shape, 0), dtype) for shape, dtype in _TABLES]
        self.flows = tables[0] = _layout.larger(tables[0], self.capacity)
        self.openings = tables[1] = _layout.larger(tables[1], self.capacity)
        self.sides = tables[2] = _layout.larger(tables[2], self.capacity)
        self.rares = tables[3] = _layout.larger(tables[3], self.capacity)
        self.rings = tables[4] = _layout.larger(tables[4], self.capacity)
        self.more_macs = tables[5] = _layout.larger(tables[5], self.capacity)
        for what in range(KINDS_OF_MARKS):
            tables[6 + what] = _layout.larger(tables[6 + what], self.capacity)
            marks = tables[6 + what]
            self.marks[what] = &marks[0]
        return 0

    cdef int _new_block(self) except -1:
        flows = np.zeros(BLOCK, dtype=_layout.FLOW)
        openings = np.zeros(BLOCK, dtype=_layout.OPENING)
        sides = np.zeros((2, BLOCK), dtype=_layout.OVER)
        self.over_before = <uint32_t>(BLOCK * len(self.blocks))
        self.blocks.append((flows, openings, sides))
        self.over_flows, self.over_openings, self.over_sides = flows, openings, sides
        self.over_count = 0
        return 0

    cdef int _new_loose(self) except -1:
        """Sort the marks of flows that are over by what they are, and begin anew."""
        if self.loose_count:
            block = np.asarray(self.loose)[:self.loose_count]
            for slot, sorted_ones in enumerate(self.loose_by_slot):
                these = block[block["slot"] == slot]
                if len(these):
                    sorted_ones.append(_layout.Marks(these["owner"].copy(), these["mark"].copy(), None))
        self.loose = np.zeros(BLOCK, dtype=_LOOSE)
        self.loose_count = 0
        return 0

    cdef int _grow(self) except -1:
        """An index twice as large."""
        bigger = np.zeros(2 * (self.mask + 1), dtype=_ENTRY)
        cdef Entry[::1] old = self.index, new = bigger
        cdef uint32_t mask = 2 * self.mask + 1, place
        cdef Py_ssize_t i
        for i in range(old.shape[0]):
            if old[i].slot:
                place = old[i].tag & mask
                while new[place].slot:
                    place = (place + 1) & mask
                new[place] = old[i]
        self.index, self.mask = new, mask
        return 0

    # What is over --------------------------------------------------------------------------------

    cdef inline Mark *_mark(self, uint32_t what, uint32_t slot) except NULL nogil:
        """One mark; the bounds check is ours here, because these arrays leave one by one in the end."""
        if what >= KINDS_OF_MARKS or slot >= self.capacity:
            with gil:
                raise IndexError("mark")
        return &self.marks[what][slot]

    cdef int _put_loose(self, uint32_t slot, uint32_t what, uint32_t kept_in) except -1 nogil:
        cdef Loose *loose
        if self.loose_count == BLOCK:
            with gil:
                self._new_loose()
        loose = &self.loose[self.loose_count]
        loose.mark = self._mark(kept_in, slot)[0]
        loose.owner, loose.slot = self.over_before + self.over_count, what
        self.loose_count += 1
        return 0

    cdef int _retire(self, uint32_t slot) except -1 nogil:
        cdef Flow *flow = &self.flows[slot]
        cdef Side *side
        cdef Rare *rare
        cdef Over *over
        cdef uint64_t base
        cdef uint32_t what
        cdef int x
        if self.over_count == BLOCK:
            with gil:
                self._new_block()
        base = self._base(flow.kind, flow.end0, flow.port0, flow.end1, flow.port1)
        self._forget(base, flow.tunnel, slot)
        if flow.other_tunnel != flow.tunnel:
            self._forget(base, flow.other_tunnel, slot)
        if flow.tunnel and flow.other_tunnel:
            self._forget(base, 0, slot)
        for x in range(2):
            self._flush(slot, x)
            side, rare, over = &self.sides[x, slot], &self.rares[x, slot], &self.over_sides[x, self.over_count]
            over.bytes, over.packets, over.passed_bytes = side.bytes, side.packets, side.passed_bytes
            over.syns, over.rsts, over.retrans, over.retrans_bytes = (
                rare.syns, rare.rsts, rare.retrans, rare.retrans_bytes)
            over.rst_flags, over.dst_macs = rare.rst_flags, side.dst_macs
        self.over_flows[self.over_count], self.over_openings[self.over_count] = flow[0], self.openings[slot]
        for what in range(<uint32_t>M_LAST):
            if flow.present >> what & 1:
                self._put_loose(slot, what, what)
        if flow.last0 != NO_SLOT:
            self._put_loose(slot, M_LAST, flow.last0)
        if flow.last1 != NO_SLOT:
            self._put_loose(slot, M_LAST + 1, flow.last1)
        self.over_count += 1
        flow.bits &= ~LIVE
        self.free[self.free_count] = slot
        self.free_count += 1
        self.live -= 1
        return 0

    def records(self, *, final=False):
        """Every flow so far, over or live; after ``final`` the tracker is used up and holds nothing any more."""
        self._check()
        self._new_loose()
        flows, openings, sides, rares = self.tables[:4]
        live = np.flatnonzero(flows["bits"][:self.slots] & LIVE).astype(np.uint32)
        over = [tuple(each[..., :self.over_count if n == len(self.blocks) - 1 else BLOCK] for each in block)
                for n, block in enumerate(self.blocks)]
        count = self.over_before + self.over_count
        of_flows = [*(_layout.Part(block[:2], None) for block in over), _layout.Part((flows, openings), live)]
        of_sides = [*(_layout.Part(block[2:], None) for block in over), _layout.Part((sides, rares), live)]
        kept = _layout.Kept(flows, live, count, self.tables[6:], [list(each) for each in self.loose_by_slot])
        if final:
            self.tables = self.index = self.rings = self.more_macs = self.free = self.touched = None
            self.flows = self.openings = self.sides = self.rares = None
            self.capacity = 0
            self.over_flows = self.over_openings = self.over_sides = self.loose = None
            self.blocks, self.loose_by_slot = [], []
        return _layout.Records(of_flows, of_sides, kept)

    # The index -----------------------------------------------------------------------------------

    cdef inline uint64_t _base(self, uint8_t kind, uint32_t src, uint16_t src_port, uint32_t dst,
                               uint16_t dst_port) noexcept nogil:
        """A hash of the ends, in either order."""
        cdef uint64_t one = <uint64_t>src << 16 | src_port, other = <uint64_t>dst << 16 | dst_port
        if one > other:
            one, other = other, one
        return fold(self.secret ^ one, (other | <uint64_t>kind << 48) ^ SALT1)

    cdef inline uint32_t _tag(self, uint64_t base, uint32_t tunnel) noexcept nogil:
        return <uint32_t>((base if tunnel == 0 else fold(base ^ tunnel, self.secret ^ SALT0)) >> 32)

    cdef long _at(self, uint32_t tag, uint32_t tunnel, Packet *p) except -2 nogil:
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
                if since(p.time_ns, flow.last_ns) > self._timeout(flow):
                    self._retire(entry.slot - 1)
                    return -1
                return entry.slot - 1
            place = (place + 1) & self.mask

    cdef int _enter(self, uint32_t tag, uint32_t tunnel, uint32_t slot, Packet *p) except -1 nogil:
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

    cdef int _forget(self, uint64_t base, uint32_t tunnel, uint32_t slot) except -1 nogil:
        """Take the entry (tunnel, ends) -> slot out, if it is there, and close the hole behind it."""
        cdef uint32_t tag = self._tag(base, tunnel), place, hole
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

    # Flows come and go ---------------------------------------------------------------------------

    cdef inline bint _closed(self, Flow *flow) noexcept nogil:
        return flow.history & ANY_RST or flow.history & BOTH_FINS == BOTH_FINS

    cdef inline uint64_t _timeout(self, Flow *flow) except? 0 nogil:
        if flow.kind != TCP:
            return self.datagram_ns
        if self.half_open[flow.state]:
            return self.half_open_ns
        return self.closed_ns if self._closed(flow) else self.established_ns

    cdef inline uint32_t _next(self) noexcept nogil:
        self.hand += 1
        if self.hand >= self.slots:
            self.hand = 0
        return self.hand

    cdef int _sweep(self) except -1 nogil:
        cdef Flow *flow = &self.flows[self._next()]
        if flow.bits & LIVE and since(self.clock, flow.last_ns) > self._timeout(flow) + REORDER_NS:
            return self._retire(self.hand)
        return 0

    cdef int _evict(self) except -1 nogil:
        cdef Flow *flow
        while True:
            flow = &self.flows[self._next()]
            if not flow.bits & LIVE:
                continue
            if not flow.bits & USED or self._closed(flow):
                self.evicted += 1
                return self._retire(self.hand)
            flow.bits &= ~USED

    cdef long _find(self, uint64_t base, Packet *p) except -2 nogil:
        cdef long slot = self._at(p.tag, p.tunnel, p)
        cdef Flow *flow
        if slot >= 0:
            flow = &self.flows[slot]
            if p.tunnel == flow.tunnel or p.tunnel == flow.other_tunnel:
                return slot
        elif p.tunnel:
            slot = self._at(self._tag(base, 0), 0, p)
        if slot < 0:
            return -1
        flow = &self.flows[slot]
        if not self._half(flow, <uint32_t>slot, direction(flow, p), p):
            return -1
        flow.other_tunnel = p.tunnel
        self._enter(p.tag, p.tunnel, <uint32_t>slot, p)
        return slot

    cdef int _half(self, Flow *flow, uint32_t slot, int x, Packet *p) except -1 nogil:
        if flow.other_tunnel != flow.tunnel or self.sides[x, slot].packets:
            return False
        if (flow.tunnel == 0) != (p.tunnel == 0):
            return True
        return p.kind == TCP and p.flags & ACK and self._covers(&self.sides[1 - x, slot], slot, x, p.ack)

    cdef inline bint _sender_initiates(self, Packet *p) noexcept nogil:
        if p.kind == ICMP_ECHO:
            return p.flags != 0 and p.flags != 129
        if p.kind == TCP and p.flags & (SYN | RST) == SYN:
            return not p.flags & ACK
        if (p.src_port < WELL_KNOWN_END) != (p.dst_port < WELL_KNOWN_END):
            return p.dst_port < WELL_KNOWN_END
        if (p.src_port < EPHEMERAL_BEGIN) != (p.dst_port < EPHEMERAL_BEGIN):
            return p.dst_port < EPHEMERAL_BEGIN
        return True

    cdef long _open(self, uint64_t base, Packet *p) except -2 nogil:
        cdef uint32_t slot
        cdef Flow *flow
        cdef Opening *opening
        cdef int x
        if self.slots:
            for x in range(SWEEP):
                self._sweep()
        if self.live >= self.limit:
            self._evict()
        if self.free_count:
            self.free_count -= 1
            slot = self.free[self.free_count]
            memset(&self.sides[0, slot], 0, sizeof(Side))
            memset(&self.sides[1, slot], 0, sizeof(Side))
            memset(&self.rares[0, slot], 0, sizeof(Rare))
            memset(&self.rares[1, slot], 0, sizeof(Rare))
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
        flow.flow = self.number
        self.number += 1
        flow.kind, flow.state, flow.bits = p.kind, NOTHING, LIVE
        flow.last0 = flow.last1 = NO_SLOT
        if not self._sender_initiates(p):
            flow.initiator = 1
            if not p.flags & SYN or p.kind != TCP:
                flow.history = FLIPPED
        memset(opening, 0, sizeof(Opening))
        opening.interface, opening.vlan, opening.first_frame = (
            self.interface[p.row], self.vlan[p.row], self._frame(p.row))
        self.live += 1
        self._enter(p.tag, p.tunnel, slot, p)
        if p.tunnel and self._at(self._tag(base, 0), 0, p) < 0:
            self._enter(self._tag(base, 0), 0, slot, p)
        return slot

    cdef int _begins_anew(self, Flow *flow, uint32_t slot, Packet *p) except -1 nogil:
        cdef int x
        if flow.kind != TCP or p.flags & (SYN | RST) != SYN:
            return False
        x = direction(flow, p)
        return self._other_synack(flow, slot, x, p) if p.flags & ACK else self._other_syn(flow, slot, x, p)

    cdef int _other_syn(self, Flow *flow, uint32_t slot, int x, Packet *p) except -1 nogil:
        cdef uint32_t isn = self.rares[x, slot].isn
        if self.sides[x, slot].known & ISN:
            return isn != p.seq and (flow.bits & SYN_SEEN or isn != p.seq + p.payload)
        if self.sides[1 - x, slot].known & ISN:
            return flow.state != S0
        return not self._just_before(flow, slot, x, p)

    cdef int _other_synack(self, Flow *flow, uint32_t slot, int x, Packet *p) except -1 nogil:
        if not self.sides[1 - x, slot].known & ISN:
            return not self._just_before(flow, slot, x, p)
        if self.sides[x, slot].known & ISN and self.rares[x, slot].isn == p.seq:
            return False
        if p.ack == self.rares[1 - x, slot].isn + 1:
            return False
        return self._closed(flow) or not flow.bits & SYN_SEEN

    cdef int _just_before(self, Flow *flow, uint32_t slot, int x, Packet *p) except -1 nogil:
        if self._closed(flow) or since(p.time_ns, flow.first_ns) > REORDER_NS:
            return False
        if self.sides[x, slot].known & END:
            return self.rares[x, slot].first_seq == p.seq + 1
        return self.sides[1 - x, slot].known & ACKED and self.sides[1 - x, slot].acked == p.seq + 1

    # Marks and memories --------------------------------------------------------------------------

    cdef inline uint32_t _frame(self, uint32_t row) except? 0 nogil:
        return self.frame[row] if self.frame is not None else self.first_frame + row

    cdef int _write(self, int what, uint32_t slot, uint32_t row) except -1 nogil:
        cdef Mark *mark = self._mark(what, slot)
        mark.position, mark.ns, mark.frame = self.position[row], self.time_ns[row], self._frame(row)
        mark.seq, mark.ack, mark.tsval, mark.tsecr = self.seq[row], self.ack[row], self.tsval[row], self.tsecr[row]
        mark.src_mac, mark.dst_mac, mark.ip_id, mark.ttl = (
            self.src_mac[row], self.dst_mac[row], self.ip_id[row], self.ttl[row])
        return 0

    cdef inline int _first(self, Flow *flow, int what, uint32_t slot, Packet *p) except -1 nogil:
        if flow.present >> what & 1:
            return False
        flow.present |= 1 << what
        self._write(what, slot, p.row)
        p.kept = what
        return True

    cdef int _another_hop(self, Flow *flow, int what, int copy, uint32_t slot, uint32_t row) except -1 nogil:
        cdef Mark *mark
        if not flow.present >> what & 1 or flow.present >> copy & 1:
            return 0
        mark = self._mark(what, slot)
        if (mark.seq == self.seq[row] and mark.ack == self.ack[row] and mark.tsval == self.tsval[row]
                and mark.tsecr == self.tsecr[row] and mark.ip_id == self.ip_id[row]
                and (mark.src_mac != self.src_mac[row] or mark.dst_mac != self.dst_mac[row]
                     or mark.ttl != self.ttl[row])):
            flow.present |= 1 << copy
            self._write(copy, slot, row)
        return 0

    cdef inline int _last(self, Flow *flow, Side *side, uint32_t slot, int x, Packet *p) except -1 nogil:
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

    cdef int _flush(self, uint32_t slot, int x) except -1 nogil:
        """Write the direction's last packet of this batch into its mark."""
        cdef Side *side = &self.sides[x, slot]
        if side.last_row:
            self._write(M_LAST + x, slot, side.last_row - 1)
            side.last_row = 0
            if x:
                self.flows[slot].last1 = M_LAST + 1
            else:
                self.flows[slot].last0 = M_LAST
        return 0

    cdef inline uint64_t _memory(self, Packet *p) except? 0 nogil:
        """See ``duplicates.memory``."""
        cdef uint64_t value = fold((p.seq | <uint64_t>p.ack << 32) ^ self.secret,
                                   (self.tsval[p.row] | <uint64_t>p.ip_bytes << 32) ^ SALT0)
        value = fold(value ^ (p.ip_id | <uint64_t>self.window[p.row] << 16 | <uint64_t>p.flags << 32),
                     self.secret ^ SALT1)
        return (value >> PRINT_SHIFT << PRINT_SHIFT | <uint64_t>(self.ttl[p.row] & 15) << TTL_SHIFT
                | <uint64_t>p.time_ns >> UNIT_SHIFT & 0xFFFFFF)

    cdef inline bint _is_copy(self, uint64_t then, uint64_t now, Packet *p) noexcept nogil:
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

    cdef int _has_copy(self, Side *side, uint32_t slot, int x, Packet *p, uint64_t now) except -1 nogil:
        cdef int k
        cdef Ring *ring
        if side.filled and self._is_copy(side.memory, now, p):
            return True
        if side.filled > 1:
            ring = &self.rings[x, slot]
            for k in range(1, side.filled):
                if self._is_copy(ring.memory[k], now, p):
                    return True
        return False

    cdef inline int _remember(self, Side *side, uint32_t slot, int x, uint64_t now) except -1 nogil:
        if side.cursor:
            self.rings[x, slot].memory[side.cursor] = now
        else:
            side.memory = now
        side.cursor = (side.cursor + 1) & 7
        if side.filled < 8:
            side.filled += 1
        return 0

    # A packet ------------------------------------------------------------------------------------

    cdef int _packet(self, uint64_t base, Packet *p) except -1 nogil:
        cdef long slot
        cdef int64_t reached = p.time_ns if p.time_ns < self.previous else self.previous
        cdef Flow *flow
        if reached > self.clock:
            self.clock = reached
        self.previous = p.time_ns
        slot = self._find(base, p)
        if slot >= 0:
            flow = &self.flows[slot]
            if self._begins_anew(flow, <uint32_t>slot, p):
                self._retire(<uint32_t>slot)
                slot = -1
            else:
                flow.bits |= USED
        if slot < 0:
            slot = self._open(base, p)
        flow = &self.flows[slot]
        if p.time_ns > flow.last_ns:
            flow.last_ns = p.time_ns
        p.kept = -1
        if p.kind == TCP:
            return self._segment(flow, <uint32_t>slot, direction(flow, p), p)
        return self._datagram(flow, <uint32_t>slot, direction(flow, p), p)

    cdef int _count(self, Side *side, uint32_t slot, int x, Packet *p) except -1 nogil:
        cdef MoreMacs *more
        cdef int k
        side.packets += 1
        side.bytes += p.payload
        if side.dst_macs == 0:
            side.mac, side.dst_macs = p.dst_mac, 1
        elif side.mac != p.dst_mac and side.dst_macs < 4:
            more = &self.more_macs[x, slot]
            for k in range(1, side.dst_macs):
                if more.macs[k] == p.dst_mac:
                    return 0
            more.macs[side.dst_macs] = p.dst_mac
            side.dst_macs += 1
        return 0

    cdef int _datagram(self, Flow *flow, uint32_t slot, int x, Packet *p) except -1 nogil:
        cdef Side *side = &self.sides[x, slot]
        cdef uint64_t now = self._memory(p)
        if self._has_copy(side, slot, x, p, now):
            flow.duplicates += 1
            return self._another_hop(flow, M_DATA + x, M_DATA2 + x, slot, p.row)
        self._remember(side, slot, x, now)
        self._count(side, slot, x, p)
        self._first(flow, M_DATA + x, slot, p)
        flow.history |= HIST_D << x
        flow.state = UDP2 if self.sides[1 - x, slot].packets else UDP1
        return self._last(flow, side, slot, x, p)

    cdef int _segment(self, Flow *flow, uint32_t slot, int x, Packet *p) except -1 nogil:
        cdef Side *side = &self.sides[x, slot]
        cdef Side *peer = &self.sides[1 - x, slot]
        cdef uint64_t now = self._memory(p)
        cdef bint news = not p.flags & RST and (
            not side.known & END or after(p.end, side.end)
            or (p.flags & ACK and (not side.known & ACKED or after(p.ack, side.acked))))
        if not news and self._has_copy(side, slot, x, p, now):
            return self._copy(flow, slot, x, p)
        self._remember(side, slot, x, now)
        self._count(side, slot, x, p)
        if p.flags & (SYN | RST) == SYN:
            self._handshake(flow, side, peer, slot, x, p)
        flow.state = self.moves[flow.state, x != flow.initiator, self._what(flow, peer, slot, x, p)]
        self._note(flow, slot, x, p)
        if not p.flags & RST:
            self._sent(flow, side, slot, x, p)
            if p.flags & ACK:
                self._acknowledged(side, peer, slot, x, p)
        return self._last(flow, side, slot, x, p)

    cdef int _copy(self, Flow *flow, uint32_t slot, int x, Packet *p) except -1 nogil:
        flow.duplicates += 1
        if p.flags & SYN:
            if p.flags & ACK:
                self._another_hop(flow, M_SYNACK, M_SYNACK2, slot, p.row)
            else:
                self._another_hop(flow, M_SYN, M_SYN2, slot, p.row)
        if p.payload:
            self._another_hop(flow, M_DATA + x, M_DATA2 + x, slot, p.row)
        return 0

    cdef int _handshake(self, Flow *flow, Side *side, Side *peer, uint32_t slot, int x, Packet *p) except -1 nogil:
        cdef Opening *opening = &self.openings[slot]
        cdef Rare *rare = &self.rares[x, slot]
        if p.flags & ACK:
            if not flow.bits & SYN_SEEN and flow.synacks == 0:
                flow.initiator = 1 - x
            if not peer.known & ISN:
                self.rares[1 - x, slot].isn = p.ack - 1
                peer.known |= ISN
            flow.synacks += 1
            flow.synack_last_seq = p.seq
            if self._first(flow, M_SYNACK, slot, p):
                opening.window_r, opening.mss_r = self.window[p.row], self.mss[p.row]
        else:
            if not flow.bits & SYN_SEEN:
                flow.initiator = x
                flow.bits |= SYN_SEEN
            rare.syns += 1
            if x == flow.initiator and self._first(flow, M_SYN, slot, p):
                opening.window_i, opening.mss_i = self.window[p.row], self.mss[p.row]
        if not side.known & ISN or rare.isn != p.seq or not side.known & END:
            rare.isn = p.seq
            side.known = (side.known | ISN) & ~END
            rare.gap_low = rare.gap_high = 0
            side.flight_bytes = rare.next_bytes = 0
        return 0

    cdef int _covers(self, Side *peer, uint32_t slot, int x, uint32_t ack) except -1 nogil:
        """``x`` acknowledges: is it the peer's SYN, and nothing that the peer has not sent here?"""
        cdef uint32_t first, last
        if not peer.known & ISN:
            return False
        first = self.rares[1 - x, slot].isn + 1
        last = first if not peer.known & END or after(first, peer.end) else peer.end
        return not after(first, ack) and not after(ack, last)

    cdef int _what(self, Flow *flow, Side *peer, uint32_t slot, int x, Packet *p) except -1 nogil:
        if p.flags & RST:
            return WHAT_RST
        if p.flags & SYN:
            if not p.flags & ACK:
                return WHAT_SYN
            return WHAT_SYNACK if not peer.known & ISN or self._covers(peer, slot, x, p.ack) else WHAT_WRONG
        if p.flags & FIN:
            return WHAT_FIN
        if p.payload:
            return WHAT_DATA
        if not p.flags & ACK or not peer.known & ISN:
            return WHAT_ACK
        if self.moves[flow.state, x != flow.initiator, WHAT_ACK] == flow.state:
            return WHAT_WRONG            # either way the state stays
        return WHAT_ACK if self._covers(peer, slot, x, p.ack) else WHAT_WRONG

    cdef inline int _note(self, Flow *flow, uint32_t slot, int x, Packet *p) except -1 nogil:
        cdef uint32_t seen = 0
        if p.flags & (SYN | FIN | RST):
            seen = self._note_special(flow, slot, x, p)
        elif p.flags & ACK:
            if not p.payload:
                seen |= HIST_A
            if not self.window[p.row]:
                seen |= HIST_W
        if p.payload and not p.flags & RST:
            seen |= HIST_D
            self._first(flow, M_DATA + x, slot, p)
        flow.history |= seen << x
        if (flow.present & (1 << M_SYNACK | 1 << M_ESTAB) == 1 << M_SYNACK and x == flow.initiator
                and p.flags & (ACK | SYN | RST) == ACK and self._covers(&self.sides[1 - x, slot], slot, x, p.ack)):
            self._first(flow, M_ESTAB, slot, p)
        return 0

    cdef uint32_t _note_special(self, Flow *flow, uint32_t slot, int x, Packet *p) except? 0xFFFFFFFF nogil:
        cdef uint32_t seen = 0
        cdef uint8_t special = p.flags & (SYN | FIN | RST)
        cdef Rare *rare
        if p.flags & RST:
            seen |= HIST_R
            rare = &self.rares[x, slot]
            rare.rsts += 1
            if self._first(flow, M_RST + x, slot, p):
                rare.rst_flags = p.flags
        elif p.flags & SYN:
            seen |= HIST_H if p.flags & ACK else HIST_S
        if p.flags & FIN and not p.flags & RST:
            seen |= HIST_F
            self._first(flow, M_FIN + x, slot, p)
        if special != SYN and special != FIN and special != RST:
            seen |= HIST_Q
        return seen

    cdef inline int _sent(self, Flow *flow, Side *side, uint32_t slot, int x, Packet *p) except -1 nogil:
        cdef Rare *rare
        if not side.known & END:
            self.rares[x, slot].first_seq = p.seq
            side.end, side.advanced_ns = p.end, p.time_ns
            side.known |= END
        elif after(p.end, side.end):
            if after(p.seq, side.end):
                rare = &self.rares[x, slot]
                rare.gap_low, rare.gap_high = side.end, p.seq
                flow.history |= HIST_G << x
            side.end, side.advanced_ns = p.end, p.time_ns
        elif p.payload and not (p.payload <= 1 and side.end - p.seq == 1):
            rare = &self.rares[x, slot]
            if not self._overtaken(side, rare, p):
                rare.retrans += 1
                rare.retrans_bytes = larger(rare.retrans_bytes, p.ip_bytes)
                flow.history |= HIST_T << x
        if p.payload and p.ip_bytes > side.passed_bytes:
            if not side.flight_bytes:
                side.flight_bytes, side.flight_end = p.ip_bytes, p.end
            elif p.ip_bytes > side.flight_bytes:
                rare = &self.rares[x, slot]
                if p.ip_bytes > rare.next_bytes:
                    rare.next_bytes, rare.next_end = p.ip_bytes, p.end
        return 0

    cdef inline bint _overtaken(self, Side *side, Rare *rare, Packet *p) noexcept nogil:
        return (not after(rare.gap_low, p.seq) and not after(p.end, rare.gap_high) and rare.gap_low != rare.gap_high
                and since(p.time_ns, side.advanced_ns) < OUT_OF_ORDER_NS)

    cdef inline int _acknowledged(self, Side *side, Side *peer, uint32_t slot, int x, Packet *p) except -1 nogil:
        cdef Rare *rare
        if not side.known & ACKED or after(p.ack, side.acked):
            side.acked = p.ack
            side.known |= ACKED
        while peer.flight_bytes and not after(peer.flight_end, p.ack):
            rare = &self.rares[1 - x, slot]
            peer.passed_bytes = larger(peer.passed_bytes, peer.flight_bytes)
            peer.flight_bytes, peer.flight_end = rare.next_bytes, rare.next_end
            rare.next_bytes = 0
        return 0

    # A batch -------------------------------------------------------------------------------------

    def _check(self):
        if self.tables is None:
            raise ValueError("this tracker has finished")

    def feed(self, table):
        """Follow the packets of one batch."""
        self._check()
        columns = table.columns
        if not all(columns[name].flags.c_contiguous for name in _COLUMNS):
            columns = {name: np.ascontiguousarray(column) for name, column in columns.items()}
        self.time_ns, self.position = columns["time_ns"], columns["position"]
        self.seq, self.ack, self.tsval, self.tsecr = (columns[name] for name in ("seq", "ack", "tsval", "tsecr"))
        self.src_mac, self.dst_mac = columns["src_mac"], columns["dst_mac"]
        self.interface, self.vlan, self.ip_id = columns["interface"], columns["vlan"], columns["ip_id"]
        self.window, self.mss, self.ttl = columns["window"], columns["mss"], columns["ttl"]
        self.frame, self.first_frame = columns.get("frame"), table.first_frame
        if self.touched is None or self.touched.shape[0] < len(table):
            self.touched = np.empty(len(table), dtype=np.uint32)
        self.touched_count = 0
        try:
            self._follow(columns)
        finally:
            self.time_ns = self.position = self.frame = self.seq = self.ack = self.tsval = self.tsecr = None
            self.src_mac = self.dst_mac = self.interface = self.vlan = self.ip_id = None
            self.window = self.mss = self.ttl = None

    cdef int _follow(self, dict columns) except -1:
        cdef const int64_t[::1] time_ns = columns["time_ns"]
        cdef const uint8_t[::1] verdict = columns["verdict"], kind = columns["kind"], flags = columns["flags"]
        cdef const uint16_t[::1] src_port = columns["src_port"], dst_port = columns["dst_port"]
        cdef const uint16_t[::1] ip_id = columns["ip_id"]
        cdef const uint32_t[::1] tunnel = columns["tunnel"], src = columns["src"], dst = columns["dst"]
        cdef const uint32_t[::1] dst_mac = columns["dst_mac"], seq = columns["seq"], ack = columns["ack"]
        cdef const uint32_t[::1] ip_bytes = columns["ip_bytes"], payload = columns["payload_bytes"]
        cdef uint32_t rows = <uint32_t>time_ns.shape[0], i, here
        cdef uint64_t bases[WINDOW]
        cdef uint32_t tags[WINDOW]
        cdef uint32_t slots[WINDOW]
        cdef uint8_t ours[WINDOW]
        cdef uint32_t slot, row
        cdef int x
        cdef Flow *flow
        cdef Packet p
        memset(ours, 0, sizeof(ours))
        memset(slots, 0, sizeof(slots))
        with nogil:
            for i in range(rows + AHEAD):
                here = i & (WINDOW - 1)
                ours[here] = False
                if i < rows and verdict[i] == OK and TCP <= kind[i] <= ICMP_ECHO:
                    ours[here] = True
                    bases[here] = self._base(kind[i], src[i], src_port[i], dst[i], dst_port[i])
                    tags[here] = self._tag(bases[here], tunnel[i])
                    fetch(&self.index[tags[here] & self.mask])
                if i >= AHEAD - FLOW_AHEAD:
                    here = (i - (AHEAD - FLOW_AHEAD)) & (WINDOW - 1)
                    slots[here] = self.index[tags[here] & self.mask].slot if ours[here] else 0
                    if slots[here]:
                        fetch_to_write(&self.flows[slots[here] - 1])
                if i >= AHEAD - SIDES_AHEAD:
                    row = i - (AHEAD - SIDES_AHEAD)
                    slot = slots[row & (WINDOW - 1)]
                    if slot:
                        flow = &self.flows[slot - 1]
                        x = not (flow.end0 == src[row] and flow.port0 == src_port[row])
                        fetch_to_write(&self.sides[x, slot - 1])
                        fetch_to_write(&self.sides[1 - x, slot - 1])
                        fetch_to_write(&self.rings[x, slot - 1])
                here = (i - AHEAD) & (WINDOW - 1)
                if i < AHEAD or not ours[here]:
                    continue
                p.row, p.tag = i - AHEAD, tags[here]
                p.time_ns, p.kind, p.flags = time_ns[p.row], kind[p.row], flags[p.row]
                p.src, p.src_port, p.dst, p.dst_port = src[p.row], src_port[p.row], dst[p.row], dst_port[p.row]
                p.tunnel, p.dst_mac, p.ip_id = tunnel[p.row], dst_mac[p.row], ip_id[p.row]
                p.seq, p.ack, p.ip_bytes, p.payload = seq[p.row], ack[p.row], ip_bytes[p.row], payload[p.row]
                p.end = p.seq + p.payload + ((p.flags & SYN) != 0) + ((p.flags & FIN) != 0)
                self._packet(bases[here], &p)
            for i in range(self.touched_count):
                if i + SIDES_AHEAD < self.touched_count:
                    row = self.touched[i + SIDES_AHEAD]
                    fetch_to_write(&self.sides[row & 1, row >> 1])
                    fetch_to_write(self._mark(M_LAST + (row & 1), row >> 1))
                self._flush(self.touched[i] >> 1, self.touched[i] & 1)
        return 0


def scatter(const Mark[::1] marks, const uint32_t[::1] at, const int64_t[::1] rows, columns):
    """``marks[at[i]]`` into row ``rows[i]`` of the columns, in the order of ``layout.MARK_FIELDS``.

    Zeros are not written: the columns hold zeros, and where nothing is written they take no memory.
    """
    cdef int64_t[::1] position = columns[0], ns = columns[1]
    cdef uint32_t[::1] frame = columns[2], seq = columns[3], ack = columns[4], tsval = columns[5], tsecr = columns[6]
    cdef uint32_t[::1] src_mac = columns[7], dst_mac = columns[8]
    cdef uint16_t[::1] ip_id = columns[9]
    cdef uint8_t[::1] ttl = columns[10]
    cdef const Mark *mark
    cdef Py_ssize_t i, row
    for i in range(rows.shape[0]):
        mark, row = &marks[at[i]], rows[i]
        position[row], ns[row], frame[row], src_mac[row], ttl[row] = (
            mark.position, mark.ns, mark.frame, mark.src_mac, mark.ttl)
        if mark.seq:
            seq[row] = mark.seq
        if mark.ack:
            ack[row] = mark.ack
        if mark.tsval:
            tsval[row] = mark.tsval
        if mark.tsecr:
            tsecr[row] = mark.tsecr
        if mark.dst_mac:
            dst_mac[row] = mark.dst_mac
        if mark.ip_id:
            ip_id[row] = mark.ip_id
