"""Which fields of each header are shown: rows of (offset, octets, name, how it is read), as pictured in ``wire/``.

A row read as ``kept`` is no field that anybody asks for, but octets that hold no
address and without which the header would not be what it is.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

from analyzer.wire.frame import Layer
from analyzer.wire.packet import flag_text

Row = tuple[int, int, str, str]

ETHERNET: tuple[Row, ...] = ((0, 6, "destination", "mac"), (6, 6, "source", "mac"), (12, 2, "type", "hex"))
VLAN: tuple[Row, ...] = ((0, 2, "tag", "vlan"), (2, 2, "type", "hex"))
COOKED: tuple[Row, ...] = (
    (0, 2, "packet type", "number"), (2, 2, "hardware", "number"), (4, 2, "address length", "number"),
    (6, 6, "source", "mac"), (14, 2, "protocol", "hex"),
)
COOKED2: tuple[Row, ...] = (
    (0, 2, "protocol", "hex"), (4, 4, "interface", "number"), (8, 2, "hardware", "number"),
    (10, 1, "packet type", "number"), (11, 1, "address length", "number"), (12, 6, "source", "mac"),
)
ARP: tuple[Row, ...] = (
    (0, 2, "hardware", "number"), (2, 2, "protocol", "hex"), (4, 2, "lengths", "hex"), (6, 2, "operation", "number"),
    (8, 6, "sender MAC", "mac"), (14, 4, "sender", "ipv4"), (18, 6, "target MAC", "mac"), (24, 4, "target", "ipv4"),
)
IPV4: tuple[Row, ...] = (
    (0, 1, "version and length", "hex"), (1, 1, "DSCP and ECN", "hex"), (2, 2, "length", "number"),
    (4, 2, "identification", "hex"), (6, 2, "flags and offset", "hex"), (8, 1, "TTL", "number"),
    (9, 1, "protocol", "number"), (10, 2, "checksum", "sum"), (12, 4, "source", "ipv4"), (16, 4, "destination", "ipv4"),
)
IPV6: tuple[Row, ...] = (
    (0, 4, "version, class, flow", "hex"), (4, 2, "payload length", "number"), (6, 1, "next header", "number"),
    (7, 1, "hop limit", "number"), (8, 16, "source", "ipv6"), (24, 16, "destination", "ipv6"),
)
FRAGMENT: tuple[Row, ...] = ((0, 1, "next header", "number"), (2, 2, "offset", "hex"), (4, 4, "identification", "hex"))
EXTENSION: tuple[Row, ...] = ((0, 1, "next header", "number"), (1, 1, "length", "number"))
PORTS: tuple[Row, ...] = ((0, 2, "source port", "number"), (2, 2, "destination port", "number"))
TCP: tuple[Row, ...] = (
    *PORTS, (4, 4, "sequence", "number"), (8, 4, "acknowledgment", "number"), (12, 1, "header length", "words"),
    (13, 1, "flags", "flags"), (14, 2, "window", "number"), (16, 2, "checksum", "sum"), (18, 2, "urgent", "number"),
)
UDP: tuple[Row, ...] = (*PORTS, (4, 2, "length", "number"), (6, 2, "checksum", "sum"))
ICMP: tuple[Row, ...] = ((0, 1, "type", "number"), (1, 1, "code", "number"), (2, 2, "checksum", "sum"))
GRE: tuple[Row, ...] = ((0, 2, "flags", "hex"), (2, 2, "protocol", "hex"))
GRE_WORDS: tuple[tuple[int, int, tuple[Row, ...]], ...] = (   # which versions have it, the flag that says so
    (1, 0x8000, ((0, 2, "checksum", "sum"), (2, 2, "offset", "number"))),
    (1, 0x2000, ((0, 4, "key", "hex"),)),
    (2, 0x2000, ((0, 2, "payload length", "number"), (2, 2, "call", "number"))),
    (3, 0x1000, ((0, 4, "sequence", "number"),)),
    (2, 0x0080, ((0, 4, "acknowledgment", "number"),)),
)
"""The optional words of GRE (RFC 2890 §2; RFC 2637 §4.1), in their order; versions as bits: 1 for 0, 2 for 1."""

SHOWN: dict[Layer, tuple[str, tuple[Row, ...]]] = {
    Layer.ETHERNET: ("Ethernet", ETHERNET),
    Layer.LLC: ("LLC", ((0, 3, "header", "hex"), (3, 5, "", "kept"))),
    Layer.VLAN: ("VLAN", VLAN),
    Layer.SHIM: ("tag", ((0, 2, "tag", "hex"), (2, 6, "", "kept"))),
    Layer.WRAP: ("tag", ((0, 2, "tag", "hex"), (2, 2, "", "kept"))),
    Layer.MPLS: ("MPLS", ((0, 4, "label", "label"),)),
    Layer.PPPOE: ("PPPoE", (
        (0, 2, "version, code", "hex"), (2, 2, "session", "number"), (4, 2, "length", "number"))),
    Layer.PPP: ("PPP", ((0, 1, "", "kept"), (1, 1, "", "kept"), (2, 1, "", "kept"), (3, 1, "", "kept"))),
    Layer.CHDLC: ("Cisco HDLC", ((0, 2, "address", "hex"), (2, 2, "protocol", "hex"))),
    Layer.NULL: ("Loopback", ((0, 4, "family", "hex"),)),
    Layer.SLL: ("Linux cooked", COOKED),
    Layer.SLL2: ("Linux cooked", COOKED2),
    Layer.ARP: ("ARP", ARP),
    Layer.IPV4: ("IPv4", IPV4),
    Layer.IPV6: ("IPv6", IPV6),
    Layer.EXTENSION: ("IPv6 extension", EXTENSION),
    Layer.TCP: ("TCP", TCP),
    Layer.UDP: ("UDP", UDP),
    Layer.ICMP: ("ICMP", ICMP),
    Layer.ICMPV6: ("ICMPv6", ICMP),
    Layer.GRE: ("GRE", GRE),
    Layer.VXLAN: ("VXLAN", ((0, 1, "flags", "hex"), (4, 3, "VNI", "number"), (1, 3, "", "kept"))),
    Layer.VXLAN_GPE: ("VXLAN", ((0, 1, "flags", "hex"), (3, 1, "protocol", "number"), (4, 3, "VNI", "number"))),
    Layer.GENEVE: ("Geneve", ((0, 2, "version, length", "hex"), (2, 2, "protocol", "hex"), (4, 3, "VNI", "number"))),
    Layer.GTP: ("GTP", (
        (0, 1, "flags", "hex"), (1, 1, "type", "number"), (2, 2, "length", "number"), (4, 4, "TEID", "hex"),
        *((at, 4, "", "kept") for at in range(8, 64, 4)))),
    Layer.NSH: ("NSH", ((0, 4, "header", "hex"), (4, 4, "path", "hex"))),
}
"""By layer of ``wire``.  NFLOG is not among them: it is a list of values, hardware addresses among them."""

OPTIONS: dict[int, tuple[Row, ...]] = {
    2: ((2, 2, "MSS", "number"),), 3: ((2, 1, "window scale", "number"),), 4: ((0, 2, "SACK permitted", "hex"),),
    8: ((2, 4, "timestamp", "number"), (6, 4, "echoed timestamp", "number")),
}
"""TCP options (RFC 9293 §3.2, RFC 7323, RFC 2018) that are read."""
END, NOP, SACK = 0, 1, 5

READERS: dict[str, Callable[[bytes], str]] = {
    "mac": lambda octets: octets.hex(":"),
    "ipv4": lambda octets: str(IPv4Address(octets)),
    "ipv6": lambda octets: str(IPv6Address(octets)),
    "number": lambda octets: str(int.from_bytes(octets, "big")),
    "hex": lambda octets: f"0x{octets.hex()}",
    "sum": lambda octets: f"0x{octets.hex()}",
    "vlan": lambda octets: str(int.from_bytes(octets, "big") & 0xFFF),
    "label": lambda octets: str(int.from_bytes(octets, "big") >> 12),
    "words": lambda octets: str((octets[0] >> 4) * 4),
    "flags": lambda octets: flag_text(octets[0]),
}
