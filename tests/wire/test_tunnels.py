"""Tunnels: what is inside counts, and the path tells conversations apart but not directions."""

import struct

import pytest

from analyzer.tables import AddressBook
from analyzer.wire import paths

from .octets import A, B, ethernet, ipv4, ipv6, tcp, udp

INNER = bytes.fromhex("020000000004020000000003")
CLIENT, SERVER = bytes((192, 0, 2, 9)), bytes((192, 0, 2, 1))
V4 = ipv4(6, tcp(b"hi"), src=CLIENT, dst=SERVER)
V6 = ipv6(6, tcp(b"hi"))
FRAME = INNER + b"\x81\0\0\x07\x08\0" + V4


def gre(flags, protocol, rest):
    return struct.pack("!HH", flags, protocol) + rest


def vxlan(flags=8, protocol=0, vni=5, inner=FRAME):
    return bytes((flags, 0, 0, protocol)) + vni.to_bytes(3, "big") + b"\0" + inner


def geneve(protocol, inner, options=b"", head=0, vni=9):
    return bytes((head | len(options) // 4, 0)) + struct.pack("!H", protocol) + vni.to_bytes(3, "big") + b"\0" + options + inner


def gtp(flags=0x30, kind=255, rest=V4):
    return bytes((flags, kind)) + struct.pack("!HI", len(rest), 0x1234) + rest


PAIR = "10.0.2.9<>10.0.2.1"
TUNNELS = [   # name, what is inside IPv4, path
    ("gre", 47, gre(0, 0x0800, V4), f"gre {PAIR}"),
    ("gre with a key", 47, gre(0x2000, 0x0800, b"\0\0\0\x07" + V4), f"gre {PAIR} key 7"),
    ("gre with all", 47, gre(0xB000, 0x86DD, bytes(4) + b"\0\0\0\x07" + bytes(4) + V6), f"gre {PAIR} key 7"),
    ("gre, MPLS", 47, gre(0, 0x8847, b"\0\x01\x01\x40" + V4), f"gre {PAIR}"),
    ("gre, PPP", 47, gre(0, 0x880B, b"\0\x21" + V4), f"gre {PAIR}"),
    ("gretap", 47, gre(0, 0x6558, FRAME), f"gretap {PAIR}"),
    ("nvgre", 47, gre(0x2000, 0x6558, b"\0\x12\x34\xff" + FRAME), "nvgre vsid 4660"),
    ("gretap with a key", 47, gre(0x3000, 0x6558, b"\0\0\0\x07\0\0\0\0" + FRAME), f"gretap {PAIR} key 7"),
    ("pptp", 47, gre(0x3081, 0x880B, b"\0\x20\0\x01" + bytes(8) + b"\xff\x03\0\x21" + V4), f"pptp {PAIR}"),
    ("eoip", 47, gre(0x2001, 0x6400, b"\0\x36\x19\0" + FRAME), f"eoip {PAIR} id 25"),
    ("wccp 1", 47, gre(0, 0x883E, V4), f"wccp {PAIR}"),
    ("wccp 2", 47, gre(0, 0x883E, bytes(4) + V4), f"wccp {PAIR}"),
    ("erspan I", 47, gre(0, 0x88BE, FRAME), "erspan"),
    ("erspan II", 47, gre(0x1000, 0x88BE, bytes(4) + bytes(8) + FRAME), "erspan"),
    ("erspan III", 47, gre(0x1000, 0x22EB, bytes(4) + bytes(12) + FRAME), "erspan"),
    ("erspan III, more", 47, gre(0x1000, 0x22EB, bytes(4) + bytes(11) + b"\x01" + bytes(8) + FRAME), "erspan"),
    ("erspan III, IP", 47, gre(0x1000, 0x22EB, bytes(4) + bytes(10) + b"\x08\0" + V4), "erspan"),
    ("vxlan", 17, udp(vxlan(), port=4789), "vxlan vni 5"),
    ("vxlan of Linux", 17, udp(vxlan(), port=8472), "vxlan vni 5"),
    ("vxlan-gpe", 17, udp(vxlan(0x0C, 1, inner=V4), port=4790), "vxlan vni 5"),
    ("vxlan-gpe, Ethernet", 17, udp(vxlan(), port=4790), "vxlan vni 5"),
    ("geneve", 17, udp(geneve(0x6558, FRAME), port=6081), "geneve vni 9"),
    ("geneve with options", 17, udp(geneve(0x0800, V4, bytes(32)), port=6081), "geneve vni 9"),
    ("geneve, IPv6", 17, udp(geneve(0x86DD, V6), port=6081), "geneve vni 9"),
    ("gtp", 17, udp(gtp(), port=2152), f"gtp {PAIR}"),
    ("gtp with a number", 17, udp(gtp(0x32, rest=bytes(4) + V4), port=2152), f"gtp {PAIR}"),
    ("gtp with extensions", 17, udp(gtp(0x34, rest=bytes(3) + b"\x85\x01\0\0\xc0\x02" + bytes(6) + b"\0" + V6), port=2152),
     f"gtp {PAIR}"),
    ("ipip", 4, V4, f"ipip {PAIR}"),
    ("vxlan in gre", 47, gre(0, 0x0800, ipv4(17, udp(vxlan(), port=4789))), f"gre {PAIR} / vxlan vni 5"),
]


@pytest.mark.parametrize(("protocol", "octets", "path"), [row[1:] for row in TUNNELS], ids=[row[0] for row in TUNNELS])
def test_what_is_inside_counts(read, protocol, octets, path):
    row = read(ethernet(0x0800, ipv4(protocol, octets)))
    assert (row["verdict"], row["kind"], row["tunnel"]) == ("ok", "tcp", path)
    assert (row["src_port"], row["dst_port"], row["payload_bytes"]) == (40000, 80, 2)
    assert row["src"] in {"192.0.2.9", "2001:db8::9"}
    with_ethernet = b"\x81\0\0\x07" in octets
    assert (row["src_mac"], row["vlan"]) == (("02:00:00:00:00:03", 7) if with_ethernet else ("02:00:00:00:00:01", 0))


@pytest.mark.parametrize(("protocol", "octets"), [row[1:3] for row in TUNNELS], ids=[row[0] for row in TUNNELS])
def test_both_directions_share_the_path(read, protocol, octets):
    there, back = (read(ipv4(protocol, octets, src=src, dst=dst), 101)["tunnel"] for src, dst in ((A, B), (B, A)))
    assert set(there.split(" / ")[0].replace("<>", " ").split()) == set(back.split(" / ")[0].replace("<>", " ").split())
    book = AddressBook()
    tunnels = paths.TunnelBook(book)
    one, other = book.intern(A), book.intern(B)
    assert tunnels.enter(0, paths.GRE, 7, one, other) == tunnels.enter(0, paths.GRE, 7, other, one) == 1
    assert tunnels.enter(0, paths.GRE, 8, one, other) == 2


@pytest.mark.parametrize(("name", "protocol", "octets", "kind"), [
    ("gre, routing", 47, gre(0x4000, 0x0800, V4), "other"),
    ("gre, version 2", 47, gre(0x0002, 0x0800, V4), "other"),
    ("gre, unknown", 47, gre(0, 0x9999, V4), "other"),
    ("pptp, only an acknowledgment", 47, gre(0x2081, 0x880B, bytes(8)), "other"),
    ("eoip, keepalive", 47, gre(0x2001, 0x6400, bytes(4)), "other"),
    ("vxlan without its flag", 17, udp(vxlan(flags=0), port=4789), "udp"),
    ("vxlan, short", 17, udp(bytes((8, 0, 0, 0, 0, 0, 5)), port=4789), "udp"),
    ("gtp, short", 17, udp(gtp(rest=b"")[:7], port=2152), "udp"),
    ("gtp, nothing inside", 17, udp(gtp(rest=b""), port=2152), "udp"),
    ("geneve, short", 17, udp(geneve(0x0800, b"")[:7], port=6081), "udp"),
    ("vxlan-gpe, unknown", 17, udp(vxlan(0x0C, 99), port=4790), "udp"),
    ("geneve, version 1", 17, udp(geneve(0x0800, V4, head=0x40), port=6081), "udp"),
    ("geneve, unknown", 17, udp(geneve(0x9999, V4), port=6081), "udp"),
    ("gtp, echo", 17, udp(gtp(kind=1), port=2152), "udp"),
    ("gtp, version 2", 17, udp(gtp(flags=0x48), port=2152), "udp"),
    ("gtp, no IP inside", 17, udp(gtp(rest=b"\xff" * 40), port=2152), "udp"),
    ("gtp, an extension of no length", 17, udp(gtp(0x34, rest=bytes(3) + b"\x85\0\0\0\0" + V4), port=2152), "udp"),
    ("towards the client", 17, struct.pack("!HHHH", 4789, 5353, 8 + len(vxlan()), 0) + vxlan(), "udp"),
])
def test_what_is_no_tunnel_stays_what_it_is(read, name, protocol, octets, kind):
    row = read(ipv4(protocol, octets), 101)
    assert (row["verdict"], row["kind"], row["tunnel"], row["src"]) == ("ok", kind, "", "10.0.2.9"), name


@pytest.mark.parametrize(("one", "other"), [
    (ipv4(17, udp(vxlan(vni=100), port=4789)), ipv4(17, udp(vxlan(vni=200), port=4789))),
    (ipv4(4, V4), ipv4(4, V4, dst=bytes((10, 0, 2, 2)))),
])
def test_one_five_tuple_in_two_tunnels_is_two_conversations(read, one, other):
    assert read(one, 101)["tunnel"] != read(other, 101)["tunnel"]


def test_a_virtual_network_is_one_wherever_its_ends_are(read):
    """Replies may leave from another tunnel end (anycast gateways)."""
    ends = [read(ipv4(17, udp(vxlan(), port=4789), src=bytes((10, 9, 9, last))), 101)["tunnel"] for last in (1, 2)]
    assert ends == ["vxlan vni 5"] * 2


def test_an_empty_tunnel_is_a_tunnel(read):
    row = read(ipv4(17, udp(vxlan(inner=b""), port=4789)), 101)
    assert (row["verdict"], row["kind"], row["tunnel"]) == ("malformed", "other", "vxlan vni 5")


def test_a_tunnel_that_the_snap_length_ended_is_cut(read):
    octets = ipv4(17, udp(vxlan(), port=4789))
    row = read(octets[:32], 101, wire_bytes=len(octets))
    assert (row["verdict"], row["kind"], row["tunnel"]) == ("cut", "udp", "")
    row = read(octets[:50], 101, wire_bytes=len(octets))
    assert (row["verdict"], row["kind"], row["tunnel"]) == ("cut", "other", "vxlan vni 5")
