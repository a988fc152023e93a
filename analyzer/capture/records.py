"""Records as they lie in a capture, and the words that the two scanners share.

pcap record (16 octets, then the frame)        pcapng block
  0  seconds                                     0  type
  4  fraction                                    4  total length
  8  captured length                             8  body ...
 12  length on the wire                         -4  total length again
 ... fields of patched formats

Enhanced packet block (6) and the obsolete packet block (2):
  8  interface (in 2: 16 bits, then 16 bits of drops)   12  time, high   16  time, low
 20  captured length   24  length on the wire   28  frame, padded to 32 bits; options
Simple packet block (3):
  8  length on the wire   12  frame, as long as the snap length and the block allow

A scanner reads ``octets[begin:end]`` and stops where it cannot go on by itself.
It never looks past ``end``, never allocates by what a file says, and moves on by
at least one record or stops.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

Octets = NDArray[np.uint8]
Tallies = NDArray[np.int64]
Result = tuple[int, int, int, int]
"""The next free row, where the scanner stands, why it stopped, and the number that belongs to that reason."""

Near = tuple[int, int]
"""The times of the first and of the last record that was read; negative where there was none."""

MORE, FULL, BLOCK, DAMAGED, NOTED, FOUND, NOTHING = range(7)
"""Why a scanner stops.

MORE: ``begin`` starts something that needs so many octets.  FULL: no row is free.
BLOCK: a whole block that is not a packet (its length).  DAMAGED: one of the
reasons below.  NOTED: no room for another comment.  FOUND, NOTHING: the answers
of a search for the next record.
"""

OVERLONG, ZEROS, BAD_BLOCK, LONG_BLOCK, TRAILER, LYING, OVERSIZE = range(1, 8)
"""What is damaged.  After LYING and OVERSIZE the block as such is whole, and its length leads to the next one."""

BIG, HEADER, FRACTION_NS, LENGTHS, RECORD_LIMIT, LINK = range(6)
"""Layout of a pcap file: byte order, octets of a record header, ns in a fraction, order of the lengths, limit, link."""
PLAIN, SWAPPED, DOUBTFUL = range(3)
"""Order of the lengths: captured first; captured last (before version 2.3); whichever is smaller (version 2.3)."""
NG_BIG, NG_INTERFACES, NG_RECORD_LIMIT, NG_BLOCK_LIMIT, NG_OPTIONS, NG_COMMENTS = range(6)
"""Layout of a pcapng section: byte order, interfaces described so far, limits, whether comments are wanted."""

(LAST_NS, ODD_FRACTION, ODD_FRACTION_AT, CLAMPED, CLAMPED_AT, UNSTAMPED, UNSTAMPED_AT, STRANGER, STRANGER_AT,
 NOTES) = range(10)
"""Running tallies: the last time; counts of oddities, each with the octet offset of the first; comments noted."""
TALLIES = 10

MULTIPLY, DIVIDE, SHIFT = range(3)
"""How ticks become nanoseconds: times a number; by a number (0 = always zero); of 2**number in a second."""

COMMENTS_OF_A_PACKET = 64
"""More comments of one packet than this are not kept; a scanner wants room for as many before it reads a block."""
ZERO_RUN = 256
"""So many zero octets where records belong are a hole in the file, not sixteen empty frames."""
CHAIN = 3
"""So many plausible records in a row are believed after damage."""
NEAR_NS = 7 * 86_400 * 10**9
"""A record that is found after damage is believed within a week of the first or the last that was read."""
WIRE_LIMIT = 128 * 1024 * 1024
"""No frame is longer on the wire than the longest D-Bus message; a record found after damage is held to it."""
FIND_LIMIT = 256 * 1024 + 64 * 1024
"""A pcapng block that is found after damage: the largest frame with the largest option."""

SECTION, DESCRIPTION, OLD_PACKET, SIMPLE_PACKET, NAMES, STATISTICS, PACKET = 0x0A0D0D0A, 1, 2, 3, 4, 5, 6
CUSTOM, CUSTOM_KEPT, JOURNAL, EVENT, EVENT_2, EVENT_LARGE = 0x0BAD, 0x4000_0BAD, 9, 0x204, 0x216, 0x221
EVENTS = (CUSTOM, CUSTOM_KEPT, JOURNAL, EVENT, EVENT_2, EVENT_LARGE)
"""Custom blocks, systemd's journal, sysdig's events: Wireshark (4.0) numbers them as frames, so they take a row."""
LEAST_OCTETS = {
    SECTION: 28, DESCRIPTION: 20, OLD_PACKET: 32, SIMPLE_PACKET: 16, NAMES: 12, STATISTICS: 24, PACKET: 32,
    CUSTOM: 16, CUSTOM_KEPT: 16, JOURNAL: 36, EVENT: 36, EVENT_2: 36, EVENT_LARGE: 36,
}
"""Block types that we read, and the shortest that each can be.

A length that is no multiple of 32 bits is rounded up, as Wireshark does: some
writers count the padding and some do not.
"""
NOT_A_PACKET = 0xFFFF
"""Link type of a row that Wireshark numbers as a frame although it is none."""


class Stretch(NamedTuple):
    """``octets[begin:end]`` is to be scanned; nothing comes after it where ``eof``; ``base`` is where octets[0] is."""

    octets: Octets
    begin: int
    end: int
    eof: bool
    base: int


class Columns(NamedTuple):
    """Where a scanner writes its rows; the meanings are those of ``tables.Batch``."""

    start: NDArray[np.int64]
    captured_bytes: NDArray[np.uint32]
    wire_bytes: NDArray[np.uint32]
    time_ns: NDArray[np.int64]
    link_type: NDArray[np.uint16]
    interface: NDArray[np.uint16]
    position: NDArray[np.int64]


class InterfaceTable(NamedTuple):
    """The interfaces of the section that is being read, one entry each."""

    link_type: NDArray[np.uint16]
    snap_length: NDArray[np.uint32]
    rule: NDArray[np.uint8]
    number: NDArray[np.uint64]
    offset_ns: NDArray[np.int64]
    place: NDArray[np.uint16]
    """Its index among the interfaces of the whole capture."""
    drops: NDArray[np.uint64]
    """Packets lost, by the packets' own drop counts."""

    def doubled(self) -> InterfaceTable:
        """The same entries with as many free ones behind them."""
        roomier = empty_interfaces(2 * len(self.link_type))
        for old, new in zip(arrays(self), arrays(roomier), strict=True):
            new[: len(old)] = old
        return roomier

    def enter(self, number: int, entry: tuple[int, int, int, int, int, int, int]) -> None:
        """Set one entry, in the order of the fields."""
        for column, value in zip(arrays(self), entry, strict=True):
            column[number] = value


class Section(NamedTuple):
    """What a scanner needs to know of a pcapng section.

    ``notes`` takes a pair (row, offset of the option in the stretch) for each
    packet comment; ``tallies[NOTES]`` counts the pairs of one call.
    """

    layout: NDArray[np.int64]
    table: InterfaceTable
    notes: NDArray[np.int64]
    tallies: Tallies


def arrays(columns: Columns | InterfaceTable) -> tuple[NDArray[Any], ...]:
    """The columns, as arrays of whatever type."""
    return cast("tuple[NDArray[Any], ...]", columns)


def empty_columns(rows: int) -> Columns:
    """Room for ``rows`` frames, not initialised."""
    return Columns(
        np.empty(rows, np.int64), np.empty(rows, np.uint32), np.empty(rows, np.uint32), np.empty(rows, np.int64),
        np.empty(rows, np.uint16), np.empty(rows, np.uint16), np.empty(rows, np.int64),
    )


def empty_interfaces(entries: int) -> InterfaceTable:
    """Room for ``entries`` interfaces, all zero."""
    return InterfaceTable(
        np.zeros(entries, np.uint16), np.zeros(entries, np.uint32), np.zeros(entries, np.uint8),
        np.zeros(entries, np.uint64), np.zeros(entries, np.int64), np.zeros(entries, np.uint16),
        np.zeros(entries, np.uint64),
    )
