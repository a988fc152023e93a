"""The record scanners in plain Python: the specification of ``_fast.pyx``, in the words of ``records``."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from analyzer.capture import records as r

I64_MAX = 2**63 - 1
I64_MIN = -(2**63)
STRIDE = 65_536
"""Offsets that the search for a record looks at in one step."""

Rows = list[tuple[int, int, int, int, int, int, int]]


def _count(tallies: r.Tallies, which: int, where: int) -> None:
    """One more oddity of a kind; the first one's place is kept in the entry after it."""
    if tallies[which] == 0:
        tallies[which + 1] = where
    tallies[which] += 1


def _store(columns: r.Columns, row: int, found: Rows) -> int:
    """Write the rows that were found; the next free row."""
    if found:
        for column, values in zip(r.arrays(columns), zip(*found, strict=True), strict=True):
            column[row : row + len(found)] = values
    return row + len(found)


def scan_pcap(  # noqa: C901 - one loop with many ways out, as in the kernel beside it
    stretch: r.Stretch, columns: r.Columns, row: int, layout: NDArray[np.int64], tallies: r.Tallies,
) -> r.Result:
    """Read pcap records into ``columns`` from ``row`` on; see ``records``."""
    octets, at, end, eof, base = stretch
    header, limit, fraction_ns = int(layout[r.HEADER]), int(layout[r.RECORD_LIMIT]), int(layout[r.FRACTION_NS])
    order, link = int(layout[r.LENGTHS]), int(layout[r.LINK])
    fields = struct.Struct(">IIII" if layout[r.BIG] else "<IIII")
    view = octets.data
    room = len(columns.start) - row
    found: Rows = []
    while True:
        if end - at < header:
            status, number = r.MORE, header
            break
        if len(found) == room:
            status, number = r.FULL, 0
            break
        seconds, fraction, captured, wire = fields.unpack_from(view, at)
        if order == r.SWAPPED or (order == r.DOUBTFUL and captured > wire):
            captured, wire = wire, captured
        if captured > limit:
            status, number = r.DAMAGED, r.OVERLONG
            break
        if seconds == fraction == captured == wire == 0:
            if end - at >= r.ZERO_RUN:
                if not any(view[at : at + r.ZERO_RUN]):
                    status, number = r.DAMAGED, r.ZEROS
                    break
            elif not eof:
                status, number = r.MORE, r.ZERO_RUN
                break
        if end - at < header + captured:
            status, number = r.MORE, header + captured
            break
        if fraction * fraction_ns >= 10**9:
            _count(tallies, r.ODD_FRACTION, base + at)
        time_ns = seconds * 10**9 + fraction * fraction_ns
        start = at + header
        found.append((start, captured, wire, time_ns, link, 0, base + start))
        tallies[r.LAST_NS] = time_ns
        at = start + captured
    return _store(columns, row, found), at, status, number


def nanoseconds(ticks: int, rule: int, number: int, offset_ns: int) -> tuple[int, bool]:
    """Ticks of an interface since 1970 as nanoseconds, held within 64 bits; True where they had to be.

    The ticks and the sum are each held within the range, so a file that lies in
    both does not come out right by accident.
    """
    match rule:
        case r.MULTIPLY:
            exact = ticks * number
        case r.DIVIDE:
            exact = ticks // number if number else 0
        case _:
            exact = (ticks * 10**9) >> number
    held = min(exact, I64_MAX)
    total = held + offset_ns
    inside = max(I64_MIN, min(total, I64_MAX))
    return inside, held != exact or inside != total


def scan_pcapng(  # noqa: C901, PLR0912, PLR0915 - one loop with many ways out, as in the kernel beside it
    stretch: r.Stretch, columns: r.Columns, row: int, section: r.Section,
) -> r.Result:
    """Read packet blocks into ``columns`` from ``row`` on; see ``records``.

    Blocks that are neither packets nor among ``NAMES``, ``STATISTICS``,
    ``DESCRIPTION`` and ``SECTION`` are stepped over.
    """
    octets, at, end, _eof, base = stretch
    layout, table, notes, tallies = section
    order = ">" if layout[r.NG_BIG] else "<"
    head, packet = struct.Struct(order + "II"), struct.Struct(order + "IIIII")
    word, halves = struct.Struct(order + "I"), struct.Struct(order + "HH")
    view = octets.data
    room = len(columns.start) - row
    interfaces, record_limit = int(layout[r.NG_INTERFACES]), int(layout[r.NG_RECORD_LIMIT])
    found: Rows = []
    tallies[r.NOTES] = 0
    while True:
        if end - at < 12:
            status, number = r.MORE, 12
            break
        kind, length = head.unpack_from(view, at)
        if kind == r.SECTION:      # its byte order is its own: the caller reads it
            status, number = r.BLOCK, 0
            break
        if length < r.LEAST_OCTETS.get(kind, 12):
            status, number = r.DAMAGED, r.BAD_BLOCK
            break
        if length > layout[r.NG_BLOCK_LIMIT]:
            status, number = r.DAMAGED, r.LONG_BLOCK
            break
        claimed, length = length, (length + 3) // 4 * 4
        if end - at < length:
            status, number = r.MORE, length
            break
        if word.unpack_from(view, at + length - 4)[0] not in (claimed, length):
            status, number = r.DAMAGED, r.TRAILER
            break
        if kind in (r.DESCRIPTION, r.NAMES, r.STATISTICS):
            status, number = r.BLOCK, length
            break
        if kind not in (r.PACKET, r.SIMPLE_PACKET, r.OLD_PACKET, *r.EVENTS):
            at += length
            continue
        if len(found) == room:
            status, number = r.FULL, 0
            break
        if kind in r.EVENTS:
            found.append((at + 8, 0, 0, int(tallies[r.LAST_NS]), r.NOT_A_PACKET, 0, base + at + 8))
            at += length
            continue
        if len(notes) - 2 * tallies[r.NOTES] < 2 * r.COMMENTS_OF_A_PACKET:
            status, number = r.NOTED, 0
            break
        drops = 0
        if kind == r.SIMPLE_PACKET:
            which, start, options = 0, at + 12, 0
            (wire,) = word.unpack_from(view, at + 8)
            captured = min(wire, length - 16)
            if interfaces and table.snap_length[0]:
                captured = min(captured, int(table.snap_length[0]))
        else:
            which, high, low, captured, wire = packet.unpack_from(view, at + 8)
            if kind == r.OLD_PACKET:
                which, drops = halves.unpack_from(view, at + 8)
                drops = 0 if drops == 0xFFFF else drops
            start = at + 28
            options = start + (captured + 3) // 4 * 4
            if captured > length - 32:
                status, number = r.DAMAGED, r.LYING
                break
        if captured > record_limit:
            status, number = r.DAMAGED, r.OVERSIZE
            break
        if which >= interfaces:
            _count(tallies, r.STRANGER, base + at)
            at += length
            continue
        if kind == r.SIMPLE_PACKET:
            time_ns = int(tallies[r.LAST_NS])
            _count(tallies, r.UNSTAMPED, base + at)
        else:
            time_ns, clamped = nanoseconds(
                high << 32 | low, int(table.rule[which]), int(table.number[which]), int(table.offset_ns[which])
            )
            if clamped:
                _count(tallies, r.CLAMPED, base + at)
            if options < at + length - 4:
                drops += _options(view[options : at + length - 4], options, row + len(found), section)
        table.drops[which] += np.uint64(drops)
        tallies[r.LAST_NS] = time_ns
        link, index = int(table.link_type[which]), int(table.place[which])
        found.append((start, captured, wire, time_ns, link, index, base + start))
        at += length
    return _store(columns, row, found), at, status, number


def _options(view: memoryview, place: int, row: int, section: r.Section) -> int:
    """Walk the options of a packet block: note its comments, return its drop count.

    ``place`` is where ``view`` begins in the stretch.  A list that overruns its
    block ends there.
    """
    layout, notes, tallies = section.layout, section.notes, section.tallies
    order = ">" if layout[r.NG_BIG] else "<"
    most = int(tallies[r.NOTES]) + r.COMMENTS_OF_A_PACKET
    drops = at = 0
    for _ in range(int(layout[r.NG_OPTIONS])):
        if len(view) - at < 4:
            break
        code, length = struct.unpack_from(order + "HH", view, at)
        if code == 0 or length > len(view) - at - 4:
            break
        if code == 1 and layout[r.NG_COMMENTS] and tallies[r.NOTES] < most:
            note = 2 * int(tallies[r.NOTES])
            notes[note], notes[note + 1] = row, place + at
            tallies[r.NOTES] += 1
        if code == 4 and length == 8:
            drops += struct.unpack_from(order + "Q", view, at + 4)[0]
        at += 4 + (length + 3) // 4 * 4
    return drops & 0xFFFFFFFF
