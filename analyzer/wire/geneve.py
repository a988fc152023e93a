"""Geneve (RFC 8926 §3.4), behind UDP.

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +---+-----------+-+-+-----------+-------------------------------+
  0 |Ver|  Opt Len  |O|C|   Rsvd    |           Protocol            |
  4 |        Virtual network identifier             |   Reserved    |
    +-----------------------------------------------+---------------+

Then the options: Opt Len times 4 octets.
"""

from __future__ import annotations

from analyzer.wire import paths
from analyzer.wire.frame import DONE, Frame, Layer, Next

HEAD, PROTOCOL, VNI, SIZE = 0, 2, 4, 8
OPTIONS = 0x3F

PROTOCOLS: dict[int, Layer] = {
    0x6558: Layer.ETHERNET,
    0x0800: Layer.IPV4,
    0x86DD: Layer.IPV6,
}


def read(frame: Frame, at: int) -> Next:
    """Another version, or a protocol that we do not follow: only a datagram to that port."""
    if at + SIZE > frame.wire_end:
        return DONE
    frame.need(at, SIZE)
    head = frame.u8(at + HEAD)
    layer = PROTOCOLS.get(frame.u16(at + PROTOCOL))
    if layer is None or head >> 6:
        return DONE
    frame.enter(paths.GENEVE, frame.u32(at + VNI) >> 8)
    return layer, at + SIZE + (head & OPTIONS) * 4
