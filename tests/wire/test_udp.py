"""UDP: lengths, and the beginning of the payload."""

import pytest

from .octets import ipv4, udp


@pytest.mark.parametrize(("payload", "seq"), [
    (b"", 0), (b"\x12", 0x12000000), (b"\x12\x34\x56", 0x12345600), (b"\x12\x34\x56\x78\x9a", 0x12345678)])
def test_the_payload_begins_with(read, payload, seq):
    row = read(ipv4(17, udp(payload)) + b"\xff\xff\xff\xff", 101)     # a trailer is no payload
    assert (row["verdict"], row["kind"], row["payload_bytes"], row["seq"]) == ("ok", "udp", len(payload), seq)


@pytest.mark.parametrize(("size", "verdict", "payload"), [
    (0, "ok", 10),             # offload (or RFC 2675 §4): up to the end of the packet
    (7, "malformed", 0),
    (8, "ok", 0),
    (12, "ok", 4),
    (1000, "ok", 10),          # more than the packet holds
])
def test_rfc768_length(read, size, verdict, payload):
    row = read(ipv4(17, udp(bytes(10), size=size)), 101)
    assert (row["verdict"], row["payload_bytes"], row["src_port"], row["dst_port"]) == (verdict, payload, 5353, 53)
