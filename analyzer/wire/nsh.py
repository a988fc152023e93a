"""Network service header (RFC 8300 §2.2): what service function chains put around a packet.

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +---+-+-+-----------+-----------+-------+-------+---------------+
  0 |Ver|O|U|    TTL    |  Length   |   U   |MD type|   Protocol    |
    +---+-+-+-----------+-----------+-------+-------+---------------+
  4 |           Service path identifier             | Service index |
    +-----------------------------------------------+---------------+

Length counts this header and its context in units of 4 octets.  It is a tag, not
a tunnel: the path identifier differs by direction (RFC 8300 §2.3).
"""

from __future__ import annotations

from analyzer.tables import NOT_IP
from analyzer.wire.frame import Frame, Layer, Next, Stop

LENGTH, PROTOCOL, SIZE = 0, 3, 8
LENGTH_BITS = 0x3F

PROTOCOLS: dict[int, Layer] = {
    1: Layer.IPV4,
    2: Layer.IPV6,
    3: Layer.ETHERNET,
    4: Layer.NSH,
    5: Layer.MPLS,
}
"""RFC 8300 §2.2; VXLAN-GPE uses the same numbers."""


def read(frame: Frame, at: int) -> Next:
    """Over the context, to the packet."""
    frame.need(at, SIZE)
    size = (frame.u16(at + LENGTH) & LENGTH_BITS) * 4
    layer = PROTOCOLS.get(frame.u8(at + PROTOCOL))
    if layer is None or size < SIZE:
        raise Stop(NOT_IP)
    return layer, at + size
