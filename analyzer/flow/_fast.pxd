"""The records of the compiled tracker, field by field as in ``layout.py``, and arithmetic on packets."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    # tables.VERDICTS, tables.KINDS and TCP flags
    OK = 0
    LATER_FRAGMENT = 6
    TCP = 1
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
    # the columns of states.MOVES
    WHAT_SYN = 0
    WHAT_SYNACK = 1
    WHAT_WRONG = 2
    WHAT_ACK = 3
    WHAT_DATA = 4
    WHAT_FIN = 5
    WHAT_RST = 6

cdef packed struct Flow:
    int64_t first_ns, last_ns
    uint32_t end0, end1
    uint16_t port0, port1
    uint32_t tunnel, other_tunnel, flow, history, duplicates, synacks, synack_last_seq
    uint16_t present
    uint8_t kind, state, initiator, bits, last0, last1

cdef packed struct Opening:
    uint16_t interface, vlan, window_i, window_r, mss_i, mss_r
    uint32_t first_frame

cdef packed struct Side:
    uint64_t bytes
    int64_t advanced_ns
    uint64_t memory
    uint32_t packets, end, acked, passed_bytes, flight_bytes, flight_end, mac, last_row
    uint8_t known, cursor, filled, dst_macs
    uint32_t spare

cdef packed struct Rare:
    uint32_t isn, first_seq, syns, rsts, retrans, retrans_bytes, gap_low, gap_high, next_bytes, next_end
    uint8_t rst_flags
    uint8_t spare[3]

cdef packed struct Mark:
    int64_t position, ns
    uint32_t frame, seq, ack, tsval, tsecr, src_mac, dst_mac
    uint16_t ip_id
    uint8_t ttl, spare

cdef packed struct Ring:
    uint64_t memory[8]

cdef packed struct MoreMacs:
    uint32_t macs[4]

cdef packed struct Entry:
    uint32_t slot            # plus one; 0 = empty
    uint32_t tag             # the hash: where the entry would like to stand
    uint32_t tunnel

cdef struct Columns:
    const int64_t *time_ns
    const int64_t *position
    const uint32_t *frame
    const uint32_t *tunnel
    const uint32_t *src
    const uint32_t *dst
    const uint32_t *src_mac
    const uint32_t *dst_mac
    const uint32_t *seq
    const uint32_t *ack
    const uint32_t *tsval
    const uint32_t *tsecr
    const uint32_t *ip_bytes
    const uint32_t *payload
    const uint16_t *src_port
    const uint16_t *dst_port
    const uint16_t *ip_id
    const uint16_t *window
    const uint16_t *mss
    const uint16_t *interface
    const uint16_t *vlan
    const uint8_t *verdict
    const uint8_t *kind
    const uint8_t *flags
    const uint8_t *ttl
    const uint8_t *ip_proto

cdef struct Seen:
    int64_t time_ns
    uint32_t frame, src, dst, tunnel, src_mac, dst_mac, tag
    uint16_t src_port, dst_port, ip_id
    uint8_t kind, ttl, ip_proto, ours

cdef struct Out:
    int64_t *first_ns
    int64_t *last_ns
    uint64_t *bytes[2]
    uint32_t *flow
    uint32_t *tunnel
    uint32_t *history
    uint32_t *duplicates
    uint32_t *synacks
    uint32_t *synack_last_seq
    uint32_t *syns
    uint32_t *first_frame
    uint32_t *end[2]
    uint32_t *packets[2]
    uint32_t *rsts[2]
    uint32_t *retrans[2]
    uint32_t *retrans_bytes[2]
    uint32_t *passed_bytes[2]
    uint16_t *port[2]
    uint16_t *window[2]
    uint16_t *mss[2]
    uint16_t *interface
    uint16_t *vlan
    uint8_t *kind
    uint8_t *state
    uint8_t *rst_flags[2]
    uint8_t *dst_macs[2]

cdef struct MarkOut:
    int64_t *position
    int64_t *ns
    uint32_t *frame
    uint32_t *seq
    uint32_t *ack
    uint32_t *tsval
    uint32_t *tsecr
    uint32_t *src_mac
    uint32_t *dst_mac
    uint16_t *ip_id
    uint8_t *ttl

cdef struct Packet:
    int64_t time_ns
    uint32_t src, dst, tunnel, seq, ack, end, ip_bytes, payload, dst_mac, row, tag
    uint16_t src_port, dst_port, ip_id
    uint8_t kind, flags
    int kept                 # the slot of a mark that the packet set; -1 = none


cdef inline bint after(uint32_t number, uint32_t other) noexcept nogil:
    """See ``seq.after``."""
    cdef uint32_t steps = number - other
    return steps != 0 and steps < <uint32_t>0x80000000


cdef inline uint32_t larger(uint32_t one, uint32_t other) noexcept nogil:
    return one if one > other else other


cdef inline uint64_t since(int64_t now, int64_t then) noexcept nogil:
    """Nanoseconds from ``then`` to ``now``; 0 where time runs backwards."""
    return <uint64_t>now - <uint64_t>then if now > then else 0


cdef extern from *:
    """
    typedef unsigned __int128 replypath_u128;
    static inline unsigned long long replypath_fold(unsigned long long one, unsigned long long other) {
        replypath_u128 product = (replypath_u128) one * other;
        return (unsigned long long) product ^ (unsigned long long) (product >> 64);
    }
    #define replypath_fetch(address) __builtin_prefetch(address)
    #define replypath_fetch_to_write(address) __builtin_prefetch(address, 1)
    """
    uint64_t fold "replypath_fold"(uint64_t one, uint64_t other) noexcept nogil    # see duplicates.fold
    void fetch "replypath_fetch"(const void *address) noexcept nogil
    void fetch_to_write "replypath_fetch_to_write"(const void *address) noexcept nogil


cdef inline bint same_ends(Flow *flow, Packet *p) noexcept nogil:
    if flow.kind != p.kind:
        return False
    if flow.end0 == p.src and flow.port0 == p.src_port and flow.end1 == p.dst and flow.port1 == p.dst_port:
        return True
    return flow.end1 == p.src and flow.port1 == p.src_port and flow.end0 == p.dst and flow.port0 == p.dst_port


cdef inline int direction(Flow *flow, Packet *p) noexcept nogil:
    """0 where the sender is that of the flow's first packet, else 1."""
    return not (flow.end0 == p.src and flow.port0 == p.src_port)


cdef inline void put4(uint32_t *column, uint32_t row, uint32_t value, bint always) noexcept nogil:
    """Write a value, unless it is the zero that stands there."""
    if value or always:
        column[row] = value


cdef inline void put2(uint16_t *column, uint32_t row, uint16_t value, bint always) noexcept nogil:
    if value or always:
        column[row] = value


cdef inline void put1(uint8_t *column, uint32_t row, uint8_t value, bint always) noexcept nogil:
    if value or always:
        column[row] = value


cdef inline int place_of(uint32_t what, int initiator) noexcept nogil:
    """The place among tables.MARKS of a mark kept by direction; -1 where FLOWS has none."""
    if what < M_RST:
        return what
    if what < M_DATA:
        return 5 + (<int>(what - M_RST) != initiator)
    if what < M_DATA2:
        return 7 + (<int>(what - M_DATA) != initiator)
    if what < M_FIN:
        return 9 if <int>(what - M_DATA2) != initiator else -1
    if what < M_LAST:
        return 10 + (<int>(what - M_FIN) != initiator)
    return 12 + (<int>(what - M_LAST) != initiator)
