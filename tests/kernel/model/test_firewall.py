"""The engine's chains as nftables rules: nft takes them, and reading them back gives the same chains."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.balance.mapping import Endpoint, Forwarding
from analyzer.errors import ModelError
from analyzer.kernel.bench import Bench
from analyzer.kernel.enclosure import PATH
from analyzer.kernel.model.firewall import rule_text, ruleset, to_mac_ruleset
from analyzer.kernel.topology import Host, Topology
from analyzer.network.commands.nft import read
from analyzer.network.match import EVERY_BIT, Match, Nets, State, alone
from analyzer.network.nat import (
    DROP_INVALID,
    NO_FIREWALL,
    Accept,
    Chain,
    ClampMss,
    Dnat,
    Drop,
    Firewall,
    Hook,
    Rule,
    SetMark,
    Snat,
    ToMac,
    service,
)

VIP = Endpoint(ip_address("203.0.113.10"), 80)
VIP6 = Endpoint(ip_address("2001:db8:113::10"), 80)
R1, R2 = Endpoint(ip_address("10.0.2.11"), 8080), Endpoint(ip_address("10.0.2.12"), 8080)
R6 = Endpoint(ip_address("2001:db8:2::11"), 8080)
LAN = Nets.of(4, [ip_network("10.0.2.0/24")])
VIRTUAL = alone(ip_address("203.0.113.10"))
TCP = Match(protocols=frozenset({6}))
PIN = Match(source=alone(ip_address("198.51.100.20")), protocols=frozenset({6}), source_ports=((40001, 40001),))

RULES = {
    "accept": (Rule(Match(incoming=frozenset({"eth0"})), Accept()), 'iifname "eth0" accept'),
    "not from here": (Rule(Match(outgoing=frozenset({"eth1"}), inverted=frozenset({"outgoing"})), Drop()), 'oifname != "eth1" drop'),
    "invalid": (Rule(Match(states=frozenset({State.INVALID})), Drop()), "ct state invalid drop"),
    "reject": (
        Rule(Match(source=LAN, protocols=frozenset({6}), destination_ports=((80, 90),)), Drop(reject=True)),
        "ip saddr 10.0.2.0/24 tcp dport 80-90 reject",
    ),
    "masquerade": (Rule(Match(source=LAN, dnatted=True), Snat()), "ip saddr 10.0.2.0/24 ct status dnat masquerade"),
    "snat": (Rule(Match(), Snat(ip_address("10.0.2.1"))), "snat ip to 10.0.2.1"),
    "mark": (
        Rule(Match(macs=frozenset({"02:00:0a:00:02:01"}), states=frozenset({State.NEW})), SetMark(5, connection=True)),
        "ether saddr 02:00:0a:00:02:01 ct state new ct mark set 0x5",
    ),
    "by mark": (Rule(Match(connection_marks=frozenset({(5, EVERY_BIT)})), SetMark(5)), "ct mark 0x5 meta mark set 0x5"),
    "udp": (
        Rule(Match(protocols=frozenset({17}), source_ports=((53, 53),)), Accept()),
        "udp sport 53 accept",
    ),
    "icmp": (Rule(Match(protocols=frozenset({1})), Accept()), "meta l4proto icmp accept"),
    "clamp": (Rule(Match(protocols=frozenset({6}), tcp_flags=(2, 2)), ClampMss(1160)), "meta l4proto tcp tcp flags & 2 == 2 tcp option maxseg size set 1160"),
    "dnat": (Rule(Match(destination=VIRTUAL, protocols=frozenset({6}), destination_ports=((80, 80),)), Dnat((R1,))),
             "ip daddr 203.0.113.10/32 tcp dport 80 dnat ip to 10.0.2.11:8080"),
    "dnat in turn": (Rule(TCP, Dnat((R1, R2))), "meta l4proto tcp dnat ip to numgen inc mod 2 map { 0 : 10.0.2.11, 1 : 10.0.2.12 }:8080"),
    "dnat, port kept": (Rule(Match(), Dnat((Endpoint(R1.address),))), "dnat ip to 10.0.2.11"),
    "dnat in IPv6": (Rule(TCP, Dnat((R6,))), "meta l4proto tcp dnat ip6 to [2001:db8:2::11]:8080"),
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_in_nfts_words(name):
    rule, text = RULES[name]
    assert rule_text(rule) == text


def firewall_of(rule: Rule) -> Firewall:
    hook, kind = Hook.FORWARD, "filter"
    if isinstance(rule.action, Dnat):
        hook, kind = Hook.PREROUTING, "nat"
    elif isinstance(rule.action, Snat):
        hook, kind = Hook.POSTROUTING, "nat"
    return Firewall((Chain(hook, 0, kind, (rule,)),))


@pytest.fixture(scope="module")
def bench():
    with Bench(Topology((Host("balancer"),))) as bench:
        yield bench


@pytest.mark.kernel
@pytest.mark.parametrize("name", RULES)
def test_nft_takes_every_rule(bench, name):
    rule, _ = RULES[name]
    done = bench.run("balancer", ["nft", "-c", "-f", "-"], given=ruleset(firewall_of(rule)))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.kernel
def test_nft_takes_a_whole_balancer_with_a_pinned_connection_first(bench):
    chains = (*service(VIP, 6, (R1, R2), Forwarding.FULL_NAT), *service(VIP6, 6, (R6,), Forwarding.NAT), DROP_INVALID)
    text = ruleset(Firewall(chains), [(PIN, R2)])
    done = bench.run("balancer", ["nft", "-f", "-"], given=text)
    assert (done.returncode, done.stderr) == (0, "")
    listed = bench.run("balancer", ["nft", "list", "ruleset"]).stdout
    first = listed.index("ip saddr 198.51.100.20 tcp sport 40001 dnat ip to 10.0.2.12:8080")
    assert first < listed.index("numgen inc mod 2")
    assert "masquerade" in listed
    bench.run("balancer", ["nft", "flush", "ruleset"])


@pytest.mark.kernel
def test_nft_takes_direct_return(bench):
    bench.shell("balancer", "ip link add eth0 type bridge")
    rule = Rule(Match(destination=VIRTUAL, protocols=frozenset({6}), destination_ports=((80, 80),)), ToMac((R1, R2)))
    text = to_mac_ruleset(rule, "service1", ("eth0", "02:00:0a:00:02:05"), {R1: "02:00:0a:00:02:0b", R2: "02:00:0a:00:02:0c"}, [(PIN, "02:00:0a:00:02:0c")])
    done = bench.run("balancer", ["nft", "-f", "-"], given=text)
    assert (done.returncode, done.stderr) == (0, "")
    listed = bench.run("balancer", ["nft", "list", "ruleset"]).stdout
    assert listed.index("02:00:0a:00:02:0c fwd") < listed.index("02:00:0a:00:02:0b fwd"), "what is pinned comes first"


addresses = st.ip_addresses(v=4)
spans = st.tuples(st.integers(1, 65535), st.integers(1, 65535)).map(lambda pair: tuple(sorted(pair)))
ports = st.none() | st.lists(spans, min_size=1, max_size=3, unique=True).map(lambda found: tuple(sorted(found)))
marks = st.none() | st.tuples(st.integers(0, EVERY_BIT), st.sampled_from([EVERY_BIT, 0xFF00])).map(lambda pair: frozenset({pair}))


def some(*values):
    return st.none() | st.frozensets(st.sampled_from(values), min_size=1)


def nets(length):
    return st.none() | st.lists(addresses, min_size=1, max_size=3).map(
        lambda found: Nets.of(4, (ip_network(f"{each}/{length}", strict=False) for each in found)))


matches = st.builds(
    Match,
    incoming=some("eth0", "eth1"),
    outgoing=some("eth1"),
    macs=some("02:00:0a:00:02:01", "02:00:0a:00:02:02"),
    source=nets(32),
    destination=nets(24),
    protocols=st.sampled_from([frozenset({6}), frozenset({17})]),
    source_ports=ports,
    destination_ports=ports,
    states=some(State.NEW, State.INVALID),
    dnatted=st.sampled_from([None, True]),
    reply=st.sampled_from([None, True, False]),
    to_own=st.sampled_from([None, True]),
    marks=marks,
    connection_marks=marks,
    inverted=st.frozensets(st.sampled_from(["incoming", "source"])),
).map(lambda match: replace(match, inverted=frozenset(name for name in match.inverted if getattr(match, name) is not None)))
actions = st.sampled_from([Accept(), Drop(), Drop(reject=True), SetMark(7), SetMark(9, connection=True), SetMark(0, keep=EVERY_BIT, copied=True),
                           SetMark(0, connection=True, keep=EVERY_BIT, copied=True), SetMark(0x4000, keep=EVERY_BIT ^ 0x4000)])
chains = st.builds(
    Chain,
    hook=st.sampled_from([Hook.FORWARD, Hook.INPUT, Hook.OUTPUT]),
    priority=st.integers(-300, 300),
    rules=st.lists(st.builds(Rule, matches, actions), max_size=4).map(tuple),
    policy=st.sampled_from([Accept(), Drop()]),
)


@settings(deadline=None, derandomize=True)
@given(st.lists(chains, min_size=1, max_size=3))
def test_the_engine_reads_back_what_was_written(written):
    named = tuple(
        Chain(c.hook, c.priority, c.kind, c.rules, c.policy, "inet replypath", f"chain{n}") for n, c in enumerate(written)
    )
    assert read(NO_FIREWALL, ruleset(Firewall(tuple(written)))).chains == named


def test_what_cannot_be_said_is_refused():
    with pytest.raises(ModelError, match="without connection tracking"):
        ruleset(Firewall((DROP_INVALID,), stateful=False))
    with pytest.raises(ModelError, match="different ports"):
        rule_text(Rule(Match(), Dnat((R1, Endpoint(R2.address, 81)))))
    with pytest.raises(ModelError, match="not rules of a packet filter"):
        rule_text(Rule(Match(), ToMac((R1,))))


def test_no_chains_are_no_rules():
    assert ruleset(NO_FIREWALL) == ""


@pytest.mark.skipif(not shutil.which("nft", path=PATH), reason="nft is not installed")
def test_nft_is_the_one_that_is_meant():
    assert subprocess.run(["nft", "--version"], capture_output=True, text=True, check=True).stdout.startswith("nftables v1")
