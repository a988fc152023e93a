"""IPv6: extension headers, fragments, jumbograms, offload."""

import struct

import pytest

from .octets import ethernet, ipv6, tcp, udp

TYPE = 0x86DD


def test_extension_headers_are_passed_over(read):
    chain = b"\x2b\0" + bytes(6) + b"\x3c\0" + bytes(6) + b"\x06\x01" + bytes(14) + tcp(b"xyz")
    row = read(ethernet(TYPE, ipv6(0, chain)))
    assert (row["verdict"], row["kind"], row["ip_proto"], row["payload_bytes"]) == ("ok", "tcp", 6, 3)
    assert (row["src"], row["dst"], row["ttl"], row["ip_id"]) == ("2001:db8::9", "2001:db8::1", 64, 0)


@pytest.mark.parametrize(("offset", "verdict", "kind"), [
    (0x0000, "ok", "udp"),              # an atomic fragment (RFC 6946 §2.1)
    (0x0001, "ok", "udp"),              # the first of several
    (0x0009, "later-fragment", "other"),
])
def test_rfc8200_4_5_fragments_keep_what_identifies_them(read, offset, verdict, kind):
    row = read(ipv6(44, struct.pack("!BBHI", 17, 0, offset, 0x12345678) + udp(bytes(12))), 101)
    assert (row["verdict"], row["kind"], row["ip_proto"], row["ip_id"]) == (verdict, kind, 17, 0x5678)
    assert row["payload_bytes"] == (12 if kind == "udp" else 20)


def test_rfc2675_2_a_jumbogram_says_its_length_in_an_option(read):
    options = b"\x06\0\xc2\x04" + struct.pack("!I", 100_000)
    octets = ipv6(0, options + tcp(), size=0)
    row = read(octets, 101, wire_bytes=100_040)
    assert (row["verdict"], row["ip_bytes"], row["payload_bytes"]) == ("ok", 100_040, 100_000 - 8 - 20)


def test_a_jumbo_option_that_is_no_jumbo_is_not_believed(read):
    octets = ipv6(0, b"\x06\0\xc2\x04" + struct.pack("!I", 65535) + tcp(b"abc"), size=0)
    assert read(octets, 101)["payload_bytes"] == 3


@pytest.mark.parametrize("options", [
    b"\x06\0\xc2\x05" + struct.pack("!I", 100_000),             # a length that is not its own
    b"\x06\0\x01\x02\0\0\xc2\x04",                            # cut by the end of the options
    b"\x06\0\x05\x04" + struct.pack("!I", 100_000),             # router alert, and no jumbogram
])
def test_other_options_are_no_jumbogram(read, options):
    assert read(ipv6(0, options + tcp(b"abc"), size=0), 101)["payload_bytes"] == 3


def test_a_jumbo_option_may_stand_behind_padding(read):
    options = b"\x06\x01\0\x01\x02\0\0\xc2\x04" + struct.pack("!I", 100_000) + b"\x01\x01\0"
    assert read(ipv6(0, options + tcp(), size=0), 101, wire_bytes=100_040)["payload_bytes"] == 100_000 - 16 - 20


def test_payload_length_0_is_what_the_capture_says(read):
    row = read(ipv6(6, tcp(bytes(3000)), size=0), 101)
    assert (row["verdict"], row["ip_bytes"], row["payload_bytes"]) == ("ok", 3060, 3000)


def test_rfc8200_4_7_no_next_header_is_an_empty_packet(read):
    row = read(ethernet(TYPE, ipv6(59, b"", size=0) + bytes(6)))
    assert (row["verdict"], row["ip_bytes"], row["payload_bytes"]) == ("ok", 40, 0)


def test_a_chain_of_extensions_without_end_meets_the_limit(read):
    assert read(ipv6(60, b"\x3c\0" + bytes(6) + (b"\x3c\0" + bytes(6)) * 40), 101)["verdict"] == "too-deep"


def test_version_4_behind_the_ethertype_of_6_is_malformed(read):
    assert read(ethernet(TYPE, b"\x45" + bytes(60)))["verdict"] == "malformed"
