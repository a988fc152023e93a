"""ICMP and neighbour discovery: what they say of other packets and other hosts."""

import struct

import pytest

from .octets import A6, B6, A, ethernet, ipv4, ipv6, tcp, udp

MAC_OPTION = b"\x01\x02\0\0\0\0\x07"


def icmp(kind, code, rest, payload=b""):
    return bytes((kind, code, 0, 0)) + rest + payload


def test_echo(read):
    row = read(ipv4(1, icmp(8, 0, b"\0\x05\0\x01", bytes(56))), 101)
    assert (row["kind"], row["src_port"], row["dst_port"], row["seq"], row["flags"], row["payload_bytes"]) == (
        "icmp-echo", 5, 5, 1, 8, 56)


@pytest.mark.parametrize(("quoted", "ports", "seq"), [
    (ipv4(6, tcp()), (40000, 80), 1000),
    (ipv4(6, tcp())[:28], (40000, 80), 1000),                  # as much as RFC 792 asks for
    (ipv4(6, tcp())[:24], (40000, 80), 0),
    (ipv4(6, tcp())[:22], (0, 0), 0),
    (ipv4(17, udp()), (5353, 53), 0),
    (ipv4(1, icmp(8, 0, b"\0\x05\0\x01")), (5, 5), 0),
    (ipv4(1, icmp(3, 1, b"\0\x05\0\x01")), (0, 0), 0),         # an error about an error has no identifier
    (ipv4(6, tcp(), fragment=5), (0, 0), 0),
])
def test_rfc792_an_error_quotes_the_packet(read, quoted, ports, seq):
    row = read(ipv4(1, icmp(3, 3, bytes(4), quoted)), 101)
    assert (row["verdict"], row["kind"], row["flags"], row["code"]) == ("ok", "icmp-error", 3, 3)
    assert (row["quote_src"], row["quote_dst"]) == ("10.0.2.9", "10.0.2.1")
    assert (row["quote_src_port"], row["quote_dst_port"]) == ports
    assert (row["seq"], row["src_port"]) == (seq, 0)


def test_a_quotation_that_the_snap_length_ended_is_cut(read):
    octets = ipv4(1, icmp(11, 0, bytes(4), ipv4(6, tcp())))
    row = read(octets[:50], 101, wire_bytes=len(octets))
    assert (row["verdict"], row["quote_dst"], row["quote_src_port"]) == ("cut", "10.0.2.1", 0)


def test_rfc1191_4_the_next_hop_mtu(read):
    row = read(ipv4(1, icmp(3, 4, struct.pack("!HH", 9, 1200), ipv4(6, tcp()))), 101)
    assert row["ack"] == 1200
    assert read(ipv4(1, icmp(3, 3, struct.pack("!HH", 9, 1200), ipv4(6, tcp()))), 101)["ack"] == 0


def test_rfc4443_3_2_packet_too_big(read):
    row = read(ipv6(58, icmp(2, 0, struct.pack("!I", 70000), ipv6(6, tcp()))), 101)
    assert (row["kind"], row["ack"], row["quote_src"], row["quote_src_port"]) == ("icmp-error", 70000, "2001:db8::9", 40000)


def test_a_quotation_with_extension_headers(read):
    quoted = ipv6(0, b"\x2c\0" + bytes(6) + b"\x11\0\0\0\0\0\0\x01" + udp())
    row = read(ipv6(58, icmp(3, 0, bytes(4), quoted)), 101)
    assert (row["quote_proto"], row["quote_src_port"], row["quote_dst_port"]) == (17, 5353, 53)


def test_redirect(read):
    row = read(ipv4(1, icmp(5, 1, bytes((10, 0, 2, 254)), ipv4(6, tcp()))), 101)
    assert (row["kind"], row["about_ip"], row["quote_dst"], row["quote_dst_port"]) == (
        "icmp-redirect", "10.0.2.254", "10.0.2.1", 80)


def test_rfc4861_4_5_redirect_v6(read):
    quoted = ipv6(6, tcp(), src=B6)
    option = b"\x04" + bytes((1 + (len(quoted) + 7) // 8,)) + bytes(6) + quoted + bytes(-len(quoted) % 8)
    octets = icmp(137, 0, bytes(4), A6 + B6 + b"\x02\x01" + MAC_OPTION[1:] + option)
    row = read(ipv6(58, octets), 101)
    assert (row["kind"], row["about_ip"], row["quote_dst"], row["quote_src"]) == (
        "icmp-redirect", "2001:db8::9", "2001:db8::1", "2001:db8::1")
    assert (row["about_mac"], row["quote_src_port"]) == ("02:00:00:00:00:07", 40000)


@pytest.mark.parametrize(("kind", "flags", "option", "name", "code"), [
    (135, 0, b"\x01\x01", "nd-solicit", 0),
    (136, 0x60, b"\x02\x01", "nd-advert", 0),
    (136, 0x20, b"\x02\x01", "nd-advert", 1),       # nobody asked (RFC 4861 §7.2.6)
])
def test_rfc4861_4_neighbours(read, kind, flags, option, name, code):
    octets = icmp(kind, 0, bytes((flags, 0, 0, 0)), A6 + option + MAC_OPTION[1:])
    row = read(ethernet(0x86DD, ipv6(58, octets)))
    assert (row["verdict"], row["kind"], row["code"]) == ("ok", name, code)
    assert (row["about_ip"], row["about_mac"]) == ("2001:db8::9", "02:00:00:00:00:07")


def test_an_option_of_length_0_ends_the_list(read):
    octets = icmp(136, 0, bytes(4), A6 + b"\x01\x00" + bytes(6) + b"\x02\x01" + MAC_OPTION[1:])
    assert read(ipv6(58, octets), 101)["about_mac"] == ""


def test_others(read):
    assert read(ipv4(1, icmp(13, 0, bytes(16))), 101)["kind"] == "icmp-other"
    row = read(ipv6(58, icmp(134, 0, bytes(12))), 101)
    assert (row["kind"], row["flags"]) == ("icmp-other", 134)
    assert len(A) == 4
