# cython: language_level=3
"""The record scanners, compiled.  Their specification is ``_reference.py`` and ``_search.py``; see ``records``.

Every stretch of octets is checked to be inside the window before it is looked
at; the memoryviews check again (bounds checks are on).
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from analyzer.capture import records as _r

cdef enum:
    MORE = 0
    FULL = 1
    BLOCK = 2
    DAMAGED = 3
    NOTED = 4
    FOUND = 5
    NOTHING = 6
    OVERLONG = 1
    ZEROS = 2
    BAD_BLOCK = 3
    LONG_BLOCK = 4
    TRAILER = 5
    LYING = 6
    OVERSIZE = 7
    SWAPPED = 1
    DOUBTFUL = 2
    LAST_NS = 0
    ODD_FRACTION = 1
    CLAMPED = 3
    UNSTAMPED = 5
    STRANGER = 7
    NOTES = 9
    MULTIPLY = 0
    DIVIDE = 1
    COMMENTS_OF_A_PACKET = 64
    PCAP_FIELDS = 16         # of a record header, by every variant
    PACKET_FIELDS = 28       # of an enhanced or obsolete packet block
    ZERO_RUN = 256
    CHAIN = 3
    WIRE_LIMIT = 134217728
    FIND_LIMIT = 327680
    SECTION = 0x0A0D0D0A
    DESCRIPTION = 1
    OLD_PACKET = 2
    SIMPLE_PACKET = 3
    NAMES = 4
    STATISTICS = 5
    PACKET = 6
    CUSTOM = 0x0BAD
    CUSTOM_KEPT = 0x40000BAD
    JOURNAL = 9
    EVENT = 0x204
    EVENT_2 = 0x216
    EVENT_LARGE = 0x221
    NOT_A_PACKET = 0xFFFF

cdef uint64_t BILLION = 1000000000
cdef int64_t NEAR_NS = 604800000000000
cdef uint64_t I64_MAX = 0x7FFFFFFFFFFFFFFF

CONSTANTS = {
    "MORE": MORE, "FULL": FULL, "BLOCK": BLOCK, "DAMAGED": DAMAGED, "NOTED": NOTED, "FOUND": FOUND, "NOTHING": NOTHING,
    "OVERLONG": OVERLONG, "ZEROS": ZEROS, "BAD_BLOCK": BAD_BLOCK, "LONG_BLOCK": LONG_BLOCK, "TRAILER": TRAILER,
    "LYING": LYING, "OVERSIZE": OVERSIZE, "SWAPPED": SWAPPED, "DOUBTFUL": DOUBTFUL, "LAST_NS": LAST_NS,
    "ODD_FRACTION": ODD_FRACTION, "CLAMPED": CLAMPED, "UNSTAMPED": UNSTAMPED, "STRANGER": STRANGER, "NOTES": NOTES,
    "MULTIPLY": MULTIPLY, "DIVIDE": DIVIDE, "COMMENTS_OF_A_PACKET": COMMENTS_OF_A_PACKET, "ZERO_RUN": ZERO_RUN,
    "CHAIN": CHAIN, "WIRE_LIMIT": WIRE_LIMIT, "FIND_LIMIT": FIND_LIMIT, "NEAR_NS": NEAR_NS, "SECTION": SECTION,
    "DESCRIPTION": DESCRIPTION, "OLD_PACKET": OLD_PACKET, "SIMPLE_PACKET": SIMPLE_PACKET, "NAMES": NAMES,
    "STATISTICS": STATISTICS, "PACKET": PACKET, "CUSTOM": CUSTOM, "CUSTOM_KEPT": CUSTOM_KEPT, "JOURNAL": JOURNAL,
    "EVENT": EVENT, "EVENT_2": EVENT_2, "EVENT_LARGE": EVENT_LARGE, "NOT_A_PACKET": NOT_A_PACKET,
}
"""The same words as in ``records``; a test holds them equal."""


cdef inline const uint8_t *span(const uint8_t[::1] octets, int64_t at, int64_t wanted) except NULL:
    """Where ``wanted`` octets begin; the bounds of the first and of the last are checked, so of all between them."""
    cdef const uint8_t *last = &octets[at + wanted - 1]
    return last - (wanted - 1) if at >= 0 else &octets[at]


cdef inline uint32_t load(const uint8_t *p, bint big) noexcept:
    """32 bits."""
    if big:
        return (<uint32_t>p[0] << 24) | (<uint32_t>p[1] << 16) | (<uint32_t>p[2] << 8) | p[3]
    return (<uint32_t>p[3] << 24) | (<uint32_t>p[2] << 16) | (<uint32_t>p[1] << 8) | p[0]


cdef inline uint32_t word(const uint8_t[::1] octets, int64_t at, bint big) except? 0xFFFFFFFF:
    """32 bits; the caller knows that they are there."""
    return load(span(octets, at, 4), big)


cdef inline uint32_t half(const uint8_t[::1] octets, int64_t at, bint big) except? 0xFFFFFFFF:
    """16 bits; the caller knows that they are there."""
    cdef const uint8_t *p = span(octets, at, 2)
    if big:
        return (<uint32_t>p[0] << 8) | p[1]
    return (<uint32_t>p[1] << 8) | p[0]


cdef inline void count(int64_t[::1] tallies, int which, int64_t where):
    """One more oddity; the first one's place is kept in the entry after it."""
    if tallies[which] == 0:
        tallies[which + 1] = where
    tallies[which] += 1


include "_fast_pcap.pxi"
include "_fast_pcapng.pxi"
include "_fast_search.pxi"
