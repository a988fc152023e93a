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

COPY_NS = 100_000_000
"""A copy follows its original within this time.  The shortest retransmission
time-out in use is 200 ms (Linux TCP_RTO_MIN); copies on mirror ports were seen
up to 51 ms late."""

WEAK_NS = 5_000_000
"""The same where the packet has no identification of its own."""

REMEMBERED = 8
"""Packets remembered per direction: a mirror port that delivers one direction in
bursts puts up to five others between a packet and its copy (seen)."""

_WORD = (1 << 64) - 1
_MIX = 0xD6E8FEB86659FD93


def _mix(value: int) -> int:
    value = (value ^ value >> 32) * _MIX & _WORD
    value = (value ^ value >> 32) * _MIX & _WORD
    return value ^ value >> 32


def fingerprint(secret: int, words: tuple[int, int, int]) -> int:
    """64 bits that stand for a packet of a known flow and direction.

    ``words`` are seq | ack << 32, TSval | IP length << 32, and IP identification
    | window << 16 | flags << 32.  ``secret`` is random in each process, so that
    nobody can craft two packets that look alike.
    """
    value = secret
    for word in words:
        value = _mix(value ^ word)
    return value


def is_copy(elapsed_ns: int, ip_id: int, ttl_then: int, ttl_now: int, *, datagram: bool) -> bool:
    """True where a packet with the fingerprint of one ``elapsed_ns`` earlier is a copy of it.

    For datagrams the fingerprint holds only the length and the first four
    octets, which stay the same in many streams: there, without identification,
    nothing but a lower TTL proves a copy.
    """
    if not -COPY_NS <= elapsed_ns <= COPY_NS:
        return False
    if ip_id:
        return True
    if datagram:
        return ttl_now < ttl_then
    return ttl_now != ttl_then or -WEAK_NS <= elapsed_ns <= WEAK_NS
