"""Ethernet II and 802.3 (IEEE 802.3 §3.2), with LLC and SNAP (RFC 1042) where the type is a length.

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +---------------------------------------------------------------+
  0 |                        Destination MAC                        |
    +                               +-------------------------------+
  4 |                               |          Source MAC           |
    +-------------------------------+                               +
  8 |                                                               |
    +-------------------------------+-------------------------------+
 12 |        Type or length         |
    +-------------------------------+

LLC with SNAP, behind a length

  0 | DSAP (AA) | SSAP (AA) | control (03) | OUI ...
  4 |  ... OUI      | Type                    |
"""

from __future__ import annotations

from analyzer.tables import NOT_IP
from analyzer.wire.frame import Frame, Layer, Next, Stop

DST, SRC, TYPE, SIZE = 0, 6, 12, 14
LENGTH_MAX = 1500
"""Up to here the type is the length of an 802.3 frame (IEEE 802.3 §3.2.6)."""

LLC_SIZE, SNAP_OUI, SNAP_TYPE, SNAP_SIZE = 3, 3, 6, 8
SNAP = 0xAAAA03
LLC_IP = 0x060603
"""IP straight behind LLC (RFC 948)."""
ENCAPSULATED_ETHERNET = 0x000000
BRIDGED_ETHERNET = 0x0000F8

ETHERTYPES: dict[int, Layer] = {
    0x0800: Layer.IPV4,
    0x0806: Layer.ARP,
    0x86DD: Layer.IPV6,
    0x8100: Layer.VLAN,    # IEEE 802.1Q §9.6
    0x88A8: Layer.VLAN,    # IEEE 802.1ad
    0x9100: Layer.VLAN,    # the same, before it had a number
    0x9200: Layer.VLAN,
    0x8847: Layer.MPLS,    # RFC 3032 §5
    0x8848: Layer.MPLS,
    0x8864: Layer.PPPOE,   # RFC 2516 §5; 0x8863, discovery, carries no IP
    0x88E7: Layer.WRAP,    # IEEE 802.1ah, provider backbone bridging
    0x8903: Layer.WRAP,    # Cisco FabricPath
    0x8909: Layer.SHIM,    # Cisco metadata (security group tag)
    0x893F: Layer.SHIM,    # IEEE 802.1BR E-tag
    0x8926: Layer.SHIM,    # Cisco VN-tag
    0x894F: Layer.NSH,     # RFC 8300 §6.1
}

SHIMS: dict[int, int] = {0x8909: 6, 0x893F: 6, 0x8926: 4, 0x88E7: 4, 0x8903: 2}
"""Octets between the ethertype of a tag and what follows it: an ethertype, or (``WRAP``) an Ethernet frame."""


def by_ethertype(frame: Frame, ethertype: int, at: int) -> Next:
    """The layer that an Ethernet type (or, up to 1500, a length) announces at ``at``."""
    if ethertype <= LENGTH_MAX:
        return Layer.LLC, at
    layer = ETHERTYPES.get(ethertype)
    if layer is None:
        raise Stop(NOT_IP)
    frame.ethertype = ethertype
    return layer, at


def read(frame: Frame, at: int) -> Next:
    """The innermost Ethernet header gives the MACs and begins a new stack of tags."""
    frame.need(at, SIZE)
    frame.row["src_mac"] = frame.address(at + SRC, 6)
    frame.row["dst_mac"] = frame.address(at + DST, 6)
    frame.row["vlan"] = 0
    frame.broadcast = frame.octets[at + DST:at + DST + 6] == b"\xff" * 6
    return by_ethertype(frame, frame.u16(at + TYPE), at + SIZE)


def read_llc(frame: Frame, at: int) -> Next:
    """LLC: only SNAP with an Ethernet type, and IP itself, are followed."""
    frame.need(at, LLC_SIZE)
    llc = int.from_bytes(frame.octets[at:at + LLC_SIZE], "big")
    if llc == LLC_IP:
        return Layer.IPV4, at + LLC_SIZE
    if llc != SNAP:
        raise Stop(NOT_IP)
    frame.need(at, SNAP_SIZE)
    oui = int.from_bytes(frame.octets[at + SNAP_OUI:at + SNAP_TYPE], "big")
    ethertype = frame.u16(at + SNAP_TYPE)
    if oui not in (ENCAPSULATED_ETHERNET, BRIDGED_ETHERNET) or ethertype <= LENGTH_MAX:
        raise Stop(NOT_IP)
    return by_ethertype(frame, ethertype, at + SNAP_SIZE)


def read_shim(frame: Frame, at: int) -> Next:
    """A tag of known size; what it says does not matter to us."""
    size = SHIMS[frame.ethertype]
    return by_ethertype(frame, frame.u16(at + size), at + size + 2)


def read_wrap(frame: Frame, at: int) -> Next:
    """A backbone's tag around a customer's whole Ethernet frame."""
    size = SHIMS[frame.ethertype]
    frame.need(at, size)
    return Layer.ETHERNET, at + size
