# cython: language_level=3
"""The flow tracker, compiled: arrays of records, found through an open-addressed index.

Its specification is ``_reference.py`` with ``_record.py`` and ``_side.py``; a
property test holds the two equal.  A slot holds one live flow; the records of a
slot stand in arrays of their own (``layout.py``).  The index is keyed by a hash
with a random secret, so a crafted capture cannot choose its collisions.

Bounds are checked where a number enters: the columns' lengths once a batch, the
slot once a packet, slot and row of every mark that is written.  (A check at each
of the hundred accesses of a packet doubled the time.)
"""

cimport cython
from libc.stdint cimport INT64_MIN
from libc.string cimport memset

import numpy as np

from analyzer.flow import duplicates as _duplicates
from analyzer.flow import layout as _layout
from analyzer.flow import states as _states
from analyzer.flow import timeouts as _timeouts
from analyzer.flow._side import OUT_OF_ORDER_NS as _OUT_OF_ORDER_NS
from analyzer.flow._side import Packet as _Packet
from analyzer.flow.rows import Store
from analyzer.tables import MARKS

cdef enum:
    NEAR = 8                 # how many packets ahead the directions are fetched,
    MIDDLE = 16              # the flow that says which direction it is,
    FAR = 24                 # and the index that leads to the flow
    KINDS_OF_MARKS = 15
    FIRST_SLOTS = 2048

cdef enum:
    # states.py; held to it below
    S0 = 0
    UDP1 = 14
    UDP2 = 15
    NOTHING = 16
    HIST_S = 1
    HIST_H = 1 << 2
    HIST_A = 1 << 4
    HIST_D = 1 << 6
    HIST_F = 1 << 8
    HIST_R = 1 << 10
    HIST_T = 1 << 12
    HIST_G = 1 << 14
    HIST_W = 1 << 16
    HIST_Q = 1 << 18
    FLIPPED = 1 << 20
    BOTH_FINS = 3 << 8
    ANY_RST = 3 << 10
    OURS = 0x55555
    THEIRS = 0xAAAAA
    WELL_KNOWN_END = 1024
    EPHEMERAL_BEGIN = 32768
    # duplicates.py and timeouts.py
    UNIT_SHIFT = 17
    TTL_SHIFT = 24
    PRINT_SHIFT = 28
    COPY_UNITS = 1144
    WEAK_UNITS = 38
    SWEEP = 4

cdef uint64_t OUT_OF_ORDER_NS = _OUT_OF_ORDER_NS, REORDER_NS = _timeouts.REORDER_NS
cdef uint64_t SALT0 = _duplicates.SALT[0], SALT1 = _duplicates.SALT[1]

assert (S0, UDP1, UDP2, NOTHING) == (_states.S0, _states.UDP1, _states.UDP2, _states.NOTHING)
assert (HIST_S, HIST_H, HIST_A, HIST_D, HIST_F, HIST_R, HIST_T, HIST_G, HIST_W, HIST_Q, FLIPPED) == (
    _states.HIST_S, _states.HIST_H, _states.HIST_A, _states.HIST_D, _states.HIST_F, _states.HIST_R, _states.HIST_T,
    _states.HIST_G, _states.HIST_W, _states.HIST_Q, _states.FLIPPED)
assert OURS == _states.INITIATORS and THEIRS == OURS << 1
assert list(MARKS) == ["syn", "syn2", "synack", "synack2", "estab", "rst_i", "rst_r", "data_i", "data_r", "data_r2",
                       "fin_i", "fin_r", "last_i", "last_r"]
assert (WELL_KNOWN_END, EPHEMERAL_BEGIN) == (_states.WELL_KNOWN_END, _states.EPHEMERAL_BEGIN)
assert (UNIT_SHIFT, TTL_SHIFT, PRINT_SHIFT, COPY_UNITS, WEAK_UNITS) == (
    _duplicates.UNIT_SHIFT, _duplicates.TTL_SHIFT, _duplicates.PRINT_SHIFT, _duplicates.COPY_UNITS,
    _duplicates.WEAK_UNITS)
assert SWEEP == _timeouts.SWEEP
assert _duplicates.REMEMBERED == 8
assert _layout.MACS == 4
assert len(_layout.SLOTS) == KINDS_OF_MARKS

_ENTRY = np.dtype([("slot", "u4"), ("tag", "u4"), ("tunnel", "u4")])
_MARKS = list(MARKS)
_COLUMNS = [name for name in _Packet._fields if name != "frame"]
_TABLES = (
    ((), _layout.FLOW), ((), _layout.OPENING), ((2,), _layout.SIDE), ((2,), _layout.RARE), ((2,), _layout.RING),
    ((2,), _layout.MORE_MACS), *(((), _layout.MARK) for _ in _layout.SLOTS),
)


@cython.final
cdef class Tracker:
    """See ``_reference.Tracker``: the same, with the same answers."""

    compiled = True

    cdef readonly long long evicted
    cdef readonly uint32_t live
    cdef uint64_t secret, half_open_ns, established_ns, closed_ns, settled_ns, datagram_ns
    cdef uint32_t limit, capacity, slots, hand, number, entries, mask, free_count, touched_count
    cdef uint32_t first_frame, room
    cdef int64_t clock, previous
    cdef object tables, store
    cdef bint looked                 # rows were written before their flow was over
    # of live flows, by slot: ``capacity`` records each, which ``_packet`` checks once for each packet
    cdef Flow *flows
    cdef Opening *openings
    cdef Side *sides[2]
    cdef Rare *rares[2]
    cdef Ring *rings[2]
    cdef MoreMacs *more_macs[2]
    cdef Mark *marks[KINDS_OF_MARKS]
    cdef uint32_t[::1] free
    cdef Entry *index                # mask + 1 entries
    cdef object index_table
    # of FLOWS, by column: ``room`` rows
    cdef Out out
    cdef MarkOut mark_out[14]
    # of the transition table, and of the batch at hand: columns of ``rows`` values, which ``feed`` checks
    cdef uint8_t moves[17][2][7]
    cdef uint8_t half_open[17]
    cdef uint32_t rows
    cdef uint32_t[::1] touched, tags
    cdef uint64_t[::1] bases
    cdef Columns c

    def __init__(self, limits, secret):
        self.limit = max(1, limits.live_flows)
        self.secret = secret
        self.half_open_ns, self.established_ns = limits.half_open_ns, limits.established_ns
        self.closed_ns, self.settled_ns, self.datagram_ns = limits.closed_ns, limits.settled_ns, limits.datagram_ns
        self.clock = self.previous = INT64_MIN
        self._set_index(np.zeros(1024, dtype=_ENTRY))
        for state in range(17):
            self.half_open[state] = state in _states.HALF_OPEN
            for who in range(2):
                for what in range(7):
                    self.moves[state][who][what] = _states.MOVES[state, who, what]
        self._reserve()
        self.store = Store()
        self._set_columns()

    # Room ----------------------------------------------------------------------------------------

    cdef int _reserve(self) except -1:
        """Room for sixteen times as many live flows, one table at a time."""
        cdef Flow[::1] flows
        cdef Opening[::1] openings
        cdef Side[:, ::1] sides
        cdef Rare[:, ::1] rares
        cdef Ring[:, ::1] rings
        cdef MoreMacs[:, ::1] more_macs
        cdef Mark[::1] marks
        self.capacity = min(self.limit, max(FIRST_SLOTS, 16 * self.capacity))
        self.free = np.zeros(self.capacity, dtype=np.uint32)     # nothing is free, or there were no need for room
        tables = self.tables = self.tables or [_layout.zeros((*shape, 0), dtype) for shape, dtype in _TABLES]
        for number in range(len(tables)):
            tables[number] = _layout.larger(tables[number], self.capacity)
        flows, openings, sides, rares, rings, more_macs = tables[:6]
        self.flows, self.openings = &flows[0], &openings[0]
        for x in range(2):
            self.sides[x], self.rares[x] = &sides[x, 0], &rares[x, 0]
            self.rings[x], self.more_macs[x] = &rings[x, 0], &more_macs[x, 0]
        for what in range(KINDS_OF_MARKS):
            marks = tables[6 + what]
            self.marks[what] = &marks[0]
        return 0

    cdef int _set_index(self, table) except -1:
        cdef Entry[::1] entries = table
        self.index_table = table
        self.index, self.mask = &entries[0], <uint32_t>(entries.shape[0] - 1)
        return 0

    cdef int _grow(self) except -1:
        """An index twice as large."""
        bigger = _layout.zeros((2 * (self.mask + 1),), _ENTRY)
        cdef Entry[::1] old = self.index_table, new = bigger
        cdef uint32_t mask = 2 * self.mask + 1, place
        cdef Py_ssize_t i
        for i in range(old.shape[0]):
            if old[i].slot:
                place = old[i].tag & mask
                while new[place].slot:
                    place = (place + 1) & mask
                new[place] = old[i]
        return self._set_index(bigger)

    # Rows of FLOWS -------------------------------------------------------------------------------

    cdef int _set_columns(self) except -1:
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

    cdef int _put_flow(self, uint32_t slot) noexcept nogil:
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

    cdef int _put_side(self, uint32_t slot, int x) noexcept nogil:
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

    cdef int _put_mark(self, uint32_t slot, uint32_t what) noexcept nogil:
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

    cdef int _clear_marks(self, uint32_t row) noexcept nogil:
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

    cdef int _retire(self, uint32_t slot) except -1 nogil:
        """The flow is over: its row is written, its slot is free."""
        cdef Flow *flow = &self.flows[slot]
        cdef uint64_t base = self._base(flow.kind, flow.end0, flow.port0, flow.end1, flow.port1)
        cdef uint32_t what
        cdef int x
        self._forget(base, flow.tunnel, slot)
        if flow.other_tunnel != flow.tunnel:
            self._forget(base, flow.other_tunnel, slot)
        if flow.tunnel and flow.other_tunnel:
            self._forget(base, 0, slot)
        if self.looked:
            self._clear_marks(flow.flow)
        for x in range(2):
            self._flush(slot, x)
            self._put_side(slot, x)
        for what in range(<uint32_t>KINDS_OF_MARKS):
            self._put_mark(slot, what)
        self._put_flow(slot)
        flow.bits &= ~LIVE
        self.free[self.free_count] = slot
        self.free_count += 1
        self.live -= 1
        return 0

    def table(self, capture, *, final=False):
        """FLOWS so far, in the order of first packets; after ``final`` the tracker is used up, and holds nothing."""
        cdef uint32_t slot, what, number
        cdef int x
        self._check()
        if final:     # from here on, what has been written leaves
            self.index_table = self.free = self.touched = self.tags = self.bases = None
            self._let_go(4, 6)
        for slot in range(self.slots):
            if self.flows[slot].bits & LIVE:
                if self.looked:
                    self._clear_marks(self.flows[slot].flow)
                self._put_side(slot, 0)
                self._put_side(slot, 1)
        if final:
            self._let_go(2, 4)
        for number in range(<uint32_t>KINDS_OF_MARKS):
            what = KINDS_OF_MARKS - 1 - number      # last packets first: they may stand in another mark's table
            for slot in range(self.slots):
                if self.flows[slot].bits & LIVE:
                    self._put_mark(slot, what)
            if final:
                self._let_go(6 + what, 7 + what)
        for slot in range(self.slots):
            if self.flows[slot].bits & LIVE:
                self._put_flow(slot)
        self.looked = True
        found = self.store.table(self.number, capture, copy=not final)
        if final:
            self.tables = self.store = None
            self.capacity = 0
        return found

    cdef int _let_go(self, begin, end) except -1:
        """Give the memory of some tables back."""
        for number in range(begin, end):
            self.tables[number] = None
        return 0

    def first_frames(self):
        """The frame number of each flow's first packet, in the order of ``table``."""
        self._check()
        for slot in range(self.slots):
            if self.flows[slot].bits & LIVE:
                self.out.first_frame[self.flows[slot].flow] = self.openings[slot].first_frame
        return self.store.first_frames(self.number)

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
                if since(p.time_ns, flow.last_ns) > self._timeout(flow, entry.slot - 1):
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

    cdef inline uint64_t _timeout(self, Flow *flow, uint32_t slot) noexcept nogil:
        if flow.kind != TCP:
            return self.datagram_ns
        if self.half_open[flow.state]:
            return self.half_open_ns
        if not self._closed(flow):
            return self.established_ns
        return self.settled_ns if self._settled(flow, slot) else self.closed_ns

    cdef bint _settled(self, Flow *flow, uint32_t slot) noexcept nogil:
        cdef Side *one = &self.sides[0][slot]
        cdef Side *other = &self.sides[1][slot]
        if flow.history & ANY_RST or (one.known & other.known & (END | ACKED)) != (END | ACKED):
            return False
        return one.end == other.acked and other.end == one.acked

    cdef inline uint32_t _next(self) noexcept nogil:
        self.hand += 1
        if self.hand >= self.slots:
            self.hand = 0
        return self.hand

    cdef int _sweep(self) except -1 nogil:
        cdef Flow *flow = &self.flows[self._next()]
        if flow.bits & LIVE and since(self.clock, flow.last_ns) > self._timeout(flow, self.hand) + REORDER_NS:
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
        if flow.other_tunnel != flow.tunnel or self.sides[x][slot].packets:
            return False
        if (flow.tunnel == 0) != (p.tunnel == 0):
            return True
        return p.kind == TCP and p.flags & ACK and self._covers(&self.sides[1 - x][slot], slot, x, p.ack)

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
                self._set_columns()
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
            self.c.interface[p.row], self.c.vlan[p.row], self._frame(p.row))
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
        cdef uint32_t isn = self.rares[x][slot].isn
        if self.sides[x][slot].known & ISN:
            return isn != p.seq and (flow.bits & SYN_SEEN or isn != p.seq + p.payload)
        if self.sides[1 - x][slot].known & ISN:
            return flow.state != S0
        return not self._just_before(flow, slot, x, p)

    cdef int _other_synack(self, Flow *flow, uint32_t slot, int x, Packet *p) except -1 nogil:
        if not self.sides[1 - x][slot].known & ISN:
            return not self._just_before(flow, slot, x, p)
        if self.sides[x][slot].known & ISN and self.rares[x][slot].isn == p.seq:
            return False
        if p.ack == self.rares[1 - x][slot].isn + 1:
            return False
        return self._closed(flow) or not flow.bits & SYN_SEEN

    cdef int _just_before(self, Flow *flow, uint32_t slot, int x, Packet *p) except -1 nogil:
        if self._closed(flow) or since(p.time_ns, flow.first_ns) > REORDER_NS:
            return False
        if self.sides[x][slot].known & END:
            return self.rares[x][slot].first_seq == p.seq + 1
        return self.sides[1 - x][slot].known & ACKED and self.sides[1 - x][slot].acked == p.seq + 1

    # Marks and memories --------------------------------------------------------------------------

    cdef inline uint32_t _frame(self, uint32_t row) noexcept nogil:
        return self.c.frame[row] if self.c.frame else self.first_frame + row

    cdef int _write(self, uint32_t what, uint32_t slot, uint32_t row) except -1 nogil:
        cdef Mark *mark
        if what >= KINDS_OF_MARKS or slot >= self.capacity or row >= self.rows:
            with gil:
                raise IndexError(f"mark {what} of slot {slot} from row {row}")
        mark = &self.marks[what][slot]
        mark.position, mark.ns, mark.frame = self.c.position[row], self.c.time_ns[row], self._frame(row)
        mark.seq, mark.ack, mark.tsval, mark.tsecr = self.c.seq[row], self.c.ack[row], self.c.tsval[row], self.c.tsecr[row]
        mark.src_mac, mark.dst_mac, mark.ip_id, mark.ttl = (
            self.c.src_mac[row], self.c.dst_mac[row], self.c.ip_id[row], self.c.ttl[row])
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
        mark = &self.marks[what][slot]
        if (mark.seq == self.c.seq[row] and mark.ack == self.c.ack[row] and mark.tsval == self.c.tsval[row]
                and mark.tsecr == self.c.tsecr[row] and mark.ip_id == self.c.ip_id[row]
                and (mark.src_mac != self.c.src_mac[row] or mark.dst_mac != self.c.dst_mac[row]
                     or mark.ttl != self.c.ttl[row])):
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
        cdef Side *side = &self.sides[x][slot]
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
                                   (self.c.tsval[p.row] | <uint64_t>p.ip_bytes << 32) ^ SALT0)
        value = fold(value ^ (p.ip_id | <uint64_t>self.c.window[p.row] << 16 | <uint64_t>p.flags << 32),
                     self.secret ^ SALT1)
        return (value >> PRINT_SHIFT << PRINT_SHIFT | <uint64_t>(self.c.ttl[p.row] & 15) << TTL_SHIFT
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
            ring = &self.rings[x][slot]
            for k in range(1, side.filled):
                if self._is_copy(ring.memory[k], now, p):
                    return True
        return False

    cdef inline int _remember(self, Side *side, uint32_t slot, int x, uint64_t now) except -1 nogil:
        if side.cursor:
            self.rings[x][slot].memory[side.cursor] = now
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
        if slot >= self.capacity:
            with gil:
                raise IndexError(f"slot {slot}")
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
            more = &self.more_macs[x][slot]
            for k in range(1, side.dst_macs):
                if more.macs[k] == p.dst_mac:
                    return 0
            more.macs[side.dst_macs] = p.dst_mac
            side.dst_macs += 1
        return 0

    cdef int _datagram(self, Flow *flow, uint32_t slot, int x, Packet *p) except -1 nogil:
        cdef Side *side = &self.sides[x][slot]
        cdef uint64_t now = self._memory(p)
        if self._has_copy(side, slot, x, p, now):
            flow.duplicates += 1
            return self._another_hop(flow, M_DATA + x, M_DATA2 + x, slot, p.row)
        self._remember(side, slot, x, now)
        self._count(side, slot, x, p)
        self._first(flow, M_DATA + x, slot, p)
        flow.history |= HIST_D << x
        flow.state = UDP2 if self.sides[1 - x][slot].packets else UDP1
        return self._last(flow, side, slot, x, p)

    cdef int _segment(self, Flow *flow, uint32_t slot, int x, Packet *p) except -1 nogil:
        cdef Side *side = &self.sides[x][slot]
        cdef Side *peer = &self.sides[1 - x][slot]
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
        flow.state = self.moves[flow.state][x != flow.initiator][self._what(flow, peer, slot, x, p)]
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
        cdef Rare *rare = &self.rares[x][slot]
        if p.flags & ACK:
            if not flow.bits & SYN_SEEN and flow.synacks == 0:
                flow.initiator = 1 - x
            if not peer.known & ISN:
                self.rares[1 - x][slot].isn = p.ack - 1
                peer.known |= ISN
            flow.synacks += 1
            flow.synack_last_seq = p.seq
            if self._first(flow, M_SYNACK, slot, p):
                opening.window_r, opening.mss_r = self.c.window[p.row], self.c.mss[p.row]
        else:
            if not flow.bits & SYN_SEEN:
                flow.initiator = x
                flow.bits |= SYN_SEEN
            rare.syns += 1
            if x == flow.initiator and self._first(flow, M_SYN, slot, p):
                opening.window_i, opening.mss_i = self.c.window[p.row], self.c.mss[p.row]
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
        first = self.rares[1 - x][slot].isn + 1
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
        if self.moves[flow.state][x != flow.initiator][WHAT_ACK] == flow.state:
            return WHAT_WRONG            # either way the state stays
        return WHAT_ACK if self._covers(peer, slot, x, p.ack) else WHAT_WRONG

    cdef inline int _note(self, Flow *flow, uint32_t slot, int x, Packet *p) except -1 nogil:
        cdef uint32_t seen = 0
        if p.flags & (SYN | FIN | RST):
            seen = self._note_special(flow, slot, x, p)
        elif p.flags & ACK:
            if not p.payload:
                seen |= HIST_A
            if not self.c.window[p.row]:
                seen |= HIST_W
        if p.payload and not p.flags & RST:
            seen |= HIST_D
            self._first(flow, M_DATA + x, slot, p)
        flow.history |= seen << x
        if (flow.present & (1 << M_SYNACK | 1 << M_ESTAB) == 1 << M_SYNACK and x == flow.initiator
                and p.flags & (ACK | SYN | RST) == ACK and self._covers(&self.sides[1 - x][slot], slot, x, p.ack)):
            self._first(flow, M_ESTAB, slot, p)
        return 0

    cdef uint32_t _note_special(self, Flow *flow, uint32_t slot, int x, Packet *p) except? 0xFFFFFFFF nogil:
        cdef uint32_t seen = 0
        cdef uint8_t special = p.flags & (SYN | FIN | RST)
        cdef Rare *rare
        if p.flags & RST:
            seen |= HIST_R
            rare = &self.rares[x][slot]
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
            if not self._overtaken(side, rare, p):
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

    cdef inline bint _overtaken(self, Side *side, Rare *rare, Packet *p) noexcept nogil:
        return (not after(rare.gap_low, p.seq) and not after(p.end, rare.gap_high) and rare.gap_low != rare.gap_high
                and since(p.time_ns, side.advanced_ns) < OUT_OF_ORDER_NS)

    cdef inline int _acknowledged(self, Side *side, Side *peer, uint32_t slot, int x, Packet *p) except -1 nogil:
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

    # A batch -------------------------------------------------------------------------------------

    def _check(self):
        if self.tables is None:
            raise ValueError("this tracker has finished")

    def feed(self, table):
        """Follow the packets of one batch."""
        self._check()
        columns = table.columns
        if len(table) == 0:
            return
        if not all(columns[name].flags.c_contiguous for name in _COLUMNS):
            columns = {name: np.ascontiguousarray(column) for name, column in columns.items()}
        self.first_frame, self.rows = table.first_frame, len(table)
        if self.touched is None or self.touched.shape[0] < self.rows:
            self.touched, self.tags = np.empty(self.rows, dtype=np.uint32), np.empty(self.rows, dtype=np.uint32)
            self.bases = np.empty(self.rows, dtype=np.uint64)
        self.touched_count = 0
        self._bind(columns)
        with nogil:
            self._hash()
            self._follow()
        self.rows = 0

    cdef int _bind(self, columns) except -1:
        """Pointers to the columns, each checked to hold ``rows`` values."""
        cdef Py_ssize_t rows = self.rows
        self.c.time_ns, self.c.position = i8(columns["time_ns"], rows), i8(columns["position"], rows)
        self.c.verdict, self.c.kind = u1(columns["verdict"], rows), u1(columns["kind"], rows)
        self.c.flags, self.c.ttl = u1(columns["flags"], rows), u1(columns["ttl"], rows)
        self.c.interface, self.c.vlan = u2(columns["interface"], rows), u2(columns["vlan"], rows)
        self.c.ip_id, self.c.window = u2(columns["ip_id"], rows), u2(columns["window"], rows)
        self.c.src_port, self.c.dst_port = u2(columns["src_port"], rows), u2(columns["dst_port"], rows)
        self.c.mss = u2(columns["mss"], rows)
        self.c.tunnel, self.c.src, self.c.dst = (
            u4(columns["tunnel"], rows), u4(columns["src"], rows), u4(columns["dst"], rows))
        self.c.src_mac, self.c.dst_mac = u4(columns["src_mac"], rows), u4(columns["dst_mac"], rows)
        self.c.seq, self.c.ack = u4(columns["seq"], rows), u4(columns["ack"], rows)
        self.c.tsval, self.c.tsecr = u4(columns["tsval"], rows), u4(columns["tsecr"], rows)
        self.c.ip_bytes, self.c.payload = u4(columns["ip_bytes"], rows), u4(columns["payload_bytes"], rows)
        self.c.frame = u4(columns["frame"], rows) if "frame" in columns else NULL
        return 0

    cdef inline bint _ours(self, uint32_t row) noexcept nogil:
        return self.c.verdict[row] == OK and TCP <= self.c.kind[row] <= ICMP_ECHO

    cdef int _hash(self) except -1 nogil:
        """Where each packet's flow would stand in the index."""
        cdef Columns *c = &self.c
        cdef uint64_t *bases = &self.bases[0]
        cdef uint32_t *tags = &self.tags[0]
        cdef uint32_t row
        for row in range(self.rows):
            bases[row] = self._base(c.kind[row], c.src[row], c.src_port[row], c.dst[row], c.dst_port[row])
            tags[row] = self._tag(bases[row], c.tunnel[row])
        return 0

    cdef int _follow(self) except -1 nogil:
        cdef Columns *c = &self.c
        cdef uint64_t *bases = &self.bases[0]
        cdef uint32_t *tags = &self.tags[0]
        cdef uint32_t row, rows = self.rows, i, slot
        cdef int x
        cdef Flow *flow
        cdef Packet p
        for row in range(rows):
            if row + FAR < rows:
                fetch(&self.index[tags[row + FAR] & self.mask])
            if row + MIDDLE < rows:
                slot = self.index[tags[row + MIDDLE] & self.mask].slot
                if slot:
                    fetch_to_write(&self.flows[slot - 1])
            i = row + NEAR
            if i < rows:
                slot = self.index[tags[i] & self.mask].slot
                if slot:
                    flow = &self.flows[slot - 1]
                    x = not (flow.end0 == c.src[i] and flow.port0 == c.src_port[i])
                    fetch_to_write(&self.sides[x][slot - 1])
                    fetch_to_write(&self.sides[1 - x][slot - 1])
                    fetch_to_write(&self.rings[x][slot - 1])
            if not self._ours(row):
                continue
            p.row, p.tag = row, tags[row]
            p.time_ns, p.kind, p.flags = c.time_ns[row], c.kind[row], c.flags[row]
            p.src, p.src_port, p.dst, p.dst_port = c.src[row], c.src_port[row], c.dst[row], c.dst_port[row]
            p.tunnel, p.dst_mac, p.ip_id = c.tunnel[row], c.dst_mac[row], c.ip_id[row]
            p.seq, p.ack, p.ip_bytes, p.payload = c.seq[row], c.ack[row], c.ip_bytes[row], c.payload[row]
            p.end = p.seq + p.payload + ((p.flags & SYN) != 0) + ((p.flags & FIN) != 0)
            self._packet(bases[row], &p)
        for i in range(self.touched_count):
            if i + NEAR < self.touched_count:
                row = self.touched[i + NEAR]
                fetch_to_write(&self.sides[row & 1][row >> 1])
                fetch_to_write(&self.marks[M_LAST + (row & 1)][row >> 1])
            self._flush(self.touched[i] >> 1, self.touched[i] & 1)
        return 0


cdef const int64_t *i8(column, Py_ssize_t rows) except NULL:
    cdef const int64_t[::1] view = column
    if view.shape[0] != rows:
        raise ValueError(f"a column of {view.shape[0]} values in a table of {rows}")
    return &view[0]


cdef const uint32_t *u4(column, Py_ssize_t rows) except NULL:
    cdef const uint32_t[::1] view = column
    if view.shape[0] != rows:
        raise ValueError(f"a column of {view.shape[0]} values in a table of {rows}")
    return &view[0]


cdef const uint16_t *u2(column, Py_ssize_t rows) except NULL:
    cdef const uint16_t[::1] view = column
    if view.shape[0] != rows:
        raise ValueError(f"a column of {view.shape[0]} values in a table of {rows}")
    return &view[0]


cdef const uint8_t *u1(column, Py_ssize_t rows) except NULL:
    cdef const uint8_t[::1] view = column
    if view.shape[0] != rows:
        raise ValueError(f"a column of {view.shape[0]} values in a table of {rows}")
    return &view[0]


cdef int64_t *w8(column, Py_ssize_t rows) except NULL:
    cdef int64_t[::1] view = column
    if view.shape[0] != rows:
        raise ValueError(f"a column of {view.shape[0]} values in a table of {rows}")
    return &view[0]


cdef uint32_t *w4(column, Py_ssize_t rows) except NULL:
    cdef uint32_t[::1] view = column
    if view.shape[0] != rows:
        raise ValueError(f"a column of {view.shape[0]} values in a table of {rows}")
    return &view[0]


cdef uint16_t *w2(column, Py_ssize_t rows) except NULL:
    cdef uint16_t[::1] view = column
    if view.shape[0] != rows:
        raise ValueError(f"a column of {view.shape[0]} values in a table of {rows}")
    return &view[0]


cdef uint8_t *w1(column, Py_ssize_t rows) except NULL:
    cdef uint8_t[::1] view = column
    if view.shape[0] != rows:
        raise ValueError(f"a column of {view.shape[0]} values in a table of {rows}")
    return &view[0]
