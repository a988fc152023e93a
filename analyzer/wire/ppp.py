"""PPP (RFC 1661 §2), with HDLC-like framing (RFC 1662 §3.1), on Ethernet (RFC 2516 §4), and Cisco HDLC.

PPPoE session

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +-------+-------+---------------+-------------------------------+
  0 |Ver (1)|Typ (1)|   Code (0)    |            Session            |
  4 |            Length             | PPP ...

PPP        [FF 03] protocol (16 bits; 8 where compressed: the low bit is set, RFC 1661 §6.5)
Cisco HDLC  0F or 8F, 00, ethertype
"""

from __future__ import annotations

from analyzer.tables import MALFORMED, NOT_IP
from analyzer.wire.ethernet import LENGTH_MAX, by_ethertype
from analyzer.wire.frame import Frame, Layer, Next, Stop

PPPOE_CODE, PPPOE_SIZE = 1, 6
PPPOE_VERSION_AND_TYPE = 0x11
HDLC_ADDRESS, HDLC_CONTROL = 0xFF, 0x03
CHDLC_TYPE, CHDLC_SIZE = 2, 4
CHDLC_UNICAST, CHDLC_MULTICAST = 0x0F, 0x8F

PROTOCOLS: dict[int, Layer] = {
    0x0021: Layer.IPV4,
    0x0057: Layer.IPV6,
    0x0281: Layer.MPLS,
    0x0283: Layer.MPLS,
}


def read_pppoe(frame: Frame, at: int) -> Next:
    """A session frame carries PPP; a discovery frame (code other than 0) carries no IP."""
    frame.need(at, PPPOE_SIZE)
    if frame.u8(at) != PPPOE_VERSION_AND_TYPE:
        raise Stop(MALFORMED)
    if frame.u8(at + PPPOE_CODE):
        raise Stop(NOT_IP)
    return Layer.PPP, at + PPPOE_SIZE


def read(frame: Frame, at: int) -> Next:
    """Address and control may be left out, and the protocol may be one octet (RFC 1661 §6.5, §6.6)."""
    if frame.u8(at) == HDLC_ADDRESS and frame.u8(at + 1) == HDLC_CONTROL:
        at += 2
    protocol, size = frame.u8(at), 1
    if not protocol & 1:
        protocol, size = frame.u16(at), 2
    layer = PROTOCOLS.get(protocol)
    if layer is None:
        raise Stop(NOT_IP)
    return layer, at + size


def read_chdlc(frame: Frame, at: int) -> Next:
    """Cisco HDLC; captures of this link type also hold PPP, which begins with FF."""
    if frame.u8(at) == HDLC_ADDRESS:
        return Layer.PPP, at
    frame.need(at, CHDLC_SIZE)
    ethertype = frame.u16(at + CHDLC_TYPE)
    if frame.u8(at) not in (CHDLC_UNICAST, CHDLC_MULTICAST) or ethertype <= LENGTH_MAX:
        raise Stop(NOT_IP)
    return by_ethertype(frame, ethertype, at + CHDLC_SIZE)
