"""The decoded columns equal tshark's fields, frame by frame, over every shared capture.

All frames go through tshark at once, in one pcapng file that this test writes.
Where we differ on purpose, ``ON_PURPOSE`` says where and why.
"""

import re
import struct
import subprocess
from collections import Counter
from ipaddress import ip_address
from shutil import which

import pytest

from analyzer.tables import KINDS, VERDICTS, AddressBook
from analyzer.wire.decode import Decoder

pytestmark = pytest.mark.tshark

FIELDS = """
frame.number frame.protocols eth.src eth.dst vlan.id ieee8021ad.id ieee8021ah.csrc ieee8021ah.cdst sll.src.eth sll.pkttype sll.ifindex
ip.src ip.dst ip.ttl ip.id ip.proto ip.len ipv6.src ipv6.dst ipv6.hlim ipv6.plen
tcp.srcport tcp.dstport tcp.flags tcp.seq_raw tcp.ack_raw tcp.window_size_value tcp.len
tcp.options.timestamp.tsval tcp.options.timestamp.tsecr tcp.options.mss_val
udp.srcport udp.dstport udp.length udp.payload
icmp.type icmp.code icmp.ident icmp.seq icmp.mtu icmp.redir_gw
icmpv6.type icmpv6.code icmpv6.echo.identifier icmpv6.echo.sequence_number icmpv6.mtu
icmpv6.nd.ns.target_address icmpv6.nd.na.target_address icmpv6.nd.na.flag.s icmpv6.opt.linkaddr
icmpv6.nd.rd.target_address icmpv6.rd.na.destination_address
vxlan.vni geneve.vni arp.opcode arp.src.hw_mac arp.src.proto_ipv4 arp.dst.proto_ipv4
""".split()   # noqa: SIM905 - a table

QUOTED_PORTS = {"tcp", "udp", "sctp"}


def write_pcapng(path, frames):
    """One section, one interface for each link type."""
    links = sorted({frame.link_type for frame in frames})
    blocks = [(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))]
    blocks += [(1, struct.pack("<HHI", link, 0, 0)) for link in links]
    for frame in frames:
        size = len(frame.octets)
        head = struct.pack("<IIIII", links.index(frame.link_type), 0, 0, size, max(frame.wire_bytes, size))
        blocks.append((6, head + frame.octets + bytes(-size % 4)))
    with path.open("wb") as out:
        for kind, body in blocks:
            out.write(struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12))


def dissect(path, fields=FIELDS):
    """tshark's fields, one dict of lists a frame; nothing reassembled."""
    command = ["tshark", "-r", str(path), "-n", "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE",
               "-o", "tcp.desegment_tcp_streams:FALSE", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=|"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        yield {name: value.split("|") if value else [] for name, value in zip(fields, line.split("\t"), strict=True)}


class Dissected:
    """One frame as tshark sees it, split at the ICMP header: around the packet, and quoted by it."""

    def __init__(self, fields):
        self.fields = fields
        protocols = "".join(fields["frame.protocols"]).split(":")
        ends = [at for at, name in enumerate(protocols) if name in {"icmp", "icmpv6", "tcp"}]
        self.stack = protocols[:ends[0] + 1] if ends else protocols
        self.quoted = protocols[ends[0] + 1:] if ends else []

    def kind(self):
        for name, kind in (("tcp", "tcp"), ("icmp", "icmp"), ("icmpv6", "icmpv6"), ("arp", "arp")):
            if name in self.stack:
                return kind
        last_ip = max((at for at, name in enumerate(self.stack) if name in {"ip", "ipv6"}), default=None)
        return "udp" if last_ip is not None and "udp" in self.stack[last_ip:] else ""

    def get(self, name, at=0):
        values = self.fields[name]
        return values[at] if -len(values) <= at < len(values) else None

    def number(self, name, at=0):
        value = self.get(name, at)
        return None if value is None else int(value, 0)

    def ip(self, stack, before=()):
        """Version and index of the last IP header of ``stack``, behind those of ``before``."""
        version = next((name for name in reversed(stack) if name in {"ip", "ipv6"}), None)
        return version, before.count(version) + stack.count(version) - 1 if version else 0


def expectations(seen, kind):
    """Column -> what tshark says of it; a column that tshark says nothing of is absent."""
    want = {"kind": "other"}
    outer = seen.stack

    def put(column, value):
        if value is not None:
            want[column] = value

    links = [name for name in outer if name in {"eth", "sll", "ieee8021ah"}]
    inner = outer[len(outer) - outer[::-1].index(links[-1]):] if links else outer
    if links and links[-1] != "sll":
        at = outer.count("eth") - 1
        backbone = links[-1] == "ieee8021ah"
        put("src_mac", seen.get("ieee8021ah.csrc") if backbone else seen.get("eth.src", at))
        put("dst_mac", seen.get("ieee8021ah.cdst") if backbone else seen.get("eth.dst", at))
        tags = [name for name in inner if name in {"vlan", "ieee8021ad"}]
        want["vlan"] = 0
        if tags:
            put("vlan", seen.number("vlan.id" if tags[-1] == "vlan" else "ieee8021ad.id", -1))
    elif links:
        put("src_mac", seen.get("sll.src.eth"))
        put("direction", {0: 1, 1: 1, 2: 1, 3: 2, 4: 3}.get(seen.number("sll.pkttype")))
        put("ifindex", seen.number("sll.ifindex"))
    # The numbers of the virtual networks on the way, outermost first.
    want["tunnel"] = [int(number, 0) for number in seen.fields["vxlan.vni"] + seen.fields["geneve.vni"]]
    version, at = seen.ip(inner, outer[:len(outer) - len(inner)])
    if kind == "arp":
        put("src", seen.get("arp.src.proto_ipv4"))
        put("dst", seen.get("arp.dst.proto_ipv4"))
        put("about_mac", seen.get("arp.src.hw_mac"))
        want["kind"] = {1: "arp-request", 2: "arp-reply"}.get(seen.number("arp.opcode"), "other")
        return want
    if version is None:
        return want
    put("src", seen.get(f"{version}.src", at))
    put("dst", seen.get(f"{version}.dst", at))
    put("ttl", seen.number("ip.ttl" if version == "ip" else "ipv6.hlim", at))
    if version == "ip":
        put("ip_id", seen.number("ip.id", at))
        put("ip_proto", seen.number("ip.proto", at))
        if seen.number("ip.len", at):
            put("ip_bytes", seen.number("ip.len", at))
    elif seen.number("ipv6.plen", at):
        put("ip_bytes", seen.number("ipv6.plen", at) + 40)
    TRANSPORT.get(kind, lambda *_: None)(seen, put)
    return want


def expect_tcp(seen, put):
    put("kind", "tcp")
    for column, name in (("src_port", "srcport"), ("dst_port", "dstport"), ("seq", "seq_raw"), ("ack", "ack_raw"),
                         ("window", "window_size_value"), ("payload_bytes", "len")):
        put(column, seen.number(f"tcp.{name}"))
    flags = seen.number("tcp.flags")
    put("flags", None if flags is None else flags & 0xFF)
    stamped = seen.number("tcp.options.timestamp.tsval")
    put("has_ts", int(stamped is not None))
    put("tsval", stamped or 0)
    put("tsecr", seen.number("tcp.options.timestamp.tsecr") or 0)
    put("mss", seen.number("tcp.options.mss_val") or 0)


def expect_udp(seen, put):
    put("kind", "udp")
    at = seen.stack.count("udp") - 1
    put("src_port", seen.number("udp.srcport", at))
    put("dst_port", seen.number("udp.dstport", at))
    length = seen.number("udp.length", at)
    put("payload_bytes", length - 8 if length else None)
    payload = seen.get("udp.payload", at)
    if payload is not None:
        put("seq", int.from_bytes(bytes.fromhex(payload[:8]).ljust(4, b"\0"), "big"))


def expect_icmp(seen, put):
    kind = seen.number("icmp.type")
    put("flags", kind)
    put("code", seen.number("icmp.code"))
    if kind in {0, 8}:
        put("kind", "icmp-echo")
        put("src_port", seen.number("icmp.ident"))
        put("dst_port", seen.number("icmp.ident"))
        put("seq", seen.number("icmp.seq"))
    elif kind in {3, 4, 11, 12, 5}:
        put("kind", "icmp-redirect" if kind == 5 else "icmp-error")
        put("about_ip", seen.get("icmp.redir_gw"))
        put("ack", seen.number("icmp.mtu") if kind == 3 else None)
        expect_quote(seen, put)
    else:
        put("kind", "icmp-other")


def expect_icmpv6(seen, put):
    kind = seen.number("icmpv6.type")
    put("flags", kind)
    if kind in {128, 129}:
        put("kind", "icmp-echo")
        put("src_port", seen.number("icmpv6.echo.identifier"))
        put("dst_port", seen.number("icmpv6.echo.identifier"))
        put("seq", seen.number("icmpv6.echo.sequence_number"))
    elif kind in {1, 2, 3, 4}:
        put("kind", "icmp-error")
        put("code", seen.number("icmpv6.code"))
        put("ack", seen.number("icmpv6.mtu"))
        expect_quote(seen, put)
    elif kind == 135:
        put("kind", "nd-solicit")
        put("about_ip", seen.get("icmpv6.nd.ns.target_address"))
        put("about_mac", seen.get("icmpv6.opt.linkaddr"))
    elif kind == 136:
        put("kind", "nd-advert")
        put("about_ip", seen.get("icmpv6.nd.na.target_address"))
        put("about_mac", seen.get("icmpv6.opt.linkaddr"))
        solicited = seen.get("icmpv6.nd.na.flag.s")
        put("code", None if solicited is None else int(solicited in {"0", "False"}))
    elif kind == 137:
        put("kind", "icmp-redirect")
        put("about_ip", seen.get("icmpv6.nd.rd.target_address"))
        put("quote_dst", seen.get("icmpv6.rd.na.destination_address"))
        put("about_mac", seen.get("icmpv6.opt.linkaddr"))
    else:
        put("kind", "icmp-other")


def expect_quote(seen, put):
    version, at = seen.ip(seen.quoted, seen.stack)
    if version is None:
        return
    put("quote_src", seen.get(f"{version}.src", at))
    put("quote_dst", seen.get(f"{version}.dst", at))
    if version == "ip":
        put("quote_proto", seen.number("ip.proto", at))
    for name in ("tcp", "udp"):
        if name in seen.quoted:
            put("quote_src_port", seen.number(f"{name}.srcport", seen.stack.count(name)))
            put("quote_dst_port", seen.number(f"{name}.dstport", seen.stack.count(name)))


TRANSPORT = {"tcp": expect_tcp, "udp": expect_udp, "icmp": expect_icmp, "icmpv6": expect_icmpv6}
ADDRESSES = {"src_mac", "dst_mac", "src", "dst", "about_ip", "about_mac", "quote_src", "quote_dst"}


def found(columns, row, name, book, tunnels):
    """One column as tshark would write it."""
    value = int(columns[name][row])
    if name == "tunnel":
        return [int(number) for number in re.findall(r"vni (\d+)", tunnels[value])]
    if name == "kind":
        return KINDS[value]
    return book.text(value) if name in ADDRESSES else value


# (reason, when it applies); each must apply to some frame, or it has outlived its reason.
ON_PURPOSE = (
    ("the protocol is the one behind AH; tshark's field is the IP header's",
     lambda frame, seen, name: name == "ip_proto" and "ah" in seen.stack),
    ("a tunnel is announced by its destination port; tshark also takes the source port",
     lambda frame, seen, name: {seen.number("udp.srcport"), seen.number("udp.dstport")} & {4790, 6081}
        and seen.number("udp.dstport") not in {4790, 6081}),
    ("more headers than the limit: the frame is too-deep",
     lambda frame, seen, name: len(seen.stack) > 90),
    ("IP says more octets than the layers around it: we believe IP, since mirrors cut what they copy",
     lambda frame, seen, name: name == "payload_bytes"
        and frame.file in {"suricata-verify__bug-76__input.pcap", "zeek__Traces__pppoe-over-qinq.pcap"}),
    ("reverse ARP (ethertype 8035) claims nothing about IP neighbours",
     lambda frame, seen, name: "arp" in seen.stack and seen.number("arp.opcode") == 3),
)


def same(name, ours, theirs):
    if name in ADDRESSES and ":" in str(theirs) and "." not in str(theirs) and str(theirs).count(":") != 5:
        return ours != "" and ip_address(ours) == ip_address(theirs)
    return ours == theirs


def differences(corpus, batch_of, path):
    """What differs without a reason, how many values of each column were compared, and how often each reason applied."""
    write_pcapng(path, corpus)
    book = AddressBook()
    decoder = Decoder(book)
    columns = decoder.decode(batch_of(corpus)).columns
    wrong, compared, excused = [], Counter(), Counter()
    for row, (frame, fields) in enumerate(zip(corpus, dissect(path), strict=True)):
        seen = Dissected(fields)
        for name, theirs in expectations(seen, seen.kind()).items():
            ours = found(columns, row, name, book, decoder.tunnels)
            compared[name] += 1
            if same(name, ours, theirs):
                continue
            reason = next((reason for reason, applies in ON_PURPOSE if applies(frame, seen, name)), None)
            if reason:
                excused[reason] += 1
            else:
                wrong.append(f"{frame.file} {frame.number} {':'.join(seen.stack)} "
                             f"{VERDICTS[columns['verdict'][row]]}: {name} is {ours}, tshark says {theirs}")
    return wrong, compared, excused


@pytest.mark.skipif(which("tshark") is None, reason="tshark is not installed")
def test_columns_equal_tsharks_fields(corpus, batch_of, tmp_path):
    wrong, compared, excused = differences(corpus, batch_of, tmp_path / "all.pcapng")
    print(f"{len(corpus)} frames, {sum(compared.values())} values compared: {dict(compared)}")
    print(f"different on purpose: {dict(excused)}")
    assert not wrong, "\n".join(wrong)
    assert set(excused) == {reason for reason, _ in ON_PURPOSE}
    assert sum(compared.values()) > 400_000
