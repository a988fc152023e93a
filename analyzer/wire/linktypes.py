"""Link types (the tcpdump group's LINKTYPE registry) -> the first layer of a frame, and where it begins."""

from __future__ import annotations

from analyzer.wire.frame import Layer, Next

LINK_TYPES: dict[int, Next] = {
    0: (Layer.NULL, 0),        # BSD loopback, host order
    1: (Layer.ETHERNET, 0),
    9: (Layer.PPP, 0),
    12: (Layer.IP, 0),         # raw IP as Linux and FreeBSD number it
    14: (Layer.IP, 0),         # raw IP as OpenBSD numbers it
    50: (Layer.CHDLC, 0),      # PPP in HDLC-like framing, or Cisco HDLC
    51: (Layer.PPPOE, 0),
    101: (Layer.IP, 0),
    104: (Layer.CHDLC, 0),
    108: (Layer.NULL, 0),      # OpenBSD loopback, network order
    113: (Layer.SLL, 0),
    166: (Layer.PPP, 2),       # pppd: direction instead of the address, then the control octet
    228: (Layer.IPV4, 0),
    229: (Layer.IPV6, 0),
    239: (Layer.NFLOG, 0),
    276: (Layer.SLL2, 0),
}
