# The compiled scanners: blocks of pcapng files (see _reference.py).


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
    cdef const uint8_t *p = NULL
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
            p = span(octets, at, PACKET_FIELDS)
            which = load(p + 8, big)
            if kind == OLD_PACKET:
                which, lost = half(octets, at + 8, big), half(octets, at + 10, big)
                lost = 0 if lost == 0xFFFF else lost
            captured, wire = load(p + 20, big), load(p + 24, big)
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
                (<uint64_t>load(p + 12, big) << 32) | load(p + 16, big),
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
