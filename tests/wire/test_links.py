"""Link layers: Ethernet and its tags, cooked captures, loopback, PPP, logged packets."""

import struct

import pytest

from .octets import MACS, ethernet, ipv4, ipv6, tcp

V4, V6 = ipv4(6, tcp()), ipv6(6, tcp())
GOOD = ("ok", "tcp", 40000)


def shape(row):
    return row["verdict"], row["kind"], row["src_port"]


INNER = bytes.fromhex("020000000004020000000003")


@pytest.mark.parametrize(("name", "octets", "vlan"), [
    ("Ethernet II", ethernet(0x0800, V4), 0),
    ("802.1Q", ethernet(0x8100, b"\xe0\x07\x08\x00" + V4), 7),
    ("priority only", ethernet(0x8100, b"\xe0\x00\x08\x00" + V4), 0),
    ("802.1ad", ethernet(0x88A8, b"\0\x0a\x81\0\0\x14\x86\xdd" + V6), 20),
    ("old QinQ", ethernet(0x9100, b"\0\x0a\x92\0\0\x14\x81\0\0\x1e\x08\0" + V4), 30),
    ("SNAP", ethernet(len(V4) + 8, b"\xaa\xaa\x03\0\0\0\x08\0" + V4), 0),
    ("bridged SNAP", ethernet(100, b"\xaa\xaa\x03\0\0\xf8\x86\xdd" + V6), 0),
    ("SNAP behind a tag", ethernet(0x8100, b"\0\x07\0\x64\xaa\xaa\x03\0\0\0\x08\0" + V4), 7),
    ("IP over LLC", ethernet(100, b"\x06\x06\x03" + V4), 0),
    ("MPLS", ethernet(0x8847, b"\0\x01\x00\x40\0\x02\x01\x40" + V4), 0),
    ("MPLS, IPv6", ethernet(0x8848, b"\0\x01\x01\x40" + V6), 0),
    ("PPPoE", ethernet(0x8864, b"\x11\0\0\x01\0\x2a\0\x21" + V4), 0),
    ("Cisco metadata", ethernet(0x8909, b"\x01\x01\0\x01\0\x05\x08\0" + V4), 0),
    ("802.1BR", ethernet(0x893F, bytes(6) + b"\x08\0" + V4), 0),
    ("VN-tag", ethernet(0x8926, bytes(4) + b"\x81\0\0\x07\x08\0" + V4), 7),
    ("NSH", ethernet(0x894F, b"\x0f\xc2\x01\x01\0\0\x01\xff" + V4), 0),
])
def test_ethernet(read, name, octets, vlan):
    row = read(octets)
    assert (shape(row), row["vlan"], row["tunnel"]) == (GOOD, vlan, ""), name
    assert (row["src_mac"], row["dst_mac"]) == ("02:00:00:00:00:01", "02:00:00:00:00:02")


@pytest.mark.parametrize(("name", "octets"), [
    ("backbone bridge", ethernet(0x88E7, bytes(4) + INNER + b"\x81\0\0\x07\x08\0" + V4)),
    ("FabricPath", ethernet(0x8903, bytes(2) + INNER + b"\x81\0\0\x07\x08\0" + V4)),
    ("pseudowire", ethernet(0x8847, b"\0\x01\x01\x40" + b"\x20" + INNER[1:] + b"\x81\0\0\x07\x08\0" + V4)),
    ("control word", ethernet(0x8847, b"\0\x01\x01\x40" + bytes(4) + INNER + b"\x81\0\0\x07\x08\0" + V4)),
])
def test_the_innermost_ethernet_header_counts(read, name, octets):
    row = read(octets)
    assert (shape(row), row["vlan"], row["tunnel"]) == (GOOD, 7, ""), name
    assert row["src_mac"] == "02:00:00:00:00:03"


@pytest.mark.parametrize(("octets", "verdict"), [
    (ethernet(0x88CC, V4), "not-ip"),                          # LLDP
    (ethernet(0x8863, V4), "not-ip"),                          # PPPoE discovery
    (ethernet(0x8864, b"\x11\xa7" + bytes(40)), "not-ip"),
    (ethernet(0x8864, b"\x21\0" + bytes(40)), "malformed"),
    (ethernet(0x8864, b"\x11\0\0\x01\0\x2a\xc0\x21" + V4), "not-ip"),    # LCP
    (ethernet(100, b"\x42\x42\x03" + V4), "not-ip"),           # spanning tree
    (ethernet(100, b"\xaa\xaa\x03\0\0\x0c\x20\0" + V4), "not-ip"),       # CDP
    (ethernet(100, b"\xaa\xaa\x03\0\0\x0c\x08\0" + V4), "not-ip"),     # somebody else's numbers
    (ethernet(100, b"\xaa\xaa\x03\0\0\0\0\x64" + V4), "not-ip"),         # a length where a type belongs
    (ethernet(0x8847, b"\0\x01\x01\x40\x10" + V4), "not-ip"),            # associated channel
    (ethernet(0x894F, b"\x0f\xc1\x01\x01\0\0\x01\xff" + V4), "not-ip"),  # shorter than its own header
    (ethernet(0x894F, b"\x0f\xc2\x01\x09\0\0\x01\xff" + V4), "not-ip"),
    (MACS, "malformed"),
])
def test_what_is_not_followed(read, octets, verdict):
    row = read(octets)
    assert (row["verdict"], row["kind"]) == (verdict, "other")


def test_the_snap_length_may_end_a_frame_in_the_link_header(read):
    assert read(MACS, wire_bytes=60)["verdict"] == "cut"
    assert read(b"", wire_bytes=60)["verdict"] == "cut"
    assert read(b"")["verdict"] == "malformed"


SENDER = bytes.fromhex("020000000001") + b"\0\0"


@pytest.mark.parametrize(("packet_type", "direction"), [(0, 1), (1, 1), (2, 1), (3, 2), (4, 3), (5, 0)])
def test_cooked(read, packet_type, direction):
    first = struct.pack("!HHH", packet_type, 1, 6) + SENDER + b"\x08\0" + V4
    second = struct.pack("!HHIHBB", 0x0800, 0, 42, 1, packet_type, 6) + SENDER + V4
    for octets, link, ifindex in ((first, 113, 0), (second, 276, 42)):
        row = read(octets, link)
        assert (shape(row), row["direction"], row["ifindex"]) == (GOOD, direction, ifindex)
        assert (row["src_mac"], row["dst_mac"]) == ("02:00:00:00:00:01", "")


@pytest.mark.parametrize(("hardware", "length", "protocol", "verdict", "mac"), [
    (824, 0, 0x0800, "not-ip", ""),              # netlink
    (1, 6, 0x0001, "not-ip", "02:00:00:00:00:01"),
    (772, 6, 0x0800, "ok", "02:00:00:00:00:01"),
    (512, 0, 0x0800, "ok", ""),                  # PPP has no address
])
def test_cooked_hardware(read, hardware, length, protocol, verdict, mac):
    row = read(struct.pack("!HHH", 0, hardware, length) + SENDER + protocol.to_bytes(2, "big") + V4, 113)
    assert (row["verdict"], row["src_mac"]) == (verdict, mac)


def test_cooked_llc(read):
    assert shape(read(struct.pack("!HHH", 0, 1, 6) + SENDER + b"\0\x04\x06\x06\x03" + V4, 113)) == GOOD


def test_a_cooked_broadcast_reply_is_gratuitous(read):
    arp = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + SENDER[:6] + b"\x0a\0\x02\x09" + bytes(6) + b"\x0a\0\x02\x01"
    rows = [read(struct.pack("!HHH", kind, 1, 6) + SENDER + b"\x08\x06" + arp, 113) for kind in (0, 1)]
    assert [row["code"] for row in rows] == [0, 1]


@pytest.mark.parametrize("link", [0, 108])
@pytest.mark.parametrize(("family", "packet"), [(2, V4), (10, V6), (24, V6), (28, V6), (30, V6)])
@pytest.mark.parametrize("order", ["<I", ">I"])
def test_loopback_in_either_byte_order(read, link, family, packet, order):
    assert shape(read(struct.pack(order, family) + packet, link)) == GOOD


def test_loopback_of_another_family(read):
    assert read(struct.pack("<I", 7) + V4, 0)["verdict"] == "not-ip"


@pytest.mark.parametrize(("link", "octets"), [
    (12, V4), (14, V6), (101, V4), (101, V6), (228, V4), (229, V6),
    (9, b"\xff\x03\0\x21" + V4), (9, b"\0\x57" + V6), (9, b"\x21" + V4), (9, b"\xff\x03\x02\x81\0\x01\x01\x40" + V4),
    (50, b"\xff\x03\0\x21" + V4), (50, b"\x0f\0\x08\0" + V4), (104, b"\x8f\0\x86\xdd" + V6), (104, b"\x0f\0\x08\0" + V4),
    (51, b"\x11\0\0\x01\0\x2a\0\x21" + V4), (166, b"\x01\x03\0\x21" + V4),
])
def test_links_without_addresses(read, link, octets):
    row = read(octets, link)
    assert (shape(row), row["src_mac"]) == (GOOD, "")


@pytest.mark.parametrize("order", ["<", ">"])
def test_nflog(read, order):
    def attribute(kind, value):
        return struct.pack(f"{order}HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)

    octets = (b"\x02\0\0\x05" + attribute(1, b"\x08\0\x03\0") + attribute(8, b"\0\x06\0\0" + SENDER)
              + attribute(10, b"DROP\0") + attribute(9, V4))
    row = read(octets, 239)
    assert (shape(row), row["src_mac"], row["ip_bytes"]) == (GOOD, "02:00:00:00:00:01", 40)


def test_nflog_with_an_attribute_of_no_length(read):
    assert read(b"\x02\0\0\x05" + bytes(20), 239)["verdict"] == "not-ip"


@pytest.mark.parametrize("octets", [b"\x10\0\x08\0" + V4, b"\x0f\0\0\x64" + V4, b"\x8f\0\x20\0" + V4])
def test_cisco_hdlc_of_another_kind(read, octets):
    assert read(octets, 104)["verdict"] == "not-ip"


def test_an_unknown_link_type_is_said(read):
    assert read(V4, 105)["verdict"] == "link-unknown"
