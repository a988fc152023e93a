# cython: language_level=3
"""The flow tracker, compiled: arrays of records, found through an open-addressed index.

Its specification is ``_reference.py`` with ``_record.py`` and ``_side.py``; a
property test holds the two equal.  A slot holds one live flow.  All records of a
slot stand in arrays of their own (see ``layout.py``), reserved for
``Limits.live_flows`` at once and backed with memory only where written.  The
index is keyed by a hash with a random secret, so a crafted capture cannot choose
its collisions.
"""

from libc.stdint cimport INT64_MIN, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

import numpy as np

from analyzer.flow import duplicates as _duplicates
from analyzer.flow import layout as _layout
from analyzer.flow import states as _states
from analyzer.flow import timeouts as _timeouts
from analyzer.flow._side import OUT_OF_ORDER_NS as _OUT_OF_ORDER_NS
from analyzer.tables import VERDICTS as _VERDICTS

cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define replypath_prefetch(address) __builtin_prefetch(address, 1)
    #else
    #define replypath_prefetch(address) ((void) 0)
    #endif
    """
    void replypath_prefetch(const void *address) noexcept nogil

cdef enum:
    # tables.KINDS, tables.VERDICTS and TCP flags
    OK = 0
    TCP = 1
    UDP = 2
    ICMP_ECHO = 3
    FIN = 1
    SYN = 2
    RST = 4
    ACK = 16
    # layout.SLOTS
    M_SYN = 0
    M_SYN2 = 1
    M_SYNACK = 2
    M_SYNACK2 = 3
    M_ESTAB = 4
    M_RST = 5
    M_DATA = 7
    M_DATA2 = 9
    M_FIN = 11
    M_LAST = 13
    NO_SLOT = 0xFF
    # Flow.bits
    LIVE = 1
    USED = 2
    SYN_SEEN = 4
    # Side.known
    ISN = 1
    END = 2
    ACKED = 4
    # how many packets ahead the index and then the records are fetched
    NEAR = 8
    FAR = 16
    BLOCK = 8192

assert _VERDICTS[OK] == "ok"
assert (_layout.SYN, _layout.SYN2, _layout.SYNACK, _layout.SYNACK2, _layout.ESTAB, _layout.RST, _layout.DATA,
        _layout.DATA2, _layout.FIN, _layout.LAST) == (
    M_SYN, M_SYN2, M_SYNACK, M_SYNACK2, M_ESTAB, M_RST, M_DATA, M_DATA2, M_FIN, M_LAST)

cdef enum:
    WHAT_SYN = 0
    WHAT_SYNACK = 1
    WHAT_WRONG = 2
    WHAT_ACK = 3
    WHAT_DATA = 4
    WHAT_FIN = 5
    WHAT_RST = 6

cdef int S0 = _states.S0
cdef int NOTHING = _states.NOTHING
cdef int UDP1 = _states.UDP1
cdef int UDP2 = _states.UDP2
cdef uint32_t HIST_S = _states.HIST_S, HIST_H = _states.HIST_H, HIST_A = _states.HIST_A, HIST_D = _states.HIST_D
cdef uint32_t HIST_F = _states.HIST_F, HIST_R = _states.HIST_R, HIST_T = _states.HIST_T, HIST_G = _states.HIST_G
cdef uint32_t HIST_W = _states.HIST_W, HIST_Q = _states.HIST_Q, FLIPPED = _states.FLIPPED
cdef uint64_t COPY_NS = _duplicates.COPY_NS, WEAK_NS = _duplicates.WEAK_NS
cdef uint64_t OUT_OF_ORDER_NS = _OUT_OF_ORDER_NS, REORDER_NS = _timeouts.REORDER_NS
cdef int WELL_KNOWN_END = _states.WELL_KNOWN_END, EPHEMERAL_BEGIN = _states.EPHEMERAL_BEGIN
cdef int REMEMBERED = _duplicates.REMEMBERED

assert REMEMBERED == 8
assert _layout.MACS == 4

cdef packed struct Flow:
    int64_t first_ns, last_ns
    uint32_t end0, end1
    uint16_t port0, port1
    uint32_t tunnel, other_tunnel, flow, history, duplicates, synacks, synack_last_seq
    uint16_t present
    uint8_t kind, state, initiator, bits, last0, last1

cdef packed struct Opening:
    uint16_t interface, vlan, window_i, window_r, mss_i, mss_r

cdef packed struct Side:
    uint64_t bytes
    int64_t advanced_ns
    uint32_t packets, end, acked, gap_low, gap_high, passed_bytes
    uint32_t flight_bytes0, flight_end0, flight_bytes1, flight_end1
    uint32_t mac
    uint8_t known, cursor, filled, dst_macs

cdef packed struct Rare:
    uint32_t isn, first_seq, syns, rsts, retrans, retrans_bytes, mac1, mac2, mac3
    uint8_t rst_flags
    uint8_t spare[3]

cdef packed struct Over:
    uint64_t bytes
    uint32_t packets, passed_bytes, syns, rsts, retrans, retrans_bytes
    uint8_t rst_flags, dst_macs
    uint8_t spare[6]

cdef packed struct Mark:
    int64_t position, ns
    uint32_t frame, seq, ack, tsval, tsecr, src_mac, dst_mac
    uint16_t ip_id
    uint8_t ttl, spare

cdef packed struct Print:
    uint64_t print
    int64_t ns

cdef packed struct Loose:
    Mark mark
    uint32_t owner, slot

cdef packed struct Entry:
    uint32_t slot            # plus one; 0 = empty
    uint32_t tag             # the hash: where the entry would like to stand
    uint32_t tunnel

cdef struct Packet:
    int64_t time_ns, position
    uint32_t src, dst, tunnel, seq, ack, ip_bytes, payload, tsval, tsecr, src_mac, dst_mac, frame
    uint16_t src_port, dst_port, window, ip_id, mss, interface, vlan
    uint8_t kind, flags, ttl

_LOOSE = np.dtype([("mark", _layout.MARK), ("owner", "u4"), ("slot", "u4")])
_ENTRY = np.dtype([("slot", "u4"), ("tag", "u4"), ("tunnel", "u4")])


cdef inline bint after(uint32_t number, uint32_t other) noexcept nogil:
    cdef uint32_t steps = number - other
    return steps != 0 and steps < <uint32_t>0x80000000


cdef inline uint64_t since(int64_t now, int64_t then) noexcept nogil:
    """Nanoseconds from ``then`` to ``now``; 0 where time runs backwards."""
    return <uint64_t>now - <uint64_t>then if now > then else 0


cdef inline uint64_t mix(uint64_t value) noexcept nogil:
    value = (value ^ (value >> 32)) * <uint64_t>0xD6E8FEB86659FD93
    value = (value ^ (value >> 32)) * <uint64_t>0xD6E8FEB86659FD93
    return value ^ (value >> 32)


cdef inline uint32_t end_of(Packet *p) noexcept nogil:
    return p.seq + p.payload + ((p.flags & SYN) != 0) + ((p.flags & FIN) != 0)


cdef inline uint32_t high_end(uint32_t one, uint32_t other) noexcept nogil:
    return one if one > other else other


cdef class Tracker:
    """See ``_reference.Tracker``: the same, with the same answers."""

    compiled = True

    cdef readonly long long evicted
    cdef uint64_t secret, half_open_ns, established_ns, closed_ns, datagram_ns
    cdef uint32_t limit, live, slots, hand, number, entries, mask, free_count, over_count, loose_count
    cdef uint32_t over_before
    cdef int64_t clock, previous
    cdef Entry[::1] index
    cdef Flow[::1] flows
    cdef Opening[::1] openings
    cdef Side[:, ::1] sides
    cdef Rare[:, ::1] rares
    cdef Print[:, ::1] prints
    cdef Mark[:, ::1] marks
    cdef uint32_t[::1] free
    cdef const uint8_t[:, :, ::1] moves
    cdef uint8_t[::1] half_open
    cdef Flow[::1] over_flows
    cdef Opening[::1] over_openings
    cdef Over[:, ::1] over_sides
    cdef Loose[::1] loose
    cdef list blocks, loose_by_slot
    cdef object tables

    def __init__(self, limits, secret):
        cap = max(1, limits.live_flows)
        self.limit = cap
        self.secret = secret
        self.half_open_ns, self.established_ns = limits.half_open_ns, limits.established_ns
        self.closed_ns, self.datagram_ns = limits.closed_ns, limits.datagram_ns
        self.clock = self.previous = INT64_MIN
        self.index = np.zeros(1024, dtype=_ENTRY)
        self.mask = 1023
        lay = _layout
        self.tables = (
            _aligned((cap,), lay.FLOW), np.zeros(cap, dtype=lay.OPENING), _aligned((2, cap), lay.SIDE),
            np.zeros((2, cap), dtype=lay.RARE), np.zeros((2 * REMEMBERED, cap), dtype=lay.PRINT),
            np.zeros((len(lay.SLOTS), cap), dtype=lay.MARK),
        )
        self.flows, self.openings, self.sides, self.rares, self.prints, self.marks = self.tables
        self.free = np.zeros(cap, dtype=np.uint32)
        self.moves = _states.MOVES
        half_open = np.zeros(NOTHING + 1, dtype=np.uint8)
        half_open[list(_states.HALF_OPEN)] = 1
        self.half_open = half_open
        self.blocks = []
        self.loose_by_slot = [[] for _ in lay.SLOTS]
        self._new_block()
        self._new_loose()

    # What is over ------------------------------------------------------------------------------

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
        """Sort the loose marks by what they are, and begin anew."""
        if self.loose_count:
            block = np.asarray(self.loose)[:self.loose_count]
            for slot in range(len(self.loose_by_slot)):
                these = block[block["slot"] == slot]
                if len(these):
                    self.loose_by_slot[slot].append(
                        (these["owner"].astype(np.uint32), np.ascontiguousarray(these["mark"])))
        self.loose = np.zeros(BLOCK, dtype=_LOOSE)
        self.loose_count = 0
        return 0

    cdef int _put_loose(self, uint32_t slot, uint32_t what, uint32_t kept_in) except -1 nogil:
        cdef Loose *loose
        if self.loose_count == BLOCK:
            with gil:
                self._new_loose()
        loose = &self.loose[self.loose_count]
        loose.mark = self.marks[kept_in, slot]
        loose.owner = self.over_before + self.over_count
        loose.slot = what
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
        flow.bits &= ~LIVE
        self.free[self.free_count] = slot
        self.free_count += 1
        self.live -= 1
        self.over_flows[self.over_count] = flow[0]
        self.over_openings[self.over_count] = self.openings[slot]
        for x in range(2):
            side, rare, over = &self.sides[x, slot], &self.rares[x, slot], &self.over_sides[x, self.over_count]
            over.bytes, over.packets, over.passed_bytes = side.bytes, side.packets, side.passed_bytes
            over.syns, over.rsts, over.retrans, over.retrans_bytes = (
                rare.syns, rare.rsts, rare.retrans, rare.retrans_bytes)
            over.rst_flags, over.dst_macs = rare.rst_flags, side.dst_macs
        for what in range(M_LAST):
            if flow.present >> what & 1:
                self._put_loose(slot, what, what)
        if flow.last0 != NO_SLOT:
            self._put_loose(slot, M_LAST, flow.last0)
        if flow.last1 != NO_SLOT:
            self._put_loose(slot, M_LAST + 1, flow.last1)
        self.over_count += 1
        return 0

    def records(self, *, final=False):
        """Every flow so far, over or live; after ``final`` the tracker is used up and holds nothing any more."""
        if self.tables is None:
            raise ValueError("this tracker has finished")
        self._new_loose()
        tables, slots = self.tables, self.slots
        if final:
            self.index, self.prints, self.free, self.tables = None, None, None, None
            tables = (*tables[:4], None, tables[5])
        flows, openings, sides, rares, _, marks = tables
        live = np.flatnonzero(flows["bits"][:slots] & LIVE)
        over = [tuple(each[..., :self.over_count] for each in block) if block is self.blocks[len(self.blocks) - 1] else block
                for block in self.blocks]
        count = self.over_before + self.over_count
        of_flows = [_layout.Part(block[:2], None) for block in over]
        of_sides = [_layout.Part(block[2:], None) for block in over]
        of_flows.append(_layout.Part((flows, openings), live))
        of_sides.append(_layout.Part((sides, rares), live))
        kept = [[_layout.Marks(owner, mark, None) for owner, mark in each] for each in self.loose_by_slot]
        for slot in range(M_LAST):
            those = np.flatnonzero(flows["present"][live] >> slot & 1)
            kept[slot].append(_layout.Marks(count + those, marks[slot], live[those]))
        for x in range(2):
            last = flows[f"last{x}"][live]
            for slot in np.unique(last[last != NO_SLOT]).tolist():
                those = np.flatnonzero(last == slot)
                kept[M_LAST + x].append(_layout.Marks(count + those, marks[slot], live[those]))
        if final:
            self.flows = self.openings = self.sides = self.rares = self.marks = None
            self.over_flows = self.over_openings = self.over_sides = self.loose = None
            self.blocks, self.loose_by_slot = [], []
        return _layout.Records(of_flows, of_sides, kept)

    # The index ---------------------------------------------------------------------------------

    cdef inline uint64_t _base(self, uint8_t kind, uint32_t src, uint16_t src_port, uint32_t dst,
                               uint16_t dst_port) noexcept nogil:
        """A hash of the ends, in either order."""
        cdef uint64_t one = <uint64_t>src << 16 | src_port, other = <uint64_t>dst << 16 | dst_port
        if one > other:
            one, other = other, one
        return mix(mix(self.secret ^ one) ^ (other | <uint64_t>kind << 48))

    cdef inline uint32_t _tag(self, uint64_t base, uint32_t tunnel) noexcept nogil:
        return <uint32_t>(mix(base ^ (self.secret >> 7) ^ tunnel) >> 32)

    cdef inline bint _same_ends(self, Flow *flow, Packet *p) noexcept nogil:
        if flow.kind != p.kind:
            return False
        if flow.end0 == p.src and flow.port0 == p.src_port and flow.end1 == p.dst and flow.port1 == p.dst_port:
            return True
        return flow.end1 == p.src and flow.port1 == p.src_port and flow.end0 == p.dst and flow.port0 == p.dst_port

    cdef long _at(self, uint64_t base, uint32_t tunnel, Packet *p) except -2 nogil:
        """The slot of the flow at (tunnel, ends), or -1."""
        cdef uint32_t tag = self._tag(base, tunnel), place
        cdef Entry *entry
        place = tag & self.mask
        while True:
            entry = &self.index[place]
            if entry.slot == 0:
                return -1
            if entry.tag == tag and entry.tunnel == tunnel and self._same_ends(&self.flows[entry.slot - 1], p):
                return entry.slot - 1
            place = (place + 1) & self.mask

    cdef int _enter(self, uint64_t base, uint32_t tunnel, uint32_t slot, Packet *p, bint over) except -1 nogil:
        """Let (tunnel, ends) lead to a slot; where it leads to one already, only if ``over``."""
        cdef uint32_t tag = self._tag(base, tunnel), place
        cdef Entry *entry
        if self.entries * 3 > self.mask * 2:
            with gil:
                self._grow()
        place = tag & self.mask
        while True:
            entry = &self.index[place]
            if entry.slot == 0:
                entry.slot, entry.tag, entry.tunnel = slot + 1, tag, tunnel
                self.entries += 1
                return 0
            if entry.tag == tag and entry.tunnel == tunnel and self._same_ends(&self.flows[entry.slot - 1], p):
                if over:
                    entry.slot = slot + 1
                return 0
            place = (place + 1) & self.mask

    cdef int _forget(self, uint64_t base, uint32_t tunnel, uint32_t slot) except -1 nogil:
        """Take the entry (tunnel, ends) -> slot out, if it is there; close the hole behind it."""
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

    cdef int _grow(self) except -1:
        before = np.asarray(self.index)
        after_ = np.zeros(2 * len(before), dtype=_ENTRY)
        cdef Entry[::1] old = self.index, new = after_
        cdef uint32_t mask = <uint32_t>(len(after_) - 1), place
        cdef Py_ssize_t i
        for i in range(old.shape[0]):
            if old[i].slot:
                place = old[i].tag & mask
                while new[place].slot:
                    place = (place + 1) & mask
                new[place] = old[i]
        self.index, self.mask = new, mask
        return 0

    # Flows come and go -------------------------------------------------------------------------

    cdef inline bint _closed(self, Flow *flow) noexcept nogil:
        return (flow.history & (HIST_R | HIST_R << 1)) != 0 or (
            flow.history & (HIST_F | HIST_F << 1)) == (HIST_F | HIST_F << 1)

    cdef inline uint64_t _timeout(self, Flow *flow) except? 0 nogil:
        if flow.kind != TCP:
            return self.datagram_ns
        if self.half_open[flow.state]:
            return self.half_open_ns
        return self.closed_ns if self._closed(flow) else self.established_ns

    cdef int _sweep(self) except -1 nogil:
        cdef Flow *flow
        if self.slots == 0:
            return 0
        self.hand += 1
        if self.hand >= self.slots:
            self.hand = 0
        flow = &self.flows[self.hand]
        if flow.bits & LIVE and since(self.clock, flow.last_ns) > self._timeout(flow) + REORDER_NS:
            self._retire(self.hand)
        return 0

    cdef int _evict(self) except -1 nogil:
        cdef Flow *flow
        while True:
            self.hand += 1
            if self.hand >= self.slots:
                self.hand = 0
            flow = &self.flows[self.hand]
            if not flow.bits & LIVE:
                continue
            if not flow.bits & USED or self._closed(flow):
                self.evicted += 1
                return self._retire(self.hand)
            flow.bits &= ~USED

    cdef long _find(self, uint64_t base, Packet *p) except -2 nogil:
        cdef long slot = self._at(base, p.tunnel, p)
        cdef Flow *flow
        if slot >= 0:
            flow = &self.flows[slot]
            if p.tunnel == flow.tunnel or p.tunnel == flow.other_tunnel:
                return slot
        elif p.tunnel:
            slot = self._at(base, 0, p)
        if slot < 0:
            return -1
        flow = &self.flows[slot]
        if (flow.other_tunnel != flow.tunnel or (flow.tunnel == 0) == (p.tunnel == 0)
                or self.sides[self._direction(flow, p), slot].packets):
            return -1
        flow.other_tunnel = p.tunnel
        self._enter(base, p.tunnel, <uint32_t>slot, p, True)
        return slot

    cdef inline int _direction(self, Flow *flow, Packet *p) noexcept nogil:
        return not (flow.end0 == p.src and flow.port0 == p.src_port)

    cdef bint _sender_initiates(self, Packet *p) noexcept nogil:
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
        if self.live >= self.limit:
            self._evict()
        if self.free_count:
            self.free_count -= 1
            slot = self.free[self.free_count]
        else:
            slot = self.slots
            self.slots += 1
        flow, opening = &self.flows[slot], &self.openings[slot]
        flow.first_ns = flow.last_ns = p.time_ns
        flow.end0, flow.end1, flow.port0, flow.port1 = p.src, p.dst, p.src_port, p.dst_port
        flow.tunnel = flow.other_tunnel = p.tunnel
        flow.flow = self.number
        self.number += 1
        flow.history = flow.duplicates = flow.synacks = flow.synack_last_seq = 0
        flow.present = 0
        flow.kind, flow.state, flow.initiator, flow.bits = p.kind, NOTHING, 0, LIVE
        flow.last0 = flow.last1 = NO_SLOT
        if not self._sender_initiates(p):
            flow.initiator = 1
            if not p.flags & SYN or p.kind != TCP:
                flow.history = FLIPPED
        opening.interface, opening.vlan = p.interface, p.vlan
        opening.window_i = opening.window_r = opening.mss_i = opening.mss_r = 0
        self._clear(0, slot)
        self._clear(1, slot)
        self.live += 1
        self._enter(base, p.tunnel, slot, p, True)
        if p.tunnel:
            self._enter(base, 0, slot, p, False)
        return slot

    cdef int _clear(self, int x, uint32_t slot) except -1 nogil:
        """Zero a direction, unless it is untouched: reading a page that was never written costs no memory."""
        cdef Side *side = &self.sides[x, slot]
        cdef Rare *rare = &self.rares[x, slot]
        if side.packets or side.known:
            memset(side, 0, sizeof(Side))
        if rare.isn or rare.syns or rare.rsts or rare.retrans or rare.first_seq or rare.rst_flags:
            memset(rare, 0, sizeof(Rare))
        return 0

    cdef int _begins_anew(self, Flow *flow, uint32_t slot, Packet *p) except -1 nogil:
        cdef int x
        if since(p.time_ns, flow.last_ns) > self._timeout(flow):
            return True
        if flow.kind != TCP or p.flags & (SYN | RST) != SYN:
            return False
        x = self._direction(flow, p)
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

    # A packet ----------------------------------------------------------------------------------

    cdef int _packet(self, uint64_t base, Packet *p) except -1 nogil:
        cdef long slot
        cdef int64_t reached = p.time_ns if p.time_ns < self.previous else self.previous
        cdef Flow *flow
        if reached > self.clock:
            self.clock = reached
        self.previous = p.time_ns
        self._sweep()
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
        if p.kind == TCP:
            return self._segment(flow, <uint32_t>slot, self._direction(flow, p), p)
        return self._datagram(flow, <uint32_t>slot, self._direction(flow, p), p)

    cdef inline uint64_t _print(self, Packet *p) noexcept nogil:
        cdef uint64_t value = mix(self.secret ^ (p.seq | <uint64_t>p.ack << 32))
        value = mix(value ^ (p.tsval | <uint64_t>p.ip_bytes << 32))
        value = mix(value ^ (p.ip_id | <uint64_t>p.window << 16 | <uint64_t>p.flags << 32))
        return value & ~<uint64_t>0xFF | p.ttl

    cdef int _has_copy(self, Side *side, uint32_t slot, int x, Packet *p, uint64_t print_) except -1 nogil:
        cdef int k
        cdef Print *seen
        cdef uint64_t elapsed
        cdef uint8_t ttl
        for k in range(side.filled):
            seen = &self.prints[2 * k + x, slot]
            if (seen.print ^ print_) >> 8:
                continue
            elapsed = since(p.time_ns, seen.ns) + since(seen.ns, p.time_ns)
            if elapsed > COPY_NS:
                continue
            ttl = <uint8_t>(seen.print & 0xFF)
            if p.ip_id:
                return True
            if p.kind != TCP:
                if p.ttl < ttl:
                    return True
            elif p.ttl != ttl or elapsed <= WEAK_NS:
                return True
        return False

    cdef inline int _remember(self, Side *side, uint32_t slot, int x, Packet *p, uint64_t print_) except -1 nogil:
        cdef Print *seen = &self.prints[2 * side.cursor + x, slot]
        seen.print, seen.ns = print_, p.time_ns
        side.cursor = (side.cursor + 1) & 7
        if side.filled < 8:
            side.filled += 1
        return 0

    cdef inline int _write(self, int what, uint32_t slot, Packet *p) except -1 nogil:
        cdef Mark *mark = &self.marks[what, slot]
        mark.position, mark.ns, mark.frame, mark.seq, mark.ack = p.position, p.time_ns, p.frame, p.seq, p.ack
        mark.tsval, mark.tsecr, mark.src_mac, mark.dst_mac = p.tsval, p.tsecr, p.src_mac, p.dst_mac
        mark.ip_id, mark.ttl = p.ip_id, p.ttl
        return 0

    cdef inline int _first(self, Flow *flow, int what, uint32_t slot, Packet *p, int *kept) except -1 nogil:
        if flow.present >> what & 1:
            return False
        flow.present |= 1 << what
        self._write(what, slot, p)
        kept[0] = what
        return True

    cdef int _another_hop(self, Flow *flow, int what, int copy, uint32_t slot, Packet *p) except -1 nogil:
        cdef Mark *mark
        if not flow.present >> what & 1 or flow.present >> copy & 1:
            return 0
        mark = &self.marks[what, slot]
        if (mark.seq == p.seq and mark.ack == p.ack and mark.tsval == p.tsval and mark.tsecr == p.tsecr
                and mark.ip_id == p.ip_id
                and (mark.src_mac != p.src_mac or mark.dst_mac != p.dst_mac or mark.ttl != p.ttl)):
            flow.present |= 1 << copy
            self._write(copy, slot, p)
        return 0

    cdef int _count(self, Side *side, uint32_t slot, int x, Packet *p) except -1 nogil:
        cdef Rare *rare
        side.packets += 1
        side.bytes += p.payload
        if side.dst_macs == 0:
            side.mac, side.dst_macs = p.dst_mac, 1
        elif side.mac != p.dst_mac and side.dst_macs < 4:
            rare = &self.rares[x, slot]
            if side.dst_macs > 1 and rare.mac1 == p.dst_mac or side.dst_macs > 2 and rare.mac2 == p.dst_mac:
                return 0
            if side.dst_macs == 1:
                rare.mac1 = p.dst_mac
            elif side.dst_macs == 2:
                rare.mac2 = p.dst_mac
            side.dst_macs += 1
        return 0

    cdef inline int _last(self, Flow *flow, uint32_t slot, int x, Packet *p, int kept) except -1 nogil:
        """Where the direction's last packet is kept: in the mark that it just set, or in one of its own."""
        if kept < 0:
            kept = M_LAST + x
            self._write(kept, slot, p)
        if x:
            flow.last1 = kept
        else:
            flow.last0 = kept
        return 0

    cdef int _datagram(self, Flow *flow, uint32_t slot, int x, Packet *p) except -1 nogil:
        cdef Side *side = &self.sides[x, slot]
        cdef uint64_t print_ = self._print(p)
        cdef int kept = -1
        if self._has_copy(side, slot, x, p, print_):
            flow.duplicates += 1
            return self._another_hop(flow, M_DATA + x, M_DATA2 + x, slot, p)
        self._remember(side, slot, x, p, print_)
        self._count(side, slot, x, p)
        self._first(flow, M_DATA + x, slot, p, &kept)
        flow.history |= HIST_D << x
        flow.state = UDP2 if self.sides[1 - x, slot].packets else UDP1
        return self._last(flow, slot, x, p, kept)

    cdef int _segment(self, Flow *flow, uint32_t slot, int x, Packet *p) except -1 nogil:
        cdef Side *side = &self.sides[x, slot]
        cdef Side *peer = &self.sides[1 - x, slot]
        cdef uint64_t print_ = self._print(p)
        cdef uint32_t end = end_of(p)
        cdef int kept = -1
        cdef bint news = not p.flags & RST and (
            not side.known & END or after(end, side.end)
            or (p.flags & ACK and (not side.known & ACKED or after(p.ack, side.acked))))
        if not news and self._has_copy(side, slot, x, p, print_):
            flow.duplicates += 1
            if p.flags & SYN:
                if p.flags & ACK:
                    self._another_hop(flow, M_SYNACK, M_SYNACK2, slot, p)
                else:
                    self._another_hop(flow, M_SYN, M_SYN2, slot, p)
            if p.payload:
                self._another_hop(flow, M_DATA + x, M_DATA2 + x, slot, p)
            return 0
        self._remember(side, slot, x, p, print_)
        self._count(side, slot, x, p)
        if p.flags & (SYN | RST) == SYN:
            self._handshake(flow, side, peer, slot, x, p, &kept)
        flow.state = self.moves[flow.state, x != flow.initiator, self._what(flow, peer, slot, x, p)]
        self._note(flow, slot, x, p, &kept)
        if not p.flags & RST:
            self._sent(flow, side, slot, x, p, end)
            if p.flags & ACK:
                if not side.known & ACKED or after(p.ack, side.acked):
                    side.acked = p.ack
                    side.known |= ACKED
                while peer.flight_bytes0 and not after(peer.flight_end0, p.ack):
                    if peer.flight_bytes0 > peer.passed_bytes:
                        peer.passed_bytes = peer.flight_bytes0
                    peer.flight_bytes0, peer.flight_end0 = peer.flight_bytes1, peer.flight_end1
                    peer.flight_bytes1 = 0
        return self._last(flow, slot, x, p, kept)

    cdef int _handshake(self, Flow *flow, Side *side, Side *peer, uint32_t slot, int x, Packet *p,
                        int *kept) except -1 nogil:
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
            if self._first(flow, M_SYNACK, slot, p, kept):
                opening.window_r, opening.mss_r = p.window, p.mss
        else:
            if not flow.bits & SYN_SEEN:
                flow.initiator = x
                flow.bits |= SYN_SEEN
            rare.syns += 1
            if x == flow.initiator and self._first(flow, M_SYN, slot, p, kept):
                opening.window_i, opening.mss_i = p.window, p.mss
        if not side.known & ISN or rare.isn != p.seq or not side.known & END:
            rare.isn = p.seq
            side.known = (side.known | ISN) & ~END
            side.gap_low = side.gap_high = 0
            side.flight_bytes0 = side.flight_bytes1 = 0
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
        if not p.flags & ACK or not peer.known & ISN or self._covers(peer, slot, x, p.ack):
            return WHAT_ACK
        return WHAT_WRONG

    cdef int _note(self, Flow *flow, uint32_t slot, int x, Packet *p, int *kept) except -1 nogil:
        cdef uint32_t seen = 0
        cdef uint8_t flags = p.flags, special = p.flags & (SYN | FIN | RST)
        cdef Rare *rare
        if special:
            if flags & RST:
                seen |= HIST_R
                rare = &self.rares[x, slot]
                rare.rsts += 1
                if self._first(flow, M_RST + x, slot, p, kept):
                    rare.rst_flags = flags
            elif flags & SYN:
                seen |= HIST_H if flags & ACK else HIST_S
            if flags & FIN and not flags & RST:
                seen |= HIST_F
                self._first(flow, M_FIN + x, slot, p, kept)
            if special != SYN and special != FIN and special != RST:
                seen |= HIST_Q
        elif flags & ACK:
            if not p.payload:
                seen |= HIST_A
            if not p.window:
                seen |= HIST_W
        if p.payload and not flags & RST:
            seen |= HIST_D
            self._first(flow, M_DATA + x, slot, p, kept)
        flow.history |= seen << x
        if (x == flow.initiator and flow.present >> M_SYNACK & 1 and not flow.present >> M_ESTAB & 1
                and flags & (ACK | SYN | RST) == ACK and self._covers(&self.sides[1 - x, slot], slot, x, p.ack)):
            self._first(flow, M_ESTAB, slot, p, kept)
        return 0

    cdef int _sent(self, Flow *flow, Side *side, uint32_t slot, int x, Packet *p, uint32_t end) except -1 nogil:
        cdef Rare *rare
        if not side.known & END:
            self.rares[x, slot].first_seq = p.seq
            side.end, side.advanced_ns = end, p.time_ns
            side.known |= END
        elif after(end, side.end):
            if after(p.seq, side.end):
                side.gap_low, side.gap_high = side.end, p.seq
                flow.history |= HIST_G << x
            side.end, side.advanced_ns = end, p.time_ns
        elif p.payload and not (p.payload <= 1 and side.end - p.seq == 1) and not self._overtaken(side, p, end):
            rare = &self.rares[x, slot]
            rare.retrans += 1
            rare.retrans_bytes = high_end(rare.retrans_bytes, p.ip_bytes)
            flow.history |= HIST_T << x
        if p.payload and p.ip_bytes > side.passed_bytes:
            if not side.flight_bytes0:
                side.flight_bytes0, side.flight_end0 = p.ip_bytes, end
            elif p.ip_bytes > high_end(side.flight_bytes0, side.flight_bytes1):
                side.flight_bytes1, side.flight_end1 = p.ip_bytes, end
        return 0

    cdef inline bint _overtaken(self, Side *side, Packet *p, uint32_t end) noexcept nogil:
        return (not after(side.gap_low, p.seq) and not after(end, side.gap_high) and side.gap_low != side.gap_high
                and since(p.time_ns, side.advanced_ns) < OUT_OF_ORDER_NS)

    # A batch -----------------------------------------------------------------------------------

    def feed(self, table):
        """Follow the packets of one batch."""
        if self.tables is None:
            raise ValueError("this tracker has finished")
        columns = table.columns

        def column(name):
            return np.ascontiguousarray(columns[name])

        cdef const int64_t[::1] time_ns = column("time_ns"), position = column("position")
        cdef const uint8_t[::1] verdict = column("verdict"), kind = column("kind"), flags = column("flags")
        cdef const uint8_t[::1] ttl = column("ttl")
        cdef const uint16_t[::1] interface = column("interface"), vlan = column("vlan"), ip_id = column("ip_id")
        cdef const uint16_t[::1] src_port = column("src_port"), dst_port = column("dst_port")
        cdef const uint16_t[::1] window = column("window"), mss = column("mss")
        cdef const uint32_t[::1] tunnel = column("tunnel"), src = column("src"), dst = column("dst")
        cdef const uint32_t[::1] src_mac = column("src_mac"), dst_mac = column("dst_mac")
        cdef const uint32_t[::1] seq = column("seq"), ack = column("ack"), ip_bytes = column("ip_bytes")
        cdef const uint32_t[::1] payload = column("payload_bytes"), tsval = column("tsval"), tsecr = column("tsecr")
        cdef Py_ssize_t rows = time_ns.shape[0], i, j, done
        cdef uint64_t bases[32]
        cdef uint32_t first_frame = <uint32_t>table.first_frame, slot
        cdef Packet p
        with nogil:
            for i in range(rows + FAR):
                if i < rows and verdict[i] == OK and TCP <= kind[i] <= ICMP_ECHO:
                    bases[i & 31] = self._base(kind[i], src[i], src_port[i], dst[i], dst_port[i])
                    replypath_prefetch(&self.index[self._tag(bases[i & 31], tunnel[i]) & self.mask])
                j = i - NEAR
                if 0 <= j < rows and verdict[j] == OK and TCP <= kind[j] <= ICMP_ECHO:
                    slot = self.index[self._tag(bases[j & 31], tunnel[j]) & self.mask].slot
                    if slot:
                        replypath_prefetch(&self.flows[slot - 1])
                        replypath_prefetch(&self.sides[0, slot - 1])
                        replypath_prefetch(&self.sides[1, slot - 1])
                j = i - FAR
                if j < 0 or verdict[j] != OK or not TCP <= kind[j] <= ICMP_ECHO:
                    continue
                p.time_ns, p.position, p.frame = time_ns[j], position[j], first_frame + <uint32_t>j
                p.kind, p.flags, p.ttl = kind[j], flags[j], ttl[j]
                p.interface, p.vlan, p.ip_id, p.window, p.mss = interface[j], vlan[j], ip_id[j], window[j], mss[j]
                p.src, p.dst, p.src_port, p.dst_port = src[j], dst[j], src_port[j], dst_port[j]
                p.tunnel, p.src_mac, p.dst_mac = tunnel[j], src_mac[j], dst_mac[j]
                p.seq, p.ack, p.tsval, p.tsecr = seq[j], ack[j], tsval[j], tsecr[j]
                p.ip_bytes, p.payload = ip_bytes[j], payload[j]
                self._packet(bases[j & 31], &p)


def _aligned(shape, dtype):
    """Zeros that begin at a cache line."""
    size = int(np.prod(shape)) * dtype.itemsize
    octets = np.zeros(size + 64, dtype=np.uint8)
    shift = -octets.ctypes.data % 64
    return octets[shift:shift + size].view(dtype).reshape(shape)
