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


cdef inline uint32_t word(const uint8_t[::1] octets, int64_t at, bint big):
    """32 bits; the caller knows that they are there."""
    if big:
        return (<uint32_t>octets[at] << 24) | (<uint32_t>octets[at + 1] << 16) | (<uint32_t>octets[at + 2] << 8) | octets[at + 3]
    return (<uint32_t>octets[at + 3] << 24) | (<uint32_t>octets[at + 2] << 16) | (<uint32_t>octets[at + 1] << 8) | octets[at]


cdef inline uint32_t half(const uint8_t[::1] octets, int64_t at, bint big):
    """16 bits; the caller knows that they are there."""
    if big:
        return (<uint32_t>octets[at] << 8) | octets[at + 1]
    return (<uint32_t>octets[at + 1] << 8) | octets[at]


cdef inline void count(int64_t[::1] tallies, int which, int64_t where):
    """One more oddity; the first one's place is kept in the entry after it."""
    if tallies[which] == 0:
        tallies[which + 1] = where
    tallies[which] += 1


def scan_pcap(stretch, columns, Py_ssize_t row, const int64_t[::1] layout, int64_t[::1] tallies):
    """As ``_reference.scan_pcap``."""
    cdef const uint8_t[::1] octets = stretch.octets
    cdef int64_t at = stretch.begin, end = stretch.end, base = stretch.base
    cdef bint eof = stretch.eof, big = layout[0] != 0
    cdef int64_t[::1] starts = columns.start, times = columns.time_ns, positions = columns.position
    cdef uint32_t[::1] captures = columns.captured_bytes, wires = columns.wire_bytes
    cdef uint16_t[::1] links = columns.link_type, places = columns.interface
    cdef int64_t header = layout[1], fraction_ns = layout[2], order = layout[3], limit = layout[4]
    cdef uint16_t link = <uint16_t>layout[5]
    cdef Py_ssize_t rows = starts.shape[0]
    cdef uint32_t seconds, fraction, captured, wire, swap
    cdef int64_t i, time_ns, last_ns = tallies[LAST_NS]
    cdef int status
    cdef int64_t number
    while True:
        if end - at < header:
            status, number = MORE, header
            break
        if row == rows:
            status, number = FULL, 0
            break
        seconds, fraction = word(octets, at, big), word(octets, at + 4, big)
        captured, wire = word(octets, at + 8, big), word(octets, at + 12, big)
        if order == SWAPPED or (order == DOUBTFUL and captured > wire):
            swap = captured
            captured = wire
            wire = swap
        if captured > limit:
            status, number = DAMAGED, OVERLONG
            break
        if (seconds | fraction | captured | wire) == 0:
            if end - at >= ZERO_RUN:
                for i in range(ZERO_RUN):
                    if octets[at + i]:
                        break
                else:
                    status, number = DAMAGED, ZEROS
                    break
            elif not eof:
                status, number = MORE, ZERO_RUN
                break
        if end - at < header + captured:
            status, number = MORE, header + captured
            break
        if fraction * fraction_ns >= <int64_t>BILLION:
            count(tallies, ODD_FRACTION, base + at)
        last_ns = <int64_t>seconds * <int64_t>BILLION + fraction * fraction_ns
        at += header
        starts[row] = at
        captures[row] = captured
        wires[row] = wire
        times[row] = last_ns
        links[row] = link
        places[row] = 0
        positions[row] = base + at
        row += 1
        at += captured
    tallies[LAST_NS] = last_ns
    return row, at, status, number


cdef int64_t nanoseconds(uint64_t ticks, int rule, uint64_t number, int64_t offset_ns, bint* clamped):
    """As ``_reference.nanoseconds``, without a number wider than 64 bits."""
    cdef uint64_t exact, high, low
    clamped[0] = False
    if rule == MULTIPLY:
        if ticks > I64_MAX // number:
            clamped[0] = True
            exact = I64_MAX
        else:
            exact = ticks * number
    elif rule == DIVIDE:
        exact = ticks // number if number else 0
    else:
        # ticks * 10**9 in two halves: high * 2**32 + low, with high below 2**62 and low below 2**32.
        low = (ticks & 0xFFFFFFFF) * BILLION
        high = (ticks >> 32) * BILLION + (low >> 32)
        low &= 0xFFFFFFFF
        if number >= 96:
            exact = 0
        elif number >= 32:
            exact = high >> (number - 32)
        elif high >> (31 + number):     # high * 2**(32 - number) would pass 2**63
            exact = I64_MAX + 1
        else:
            exact = (high << (32 - number)) | (low >> number)
    if exact > I64_MAX:
        clamped[0] = True
        exact = I64_MAX
    if offset_ns > 0 and <int64_t>exact > <int64_t>I64_MAX - offset_ns:
        clamped[0] = True
        return <int64_t>I64_MAX
    return <int64_t>exact + offset_ns     # not below the least: exact is not negative


cdef uint32_t options(
    const uint8_t[::1] octets, int64_t at, int64_t end, bint big, int64_t most, int64_t row, int64_t[::1] notes,
    int64_t[::1] tallies, bint wanted,
):
    """As ``_reference._options``."""
    cdef uint64_t drops = 0
    cdef uint32_t code, length
    cdef int64_t i, note, allowed = tallies[NOTES] + COMMENTS_OF_A_PACKET
    for i in range(most):
        if end - at < 4:
            break
        code, length = half(octets, at, big), half(octets, at + 2, big)
        if code == 0 or length > end - at - 4:
            break
        if code == 1 and wanted and tallies[NOTES] < allowed:
            note = 2 * tallies[NOTES]
            notes[note] = row
            notes[note + 1] = at
            tallies[NOTES] += 1
        if code == 4 and length == 8:
            drops += word(octets, at + (8 if big else 4), big)     # the low half is all that is kept
        at += 4 + (<int64_t>length + 3) // 4 * 4
    return <uint32_t>(drops & 0xFFFFFFFF)


cdef inline int64_t least(uint32_t kind):
    """The shortest that a block of this type can be."""
    if kind == PACKET or kind == OLD_PACKET:
        return 32
    if kind == SIMPLE_PACKET:
        return 16
    if kind == DESCRIPTION:
        return 20
    if kind == STATISTICS:
        return 24
    if kind == SECTION:
        return 28
    if kind == CUSTOM or kind == CUSTOM_KEPT:
        return 16
    if kind == JOURNAL or kind == EVENT or kind == EVENT_2 or kind == EVENT_LARGE:
        return 36
    return 12


cdef inline bint is_event(uint32_t kind):
    """Whether Wireshark numbers such a block as a frame although it is no packet."""
    return (
        kind == CUSTOM or kind == CUSTOM_KEPT or kind == JOURNAL or kind == EVENT or kind == EVENT_2
        or kind == EVENT_LARGE
    )


def scan_pcapng(stretch, columns, Py_ssize_t row, section):
    """As ``_reference.scan_pcapng``."""
    cdef const uint8_t[::1] octets = stretch.octets
    cdef int64_t at = stretch.begin, end = stretch.end, base = stretch.base
    cdef int64_t[::1] starts = columns.start, times = columns.time_ns, positions = columns.position
    cdef uint32_t[::1] captures = columns.captured_bytes, wires = columns.wire_bytes
    cdef uint16_t[::1] links = columns.link_type, places = columns.interface
    cdef const int64_t[::1] layout = section.layout
    cdef int64_t[::1] notes = section.notes, tallies = section.tallies
    cdef const uint16_t[::1] link_types = section.table.link_type, indices = section.table.place
    cdef const uint32_t[::1] snap_lengths = section.table.snap_length
    cdef const uint8_t[::1] rules = section.table.rule
    cdef const uint64_t[::1] numbers = section.table.number
    cdef const int64_t[::1] offsets = section.table.offset_ns
    cdef uint64_t[::1] drops = section.table.drops
    cdef bint big = layout[0] != 0, wanted = layout[5] != 0, clamped = False
    cdef int64_t interfaces = layout[1], record_limit = layout[2], block_limit = layout[3], most = layout[4]
    cdef Py_ssize_t rows = starts.shape[0]
    cdef uint32_t kind, length, stated, trailer, captured, wire, which, lost
    cdef bint event
    cdef int64_t after, start, last_ns = tallies[LAST_NS]
    cdef int status
    cdef int64_t number
    tallies[NOTES] = 0
    while True:
        if end - at < 12:
            status, number = MORE, 12
            break
        kind, length = word(octets, at, big), word(octets, at + 4, big)
        if kind == SECTION:
            status, number = BLOCK, 0
            break
        if length < least(kind):
            status, number = DAMAGED, BAD_BLOCK
            break
        if length > block_limit:
            status, number = DAMAGED, LONG_BLOCK
            break
        stated = length
        length = <uint32_t>((<int64_t>length + 3) // 4 * 4)
        if end - at < length:
            status, number = MORE, length
            break
        trailer = word(octets, at + length - 4, big)
        if trailer != stated and trailer != length:
            status, number = DAMAGED, TRAILER
            break
        if kind == DESCRIPTION or kind == NAMES or kind == STATISTICS:
            status, number = BLOCK, length
            break
        event = is_event(kind)
        if kind != PACKET and kind != SIMPLE_PACKET and kind != OLD_PACKET and not event:
            at += length
            continue
        if row == rows:
            status, number = FULL, 0
            break
        if event:
            starts[row], positions[row] = at + 8, base + at + 8
            captures[row], wires[row] = 0, 0
            times[row] = last_ns
            links[row], places[row] = NOT_A_PACKET, 0
            row += 1
            at += length
            continue
        if notes.shape[0] - 2 * tallies[NOTES] < 2 * COMMENTS_OF_A_PACKET:
            status, number = NOTED, 0
            break
        lost = 0
        after = 0
        if kind == SIMPLE_PACKET:
            which = 0
            start = at + 12
            wire = word(octets, at + 8, big)
            captured = min(wire, length - 16)
            if interfaces and snap_lengths[0]:
                captured = min(captured, snap_lengths[0])
        else:
            which = word(octets, at + 8, big)
            if kind == OLD_PACKET:
                which, lost = half(octets, at + 8, big), half(octets, at + 10, big)
                lost = 0 if lost == 0xFFFF else lost
            captured, wire = word(octets, at + 20, big), word(octets, at + 24, big)
            start = at + 28
            after = start + (<int64_t>captured + 3) // 4 * 4
            if captured > length - 32:
                status, number = DAMAGED, LYING
                break
        if captured > record_limit:
            status, number = DAMAGED, OVERSIZE
            break
        if which >= interfaces:
            count(tallies, STRANGER, base + at)
            at += length
            continue
        if kind == SIMPLE_PACKET:
            count(tallies, UNSTAMPED, base + at)
        else:
            last_ns = nanoseconds(
                (<uint64_t>word(octets, at + 12, big) << 32) | word(octets, at + 16, big),
                rules[which], numbers[which], offsets[which], &clamped,
            )
            if clamped:
                count(tallies, CLAMPED, base + at)
            if after < at + length - 4:
                lost += options(octets, after, at + length - 4, big, most, row, notes, tallies, wanted)
        if lost:
            drops[which] += lost
        starts[row] = start
        captures[row] = captured
        wires[row] = wire
        times[row] = last_ns
        links[row] = link_types[which]
        places[row] = indices[which]
        positions[row] = base + start
        row += 1
        at += length
    tallies[LAST_NS] = last_ns
    return row, at, status, number


cdef inline bint far(int64_t one, int64_t other):
    """Whether two times, neither negative, are more than a week apart."""
    return one - other > NEAR_NS or other - one > NEAR_NS


def find_pcap(stretch, const int64_t[::1] layout, times):
    """As ``_search.find_pcap``."""
    cdef const uint8_t[::1] octets = stretch.octets
    cdef int64_t begin = stretch.begin, end = stretch.end
    cdef bint eof = stretch.eof, big = layout[0] != 0
    cdef int64_t header = layout[1], fraction_ns = layout[2], order = layout[3], limit = layout[4]
    cdef int64_t at, place, near, late, time_ns, near_ns = times[0], late_ns = times[1]
    cdef uint32_t fraction, captured, wire, swap
    cdef int seen
    for at in range(begin, end - header + 1):
        place = at
        near, late = near_ns, late_ns
        for seen in range(CHAIN):
            if seen and eof and place == end:
                return FOUND, at, 0
            if end - place < header:
                if eof:
                    break
                return MORE, at, place + header - at
            fraction = word(octets, place + 4, big)
            captured, wire = word(octets, place + 8, big), word(octets, place + 12, big)
            if order == SWAPPED or (order == DOUBTFUL and captured > wire):
                swap = captured
                captured = wire
                wire = swap
            if captured == 0 or captured > limit or captured > wire or wire > WIRE_LIMIT:
                break
            if fraction * fraction_ns >= <int64_t>BILLION:
                break
            time_ns = <int64_t>word(octets, place, big) * <int64_t>BILLION + fraction * fraction_ns
            if near >= 0 and far(time_ns, near) and far(time_ns, late):
                break
            if near < 0:
                near = late = time_ns
            place += header + captured
        else:
            return FOUND, at, 0
    if eof:
        return NOTHING, end, 0
    return MORE, max(begin, end - header + 1), header


cdef int64_t claimed(const uint8_t[::1] octets, int64_t at, bint big):
    """As ``_search._block_length``; 0 also where the type is none that we read.  12 octets are there."""
    cdef uint32_t kind = word(octets, at, big), magic, length
    cdef int64_t shortest = least(kind)
    if kind == SECTION:
        magic = word(octets, at + 8, True)
        if magic == 0x1A2B3C4D:
            big = True
        elif magic == 0x4D3C2B1A:
            big = False
        else:
            return 0
    elif (kind == 0 or kind > PACKET) and not is_event(kind):
        return 0
    length = word(octets, at + 4, big)
    return length if shortest <= length <= FIND_LIMIT and length % 4 == 0 else 0


def find_pcapng(stretch, const int64_t[::1] layout):
    """As ``_search.find_pcapng``."""
    cdef const uint8_t[::1] octets = stretch.octets
    cdef int64_t begin = stretch.begin, end = stretch.end, at = begin, length
    cdef bint eof = stretch.eof, big = layout[0] != 0
    while end - at >= 12:
        length = claimed(octets, at, big)
        if length:
            if end - at >= length:
                if word(octets, at + length - 4, True) == word(octets, at + 4, True):
                    return FOUND, at, 0
            elif not eof:
                return MORE, at, length
        at += 4
    if eof:
        return NOTHING, end, 0
    return MORE, at, 12
