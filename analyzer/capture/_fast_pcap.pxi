# The compiled scanners: records of pcap files (see _reference.py).


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
    cdef const uint8_t *p
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
        p = span(octets, at, PCAP_FIELDS)
        seconds, fraction, captured, wire = load(p, big), load(p + 4, big), load(p + 8, big), load(p + 12, big)
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
