"""TCP sequence space: 32-bit numbers on a circle (RFC 9293 §3.4)."""

from __future__ import annotations

MODULUS = 1 << 32
HALF = 1 << 31


def advance(start: int, octets: int) -> int:
    """The number ``octets`` steps after ``start``; SYN and FIN count one each."""
    return (start + octets) % MODULUS


def distance(start: int, end: int) -> int:
    """Signed steps from ``start`` to ``end``, in ``[-2**31, 2**31)``.

    Two numbers exactly half the circle apart have no order (RFC 1982 §3.2 says
    so for serial numbers in general); we call that ``-2**31``, "before".
    """
    return (end - start + HALF) % MODULUS - HALF


def after(number: int, other: int) -> bool:
    """True where ``number`` comes strictly after ``other``."""
    return 0 < (number - other) % MODULUS < HALF
