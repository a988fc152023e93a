"""MPLS label stack entry (RFC 3032 §2.1).

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +---------------------------------------+-----+-+---------------+
  0 |                 Label                 | TC  |S|      TTL      |
    +---------------------------------------+-----+-+---------------+

Nothing says what follows the bottom of the stack (S).  Routers look at the first
four bits (RFC 4928 §3): 4 and 6 are IP, 1 is a control channel (RFC 5586 §2.1), 0 is a
control word before Ethernet (RFC 4448 §4.6); anything else we read as Ethernet.
"""

from __future__ import annotations

from analyzer.tables import NOT_IP
from analyzer.wire.frame import Frame, Layer, Next, Stop

BOTTOM, BOTTOM_BIT, SIZE = 2, 0x01, 4
CONTROL_WORD_SIZE = 4


def read(frame: Frame, at: int) -> Next:
    """One label; at the bottom, the payload by its first four bits."""
    frame.need(at, SIZE)
    if not frame.u8(at + BOTTOM) & BOTTOM_BIT:
        return Layer.MPLS, at + SIZE
    at += SIZE
    match frame.u8(at) >> 4:
        case 4:
            return Layer.IPV4, at
        case 6:
            return Layer.IPV6, at
        case 1:
            raise Stop(NOT_IP)
        case 0:
            return Layer.ETHERNET, at + CONTROL_WORD_SIZE
        case _:
            return Layer.ETHERNET, at
