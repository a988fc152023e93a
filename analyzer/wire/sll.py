"""Linux cooked captures (`-i any`): LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2, and the BSD loopback header.

SLL (16 octets)

  0 | Packet type (16)      | ARPHRD type (16)     |
  4 | Address length (16)   | Source address ...   |
  8 | ... (8 octets in all)                        |
 12 | ...                   | Protocol (16)        |

SLL2 (20 octets)

  0 | Protocol (16)         | 0 (16)               |
  4 | Interface index (32)                         |
  8 | ARPHRD type (16)      | Packet type (8) | Address length (8) |
 12 | Source address (8 octets)                    |

Packet type: 0 to us, 1 broadcast, 2 multicast, 3 to another host, 4 sent by us.

NULL and LOOP: the address family in four octets, in the byte order of the host
that captured (NULL) or in network order (LOOP).
"""

from __future__ import annotations

from analyzer.tables import NOT_IP
from analyzer.wire.ethernet import LENGTH_MAX, by_ethertype
from analyzer.wire.frame import Frame, Layer, Next, Stop

TYPE, HARDWARE, ADDRESS_LENGTH, ADDRESS, PROTOCOL, SIZE = 0, 2, 4, 6, 14, 16
V2_PROTOCOL, V2_IFINDEX, V2_HARDWARE, V2_TYPE, V2_ADDRESS_LENGTH, V2_ADDRESS, V2_SIZE = 0, 4, 8, 10, 11, 12, 20
NULL_SIZE = 4

NETLINK = 824
"""ARPHRD_NETLINK: the protocol field is a netlink family, not an ethertype."""
LLC = 4
"""ETH_P_802_2: LLC follows."""
BROADCAST = 1

DIRECTIONS = {0: 1, 1: 1, 2: 1, 3: 2, 4: 3}
"""Packet type -> the column ``direction``."""

FAMILIES: dict[int, Layer] = {
    2: Layer.IPV4,
    10: Layer.IPV6,    # Linux
    24: Layer.IPV6,    # NetBSD, OpenBSD
    28: Layer.IPV6,    # FreeBSD
    30: Layer.IPV6,    # macOS
}


def read(frame: Frame, at: int) -> Next:
    """Cooked version 1."""
    frame.need(at, SIZE)
    return _cooked(frame, frame.u16(at + TYPE), frame.u16(at + HARDWARE), frame.u16(at + ADDRESS_LENGTH),
                   at + ADDRESS, frame.u16(at + PROTOCOL), at + SIZE)


def read_v2(frame: Frame, at: int) -> Next:
    """Cooked version 2, which also names the interface."""
    frame.need(at, V2_SIZE)
    frame.row["ifindex"] = frame.u32(at + V2_IFINDEX)
    return _cooked(frame, frame.u8(at + V2_TYPE), frame.u16(at + V2_HARDWARE), frame.u8(at + V2_ADDRESS_LENGTH),
                   at + V2_ADDRESS, frame.u16(at + V2_PROTOCOL), at + V2_SIZE)


def _cooked(
    frame: Frame, packet_type: int, hardware: int, length: int, address: int, protocol: int, after: int,
) -> Next:
    frame.row["direction"] = DIRECTIONS.get(packet_type, 0)
    frame.broadcast = packet_type == BROADCAST
    if length == 6:
        frame.row["src_mac"] = frame.address(address, 6)
    if hardware == NETLINK:
        raise Stop(NOT_IP)
    if protocol == LLC:
        return Layer.LLC, after
    if protocol <= LENGTH_MAX:
        raise Stop(NOT_IP)
    return by_ethertype(frame, protocol, after)


def read_null(frame: Frame, at: int) -> Next:
    """Address families are small, so the octets themselves say in which order they were written."""
    family = frame.u32(at)
    if family > 0xFFFF:
        family = int.from_bytes(frame.octets[at:at + 4], "little")
    layer = FAMILIES.get(family)
    if layer is None:
        raise Stop(NOT_IP)
    return layer, at + NULL_SIZE
