"""The headers of a frame as fields; tshark reads the same frames and must read the same."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import dpkt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.report.headers import read

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"
TSHARK = shutil.which("tshark")
NAMES = {
    "Ethernet destination": "eth.dst", "Ethernet source": "eth.src", "IPv4 source": "ip.src", "IPv4 TTL": "ip.ttl",
    "IPv4 destination": "ip.dst", "IPv4 length": "ip.len", "IPv4 identification": "ip.id", "IPv4 checksum": "ip.checksum",
    "IPv6 source": "ipv6.src", "IPv6 destination": "ipv6.dst", "IPv6 hop limit": "ipv6.hlim",
    "TCP source port": "tcp.srcport", "TCP destination port": "tcp.dstport", "TCP sequence": "tcp.seq_raw",
    "TCP acknowledgment": "tcp.ack_raw", "TCP window": "tcp.window_size_value", "TCP header length": "tcp.hdr_len",
    "TCP MSS": "tcp.options.mss_val", "TCP window scale": "tcp.options.wscale.shift",
    "TCP timestamp": "tcp.options.timestamp.tsval", "TCP echoed timestamp": "tcp.options.timestamp.tsecr",
    "UDP source port": "udp.srcport", "UDP destination port": "udp.dstport", "UDP length": "udp.length",
    "ARP operation": "arp.opcode", "ARP sender MAC": "arp.src.hw_mac", "ARP sender": "arp.src.proto_ipv4",
    "ARP target MAC": "arp.dst.hw_mac", "ARP target": "arp.dst.proto_ipv4",
    "ICMP type": "icmp.type", "ICMP code": "icmp.code", "ICMP gateway": "icmp.redir_gw",
    "ICMPv6 type": "icmpv6.type", "ICMPv6 code": "icmpv6.code", "ICMPv6 link-layer address": "icmpv6.opt.linkaddr",
    "Linux cooked packet type": "sll.pkttype",
}
CASES = ["client-on-servers-link/client.pcap", "client-on-servers-link-ipv6/client.pcap", "udp/server.pcap",
         "icmp-redirect/server.pcap", "ipv6-redirect/server.pcap", "captured-on-any/server-any.pcap"]


def captured(path):
    """Every frame of a capture: octets and link type."""
    with path.open("rb") as file:
        reader = dpkt.pcap.UniversalReader(file)
        return [(octets, reader.datalink()) for _, octets in reader]


@pytest.mark.tshark
@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
@pytest.mark.parametrize("case", CASES)
def test_tshark_reads_the_same_from_every_frame(case):
    path = SAMPLES / case
    asked = [part for name in NAMES.values() for part in ("-e", name)]
    done = subprocess.run([TSHARK, "-n", "-r", path, "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,", *asked],
                          capture_output=True, text=True, check=True)
    rows = [line.split("\t") for line in done.stdout.split("\n")][:-1]
    frames = captured(path)
    assert len(rows) == len(frames) > 5
    compared = 0
    for (octets, link_type), row in zip(frames, rows, strict=True):
        theirs = {name: [word for word in text.split(",") if word] for name, text in zip(NAMES, row, strict=True)}
        ours: dict[str, list[str]] = {}
        for header in read(octets, link_type).headers:
            for part in header.parts:
                ours.setdefault(f"{header.name} {part.name}", []).append(part.text)
        for name, texts in theirs.items():
            assert [int(text, 0) if text[:1].isdigit() and ":" not in text and "." not in text else text
                    for text in ours.get(name, [])] == \
                   [int(text, 0) if text[:1].isdigit() and ":" not in text and "." not in text else text
                    for text in texts], (name, octets.hex())
            compared += len(texts)
    assert compared > 100


@pytest.mark.parametrize("case", CASES[:3])
def test_the_fields_say_where_they_were_read_and_payload_is_behind_them(case):
    path = SAMPLES / case
    for octets, link_type in captured(path):
        frame = read(octets, link_type)
        parts = [part for header in frame.headers for part in header.parts]
        assert parts
        assert all(part.at + part.size <= frame.end for part in parts)
        ether = dpkt.ethernet.Ethernet(octets) if link_type == 1 else None
        if ether is not None and isinstance(getattr(ether.data, "data", None), dpkt.tcp.TCP | dpkt.udp.UDP):
            data = bytes(ether.data.data.data)
            assert octets[frame.end:frame.end + len(data)] == data
        for part in parts:
            if part.kind == "mac":
                assert bytes.fromhex(part.text.replace(":", "")) == octets[part.at:part.at + part.size]


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.sampled_from([0, 1, 101, 108, 113, 228, 276, 147]),
       st.sampled_from([b"", b"\0" * 12 + b"\x08\0", b"\0" * 12 + b"\x86\xdd", b"\0" * 12 + b"\x81\0\0\x05\x08\0"]),
       st.sampled_from([b"", b"\x45", b"\x4f", b"\x60"]), st.binary(max_size=90))
def test_nothing_that_was_captured_is_too_odd_to_read(link_type, head, first, rest):
    octets = head + first + rest
    frame = read(octets, link_type)
    assert 0 <= frame.end <= len(octets)
    for header in frame.headers:
        for part in header.parts:
            assert part.at + part.size <= frame.end
            assert part.text.isprintable()


def test_a_link_type_that_is_not_known_has_no_headers_and_shows_nothing():
    frame = read(b"secret", 147)
    assert (frame.headers, frame.end) == ([], 0)
