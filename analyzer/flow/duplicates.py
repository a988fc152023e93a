"""One packet captured twice, told from a packet sent twice.

A mirror port, an `any` capture or a router between two mirrored ports shows the
same IP packet again: same identification, sequence numbers, flags, TSval,
window and length, within milliseconds; at another hop the TTL is lower and the
MACs are others.  A retransmission is a new IP packet: its IP identification or
its TSval has moved on.

The identification is often 0 (Linux: SYN-ACK and RST; always in IPv6), so it
never decides alone: with identification 0 and an unchanged TTL only a copy that
follows at once (``WEAK_NS``) counts, because nothing in the packet itself would
tell it from a retransmission.
"""

from __future__ import annotations

UNIT_SHIFT = 17
"""Times are compared in units of 2**17 ns (131 microseconds)."""

COPY_UNITS = 150_000_000 >> UNIT_SHIFT
"""A copy follows its original within 0.15 s.  The shortest retransmission
time-out in use is 200 ms (Linux TCP_RTO_MIN); copies on mirror ports were seen
up to 51 ms late."""

WEAK_UNITS = 5_000_000 >> UNIT_SHIFT
"""The same, 5 ms, where the packet has no identification of its own."""

REMEMBERED = 8
"""Packets remembered per direction: a mirror port that delivers one direction in
bursts puts up to five others between a packet and its copy (seen)."""

PRINT_SHIFT, TTL_SHIFT = 28, 24
"""A memory of a packet is 64 bits: 36 of its fingerprint, the lowest 4 of its TTL,
and the lowest 24 of its time, which run round once in 37 minutes."""

_WORD = (1 << 64) - 1
_TIME = (1 << TTL_SHIFT) - 1
SALT = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93


def fold(one: int, other: int) -> int:
    """The two halves of a 128-bit product, laid over each other: every bit depends on all bits."""
    product = one * other
    return product & _WORD ^ product >> 64


def memory(secret: int, words: tuple[int, int, int], ttl: int, time_ns: int) -> int:
    """What is remembered of a packet of a known flow and direction.

    ``words`` are seq | ack << 32, TSval | IP length << 32, and IP identification
    | window << 16 | flags << 32.  ``secret`` is random in each process, so that
    nobody can craft two packets that look alike; two that differ look alike by
    chance once in 2**36.
    """
    value = fold(fold(words[0] ^ secret, words[1] ^ SALT[0]) ^ words[2], secret ^ SALT[1])
    return value >> PRINT_SHIFT << PRINT_SHIFT | (ttl & 15) << TTL_SHIFT | time_ns >> UNIT_SHIFT & _TIME


def is_copy(then: int, now: int, ip_id: int, *, datagram: bool) -> bool:
    """True where the packet remembered as ``now`` is a copy of the one remembered as ``then``.

    For datagrams the fingerprint holds only the length and the first four
    octets, which stay the same in many streams: there, without identification,
    nothing but a lower TTL proves a copy.
    """
    if (then ^ now) >> PRINT_SHIFT:
        return False
    elapsed = abs((now - then + (_TIME + 1 >> 1) & _TIME) - (_TIME + 1 >> 1))
    if elapsed > COPY_UNITS:
        return False
    if ip_id:
        return True
    hops = (then >> TTL_SHIFT) - (now >> TTL_SHIFT) & 15
    if datagram:
        return 0 < hops < 8
    return hops != 0 or elapsed <= WEAK_UNITS
