"""Anonymous reports: nothing of the network is left, and everything still fits together."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

import dpkt
import pytest
import report_examples as examples
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.api import analyze
from analyzer.export import with_octets
from analyzer.importers.reading import read_mappings
from analyzer.report import headers
from analyzer.report.anonymize import KEPT, WHOLE, Pseudonyms, addresses_replaced, anonymize, octets_replaced
from analyzer.report.document import from_json, to_json
from analyzer.report.formats import csv, html, markdown, terminal
from analyzer.report.output import formats

KEY = bytes(range(32))
P = Pseudonyms(KEY)
ADDRESSES = st.ip_addresses(v=4) | st.ip_addresses(v=6)


def shared(a, b) -> int:
    """How many first bits two addresses share."""
    return a.max_prefixlen - (int(a) ^ int(b)).bit_length()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.integers(0, 31))
def test_prefixes_are_kept_exactly_ipv4(value, place):
    a, b = IPv4Address(value), IPv4Address(value ^ (1 << (31 - place)))
    if not any(x in net for net in WHOLE if net.version == 4 for x in (a, b)):
        assert shared(P.address(a), P.address(b)) == shared(a, b) == place


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(0, 2**128 - 1), st.integers(0, 127))
def test_prefixes_are_kept_exactly_ipv6(value, place):
    a, b = IPv6Address(value), IPv6Address(value ^ (1 << (127 - place)))
    if not any(x in net for net in WHOLE if net.version == 6 for x in (a, b)):
        assert shared(P.address(a), P.address(b)) == place


@settings(max_examples=60, deadline=None, derandomize=True)
@given(ADDRESSES)
def test_an_address_stays_in_its_special_range_and_none_enters_one(address):
    ranges = [net for net in KEPT if net.version == address.version]
    assert [P.address(address) in net for net in ranges] == [address in net for net in ranges]


def test_the_key_decides():
    address = IPv4Address("198.51.100.7")
    assert P.address(address) == Pseudonyms(KEY).address(address) != address
    assert Pseudonyms(b"x").address(address) != P.address(address)


@pytest.mark.parametrize("text", [
    "0.0.0.0/0", "255.255.255.0", "netmask 255.255.255.128", "127.0.0.1", "224.0.0.18", "::1", "::", "10:06:19.088",
    "999.1.1.1", "1.2.3", "0.1.0", "frame.number == 6", "02:00", "[S.] seq 2719755728", "ff02::1", "12:34:56",
    "00:00:5e:00:01:0a", "33:33:00:00:00:02", "ff:ff:ff:ff:ff:ff", "a::b::c",
])
def test_what_names_nobody_stays(text):
    assert addresses_replaced(text, P) == text


@pytest.mark.parametrize(("before", "pattern"), [
    ("192.168.11.50:48874 > 203.0.113.100:80", r"192\.168\.\d+\.\d+:48874 > \d+\.\d+\.\d+\.\d+:80"),
    ("10.0.2.9.40000 >", r"10\.\d+\.\d+\.\d+\.40000 >"),
    ("[2001:db8::9]:80", r"\[[23][0-9a-f:]+\]:80"),
    ("2001:db8:2::50:40002 is", r"[23][0-9a-f:]+:40002 is"),
    ("fe80::1%eth0", r"fe80::[0-9a-f:]+%eth0"),
    ("at 192.168.11.50.", r"at 192\.168\.\d+\.\d+\."),
    ("02-00-00-00-11-01", r"02(-[0-9a-f]{2}){5}"),
    ("0200.0000.1101", r"02[0-9a-f]{2}\.[0-9a-f]{4}\.[0-9a-f]{4}"),
    ("route print -4 192.168.11.*", r"route print -4 192\.168\.\d+\.\*"),
])
def test_every_way_to_write_an_address_is_found(before, pattern):
    after = addresses_replaced(before, P)
    assert re.fullmatch(pattern, after), after
    assert after != before


def test_networks_stay_networks_and_hold_the_same_hosts():
    line = addresses_replaced("192.168.11.0/25 192.168.11.128/25 192.168.11.0/24 192.168.11.50/32 192.168.11.1", P)
    *nets, host = line.split()
    low, high, whole, single = map(ip_network, nets)      # raises where host bits are set
    assert low.supernet() == high.supernet() == whole
    assert single.subnet_of(low)
    assert ip_address(host) in low
    masked = addresses_replaced("route add -net 192.168.11.0 netmask 255.255.255.0 gw 192.168.11.1", P)
    assert masked == f"route add -net {whole.network_address} netmask 255.255.255.0 gw {host}"
    assert addresses_replaced("route add 192.168.11.128 mask 255.255.255.128 x", P).split()[2] == str(
        high.network_address)
    assert ip_address(addresses_replaced("192.168.11.10/24", P).partition("/")[0]) in whole


def octets_of(module, diagnosis) -> bytes:
    if module.BINARY:
        out = io.BytesIO()
        module.write(diagnosis, out)
        return out.getvalue()
    text = io.StringIO()
    module.write(diagnosis, text)
    return text.getvalue().encode()


NAMED = replace(
    examples.THREE,
    captures=tuple(replace(c, path=f"/home/alice/{c.path}", vantage=v) for c, v in zip(
        examples.CAPTURES, ("eth0", "lb-berlin", "server"), strict=True)),
    warnings=("/home/alice/B_bypass.lb_back.pcap: cut; lb-berlin lost 3 frames",),
)
@pytest.mark.parametrize("module", formats().values(), ids=formats())
def test_no_output_holds_anything_of_the_network(module):
    text = octets_of(module, anonymize(NAMED, KEY))
    for secret in (examples.CLIENT, examples.VIP, examples.REAL, examples.BALANCER, "192.168.11.", "203.0.113.",
                   examples.CLIENT_MAC, examples.REAL_MAC, "02:00:00:00:11", "alice", "B_bypass", "lb-berlin", "web1",
                   "haproxy-lab", "020000001104"):
        assert secret.encode() not in text, secret


def test_the_same_thing_has_the_same_replacement_everywhere():
    shown = anonymize(NAMED, KEY)
    finding = shown.findings[0]
    client, real = finding.clients[0], finding.real.address
    balancer = finding.ladder.hosts[1].address
    assert finding.fixes[0].commands == (f"ip route add {client}/32 via {balancer} dev eth0",)
    assert finding.fixes[2].commands == (f"route add {client} mask 255.255.255.255 {balancer} metric 1",)
    assert finding.evidence[3].segment.startswith(f"{real}:8080 > {client}:48874 [S.]")
    assert client in finding.evidence[0].filter
    assert shown.connections[0].client == client
    assert shown.services[0].source == "mapping-1:3"
    assert shown.captures[0].vantage == "vantage-1"        # it was called eth0 ...
    assert "dev eth0" in finding.fixes[0].commands[0]      # ... and commands still say eth0
    assert shown.warnings == ("capture-2.pcap: cut; vantage-2 lost 3 frames",)
    assert finding.ladder.hosts[2].name == "host-1"
    assert anonymize(NAMED, KEY) == shown


def test_a_command_for_halves_still_works_on_the_changed_network():
    fix = anonymize(NAMED, KEY).findings[0].fixes[3]
    nets = [ip_network(command.split()[3]) for command in fix.commands]
    assert [net.prefixlen for net in nets] == [32, 25, 25]
    assert nets[1].supernet() == nets[2].supernet()
    assert nets[0].subnet_of(nets[1].supernet())


def test_an_anonymous_report_is_a_report():
    shown = anonymize(NAMED, KEY)
    assert from_json("".join(to_json(shown))) == shown
    for module in (html, markdown, terminal):
        assert octets_of(module, shown)
    assert anonymize(examples.ALL["hostile"], KEY)


@pytest.mark.parametrize("own", [
    "02:00:0a:00:02:32", "02-00-0a-00-02-32", "0200.0a00.0232", "10.0.2.9", "2001:db8::5", "2001:db8::",
    "2001:db8:0:0:0:0:0:5", "fe80::1", "::ffff:10.0.2.9",
])
@pytest.mark.parametrize("behind", [": SYN-ACK", ". Then", ", and", "; then", ") x", " x", "- x", ""])
def test_nothing_of_an_address_is_left_whatever_the_sentence_puts_behind_it(own, behind):
    said = addresses_replaced(f"answers to {own}{behind}", Pseudonyms(KEY))
    alone = addresses_replaced(own, Pseudonyms(KEY))
    assert said == f"answers to {alone}{behind}"
    assert own not in said


SAMPLES = Path(__file__).parents[2] / "sample_pcaps"


def seen_in(path) -> set[str]:
    """Every address and MAC in the headers of a capture that belongs to somebody."""
    found = set()
    with path.open("rb") as file:
        reader = dpkt.pcap.UniversalReader(file)
        for _, octets in reader:
            for header in headers.read(octets, reader.datalink()).headers:
                found |= {(part.kind, part.text) for part in header.parts if part.kind in {"mac", "ipv4", "ipv6"}}
    return {text for kind, text in found
            if (kind == "mac" and not int(text[:2], 16) & 1 and text.strip("0:"))
            or (kind != "mac" and not any(ip_address(text) in net for net in WHOLE if net.version == ip_address(text).version))}


def hexed(text) -> str:
    return text.replace(":", "") if re.fullmatch("([0-9a-f]{2}:){5}[0-9a-f]{2}", text) else ip_address(text).packed.hex()


@pytest.mark.parametrize("name", [
    "client-on-servers-link-ipv6", "udp", "duplicate-address", "captured-on-any", "icmp-redirect",
])
def test_nothing_that_was_captured_survives_in_any_format(name):
    folder = SAMPLES / name
    captures = sorted(folder.glob("*.pcap"))
    known = set().union(*map(seen_in, captures))
    assert len(known) > 4
    plain = with_octets(analyze(
        [f"{path.stem}={path}" for path in captures], mapping=read_mappings(sorted(folder.glob("balancer.yaml"))),
        command=f"replypath analyze {' '.join(map(str, captures))} --map {folder / 'balancer.yaml'}"))
    shown = anonymize(plain, KEY)
    assert any(item.octets for finding in shown.findings for item in finding.evidence)
    words = {*known, str(folder), *(path.name for path in captures), "balancer.yaml", *(hexed(text) for text in known)}
    plainly = "".join(octets_of(module, plain).decode("utf-8", "replace") for module in (html, csv))
    for module in formats().values():
        text = octets_of(module, shown).decode("utf-8", "replace")
        if module.BINARY:
            with zipfile.ZipFile(io.BytesIO(octets_of(module, shown))) as archive:
                text = "\n".join(archive.read(entry).decode() for entry in archive.namelist())
        # a dump has its octets apart
        together = re.sub(r"(?<=\b[0-9a-f]{2})  ?(?=[0-9a-f]{2}\b)", "", re.sub(r"\n[0-9a-f]{4}  ", "", text))
        for word in words:
            whole = word in text and re.search(rf"(?<![\w.:-]){re.escape(word)}(?![\w.:-])", text)
            assert not whole, (module.NAME, word)
            assert len(word) < 8 or "." in word or word not in together, (module.NAME, word)
    # what is looked for is there without pseudonyms
    assert {"balancer.yaml", captures[0].name} <= {word for word in words if word in plainly}


def test_the_octets_say_what_the_sentences_say():
    path = SAMPLES / "client-on-servers-link" / "client.pcap"
    shown = anonymize(with_octets(analyze([f"client={path}"])), KEY)
    for item in shown.findings[0].evidence:
        fields = {f"{header.name} {part.name}": part.text
                  for header in headers.read(bytes.fromhex(item.octets), item.link_type).headers for part in header.parts}
        assert item.segment.startswith(f"{fields['IPv4 source']}:{fields['TCP source port']} > "
                                       f"{fields['IPv4 destination']}:{fields['TCP destination port']} {fields['TCP flags']}")
        assert (fields["Ethernet source"], fields["Ethernet destination"]) == (item.src_mac, item.dst_mac)
        assert "0x0000" not in (fields["IPv4 checksum"], fields["TCP checksum"])


def test_a_solicited_node_s_address_and_mac_do_not_give_away_the_host():
    assert addresses_replaced("ff02::1:ff00:211", P) != "ff02::1:ff00:211"
    address = ip_address(addresses_replaced("ff02::1:ff00:211", P))
    assert address in ip_network("ff02::1:ff00:0/104")
    mac = addresses_replaced("33:33:ff:00:02:11", P)
    assert mac.replace(":", "") == f"3333ff{int(address) & 0xFFFFFF:06x}"


def test_what_is_not_a_field_is_zero():
    octets = bytes(12) + b"\x08\0" + bytes.fromhex("46000018000040004001000001020304050607080102030405060708") + b"\x07\x04secret"
    (item,) = examples.EVIDENCE[:1]
    made = bytes.fromhex(octets_replaced(replace(item, octets=octets.hex()), P))
    assert len(made) == 14 + 24      # with the options of IPv4, whatever they hold
    assert made[-4:] == bytes(4)
    assert octets_replaced(replace(item, octets="no hex"), P) == ""
