"""The headers of a frame as fields; tshark reads the same frames and must read the same."""

from __future__ import annotations

import shutil
import struct
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
    "Linux cooked packet type": "sll.pkttype", "VLAN tag": "vlan.id", "MPLS label": "mpls.label", "GRE key": "gre.key",
    "GRE protocol": "gre.proto", "VXLAN VNI": "vxlan.vni", "Geneve VNI": "geneve.vni", "GTP TEID": "gtp.teid",
    "GTP type": "gtp.message", "GRE call": "gre.key.call_id", "PPPoE session": "pppoe.session_id",
}
CASES = ["client-on-servers-link/client.pcap", "client-on-servers-link-ipv6/client.pcap", "udp/server.pcap",
         "icmp-redirect/server.pcap", "ipv6-redirect/server.pcap", "captured-on-any/server-any.pcap"]
PUBLIC = Path(__file__).parents[3] / "shared" / "captures" / "public"
WITH_TUNNELS = ["PcapFlowLab__geneve__31_geneve_linux_cooked_contexts.pcap", "suricata-verify__vxlan-decoder-03__vxlan.pcap",
                "PcapFlowLab__vxlan__10_vxlan_same_inner_tuple_different_vni.pcap", "zeek__Traces__pppoe-over-qinq.pcap",
                "suricata-verify__geneve-decoder__input.pcap", "zeek__Traces__mixed-vlan-mpls.pcap",
                "PcapFlowLab__ip_encapsulation__13_same_inner_tuple_different_outer_ipv4_tunnels.pcap",
                "suricata-verify__decode-erspan-typeII-01__input.pcap"]


def ipv4(protocol, rest, ends=(9, 1)):
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(rest), 7, 0, 64, protocol, 0, bytes((10, 0, 2, ends[0])),
                       bytes((10, 0, 2, ends[1]))) + rest


def udp(port, rest):
    return struct.pack(">HHHH", 50_000, port, 8 + len(rest), 0) + rest


INSIDE = ipv4(6, struct.pack(">HHIIBBHHH", 40_000, 80, 1000, 0, 0x70, 2, 64240, 0, 0) + bytes.fromhex("020405b4 01 030307"), (50, 60))
FRAMED = bytes.fromhex("020000000004020000000003 8100 0007 0800") + INSIDE
TUNNELS = {
    "vxlan": ipv4(17, udp(4789, b"\x08\0\0\0\0\x12\x34\0" + FRAMED)),
    "geneve with options": ipv4(17, udp(6081, bytes.fromhex("0200 6558 000099 00 01020001 deadbeef") + FRAMED)),
    "gre with a key and a number": ipv4(47, bytes.fromhex("3000 0800 00000007 00000001") + INSIDE),
    "gre with a checksum": ipv4(47, bytes.fromhex("8000 0800 0000 0000") + INSIDE),
    "nvgre": ipv4(47, bytes.fromhex("2000 6558 001234ff") + FRAMED),
    "erspan": ipv4(47, bytes.fromhex("1000 88be 00000001 1000 0000 0000 0000") + FRAMED),
    "pptp": ipv4(47, bytes.fromhex("3081 880b 0020 0001 00000001 00000002 ff03 0021") + INSIDE),
    "gtp": ipv4(17, udp(2152, struct.pack(">BBHI", 0x30, 255, len(INSIDE), 0xABCD) + INSIDE)),
    "gtp with an extension": ipv4(17, udp(2152, struct.pack(">BBHI", 0x34, 255, len(INSIDE) + 8, 5) + bytes.fromhex("00000085 01000000") + INSIDE)),
    "ip in ip in ip": ipv4(4, ipv4(4, INSIDE, (3, 4))),
}


def captured(path):
    """Every frame of a capture: octets and link type."""
    with path.open("rb") as file:
        reader = dpkt.pcap.UniversalReader(file)
        return [(octets, reader.datalink()) for _, octets in reader]


@pytest.mark.tshark
@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
@pytest.mark.parametrize("case", [*CASES, "tunnels", *WITH_TUNNELS])
def test_tshark_reads_the_same_from_every_frame(case, tmp_path):
    path = PUBLIC / case if case in WITH_TUNNELS else SAMPLES / case
    if case in WITH_TUNNELS and not path.exists():
        pytest.skip(f"{path} is not here")
    if case == "tunnels":
        path = tmp_path / "tunnels.pcap"
        with path.open("wb") as file:
            writer = dpkt.pcap.Writer(file, linktype=101)
            for octets in TUNNELS.values():
                writer.writepkt(octets, 1)
    asked = [part for name in NAMES.values() for part in ("-e", name)]
    done = subprocess.run([TSHARK, "-n", "-r", path, "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,", *asked],
                          capture_output=True, text=True, check=True)
    rows = [line.split("\t") for line in done.stdout.split("\n")][:-1]
    frames = captured(path)
    assert len(rows) == len(frames) > 0
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
    assert compared > 20


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


def test_what_only_looks_like_a_tunnel_by_its_port_is_payload():
    frame = read(ipv4(17, udp(4789, bytes(40))), 101)     # without the I flag (RFC 7348 §5)
    assert ([header.name for header in frame.headers], frame.end) == (["IPv4", "UDP"], 28)


def test_a_link_type_that_is_not_known_has_no_headers_and_shows_nothing():
    frame = read(b"secret", 147)
    assert (frame.headers, frame.end) == ([], 0)
