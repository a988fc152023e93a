"""A built frame dissects, in tshark, with exactly the values of the line it was built from, and valid checksums."""

import random
import subprocess
from ipaddress import IPv6Address
from shutil import which

import pytest
from hypothesis import given, settings

from analyzer.tables import OK, AddressBook
from analyzer.wire.build import batch
from analyzer.wire.compose import checksum, default_macs, frame, mac_of, solicited_node
from analyzer.wire.decode import Decoder
from analyzer.wire.packet import IcmpError, IsAt, OtherIp, Tcp, WhoHas
from analyzer.wire.text import from_row, parse

from .strategies import packets

FIELDS = ("eth.src", "eth.dst", "vlan.id", "ip.src", "ip.dst", "ip.ttl", "ip.id", "ipv6.src", "ipv6.dst", "ipv6.hlim",
          "tcp.srcport", "tcp.dstport", "tcp.flags.str", "tcp.seq_raw", "tcp.ack_raw", "tcp.window_size_value", "tcp.len",
          "tcp.options.timestamp.tsval", "tcp.options.timestamp.tsecr", "tcp.options.mss_val",
          "udp.srcport", "udp.dstport", "udp.length",
          "ip.checksum.status", "tcp.checksum.status", "udp.checksum.status", "icmp.checksum.status", "icmpv6.checksum.status",
          "_ws.malformed", "_ws.expert.severity")

LINES = [
    "0 10.0.2.9:40000 > 203.0.113.10:80 [S] seq 4294967295 ts 4294967295/0 win 64240 mss 1460 ttl 63 id 7 vlan 7 mac 02:00:00:00:00:01>02:00:00:00:00:02",
    "0 [2001:db8::9]:40000 > [2001:db8::1]:80 [P.] seq 1 ack 4294967295 len 1400 ts 1/2 win 65535 ttl 255",
    "0 10.0.2.9:1 > 10.0.2.1:65535 [FR.UEW] seq 0 ack 0 len 1",
    "0 10.0.2.9:5353 > 10.0.2.1:53 udp len 31 [data 1234abcd]",
    "0 [2001:db8::9]:5353 > [2001:db8::1]:53 udp len 0",
    "0 10.0.2.9 > 10.0.2.1 icmp echo request id 65535 seq 1 len 56",
    "0 2001:db8::9 > 2001:db8::1 icmp echo reply id 5 seq 65535 len 3",
    "0 10.0.2.9 > 10.0.2.11 icmp unreachable port (10.0.2.11:53 > 10.0.2.9:4000 udp)",
    "0 10.0.2.9 > 10.0.2.11 icmp unreachable frag-needed mtu 1200 (10.0.2.11:53 > 10.0.2.9:4000 tcp seq 9)",
    "0 2001:db8::1 > 2001:db8::9 icmp packet too big mtu 1280 ([2001:db8::9]:53 > [2001:db8::1]:4000 udp)",
    "0 10.0.2.1 > 10.0.2.11 icmp redirect 10.0.2.9 to 10.0.2.8 (10.0.2.11:8080 > 10.0.2.9:40000 tcp)",
    "0 fe80::1 > 2001:db8::11 icmp redirect 2001:db8::9 to 2001:db8::8 ([2001:db8::11]:8080 > [2001:db8::9]:40000 tcp)",
    "0 arp who-has 10.0.2.9 tell 10.0.2.11",
    "0 arp reply 10.0.2.9 is-at 02:00:00:00:00:01 to 10.0.2.11",
    "0 nd who-has 2001:db8::9 tell 2001:db8::11",
    "0 nd who-has 2001:db8::9 tell ::",
    "0 nd reply 2001:db8::9 is-at 02:00:00:00:00:01 to 2001:db8::11",
    "0 nd reply 2001:db8::9 is-at 02:00:00:00:00:01",
]


def tshark(path, *arguments):
    done = subprocess.run(["tshark", "-r", str(path), "-n", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.tshark
@pytest.mark.skipif(which("tshark") is None, reason="tshark is not installed")
def test_tshark_reads_what_the_line_says(tmp_path, pcap_of):
    lines = [parse(line) for line in LINES]
    path = tmp_path / "built.pcap"
    pcap_of(path, [frame(packet) for packet in lines])
    arguments = ["-T", "fields", "-E", "occurrence=f"]
    for check in ("ip", "tcp", "udp"):
        arguments += ["-o", f"{check}.check_checksum:TRUE"]
    for name in FIELDS:
        arguments += ["-e", name]
    rows = [dict(zip(FIELDS, row.split("\t"), strict=True)) for row in tshark(path, *arguments)]
    assert len(rows) == len(lines)
    for packet, row in zip(lines, rows, strict=True):
        text = str(packet)
        assert row["_ws.malformed"] == "", text
        for name in FIELDS:
            if name.endswith("checksum.status"):
                quoted = "(" in text        # a quoted datagram carries no checksum: 3
                assert row[name] in ({"", "1", "3"} if quoted else {"", "1"}), (name, text)
        macs = packet.macs or default_macs(packet.body)
        assert (row["eth.src"], row["eth.dst"]) == macs, text
        assert row["vlan.id"] == (str(packet.vlan) if packet.vlan else ""), text
        if isinstance(packet.body, WhoHas | IsAt):
            continue
        version = "ip" if packet.body.src.version == 4 else "ipv6"
        assert (row[f"{version}.src"], row[f"{version}.dst"]) == (str(packet.body.src), str(packet.body.dst)), text
        if packet.ttl is not None:
            assert row["ip.ttl" if version == "ip" else "ipv6.hlim"] == str(packet.ttl), text
        if version == "ip":
            assert int(row["ip.id"], 16) == (packet.ip_id or 0), text
        if isinstance(packet.body, Tcp):
            body = packet.body
            assert [row[f"tcp.{name}"] for name in ("srcport", "dstport", "seq_raw", "ack_raw", "len")] == [
                str(value) for value in (body.src_port, body.dst_port, body.seq, body.ack or 0, body.payload_bytes)], text
            assert row["tcp.window_size_value"] == str(64240 if body.window is None else body.window), text
            stamps = (row["tcp.options.timestamp.tsval"], row["tcp.options.timestamp.tsecr"])
            assert stamps == (tuple(map(str, body.timestamps)) if body.timestamps else ("", "")), text
            assert row["tcp.options.mss_val"] == ("" if body.mss is None else str(body.mss)), text


@pytest.mark.tshark
@pytest.mark.skipif(which("tshark") is None, reason="tshark is not installed")
def test_tshark_prints_the_messages_that_the_line_names(tmp_path, pcap_of):
    path = tmp_path / "built.pcap"
    pcap_of(path, [frame(parse(line)) for line in LINES])
    said = [line.split(maxsplit=2)[2] for line in tshark(path)]
    for index, words in {
        5: "Echo (ping) request", 6: "Echo (ping) reply", 7: "Destination unreachable (Port unreachable)",
        8: "Destination unreachable (Fragmentation needed)", 9: "Packet Too Big", 10: "Redirect", 11: "Redirect",
        12: "Who has 10.0.2.9? Tell 10.0.2.11", 13: "10.0.2.9 is at 02:00:00:00:00:01",
        14: "Neighbor Solicitation for 2001:db8::9 from 02:06:62:25:a0:3c", 15: "Neighbor Solicitation for 2001:db8::9",
        16: "Neighbor Advertisement 2001:db8::9 (sol, ovr) is at 02:00:00:00:00:01",
        17: "Neighbor Advertisement 2001:db8::9 (ovr) is at 02:00:00:00:00:01",
    }.items():
        assert words in said[index]


@given(packets)
@settings(max_examples=300)
def test_a_built_packet_decodes_to_itself(packet):
    """What the packet says comes back; what it leaves open comes back as the default."""
    book = AddressBook()
    table = Decoder(book).decode(batch([(packet.time_ns % 2**62, frame(packet))]))
    assert table.columns["verdict"].tolist() == [OK]
    back = from_row(table.columns, 0, book)
    assert back is not None
    body, found = packet.body, back.body
    if isinstance(body, Tcp):
        window = 64240 if body.window is None else body.window
        ack = body.ack if body.ack or body.flags & 16 else None
        if ack is None and body.flags & 16:
            ack = 0
        assert found == Tcp(body.src, body.src_port, body.dst, body.dst_port, body.flags, body.seq, ack, body.payload_bytes,
                            body.timestamps, window, body.mss)
    elif isinstance(body, WhoHas):
        source = (packet.macs or default_macs(body))[0]
        assert found == WhoHas(body.target, body.asker, body.mac if body.mac != source else None)
    elif isinstance(body, IsAt):
        assert (found.address, found.mac) == (body.address, body.mac)
    elif hasattr(body, "data"):
        assert (found.src, found.src_port, found.payload_bytes) == (body.src, body.src_port, body.payload_bytes)
        assert found.data.rstrip(b"\0") == body.data.rstrip(b"\0")
    elif isinstance(body, IcmpError):
        assert (found.src, found.dst, found.type, found.code, found.quote) == (body.src, body.dst, body.type, body.code, body.quote)
        assert found.mtu == (body.mtu if (body.src.version, body.type, body.code) == (4, 3, 4) or body.type == 2 else 0)
    else:
        assert found == body
    if not isinstance(body, WhoHas | IsAt):
        assert back.vlan == packet.vlan
        assert packet.macs in {None, back.macs}
        assert packet.ttl in {None, back.ttl}


def test_every_address_has_a_mac_of_its_own():
    dice = random.Random(1)
    hosts = {IPv6Address(dice.randrange(2**125, 2**126)) for _ in range(2000)}
    assert len({mac_of(host) for host in hosts}) == len(hosts)
    assert mac_of(IPv6Address("ff02::1")) == "33:33:00:00:00:01"
    assert solicited_node(IPv6Address("2001:db8::12:3456")) == IPv6Address("ff02::1:ff12:3456")


def test_rfc1071_checksum_of_its_own_example():
    """RFC 1071 §3: the sum of these octets is ddf2."""
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2
    assert checksum(b"\x01") == 0xFFFF - 0x0100


def test_a_packet_too_long_for_its_length_field_is_left_to_offloading():
    packet = parse("0 10.0.2.9:1 > 10.0.2.1:2 [.] len 65535")
    octets = frame(packet)
    assert octets[16:18] == b"\0\0"
    book = AddressBook()
    columns = Decoder(book).decode(batch([(0, octets)])).columns
    assert columns["payload_bytes"].tolist() == [65535]
    assert isinstance(from_row(columns, 0, book).body, Tcp)


def test_other_protocols_carry_zeros():
    assert frame(parse("0 10.0.2.9 > 10.0.2.1 proto 89 len 4"))[-4:] == bytes(4)
    assert isinstance(parse("0 10.0.2.9 > 10.0.2.1 proto 89 len 4").body, OtherIp)
