"""VXLAN (RFC 7348 §5), behind UDP.

  0 |R R R R I R R R| Reserved (24)                  |
  4 | VXLAN network identifier (24) | Reserved (8)   |

An Ethernet frame follows.  The generic protocol extension (draft-ietf-nvo3-vxlan-gpe-12 §3.1), on a
port of its own, has a protocol in the octet before the identifier; senders that forget its flag P exist,
and without a protocol it is Ethernet as before.
"""

from __future__ import annotations

from analyzer.wire import nsh, paths
from analyzer.wire.frame import DONE, Frame, Layer, Next

FLAGS, PROTOCOL, VNI, SIZE = 0, 3, 4, 8
VALID = 0x08


def read(frame: Frame, at: int) -> Next:
    """Without the I flag, or too short, it is only a datagram to that port."""
    if at + SIZE > frame.wire_end:
        return DONE
    frame.need(at, SIZE)
    if not frame.u8(at + FLAGS) & VALID:
        return DONE
    frame.enter(paths.VXLAN, frame.u32(at + VNI) >> 8)
    return Layer.ETHERNET, at + SIZE


def read_gpe(frame: Frame, at: int) -> Next:
    """The same with a protocol; one that we do not follow leaves the datagram."""
    if at + SIZE > frame.wire_end:
        return DONE
    frame.need(at, SIZE)
    protocol = frame.u8(at + PROTOCOL)
    layer = nsh.PROTOCOLS.get(protocol) if protocol else Layer.ETHERNET
    if layer is None or not frame.u8(at + FLAGS) & VALID:
        return DONE
    frame.enter(paths.VXLAN, frame.u32(at + VNI) >> 8)
    return layer, at + SIZE
