"""The fast twin of ``_reference.py``: whole batches, without a Python object for each frame.

The four included parts follow the layers.  Bounds checks are on: ``Kernel.octets``
is indexed, never dereferenced, so a length that lies is at worst an ``IndexError``.
A frame's own limits are checked by ``short()``, as ``Frame.need`` does in the slow twin.
"""

import os

cimport cython
import numpy as np

from analyzer.tables import PACKETS
from analyzer.wire.linktypes import LINK_TYPES
from analyzer.wire.paths import TunnelBook

ctypedef unsigned char u8
ctypedef unsigned short u16
ctypedef unsigned int u32
ctypedef unsigned long long u64
ctypedef long long i64

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define REPLYPATH_SOON(pointer) __builtin_prefetch(pointer)
    #else
    #define REPLYPATH_SOON(pointer) ((void)(pointer))
    #endif
    """
    void soon "REPLYPATH_SOON"(const void*) noexcept nogil

cdef enum:
    AHEAD_FRAME = 12        # how many frames before its turn a frame's octets are asked for,
    AHEAD_PAIR = 9          # the place of its ends among the pairs,
    AHEAD_SLOT = 5          # and the slots of its addresses
    FIRST_SLOTS = 4096
    FRESH = 65536
    MOST_KEYS = 256         # a frame of FRAME_MAX_HEADERS headers names at most two addresses in each, and a few more
    LINK_TYPES_KNOWN = 512
    SRC = 0                 # the roles of addresses, for the memory of the last hit
    DST = 1
    SRC_MAC = 2
    DST_MAC = 3
    OTHER = 4
    ROLES = 6
    LINK_ETHERNET = 1
    MAC_PAIR_BITS = 11      # for the pairs of a link, and of the hosts that talk at the same time
    IP_PAIR_BITS = 14
    USUAL_HEADER = 32       # of TCP, with a time stamp
    USUAL_OPTIONS = 0x0101080A  # twice nothing, then the time stamp: as Linux, BSD, macOS and Windows write it

cdef u64 SPREAD = 0x9E3779B97F4A7C15    # 2**64 over the golden ratio: who guesses it can only make a table useless

include "_fast_offsets.pxi"
include "_fast_offsets_tunnels.pxi"
include "_fast_intern.pxi"

# The columns that a frame fills, by their width; the order is that of the enumerations.
WORDS = ("tunnel", "src_mac", "dst_mac", "src", "dst", "ip_bytes", "seq", "ack", "tsval", "tsecr", "payload_bytes",
         "ifindex", "about_ip", "about_mac", "quote_src", "quote_dst")
HALVES = ("vlan", "ip_id", "src_port", "dst_port", "window", "mss", "quote_src_port", "quote_dst_port")
OCTETS = ("verdict", "kind", "ip_proto", "ttl", "flags", "has_ts", "direction", "code", "quote_proto")


cdef struct Frame:
    i64 at                  # of the layer that comes next; positions count from the beginning of the batch
    i64 captured
    i64 end
    i64 wire_end
    i64 jumbo_at
    bint cut                # the snap length shortened it
    bint broadcast
    int version
    u32 shim                # size of the tag to pass over
    u32 tunnel, src_mac, dst_mac, src, dst, ip_bytes, seq, ack, tsval, tsecr, payload_bytes
    u32 ifindex, about_ip, about_mac, quote_src, quote_dst
    u16 vlan, ip_id, src_port, dst_port, window, mss, quote_src_port, quote_dst_port
    u8 verdict, kind, ip_proto, ttl, flags, has_ts, direction, code, quote_proto


cdef inline void blank(Frame* f) noexcept nogil:
    """All zeros, field by field: the compiler makes wide stores of it, and something slow of a memset."""
    f.at = f.captured = f.end = f.wire_end = f.jumbo_at = 0
    f.cut = f.broadcast = False
    f.version = 0
    f.shim = f.tunnel = f.src_mac = f.dst_mac = f.src = f.dst = f.ip_bytes = f.seq = f.ack = f.tsval = f.tsecr = 0
    f.payload_bytes = f.ifindex = f.about_ip = f.about_mac = f.quote_src = f.quote_dst = 0
    f.vlan = f.ip_id = f.src_port = f.dst_port = f.window = f.mss = f.quote_src_port = f.quote_dst_port = 0
    f.verdict = f.kind = f.ip_proto = f.ttl = f.flags = f.has_ts = f.direction = f.code = f.quote_proto = 0


cdef inline u16 be16(const u8* p) noexcept nogil:
    return <u16>(p[0] << 8 | p[1])


cdef inline u32 be32(const u8* p) noexcept nogil:
    return <u32>p[0] << 24 | <u32>p[1] << 16 | <u32>p[2] << 8 | p[3]


cdef inline u64 be64(const u8* p) noexcept nogil:
    return <u64>be32(p) << 32 | be32(p + 4)


cdef struct Hit:
    u64 one
    u64 two
    u64 three
    u32 number


@cython.final
cdef class Kernel:
    """Decodes batches; ``tunnels`` is the ``TunnelBook`` of the paths seen so far."""

    cdef const u8[::1] octets
    cdef u32[:, ::1] words
    cdef u16[:, ::1] halves
    cdef u8[:, ::1] bytes
    cdef Interner addresses
    cdef Interner paths
    cdef Hit hits[ROLES]
    cdef MacPair mac_pairs[1 << MAC_PAIR_BITS]
    cdef IpPair ip_pairs[1 << IP_PAIR_BITS]
    cdef int first_layer[LINK_TYPES_KNOWN]
    cdef int first_at[LINK_TYPES_KNOWN]
    cdef object book
    cdef readonly object tunnels

    def __init__(self, book):
        cdef int link
        self.book = book
        self.tunnels = TunnelBook(book)
        self.addresses = Interner()
        self.paths = Interner()
        for link in range(LINK_TYPES_KNOWN):
            layer, at = LINK_TYPES.get(link, (LAYER_DONE, 0))
            self.first_layer[link] = layer
            self.first_at[link] = at

    cdef inline i64 u8at(self, i64 at) except -1 nogil:
        return self.octets[at]

    cdef inline const u8* span(self, i64 at, i64 octets) except NULL nogil:
        """Where ``octets`` begin; the bounds of the first and of the last are checked, so of all between them."""
        cdef const u8* last = &self.octets[at + octets - 1]
        return last - (octets - 1) if at >= 0 else &self.octets[at]

    cdef inline i64 u16at(self, i64 at) except -1 nogil:
        return be16(self.span(at, 2))

    cdef inline i64 u24at(self, i64 at) except -1 nogil:
        cdef const u8* p = self.span(at, 3)
        return <i64>be16(p) << 8 | p[2]

    cdef inline i64 u32at(self, i64 at) except -1 nogil:
        return be32(self.span(at, 4))

    cdef inline i64 intern(self, int role, u64 one, u64 two, u64 three) except -1 nogil:
        """The id of a key; most frames repeat an address of the frame before, in the same role or the opposite one."""
        cdef Hit* hit = &self.hits[role]
        cdef Hit* opposite = &self.hits[role ^ 1]
        if hit.one == one and hit.two == two and hit.three == three:
            return hit.number
        if opposite.one == one and opposite.two == two and opposite.three == three:
            return opposite.number
        hit.number = <u32>self.addresses.number(one, two, three)
        hit.one = one
        hit.two = two
        hit.three = three
        return hit.number

    cdef inline i64 intern4(self, int role, const u8* p) except -1 nogil:
        return self.intern(role, be32(p), 0, 4)

    cdef inline i64 intern6(self, int role, const u8* p) except -1 nogil:
        return self.intern(role, <u64>be16(p) << 32 | be32(p + 2), 0, 6)

    cdef inline i64 intern16(self, int role, const u8* p) except -1 nogil:
        return self.intern(role, be64(p), be64(p + 8), 16)

    def decode(self, batch):
        """The columns of ``PACKETS`` for one batch."""
        cdef Py_ssize_t rows = len(batch), row = 0
        cdef const i64[::1] start = np.ascontiguousarray(batch.start, dtype=np.int64)
        cdef const u32[::1] captured = np.ascontiguousarray(batch.captured_bytes, dtype=np.uint32)
        cdef const u32[::1] wire = np.ascontiguousarray(batch.wire_bytes, dtype=np.uint32)
        cdef const u16[::1] link = np.ascontiguousarray(batch.link_type, dtype=np.uint16)
        if not (captured.shape[0] == wire.shape[0] == link.shape[0] == rows):
            raise ValueError("the arrays of a batch have one entry a frame each")
        self.learn()
        words, halves, octets = _block(WORDS, rows, 4), _block(HALVES, rows, 2), _block(OCTETS, rows, 1)
        self.words, self.halves, self.bytes = words, halves, octets
        self.octets = np.ascontiguousarray(batch.octets, dtype=np.uint8)
        while row < rows:
            try:
                with nogil:
                    while row < rows and self.addresses.roomy() and self.paths.roomy():
                        if row + AHEAD_FRAME < rows:
                            self.ask_frame(start[row + AHEAD_FRAME])
                            ask_pair(self, start[row + AHEAD_PAIR], captured[row + AHEAD_PAIR])
                            ask_slots(self, start[row + AHEAD_SLOT], captured[row + AHEAD_SLOT])
                        if link[row] != LINK_ETHERNET or not write_usual(self, row, start[row], captured[row]):
                            self.decode_row(row, start[row], captured[row], wire[row], link[row])
                        row += 1
            finally:    # also where a lying batch ended it: the book and this kernel stay of one mind
                self.teach()
        self.octets = None
        self.words, self.halves, self.bytes = None, None, None
        columns = {name: words[at, :rows] for at, name in enumerate(WORDS)}
        columns.update((name, halves[at, :rows]) for at, name in enumerate(HALVES))
        columns.update((name, octets[at, :rows]) for at, name in enumerate(OCTETS))
        return {name: columns[name] if name in columns else np.asarray(getattr(batch, name), dtype=field.dtype)
                for name, field in PACKETS.items()}

    cdef inline int ask_frame(self, i64 start) except -1 nogil:
        """Have the headers of a later frame brought into the cache."""
        if start + 128 <= self.octets.shape[0]:
            soon(&self.octets[start])
            soon(&self.octets[start + 64])
        return 0

    cdef int decode_row(self, Py_ssize_t row, i64 start, u32 captured, u32 wire, u16 link) except -1 nogil:
        cdef Frame frame
        cdef int layer = LAYER_DONE, step
        blank(&frame)
        frame.captured = start + captured
        frame.end = frame.captured
        frame.wire_end = start + max(wire, captured)
        frame.cut = captured < wire
        frame.jumbo_at = -1
        if link < LINK_TYPES_KNOWN:
            layer = self.first_layer[link]
            frame.at = start + self.first_at[link]
        if layer == LAYER_DONE:
            frame.verdict = TABLES_LINK_UNKNOWN
        else:
            for step in range(FRAME_MAX_HEADERS):
                layer = read_layer(self, &frame, layer)
                if layer == LAYER_DONE:
                    break
            if layer != LAYER_DONE:
                frame.verdict = TABLES_TOO_DEEP
        write_row(self, &frame, row)
        return 0

    cdef int learn(self) except -1:
        """What others added to the address book since the last batch."""
        cdef const u8[::1] packed
        for number in range(<Py_ssize_t>self.addresses.next, len(self.book.packed)):
            packed = self.book.packed[number]
            one, two = int.from_bytes(packed[:8], "big"), int.from_bytes(packed[8:], "big")
            self.addresses.learn(one, two, len(packed))
        return 0

    cdef int teach(self) except -1:
        """The new addresses and paths, for Python to know."""
        cdef Py_ssize_t at
        cdef u64[:, ::1] fresh = self.addresses.fresh
        for at in range(self.addresses.fresh_count):
            self.book.intern(_octets(fresh[at, 0], fresh[at, 1], fresh[at, 2]))
        self.addresses.fresh_count = 0
        self.addresses.grow()
        fresh = self.paths.fresh
        for at in range(self.paths.fresh_count):
            self.tunnels.enter(<u32>fresh[at, 0], fresh[at, 0] >> 32, <i64>fresh[at, 1] - 1, <u32>fresh[at, 2],
                               fresh[at, 2] >> 32)
        self.paths.fresh_count = 0
        self.paths.grow()
        return 0


def _block(names, rows, width):
    """One row of zeros for each name.

    The stride is an odd number of cache lines, so that the columns of one frame do
    not compete for the same lines of the cache.
    """
    line = 64 // width
    lines = (rows + line - 1) // line
    return np.zeros((len(names), (lines | 1) * line), dtype=f"u{width}")


def _octets(one, two, size):
    """A key as the octets of an address; four and six octets are in the first word."""
    if size == 16:
        return int(one).to_bytes(8, "big") + int(two).to_bytes(8, "big")
    return int(one).to_bytes(size, "big")


include "_fast_link.pxi"
include "_fast_usual.pxi"
include "_fast_cooked.pxi"
include "_fast_ip.pxi"
include "_fast_transport.pxi"
include "_fast_tunnels.pxi"
