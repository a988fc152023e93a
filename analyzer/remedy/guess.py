"""Whose system answered, guessed from one SYN-ACK as p0f does: TTL, and the order of the TCP options.

A guess chooses which commands are printed first and is never more than that:
it always comes with its doubt as a sentence.
"""

from __future__ import annotations

from analyzer.network.host import System

STARTS = (32, 64, 128, 255)
"""Values from which TTLs are counted down in practice."""

ORDERS: dict[tuple[int, str], System] = {
    # start, options of the SYN-ACK in their order: m MSS, n NOP, s SACK permitted, t timestamps, w window scale, e end
    (64, "mstnw"): System.LINUX,
    (64, "mnnsnw"): System.LINUX,       # the client offered no timestamps
    (64, "mnw"): System.LINUX,
    (64, "mnwst"): System.FREEBSD,
    (64, "mnwnntse"): System.MACOS,
    (64, "mnwnntsee"): System.MACOS,
    (128, "mnwnns"): System.WINDOWS,
    (128, "mnwst"): System.WINDOWS,     # with timestamps
    (128, "mnwnnts"): System.WINDOWS,
}
"""What each system answers to a client that offers all of them (Linux: seen; the others: as p0f's table has them)."""

BY_START = {64: System.LINUX, 128: System.WINDOWS}
"""The most usual system by the TTL alone."""


def start_of(ttl_hops: int) -> int:
    """The value from which a TTL has been counted down: the next usual one."""
    return next((start for start in STARTS if ttl_hops <= start), 255)


def guess(ttl_hops: int, options: str = "") -> tuple[System, str]:
    """The system and the doubt, from the TTL and (where it is known) the order of the options of a SYN-ACK."""
    start = start_of(ttl_hops)
    known = ORDERS.get((start, options))
    if known is not None:
        return known, f"its SYN-ACK looks like that of {known.value} (TTL {ttl_hops}, options {options})"
    usual = BY_START.get(start)
    if usual is None:
        return System.UNKNOWN, f"a TTL of {ttl_hops} tells no system"
    others = "; BSD and macOS count from there, too" if start == 64 else ""
    return usual, f"a TTL of {ttl_hops} is most often that of {usual.value}{others}"
