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
from analyzer.tables import MARKS, VERDICTS

include "_fast_constants.pxi"

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
    # the last frames of the batch before
    cdef Seen seen[FRAGMENT_FRAMES]
    cdef uint32_t seen_count

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
        _set_columns(self)

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
                    _clear_marks(self, self.flows[slot].flow)
                _put_side(self, slot, 0)
                _put_side(self, slot, 1)
        if final:
            self._let_go(2, 4)
        for number in range(<uint32_t>KINDS_OF_MARKS):
            what = KINDS_OF_MARKS - 1 - number      # last packets first: they may stand in another mark's table
            for slot in range(self.slots):
                if self.flows[slot].bits & LIVE:
                    _put_mark(self, slot, what)
            if final:
                self._let_go(6 + what, 7 + what)
        for slot in range(self.slots):
            if self.flows[slot].bits & LIVE:
                _put_flow(self, slot)
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
        self.c.mss, self.c.ip_proto = u2(columns["mss"], rows), u1(columns["ip_proto"], rows)
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
            bases[row] = _base(self, c.kind[row], c.src[row], c.src_port[row], c.dst[row], c.dst_port[row])
            tags[row] = _tag(self, bases[row], c.tunnel[row])
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
                if c.verdict[row] == LATER_FRAGMENT:
                    _fragment(self, row)
                continue
            p.row, p.tag = row, tags[row]
            p.time_ns, p.kind, p.flags = c.time_ns[row], c.kind[row], c.flags[row]
            p.src, p.src_port, p.dst, p.dst_port = c.src[row], c.src_port[row], c.dst[row], c.dst_port[row]
            p.tunnel, p.dst_mac, p.ip_id = c.tunnel[row], c.dst_mac[row], c.ip_id[row]
            p.seq, p.ack, p.ip_bytes, p.payload = c.seq[row], c.ack[row], c.ip_bytes[row], c.payload[row]
            p.end = p.seq + p.payload + ((p.flags & SYN) != 0) + ((p.flags & FIN) != 0)
            _packet(self, bases[row], &p)
        for i in range(self.touched_count):
            if i + NEAR < self.touched_count:
                row = self.touched[i + NEAR]
                fetch_to_write(&self.sides[row & 1][row >> 1])
                fetch_to_write(&self.marks[M_LAST + (row & 1)][row >> 1])
            _flush(self, self.touched[i] >> 1, self.touched[i] & 1)
        _keep_seen(self)
        return 0


include "_fast_flows.pxi"
include "_fast_fragments.pxi"
include "_fast_packet.pxi"
include "_fast_segment.pxi"
include "_fast_rows.pxi"
include "_fast_columns.pxi"
