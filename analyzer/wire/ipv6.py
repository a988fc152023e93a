"""IPv6 header (RFC 8200 §3) and its extension headers (RFC 8200 §4), AH among them (RFC 4302 §2).

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +-------+---------------+---------------------------------------+
  0 |Version| Traffic class |              Flow label               |
  4 |        Payload length         |  Next header  |   Hop limit   |
  8 |                        Source address                         |
 24 |                      Destination address                      |
    +---------------------------------------------------------------+

Extension header (hop-by-hop 0, routing 43, destination 60: 8 octets and ``length`` times 8; AH: (length + 2) times 4)

  0 | Next header (8) | Length (8) | ...

Fragment header (44, RFC 8200 §4.5)

  0 | Next header (8) | 0 (8) | Fragment offset (13) | 0 (2) | M (1) |
  4 | Identification (32)                                           |

Payload length 0: a jumbogram (RFC 2675 §2) says its length in a hop-by-hop option of type C2;
without it, it is a packet that the interface was still to cut into segments.
"""

from __future__ import annotations

from analyzer.tables import LATER_FRAGMENT, MALFORMED
from analyzer.wire.frame import U32_MAX, Frame, Next, Stop
from analyzer.wire.ipv4 import AH, by_protocol

VERSION, PAYLOAD_LENGTH, NEXT_HEADER, HOP_LIMIT, SRC, DST, SIZE = 0, 4, 6, 7, 8, 24, 40
EXTENSION_NEXT, EXTENSION_LENGTH, EXTENSION_SIZE = 0, 1, 8
FRAGMENT_OFFSET, FRAGMENT_ID = 2, 4
HOP_BY_HOP, ROUTING, FRAGMENT, NO_NEXT, DESTINATION = 0, 43, 44, 59, 60
JUMBO, PAD1, U16_MAX = 0xC2, 0, 0xFFFF


def read(frame: Frame, at: int) -> Next:
    """The addresses, and the end of the packet by its own length."""
    frame.need(at, SIZE)
    if frame.u8(at + VERSION) >> 4 != 6:
        raise Stop(MALFORMED)
    row = frame.row
    row["src"] = frame.address(at + SRC, 16)
    row["dst"] = frame.address(at + DST, 16)
    row["ttl"] = frame.u8(at + HOP_LIMIT)
    row["ip_id"] = 0
    row["ip_proto"] = protocol = frame.u8(at + NEXT_HEADER)
    payload = frame.u16(at + PAYLOAD_LENGTH)
    frame.version = 6
    frame.jumbo_at = -1
    if payload or protocol == NO_NEXT:
        row["ip_bytes"] = SIZE + payload
        frame.narrow(at + SIZE + payload)
    else:
        row["ip_bytes"] = frame.wire_end - at
        frame.jumbo_at = at + SIZE
    return by_protocol(frame, protocol, at + SIZE)


def read_extension(frame: Frame, at: int) -> Next:
    """One extension header; the row's ``ip_proto`` says which, and is replaced by what it announces."""
    frame.need(at, EXTENSION_SIZE)
    row = frame.row
    kind = row["ip_proto"]
    row["ip_proto"] = following = frame.u8(at + EXTENSION_NEXT)
    length = frame.u8(at + EXTENSION_LENGTH)
    if kind == FRAGMENT:
        row["ip_id"] = frame.u32(at + FRAGMENT_ID) & U16_MAX
        if frame.u16(at + FRAGMENT_OFFSET) >> 3:
            row["payload_bytes"] = frame.wire_end - at - EXTENSION_SIZE
            raise Stop(LATER_FRAGMENT)
        return by_protocol(frame, following, at + EXTENSION_SIZE)
    size = (length + 2) * 4 if kind == AH else (length + 1) * 8
    frame.need(at, size)
    if kind == HOP_BY_HOP and at == frame.jumbo_at:
        _jumbo(frame, at, at + size)
    return by_protocol(frame, following, at + size)


def _jumbo(frame: Frame, at: int, stop: int) -> None:
    """The length of a jumbogram, if the options of this hop-by-hop header say one (RFC 2675 §2)."""
    option = at + 2
    while option < stop:
        kind = frame.octets[option]
        if kind == PAD1:
            option += 1
            continue
        if kind == JUMBO and option + 6 <= stop and frame.octets[option + 1] == 4:
            jumbo = frame.u32(option + 2)
            if jumbo > U16_MAX:
                frame.row["ip_bytes"] = min(SIZE + jumbo, U32_MAX)
                frame.narrow(at + jumbo)
            return
        if option + 2 > stop:
            return
        option += 2 + frame.octets[option + 1]
