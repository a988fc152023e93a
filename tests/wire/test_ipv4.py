"""IPv4: lengths that lie, offload, fragments, IP in IP."""

import pytest

from .octets import A, B, ethernet, ipv4, ipv6, tcp, udp

TYPE = 0x0800


def test_a_plain_segment(read):
    row = read(ethernet(TYPE, ipv4(6, tcp(b"hello")) + bytes(9)))     # nine octets of Ethernet padding
    assert (row["verdict"], row["kind"], row["src"], row["dst"]) == ("ok", "tcp", "10.0.2.9", "10.0.2.1")
    assert (row["ttl"], row["ip_id"], row["ip_proto"], row["ip_bytes"], row["payload_bytes"]) == (64, 7, 6, 45, 5)


@pytest.mark.parametrize("header", [
    b"\x55", b"\x44",                    # version 5; header length 16
    b"\x45\0\0\x13",                     # total length 19: shorter than the header
])
def test_rfc791_3_1_a_header_that_contradicts_itself(read, header):
    octets = ipv4(6, tcp())
    row = read(header + octets[len(header):], 101)
    assert (row["verdict"], row["src"], row["kind"]) == ("malformed", "", "other")


def test_total_length_0_is_what_the_capture_says(read):
    """Segmentation offload: the frame was captured before it was cut."""
    row = read(ethernet(TYPE, ipv4(6, tcp(bytes(3000)), total=0)))
    assert (row["verdict"], row["ip_bytes"], row["payload_bytes"]) == ("ok", 3040, 3000)


def test_total_length_0_of_a_cut_frame_is_what_was_on_the_wire(read):
    row = read(ethernet(TYPE, ipv4(6, tcp(bytes(10)), total=0)), wire_bytes=3054)
    assert (row["verdict"], row["ip_bytes"], row["payload_bytes"]) == ("ok", 3040, 3000)


def test_the_payload_counts_by_the_headers_though_the_snap_length_cut_it(read):
    octets = ethernet(TYPE, ipv4(6, tcp(bytes(1000))))
    row = read(octets[:54], wire_bytes=len(octets))
    assert (row["verdict"], row["payload_bytes"], row["window"]) == ("ok", 1000, 500)


def test_options_are_passed_over(read):
    row = read(ipv4(6, tcp(b"x"), options=b"\x94\x04\0\0"), 101)
    assert (row["verdict"], row["src_port"], row["payload_bytes"]) == ("ok", 40000, 1)


@pytest.mark.parametrize(("fragment", "verdict", "kind", "payload"), [
    (0x4000, "ok", "udp", 92),                    # do not fragment
    (0x2000, "ok", "udp", 92),                    # the first: it has the ports
    (0x2001, "later-fragment", "other", 100),
    (0x0001, "later-fragment", "other", 100),     # the last
])
def test_rfc791_3_2_fragments(read, fragment, verdict, kind, payload):
    row = read(ipv4(17, udp(bytes(92), size=1008), fragment=fragment), 101)
    assert (row["verdict"], row["kind"], row["payload_bytes"]) == (verdict, kind, payload)
    assert (row["src"], row["dst"], row["ip_proto"], row["ip_id"]) == ("10.0.2.9", "10.0.2.1", 17, 7)


def test_rfc1858_a_first_fragment_that_ends_inside_the_tcp_header_is_malformed(read):
    row = read(ipv4(6, tcp()[:8], fragment=0x2000), 101)
    assert (row["verdict"], row["src_port"], row["seq"], row["flags"]) == ("malformed", 40000, 1000, 0)


@pytest.mark.parametrize(("outer", "protocol", "inner", "path"), [
    (ipv4, 4, ipv4(6, tcp()), "ipip 10.0.2.9<>10.0.2.1"),
    (ipv4, 41, ipv6(6, tcp()), "6in4 10.0.2.9<>10.0.2.1"),
    (ipv6, 4, ipv4(6, tcp()), "4in6 2001:db8::9<>2001:db8::1"),
    (ipv6, 41, ipv6(6, tcp()), "6in6 2001:db8::9<>2001:db8::1"),
])
def test_ip_in_ip(read, outer, protocol, inner, path):
    row = read(outer(protocol, inner), 101)
    assert (row["verdict"], row["kind"], row["tunnel"], row["src_port"]) == ("ok", "tcp", path, 40000)


def test_what_a_broken_inner_packet_leaves_is_not_the_outer_one(read):
    row = read(ipv4(4, b"\xff" * 20), 101)
    assert (row["verdict"], row["src"], row["ip_proto"], row["tunnel"]) == ("malformed", "", 0, "ipip 10.0.2.9<>10.0.2.1")


def test_ah_is_passed_over(read):
    """RFC 4302 §2.2: its length counts words of 4 octets, minus 2."""
    row = read(ipv4(51, b"\x06\x04\0\0" + bytes(20) + tcp(b"x")), 101)
    assert (row["verdict"], row["kind"], row["ip_proto"], row["payload_bytes"]) == ("ok", "tcp", 6, 1)


def test_other_protocols_say_how_much_they_carry(read):
    row = read(ipv4(89, bytes(44)), 101)
    assert (row["verdict"], row["kind"], row["ip_proto"], row["payload_bytes"]) == ("ok", "other", 89, 44)


def test_icmpv6_does_not_run_over_ipv4(read):
    assert read(ipv4(58, b"\x80\0\0\0\0\x05\0\x01"), 101)["kind"] == "other"


def test_headers_without_end_meet_the_limit(read):
    octets = tcp()
    for _ in range(60):
        octets = ipv4(4, octets, src=A, dst=B)
    row = read(octets, 101)
    assert row["verdict"] == "too-deep"
