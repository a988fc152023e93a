"""Packet filters and tracked connections of a host: what is kept, what is whole, and what proofs make of it."""

from ipaddress import ip_address
from pathlib import Path

import pytest

from analyzer.errors import ConfigSyntaxError
from analyzer.facts import conntrack, iptables_save, nft_ruleset
from analyzer.facts._host import host_of
from analyzer.facts._sections import sections
from analyzer.facts.reading import read_text, readers
from analyzer.network.commands.iptables import read
from analyzer.network.host import PacketTuple, TrackedConnection
from analyzer.network.nat import NO_FIREWALL
from analyzer.units import Origin

SAMPLES = Path(__file__).parent / "samples"
NFT, SAVE, TRACKED = ((SAMPLES / f"{name}.txt").read_text() for name in ("nft-ruleset", "iptables-save", "conntrack"))
LEGACY = SAVE.replace(" (nf_tables)", "")


def host(text):
    return host_of("lb", read_text(text, "lb.txt"))


def packet(source, destination, *rest):
    return PacketTuple(ip_address(source), ip_address(destination), *rest)


def test_tracked_connections_are_what_the_text_says():
    assert host(TRACKED).tracked == (
        TrackedConnection(6, "SYN_SENT", packet("10.0.2.50", "203.0.113.10", 40000, 80),
                          packet("10.0.2.11", "10.0.2.50", 8080, 40000), ("UNREPLIED",)),
        TrackedConnection(6, "ESTABLISHED", packet("198.51.100.20", "203.0.113.10", 41000, 80),
                          packet("10.0.2.11", "198.51.100.20", 8080, 41000), ("ASSURED",)),
        TrackedConnection(1, "", packet("10.0.2.50", "10.0.2.1", 0, 0, (8, 0, 2644)),
                          packet("10.0.2.1", "10.0.2.50", 0, 0, (0, 0, 2644))),
        TrackedConnection(17, "", packet("2001:db8:2::50", "2001:db8:2::11", 5353, 53),
                          packet("2001:db8:2::11", "2001:db8:2::50", 53, 5353), ("UNREPLIED",)),
    )
    assert [each.origin for each in host(TRACKED).tracked] == [Origin("lb.txt", line) for line in (1, 2, 3, 4)]


@pytest.mark.parametrize(("broken", "says"), [
    (TRACKED.replace("dst=203.0.113.10", "dst=203.0.113.300"), "lb.txt:1: expected an IPv4 or IPv6 address behind 'dst='"),
    (TRACKED.replace("sport=8080", "sport=80800", 1), "lb.txt:1: expected a number from 0 to 65535 as the source port"),
    (TRACKED.split(" [UNREPLIED]")[0] + "\n", "lb.txt:1: expected two directions"),
])
def test_a_damaged_row_is_refused_with_its_line(broken, says):
    with pytest.raises(ConfigSyntaxError) as caught:
        read_text(broken, "lb.txt")
    assert caught.value.problems[0].startswith(says)


@pytest.mark.parametrize(("command", "whole"), [
    ("$ nft list ruleset", True), ("root@lb:~# nft -a list ruleset", True), ("$ nft -nn list ruleset", True),
    ("# cat balancer.nft", True), ("nft list ruleset", True), ("$ nft list table ip balancer", False),
    ("$ nft list ruleset ip", False), ("$ nft list ruleset | grep -v log", False), ("$ nft -t list ruleset", False),
])
def test_what_was_asked_decides_whether_the_ruleset_is_whole(command, whole):
    found = host(f"{command}\n{NFT}")
    assert found.ruleset == NFT.lstrip("\n")
    assert ("ruleset" in found.complete) is whole
    assert bool(found.warnings) is not whole


def test_a_ruleset_without_its_command_is_taken_for_the_whole_aloud():
    found = host(NFT)
    assert "ruleset" in found.complete
    assert "taken for the whole of 'nft list ruleset'" in found.warnings[0]


def test_a_table_without_its_end_is_refused():
    with pytest.raises(ConfigSyntaxError, match="expected a table that ends with '}'"):
        read_text(NFT.rstrip().removesuffix("}"), "lb.txt")


def test_a_brace_in_a_comment_is_no_brace():
    text = NFT.replace("dnat to 10.0.2.11:8080", 'dnat to 10.0.2.11:8080 comment "{"  # handle {')
    assert host(text).ruleset == text.lstrip("\n")


def test_two_different_rulesets_are_not_the_whole():
    found = host(f"$ nft list ruleset\n{NFT}$ nft list ruleset\n{NFT.replace('balancer', 'other')}")
    assert "ruleset" not in found.complete
    assert "two different rulesets" in found.warnings[0]
    same = host(f"$ nft list ruleset\n{NFT}$ nft list ruleset\n{NFT}")
    assert (same.ruleset.count("table"), same.warnings) == (1, ())


def test_saved_rules_of_iptables_are_taken_for_the_whole_aloud():
    found = host(SAVE)
    assert found.ruleset == SAVE
    assert "ruleset" in found.complete
    assert found.warnings[0].startswith("lb.txt:1: taken for all that this host filters of IPv4")
    assert host(SAVE.replace("-A PREROUTING", "#")).warnings == ()


@pytest.mark.parametrize(("text", "whole"), [
    (f"$ iptables-save\n{SAVE}", True), (f"$ iptables-save -c\n{SAVE}", True), (f"# cat rules.v4\n{SAVE}", True),
    (f"$ iptables-save -t nat\n{SAVE}", False), (f"$ iptables-save | grep -v LOG\n{SAVE}", False),
    (SAVE.replace("COMMIT\n", ""), False), ("-P FORWARD DROP\n-A FORWARD -j ACCEPT\n", False),
])
def test_which_saved_rules_are_the_whole(text, whole):
    found = host(text)
    assert ("ruleset" in found.complete) is whole


def test_saved_rules_of_a_family_that_the_host_has_and_the_text_lacks():
    addresses = ("2: eth0: <BROADCAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP\n"
                 "    inet 203.0.113.10/24 scope global eth0\n    inet6 2001:db8::10/64 scope global\n")
    six = SAVE.replace("iptables", "ip6tables").replace("203.0.113.10/32", "2001:db8::10/128").replace("10.0.2.11:8080", "[2001:db8::11]:8080")
    assert "ruleset" not in host(f"$ ip addr\n{addresses}$ iptables-save\n{SAVE}").complete
    whole = host(f"$ ip addr\n{addresses}$ iptables-save\n{SAVE}$ ip6tables-save\n{six}")
    assert "ruleset" in whole.complete
    assert [(chain.table, len(chain.rules)) for chain in read(NO_FIREWALL, whole.ruleset).chains if chain.rules] == [("ip nat", 1), ("ip6 nat", 1)]


@pytest.mark.parametrize(("text", "whole"), [(SAVE, True), (LEGACY, False), (LEGACY.replace("-A PREROUTING", "#"), True)])
def test_rules_of_the_legacy_back_end_act_besides_those_of_nft(text, whole):
    found = host(f"$ nft list ruleset\n{NFT}$ iptables-save\n{text}")
    assert found.ruleset == NFT.lstrip("\n")
    assert ("ruleset" in found.complete) is whole


def test_the_listing_of_one_table_is_read_too():
    text = "-P INPUT ACCEPT\n-N web\n-A INPUT -j web\n-A web -m conntrack --ctstate INVALID -j DROP\n"
    assert host(f"$ iptables -S\n{text}").ruleset == text
    assert [iptables_save.sniff(text), nft_ruleset.sniff(text), conntrack.sniff(text)] == [True, False, False]


@pytest.mark.parametrize("wrap", [
    lambda command, text: f"root@lb:~# {command}\n{text}", lambda command, text: f"===== {command} =====\n{text}",
    lambda command, text: f"{command}\n{text}", lambda command, text: text,
], ids=["root", "heading", "bare", "none"])
def test_a_bundle_is_cut_between_them(wrap):
    route = (SAMPLES / "ip-route.txt").read_text()
    text = "".join([
        wrap("ip route", route), wrap("nft list ruleset", NFT), wrap("conntrack -L -o extended", TRACKED),
        wrap("iptables-save -c", SAVE), wrap("cat /proc/net/nf_conntrack", TRACKED),
    ])
    assert [section.reader.NAME for section in sections(text, readers())] == [
        "ip-route", "nft-ruleset", "conntrack", "iptables-save", "conntrack"]
    found = host(text)
    assert (len(found.routes), found.ruleset.strip(), len(found.tracked)) == (5, NFT.strip(), 4)
