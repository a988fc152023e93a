"""Packets logged by Linux netfilter: LINKTYPE_NFLOG.

  0 | Address family (8) | Version (8) | Group (16) |

and then attributes, each padded to four octets, its length counting these four octets,
in the byte order of the host that captured

  0 | Length (16) | Type (16) | Value ...

Type 8 is the hardware address (length in two octets, two unused, the address); type 9 is the packet.
"""

from __future__ import annotations

from analyzer.tables import NOT_IP
from analyzer.wire.frame import Frame, Layer, Next, Stop

SIZE, ATTRIBUTE_TYPE, ATTRIBUTE_SIZE = 4, 2, 4
HARDWARE_ADDRESS, PAYLOAD = 8, 9
HARDWARE_ADDRESS_AT = 4


def read(frame: Frame, at: int) -> Next:
    """The attributes up to the packet; a length that only makes sense the other way round tells the byte order."""
    frame.need(at, SIZE)
    at += SIZE
    while True:
        frame.need(at, ATTRIBUTE_SIZE)
        head = frame.octets[at:at + ATTRIBUTE_SIZE]
        order = "little" if head[3] == 0 else "big"   # types are below 256
        length = int.from_bytes(head[:2], order)      # type: ignore[arg-type]
        kind = int.from_bytes(head[2:], order) & 0x7FFF   # type: ignore[arg-type]
        if length < ATTRIBUTE_SIZE:
            raise Stop(NOT_IP)
        value = at + ATTRIBUTE_SIZE
        if kind == PAYLOAD:
            frame.narrow(at + length)
            return Layer.IP, value
        if kind == HARDWARE_ADDRESS and not frame.row["src_mac"] and frame.u16(value) == 6:
            frame.row["src_mac"] = frame.address(value + HARDWARE_ADDRESS_AT, 6)
        at += (length + 3) & ~3
