"""Where reading goes on after damage: the searches in plain Python, the specification of those in ``_fast.pyx``.

A pcap record has no mark.  It is believed where ``CHAIN`` headers in a row are
plausible: a fraction below one second, a captured length above zero and neither
over the limit nor over the length on the wire, and times within a week of the
first or of the last record that was read (the last one is often the damaged
one).  At the end of the file a shorter chain will do if it ends exactly there.
A pcapng block is believed where its type is one that we read and its two
lengths agree.

Both answers depend on the octets alone and not on where a chunk was cut: a
search that would have to look past ``end`` says MORE first.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from analyzer.capture import records as r

STRIDE = 65_536
"""Offsets that are looked at in one step."""

Answer = tuple[int, int, int]
"""FOUND, MORE or NOTHING; where; and for MORE how many octets are needed from there."""


def _words(octets: r.Octets, begin: int, count: int, big: bool) -> NDArray[np.uint32]:
    """The 32-bit words that begin at each of ``count`` offsets."""
    at = octets[begin : begin + count + 3].astype(np.uint32)
    total = np.zeros(count, np.uint32)
    for i in range(4) if big else range(3, -1, -1):
        total = total << np.uint32(8) | at[i : i + count]
    return total


def _pcap_candidates(octets: r.Octets, begin: int, stop: int, layout: NDArray[np.int64]) -> Iterator[int]:
    """Offsets below ``stop`` whose own header is plausible, in order.  ``stop`` + header octets are there."""
    big, limit = bool(layout[r.BIG]), int(layout[r.RECORD_LIMIT])
    for start in range(begin, stop, STRIDE):
        count = min(STRIDE, stop - start)
        fraction, one, other = (_words(octets, start + 4 * i, count, big) for i in (1, 2, 3))
        captured, wire = (other, one) if layout[r.LENGTHS] == r.SWAPPED else (one, other)
        if layout[r.LENGTHS] == r.DOUBTFUL:
            captured, wire = np.minimum(one, other), np.maximum(one, other)
        likely = (captured > 0) & (captured <= limit) & (captured <= wire) & (wire <= r.WIRE_LIMIT)
        likely &= fraction < 10**9 // int(layout[r.FRACTION_NS])
        yield from (start + int(i) for i in np.flatnonzero(likely))


def _chain(stretch: r.Stretch, at: int, layout: NDArray[np.int64], near: r.Near) -> tuple[int, int]:
    """Do records follow one another from ``at``?  FOUND, NOTHING, or MORE with the octets needed."""
    octets, _begin, end, eof, _base = stretch
    header, limit, fraction_ns = int(layout[r.HEADER]), int(layout[r.RECORD_LIMIT]), int(layout[r.FRACTION_NS])
    order = layout[r.LENGTHS]
    fields = struct.Struct(">IIII" if layout[r.BIG] else "<IIII")
    place = at
    for seen in range(r.CHAIN):
        if seen and eof and place == end:
            return r.FOUND, 0
        if end - place < header:
            return (r.NOTHING, 0) if eof else (r.MORE, place + header - at)
        seconds, fraction, captured, wire = fields.unpack_from(octets.data, place)
        if order == r.SWAPPED or (order == r.DOUBTFUL and captured > wire):
            captured, wire = wire, captured
        time_ns = seconds * 10**9 + fraction * fraction_ns
        if (
            not 0 < captured <= min(limit, wire) or wire > r.WIRE_LIMIT or fraction * fraction_ns >= 10**9
            or (near[0] >= 0 and min(abs(time_ns - near[0]), abs(time_ns - near[1])) > r.NEAR_NS)
        ):
            return r.NOTHING, 0
        near = near if near[0] >= 0 else (time_ns, time_ns)
        place += header + captured
    return r.FOUND, 0


def find_pcap(stretch: r.Stretch, layout: NDArray[np.int64], near: r.Near) -> Answer:
    """The first offset from ``begin`` on where pcap records follow one another."""
    octets, begin, end, eof, _base = stretch
    stop = end - int(layout[r.HEADER]) + 1
    for at in _pcap_candidates(octets, begin, stop, layout):
        status, need = _chain(stretch, at, layout, near)
        if status != r.NOTHING:
            return status, at, need
    if eof:
        return r.NOTHING, end, 0
    return r.MORE, max(begin, stop), int(layout[r.HEADER])


def find_pcapng(stretch: r.Stretch, layout: NDArray[np.int64]) -> Answer:
    """The first offset from ``begin`` on, in steps of 32 bits, where a block begins and ends alike."""
    octets, begin, end, eof, _base = stretch
    order = ">" if layout[r.NG_BIG] else "<"
    known = np.array([*r.LEAST_OCTETS], np.uint32)
    stop = end - 12 + 1
    for start in range(begin, stop, STRIDE):
        count = (min(STRIDE, stop - start) + 3) // 4
        kinds = octets[start : start + 4 * count].view(order + "u4")
        for i in np.flatnonzero(np.isin(kinds, known)):
            at = start + 4 * int(i)
            length = _block_length(octets, at, int(kinds[i]), order)
            if length == 0:
                continue
            if end - at < length:
                if eof:
                    continue
                return r.MORE, at, length
            if octets[at + length - 4 : at + length].tobytes() == octets[at + 4 : at + 8].tobytes():
                return r.FOUND, at, 0
    if eof:
        return r.NOTHING, end, 0
    return r.MORE, begin + max(0, stop - begin + 3) // 4 * 4, 12


def _block_length(octets: r.Octets, at: int, kind: int, order: str) -> int:
    """The length that a block claims, or 0 where no block that we would believe claims it.

    A section header is believed in either byte order, by the magic after its length.
    """
    if kind == r.SECTION:
        magic = octets[at + 8 : at + 12].tobytes()
        order = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}.get(magic, "")
        if not order:
            return 0
    (length,) = struct.unpack_from(order + "I", octets.data, at + 4)
    return int(length) if r.LEAST_OCTETS[kind] <= length <= r.FIND_LIMIT and length % 4 == 0 else 0
