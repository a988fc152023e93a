"""VXLAN (RFC 7348 §5), behind UDP.

  0 |R R R R I R R R| Reserved (24)                  |
  4 | VXLAN network identifier (24) | Reserved (8)   |

An Ethernet frame follows.
"""

from __future__ import annotations

from analyzer.wire import paths
from analyzer.wire.frame import DONE, Frame, Layer, Next

FLAGS, VNI, SIZE = 0, 4, 8
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
