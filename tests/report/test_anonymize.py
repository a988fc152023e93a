"""Anonymous reports: nothing of the network is left, and everything still fits together."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
import report_examples as examples
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.report.anonymize import KEPT, WHOLE, Pseudonyms, addresses_replaced, anonymize
from analyzer.report.document import from_json, to_json
from analyzer.report.formats import html, markdown, terminal
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
