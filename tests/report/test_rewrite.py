"""Frames under pseudonyms: headers of the same form with other addresses, checksums that tshark finds good, no payload."""

from __future__ import annotations

import shutil
import struct
import subprocess

import dpkt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analyzer.report import headers
from analyzer.report.anonymize import Pseudonyms
from analyzer.report.rewrite import checksum, rewritten, understood

P = Pseudonyms(bytes(range(32)))
A, B, C, D = (bytes((10, 0, 2, last)) for last in (9, 1, 50, 60))
MACS = bytes.fromhex("020000000004 020000000003")


def ipv4(protocol, rest, source=A, destination=B):
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(rest), 7, 0, 64, protocol, 0xBAD, source, destination) + rest


def ipv6(protocol, rest):
    return struct.pack(">IHBB", 6 << 28, len(rest), protocol, 64) + bytes.fromhex("20010db8000000000000000000000009 20010db8000000000000000000000001") + rest


def udp(port, rest, total=1):
    return struct.pack(">HHHH", 50_000, port, 8 + len(rest), total) + rest


TCP = struct.pack(">HHIIBBHHH", 40_000, 80, 1000, 2000, 0x90, 0x18, 64240, 0xBAD, 0) + bytes.fromhex("020405b4 0101 1e060a000232 01 000000")
SAID = TCP + b"GET /secret"
FRAMED = MACS + b"\x81\x00\x00\x07\x08\x00" + ipv4(6, SAID, C, D)
PACKETS = {
    "a segment with data": ipv4(6, SAID),
    "over IPv6": ipv6(6, SAID),
    "behind extension headers": ipv6(0, bytes.fromhex("3c00 0102 00000000") + bytes.fromhex("0600 0104 00000000") + TCP),
    "a datagram": ipv4(17, udp(53, b"secret query")),
    "a datagram of odd length without a checksum": ipv4(17, udp(53, b"odd", total=0)),
    "vxlan": ipv4(17, udp(4789, b"\x08\0\0\0\0\x12\x34\0" + FRAMED)),
    "geneve": ipv4(17, udp(6081, bytes.fromhex("0200 6558 000099 00 01020001 0a000209") + FRAMED)),
    "gre": ipv4(47, bytes.fromhex("a000 0800 0bad 0000 00000007") + ipv4(6, SAID, C, D)),
    "erspan": ipv4(47, bytes.fromhex("1000 88be 00000001 1000 0000 0000 0000") + FRAMED),
    "gtp": ipv4(17, udp(2152, struct.pack(">BBHI", 0x30, 255, 71, 5) + ipv4(6, SAID, C, D))),
    "an error that quotes": ipv4(1, bytes.fromhex("0304 0bad 000005dc") + ipv4(6, SAID[:28], C, D)),
    "a redirect": ipv4(1, bytes.fromhex("0501 0bad 0a00020b") + ipv4(6, SAID[:8], C, D)),
    "an advertisement": ipv6(58, bytes.fromhex("8800 0bad 60000000 20010db8000000000000000000000009 0201 020000000004")),
}
ADDRESSES = (A, B, C, D, MACS[:6], MACS[6:], bytes.fromhex("20010db8000000000000000000000009"), bytes((10, 0, 2, 11)))


def form(octets):
    """Which headers and fields there are, and what the fields say that are no addresses and no checksums."""
    return [(header.name, header.at, header.quoted, [(part.at, part.name, part.text) for part in header.parts
                                                     if part.kind not in {"mac", "ipv4", "ipv6", "sum"}])
            for header in headers.read(octets, 101).headers]


@pytest.mark.parametrize("octets", PACKETS.values(), ids=PACKETS)
def test_the_form_stays_and_nobody_s_address_or_payload_does(octets):
    made = rewritten(octets, 101, P)
    assert form(made) == form(octets)
    assert len(form(made)) > 1
    assert understood(octets, 101)
    assert not [each.hex() for each in ADDRESSES if each in made]
    assert b"secret" not in made and b"GET" not in made
    assert made == rewritten(made, 101, Same())     # what is written is read, checksums and all


class Same:
    """Everybody keeps his own."""

    def address(self, address):
        return address

    def mac(self, text):
        return text


@pytest.mark.tshark
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_finds_every_checksum_good_once_the_payload_is_there_again_as_zeros(tmp_path):
    path = tmp_path / "rewritten.pcap"
    with path.open("wb") as file:
        writer = dpkt.pcap.Writer(file, linktype=101)
        for octets in PACKETS.values():
            writer.writepkt(rewritten(octets, 101, P).ljust(len(octets), b"\0"), 1)
    checks = [part for protocol in ("ip", "tcp", "udp") for part in ("-o", f"{protocol}.check_checksum:TRUE")]
    kinds = ("ip", "tcp", "udp", "icmp", "icmpv6", "gre")
    asked = [part for kind in kinds for part in ("-e", f"{kind}.checksum.status")]
    done = subprocess.run(["tshark", "-n", "-r", path, *checks, "-T", "fields", "-E", "occurrence=f", *asked],
                          capture_output=True, text=True, check=True)
    rows = [dict(zip(kinds, line.split("\t"), strict=True)) for line in done.stdout.splitlines()]
    assert len(rows) == len(PACKETS)
    for name, row in zip(PACKETS, rows, strict=True):
        quoting = name in {"an error that quotes", "a redirect"}
        found = {status for kind, status in row.items() if status and not (quoting and kind == "tcp")}
        assert found - {"3"} == {"1"}, (name, row)       # 1 good, 3 none was sent


@pytest.mark.parametrize(("octets", "link_type"), [(b"\0" * 40, 147), (MACS + b"\x88\xcc" + bytes(30), 1), (b"", 1)])
def test_what_is_not_understood_is_told(octets, link_type):
    assert not understood(octets, link_type)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.sampled_from([*PACKETS.values()]), st.integers(0, 120), st.binary(max_size=6))
@example(PACKETS["a segment with data"], 33, b"")
def test_no_frame_is_too_odd(octets, at, noise):
    odd = octets[:at] + noise + octets[at + len(noise):] if noise else octets[:at]
    made = rewritten(odd, 101, P)
    assert len(made) == headers.read(odd, 101).end


@given(st.binary(max_size=65))
def test_a_checksum_is_dpkt_s(octets):
    assert checksum(octets) == struct.unpack("<H", struct.pack(">H", dpkt.in_cksum(octets)))[0] or checksum(octets) == dpkt.in_cksum(octets)
