"""nftables as text, as a script and as JSON; the kernel prints what we read back the same."""

import shutil
import subprocess
from pathlib import Path

import pytest

from analyzer.errors import ConfigSyntaxError
from analyzer.importers import nftables
from analyzer.importers.reading import read_texts

SAMPLES = Path(__file__).parent / "samples"
NFT = shutil.which("nft") and shutil.which("unshare")
RESTORE = NFT and shutil.which("iptables-restore")


def problems(text):
    with pytest.raises(ConfigSyntaxError) as caught:
        nftables.read(text, "n")
    return list(caught.value.problems)


def in_prerouting(*rules):
    return "table ip nat {\n chain p {\n  type nat hook prerouting priority 0\n" + "\n".join(f"  {r}" for r in rules) + "\n }\n}\n"


SHOP = [
    "203.0.113.10:80/tcp@3 nat 10.0.2.11:8080@3",
    "203.0.113.11:80/tcp@19 nat 10.0.2.11@19",
    "203.0.113.11:80/tcp@19 nat 10.0.2.12@19",
    "203.0.113.12:80/tcp@20 nat 10.0.2.11:8080@20",
    "203.0.113.12:80/tcp@20 nat 10.0.2.12:8080@20",
    "203.0.113.12:443/tcp@20 nat 10.0.2.11:8080@20",
    "203.0.113.12:443/tcp@20 nat 10.0.2.12:8080@20",
    "203.0.113.13:25/tcp@15 nat 10.0.2.25@15",
    "203.0.113.30:80/tcp@4 nat 10.0.2.31:8080@9",
    "203.0.113.30:80/tcp@4 nat 10.0.2.32:8080@11",
    "203.0.113.40:53/udp@23 full-nat 10.0.2.53:5353@23",
    "203.0.113.41:53/udp@23 full-nat 10.0.2.53:5353@23",
]


def without_lines(rows):
    import re
    return [re.sub(r"@\d+", "", row) for row in rows]


def test_maps_verdict_maps_chance_and_sets(sample, rows, warned):
    mapping = sample("nftables", "shop.nft")
    assert rows(mapping) == SHOP
    assert [str(a) for a in mapping.balancers] == ["10.0.2.1"]
    assert [text.split(";")[0] for text in warned(mapping)] == [
        "9: 10.0.2.31:8080 behind 203.0.113.30: the source is rewritten for some clients (not ip saddr 10.0.0.0/8)",
        "11: 10.0.2.32:8080 behind 203.0.113.30: the source is rewritten for some clients (not ip saddr 10.0.0.0/8)",
        "24: what goes to 10.0.2.16:22 is for every address of the balancer, not for one address",
        "25: left out: the packet is redirected to the balancer itself",
        "26: what goes to 10.0.2.60 is for ip daddr 203.0.113.50-203.0.113.51, not for one address",
        "26: what goes to 10.0.2.61 is for ip daddr 203.0.113.50-203.0.113.51, not for one address",
    ]


def test_json_says_the_same(sample, rows):
    mapping = sample("nftables", "shop.json")
    assert without_lines(rows(mapping)) == without_lines(SHOP)
    assert [str(a) for a in mapping.balancers] == ["10.0.2.1"]


def test_ipv6_pairs_and_weights(sample, rows):
    assert rows(sample("nftables", "six.nft")) == [
        "[2001:db8::10]:80/tcp@4 nat [2001:db8::11]:8080@4",
        "[2001:db8::10]:443/tcp@4 nat [2001:db8::11]:8080@4",
        "[2001:db8::20]:80/tcp@5 nat 2001:db8::12@5",
        "[2001:db8::21]:81/tcp@5 nat 2001:db8::12@5",
        "[2001:db8::30]:53/udp@6 nat 2001:db8::53@6",
        "[2001:db8::30]:53/udp@6 nat 2001:db8::54@6",
    ]


def test_kube_proxys_transaction(shared, rows, warned):
    """Derived by hand: service-ips leads to service and external chains, those to endpoints; externals are all masqueraded."""
    mapping = shared("nftables", "kubernetes__kube-proxy_nft_all-services.nft")
    assert rows(mapping) == [
        "172.30.0.41:80/tcp@11 nat 10.180.0.1:80@8",
        "172.30.0.43:80/tcp@25 nat 10.180.0.3:80@22",
        "172.30.0.44:80/tcp@43 nat 10.180.0.4:80@40",
        "172.30.0.44:80/tcp@43 nat 10.180.0.5:80@37",
        "192.168.99.33:80/tcp@44 full-nat 10.180.0.4:80@40",
        "192.168.99.33:80/tcp@44 full-nat 10.180.0.5:80@37",
    ]
    assert warned(mapping)[-1].startswith("22: what goes to 10.180.0.3:80 is for every address of the balancer")    # a node port


@pytest.mark.parametrize("name", ["add_chain", "add_flowtables", "add_table"])
def test_a_ruleset_without_translation_says_so(shared, warned, name):
    mapping = shared("nftables", f"google+nftables__integration__testdata__{name}.nft")
    assert not mapping.services
    assert warned(mapping) == ["0: read as nftables, but no virtual service in it"]


def test_what_has_no_single_answer_is_said(rows, warned):
    mapping = nftables.read(in_prerouting(
        "tcp dport 80 dnat to 10.0.2.11",
        "ip daddr 203.0.113.10 tcp dport 80 dnat to :8080",
        "ip daddr 203.0.113.10 tcp dport 81 dnat to 10.0.2.11:8000-8010",
        "ip daddr @gone tcp dport 82 dnat to 10.0.2.11",
        "ip daddr . tcp dport vmap @gone",
        "ip daddr 203.0.113.10 tcp dport 83 dnat to tcp dport map @gone : 80",
        'include "more.nft"') + 'include "more.nft"\n', "n")
    assert rows(mapping) == []
    assert [text.split(";")[0] for text in warned(mapping)] == [
        "13: 'include more.nft': we read only this text, give that one too",
        "5: :8080: left out, the address stays and only the port changes",
        "6: 10.0.2.11:8000-8010: left out, a range of ports",
        "7: '@gone' is not in this text",
        "8: '@gone' is not in this text",
        "9: '@gone' is not in this text",
        "4: what goes to 10.0.2.11 is for every address of the balancer, not for one address",
        "7: what goes to 10.0.2.11 is for ip daddr @gone, not for one address",
    ]


def test_every_damaged_line_is_named():
    assert problems(in_prerouting(
        "ip daddr 203.0.113.400 tcp dport 80 dnat to 10.0.2.11",
        "ip daddr 203.0.113.10 tcp dport 80000 dnat to 10.0.2.11",
        "ip daddr 203.0.113.10 tcp dport 80 dnat to",
        "ip daddr 203.0.113.10 tcp dport 80 dnat to 10.0.2.11:99999",
        "ip daddr 203.0.113.10 tcp dport vmap 80",
        "ip daddr 203.0.113.10 jump",
        "ip daddr 203.0.113.10 dnat to numgen inc mod 2 { 0 : 10.0.2.11 }") + "}\ntable ip a {\n") == [
        "n:4:12: expected ip daddr: an IPv4 or IPv6 address, got '203.0.113.400'",
        "n:5:35: expected a port or a range of ports, got '80000'",
        "n:6:43: expected dnat to ADDRESS:PORT, got the end of the rule",
        "n:7:56: expected dnat to: a port from 1 to 65535, got '99999'",
        "n:8:40: expected { ... } or @NAME, got '80'",
        "n:9:25: expected a chain after jump, got the end of the rule",
        "n:10:50: expected a map, got '{'",
        "n:13:1: expected a '{' before this '}', got none",
        "n:14:1: expected a '}' for the block that begins here, got the end of the file",
    ]


def in_a_namespace(*commands):
    done = subprocess.run(["unshare", "-n", "sh", "-c", " && ".join(commands)], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.kernel
@pytest.mark.skipif(not NFT, reason="nft or unshare is not installed")
@pytest.mark.parametrize("name", ["shop.nft", "six.nft"])
def test_the_kernel_prints_what_reads_back_the_same(sample, rows, name):
    ours = without_lines(rows(sample("nftables", name)))
    path = SAMPLES / "nftables" / name
    for listing in ("nft list ruleset", "nft -a list ruleset", "nft -j list ruleset"):
        printed = in_a_namespace(f"nft -f {path}", listing)
        assert without_lines(rows(read_texts([(printed, "printed")]))) == ours


@pytest.mark.kernel
@pytest.mark.skipif(not RESTORE, reason="nft or iptables is not installed")
def test_the_kernel_translates_iptables_and_we_read_the_same(sample, rows):
    ours = without_lines(rows(sample("iptables", "shop.save")))
    for listing in ("nft list ruleset", "iptables-save"):
        printed = in_a_namespace(f"iptables-restore {SAMPLES / 'iptables' / 'shop.save'}", listing)
        assert without_lines(rows(read_texts([(printed, "printed")]))) == ours


@pytest.mark.kernel
@pytest.mark.skipif(not RESTORE, reason="nft or iptables is not installed")
def test_json_of_iptables_rules_does_not_say_where_to(rows, warned):
    printed = in_a_namespace(f"iptables-restore {SAMPLES / 'iptables' / 'shop.save'}", "nft -j list ruleset")
    mapping = read_texts([(printed, "printed")])
    assert rows(mapping) == []
    assert "1: left out: nft does not print what iptables' 'DNAT' says; give the output of iptables-save" in warned(mapping)
