"""IPv4 header (RFC 791 §3.1).

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +-------+-------+---------------+-------------------------------+
  0 |Version|  IHL  |      TOS      |         Total length          |
    +-------+-------+---------------+-----+-------------------------+
  4 |        Identification         |Flags|     Fragment offset     |
    +---------------+---------------+-----+-------------------------+
  8 |      TTL      |   Protocol    |           Checksum            |
    +---------------+---------------+-------------------------------+
 12 |                        Source address                         |
    +---------------------------------------------------------------+
 16 |                     Destination address                       |
    +---------------------------------------------------------------+

Total length 0 is a packet that the interface was still to cut into segments
(offload): its length is what the capture says.  The checksum is never looked at,
for the same reason.
"""

from __future__ import annotations

from analyzer.tables import LATER_FRAGMENT, MALFORMED
from analyzer.wire.frame import DONE, U32_MAX, Frame, Layer, Next, Stop
from analyzer.wire.paths import FOUR_IN_SIX, IPIP, NO_KEY, SIX_IN_FOUR, SIX_IN_SIX

VERSION_IHL, TOTAL_LENGTH, IDENTIFICATION, FRAGMENT, TTL, PROTOCOL, SRC, DST, SIZE = 0, 2, 4, 6, 8, 9, 12, 16, 20
FRAGMENT_OFFSET = 0x1FFF

ICMP, IN_IP, TCP, UDP, IPV6, GRE, AH, ICMPV6, MPLS = 1, 4, 6, 17, 41, 47, 51, 58, 137

PROTOCOLS: dict[int, Layer] = {
    ICMP: Layer.ICMP,
    IN_IP: Layer.IPV4,          # RFC 2003 §3.1
    TCP: Layer.TCP,
    UDP: Layer.UDP,
    IPV6: Layer.IPV6,           # RFC 4213 §3.5
    GRE: Layer.GRE,
    AH: Layer.EXTENSION,        # RFC 4302 §2
    MPLS: Layer.MPLS,           # RFC 4023 §3
}
PROTOCOLS_V6: dict[int, Layer] = {
    **{number: layer for number, layer in PROTOCOLS.items() if number != ICMP},
    ICMPV6: Layer.ICMPV6,
    0: Layer.EXTENSION,         # hop-by-hop options; the rest in RFC 8200 §4.1
    43: Layer.EXTENSION,        # routing
    44: Layer.EXTENSION,        # fragment
    60: Layer.EXTENSION,        # destination options
}
TUNNELS = {(4, IN_IP): IPIP, (4, IPV6): SIX_IN_FOUR, (6, IN_IP): FOUR_IN_SIX, (6, IPV6): SIX_IN_SIX}
"""Version outside, protocol number -> kind of tunnel."""


def by_protocol(frame: Frame, protocol: int, at: int) -> Next:
    """The layer that a protocol number announces at ``at``; IP in IP is a tunnel."""
    row = frame.row
    layer = (PROTOCOLS if frame.version == 4 else PROTOCOLS_V6).get(protocol)
    if layer is None:
        row["payload_bytes"] = min(frame.wire_end - at, U32_MAX)
        return DONE
    tunnel = TUNNELS.get((frame.version, protocol))
    if tunnel is not None:
        frame.enter(tunnel, NO_KEY, row["src"], row["dst"])
    return layer, at


def read(frame: Frame, at: int) -> Next:
    """The addresses, and the end of the packet by its own length."""
    frame.need(at, SIZE)
    first, total = frame.u8(at + VERSION_IHL), frame.u16(at + TOTAL_LENGTH)
    header = (first & 0x0F) * 4
    if first >> 4 != 4 or header < SIZE or 0 < total < header:
        raise Stop(MALFORMED)
    row = frame.row
    row["src"] = frame.address(at + SRC, 4)
    row["dst"] = frame.address(at + DST, 4)
    row["ttl"] = frame.u8(at + TTL)
    row["ip_id"] = frame.u16(at + IDENTIFICATION)
    row["ip_proto"] = protocol = frame.u8(at + PROTOCOL)
    row["ip_bytes"] = total or frame.wire_end - at
    frame.version = 4
    frame.narrow(at + row["ip_bytes"])
    frame.need(at, header)
    if frame.u16(at + FRAGMENT) & FRAGMENT_OFFSET:
        row["payload_bytes"] = frame.wire_end - at - header
        raise Stop(LATER_FRAGMENT)
    return by_protocol(frame, protocol, at + header)


def read_any(frame: Frame, at: int) -> Next:
    """A link without a type field: the version tells."""
    match frame.u8(at) >> 4:
        case 4:
            return Layer.IPV4, at
        case 6:
            return Layer.IPV6, at
        case _:
            raise Stop(MALFORMED)
