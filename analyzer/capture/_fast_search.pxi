# The compiled scanners: where the records go on behind damage (see _search.py).


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
