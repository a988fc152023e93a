"""The record scanners in plain Python: the specification of ``_fast.pyx``, in the words of ``records``."""

from __future__ import annotations

import struct
from typing import NamedTuple

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


class _Words(NamedTuple):
    """How numbers are read in a byte order."""

    halves: struct.Struct
    word: struct.Struct
    head: struct.Struct
    packet: struct.Struct


WORDS = {order: _Words(*(struct.Struct(order + fields) for fields in ("HH", "I", "II", "IIIII"))) for order in "<>"}
ROWS = frozenset({r.PACKET, r.SIMPLE_PACKET, r.OLD_PACKET, *r.EVENTS})
ASKED = frozenset({r.DESCRIPTION, r.NAMES, r.STATISTICS})


def scan_pcapng(  # noqa: C901, PLR0912, PLR0915 - one loop with many ways out, as in the kernel beside it
    stretch: r.Stretch, columns: r.Columns, row: int, section: r.Section,
) -> r.Result:
    """Read packet blocks into ``columns`` from ``row`` on; see ``records``.

    Blocks that are neither packets nor among ``NAMES``, ``STATISTICS``,
    ``DESCRIPTION`` and ``SECTION`` are stepped over.
    """
    octets, at, end, _eof, base = stretch
    layout, table, notes, tallies = section
    words = WORDS[">" if layout[r.NG_BIG] else "<"]
    view = octets.data
    room = len(columns.start) - row
    interfaces, record_limit, block_limit = (
        int(layout[which]) for which in (r.NG_INTERFACES, r.NG_RECORD_LIMIT, r.NG_BLOCK_LIMIT))
    snap_length = int(table.snap_length[0]) if interfaces else 0
    clocks: dict[int, list[int]] = {}
    last_ns, noted = int(tallies[r.LAST_NS]), 0
    tallies[r.NOTES] = 0
    found: Rows = []
    while True:
        kind, length, status, number = _block(view, at, end, words, block_limit)
        if status != r.FOUND:
            break
        if kind not in ROWS:
            at += length
            continue
        if len(found) == room:
            status, number = r.FULL, 0
            break
        if kind in r.EVENTS:
            found.append((at + 8, 0, 0, last_ns, r.NOT_A_PACKET, 0, base + at + 8))
            at += length
            continue
        if len(notes) - 2 * noted < 2 * r.COMMENTS_OF_A_PACKET:
            status, number = r.NOTED, 0
            break
        which, ticks, start, captured, wire, drops = _packet(view, at, kind, length, words)
        if kind == r.SIMPLE_PACKET and snap_length:
            captured = min(captured, snap_length)
        if captured > length - (16 if kind == r.SIMPLE_PACKET else 32):
            status, number = r.DAMAGED, r.LYING
            break
        if captured > record_limit:
            status, number = r.DAMAGED, r.OVERSIZE
            break
        if which >= interfaces:
            _count(tallies, r.STRANGER, base + at)
            at += length
            continue
        if which not in clocks:
            entry = (table.link_type, table.rule, table.number, table.offset_ns, table.place)
            clocks[which] = [int(column[which]) for column in entry]
        link, rule, factor, offset_ns, place = clocks[which]
        if kind == r.SIMPLE_PACKET:
            _count(tallies, r.UNSTAMPED, base + at)
        else:
            last_ns, clamped = nanoseconds(ticks, rule, factor, offset_ns)
            if clamped:
                _count(tallies, r.CLAMPED, base + at)
            options = start + (captured + 3) // 4 * 4
            if options < at + length - 4:
                drops += _options(view[options : at + length - 4], options, row + len(found), section)
                noted = int(tallies[r.NOTES])
        if drops:
            table.drops[which] += np.uint64(drops)
        found.append((start, captured, wire, last_ns, link, place, base + start))
        at += length
    tallies[r.LAST_NS] = last_ns
    return _store(columns, row, found), at, status, number


def _block(view: memoryview, at: int, end: int, words: _Words, limit: int) -> tuple[int, int, int, int]:
    """The block at ``at``: its type and length with padding, then FOUND, or why it is not for the scanner."""
    if end - at < 12:
        return 0, 0, r.MORE, 12
    kind, stated = words.head.unpack_from(view, at)
    if kind == r.SECTION:      # its byte order is its own: the caller reads it
        return kind, 0, r.BLOCK, 0
    if stated < r.LEAST_OCTETS.get(kind, 12) or stated > limit:
        return kind, 0, r.DAMAGED, r.LONG_BLOCK if stated > limit else r.BAD_BLOCK
    length = (stated + 3) // 4 * 4
    if end - at < length:
        return kind, 0, r.MORE, length
    (trailer,) = words.word.unpack_from(view, at + length - 4)
    if trailer != stated and trailer != length:  # noqa: PLR1714 - a tuple made for each block costs more
        return kind, 0, r.DAMAGED, r.TRAILER
    return kind, length, r.BLOCK if kind in ASKED else r.FOUND, length


def _packet(view: memoryview, at: int, kind: int, length: int, words: _Words) -> tuple[int, int, int, int, int, int]:
    """A packet block: interface, ticks, where the frame begins, captured and wire lengths, packets lost before it."""
    if kind == r.SIMPLE_PACKET:
        (wire,) = words.word.unpack_from(view, at + 8)
        return 0, 0, at + 12, min(wire, length - 16), wire, 0
    which, high, low, captured, wire = words.packet.unpack_from(view, at + 8)
    drops = 0
    if kind == r.OLD_PACKET:
        which, drops = words.halves.unpack_from(view, at + 8)
        drops = 0 if drops == 0xFFFF else drops   # not counted
    return which, high << 32 | low, at + 28, captured, wire, drops


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
