"""iptables-save: services followed through chains, and whether the source is rewritten too."""

import shutil
import subprocess
from pathlib import Path

import pytest

from analyzer.errors import ConfigSyntaxError
from analyzer.importers import iptables
from analyzer.importers.reading import read_texts

SHOP = Path(__file__).parent / "samples" / "iptables" / "shop.save"
SHARED = sorted((Path(__file__).parents[3] / "shared" / "configs" / "iptables").glob("*"))


def read(*rules):
    return iptables.read("*nat\n" + "\n".join(rules) + "\nCOMMIT\n", "i")


def problems(*rules):
    with pytest.raises(ConfigSyntaxError) as caught:
        read(*rules)
    return list(caught.value.problems)


def test_conditions_ports_ranges_and_chains(sample, rows, warned):
    mapping = sample("iptables", "shop.save")
    assert rows(mapping) == [
        "203.0.113.10:80/tcp@11 nat 10.0.2.11:8080@11",
        "203.0.113.10:80/tcp@11 nat 10.0.2.12:8080@12",
        *(f"203.0.113.11:{port}/tcp@14 {mode} 10.0.2.{host}@14"
          for port in (80, 443, 8000, 8001) for mode, host in (("full-nat", 13), ("nat", 14))),
        "203.0.113.12/icmp@15 nat 10.0.2.15@15",
        "203.0.113.12/tcp@15 nat 10.0.2.15@15",
        "203.0.113.12/udp@15 nat 10.0.2.15@15",
        "203.0.113.25:25/tcp@19 nat 10.0.2.25@19",
    ]
    assert [str(a) for a in mapping.balancers] == ["10.0.2.1"]
    assert warned(mapping) == [
        "13: left out: a rule above takes the same packets",
        "11: 10.0.2.11:8080 behind 203.0.113.10: the source is rewritten for some clients (-s 10.0.2.0/24, line 22)",
        "16: what goes to 10.0.2.16:22 is for every address of the balancer, not for one address; say which in a mapping file of your own",
        "18: left out: the packet is redirected to the balancer itself",
    ]


def test_commands_of_a_script_each_family_by_itself(sample, rows, warned):
    mapping = sample("iptables", "commands.sh")
    assert rows(mapping) == [
        "203.0.113.10:80/tcp@5 full-nat 10.0.2.11:8080@5",
        "203.0.113.10:53/udp@3 full-nat 10.0.2.53@3",
        "[2001:db8::10]:443/tcp@6 nat [2001:db8::11]:8443@6",
    ]
    assert warned(mapping)[0] == "7: -d: '$VIP' is filled in when the balancer starts, we cannot know with what"


def test_kube_proxy(shared, rows, warned):
    """Derived by hand from KUBE-SERVICES, -EXT, -FW, -SVC and -SEP.

    A cluster address is masqueraded for clients outside the pods' network only;
    svc4's external address always (its KUBE-EXT chain marks everything); so is
    svc5's, behind KUBE-FW; svc2's never, but for the node itself.
    """
    mapping = shared("iptables", "kubernetes__kube-proxy_iptables-save_all-services.txt")
    assert rows(mapping) == [
        "172.30.0.41:80/tcp@46 nat 10.180.0.1:80@76",
        "172.30.0.42:80/tcp@47 nat 10.180.0.2:80@74",
        "192.168.99.22:80/tcp@48 nat 10.180.0.2:80@74",
        "1.2.3.4:80/tcp@49 nat 10.180.0.2:80@74",
        "172.30.0.43:80/tcp@50 nat 10.180.0.3:80@72",
        "172.30.0.44:80/tcp@51 nat 10.180.0.4:80@78",
        "172.30.0.44:80/tcp@51 nat 10.180.0.5:80@68",
        "192.168.99.33:80/tcp@52 full-nat 10.180.0.4:80@78",
        "192.168.99.33:80/tcp@52 full-nat 10.180.0.5:80@68",
        "172.30.0.45:80/tcp@53 nat 10.180.0.3:80@70",
        "5.6.7.8:80/tcp@54 full-nat 10.180.0.3:80@70",
    ]
    said = warned(mapping)
    assert "76: 10.180.0.1:80 behind 172.30.0.41: the source is rewritten for some clients (not -s 10.0.0.0/8)" in said
    assert sum("--dst-type LOCAL" in text for text in said) == 3    # the node ports of svc2, svc3 and svc5


def test_a_router_with_two_uplinks(shared, rows, warned):
    """Its two DNAT rules ask for names as sources, and for no destination address."""
    mapping = shared("iptables", "8none1+multipathrouting__iptables.save")
    assert rows(mapping) == []
    assert [str(a) for a in mapping.balancers] == ["212.159.20.70"]
    assert [text.partition(":")[0] for text in warned(mapping)] == ["34", "35", "34", "35", "0"]


@pytest.mark.parametrize("rules, mode", [
    (["-A POSTROUTING -j MASQUERADE"], "full-nat"),
    (["-A POSTROUTING -d 10.0.2.0/24 -j MASQUERADE"], "full-nat"),
    (["-A POSTROUTING -d 10.0.3.0/24 -j MASQUERADE"], "nat"),
    (["-A POSTROUTING ! -d 10.0.2.0/24 -j MASQUERADE"], "nat"),
    (["-A POSTROUTING -d 10.0.2.0/24 -j RETURN", "-A POSTROUTING -j MASQUERADE"], "nat"),
    (["-A POSTROUTING -d 10.0.2.11 -p udp -j MASQUERADE"], "nat"),
    (["-A POSTROUTING -d 10.0.2.11 -p tcp --dport 80 -j MASQUERADE"], "nat"),       # the server listens on 8080
    (["-A POSTROUTING -d 10.0.2.11 -p tcp --dport 8080 -j MASQUERADE"], "full-nat"),
    (["-A POSTROUTING -o eth1 -d 10.0.2.11 -j SNAT --to-source 10.0.2.1"], "full-nat"),
    (["-A POSTROUTING -m conntrack --ctstate DNAT -j MASQUERADE"], "full-nat"),
    (["-A POSTROUTING -j web", "-A web -d 10.0.2.11 -j MASQUERADE"], "full-nat"),
    (["-A POSTROUTING -s 10.0.2.0/24 -o eth0 -j MASQUERADE"], "nat"),
])
def test_each_source_rule_is_asked_whether_it_meets_the_server(rows, warned, rules, mode):
    mapping = read("-A PREROUTING -d 203.0.113.10 -p tcp --dport 80 -j DNAT --to-destination 10.0.2.11:8080", *rules)
    assert rows(mapping) == [f"203.0.113.10:80/tcp@2 {mode} 10.0.2.11:8080@2"]
    assert warned(mapping) == []


@pytest.mark.parametrize("rule", [
    "-A POSTROUTING -o eth1 -j MASQUERADE",
    "-A POSTROUTING -s 10.0.2.0/24 -d 10.0.2.0/24 -j MASQUERADE",
    "-A POSTROUTING -m set --match-set clients src -j MASQUERADE",
])
def test_a_source_rule_that_meets_some_clients_is_said(rows, warned, rule):
    mapping = read("-A PREROUTING -d 203.0.113.10 -p tcp --dport 80 -j DNAT --to-destination 10.0.2.11:8080", rule)
    assert rows(mapping) == ["203.0.113.10:80/tcp@2 nat 10.0.2.11:8080@2"]
    assert warned(mapping)[0].startswith("2: 10.0.2.11:8080 behind 203.0.113.10: the source is rewritten for some clients (")


def test_marks_of_older_kube_proxies_stand_beside_the_jump(rows, warned):
    mapping = read(
        "-A PREROUTING -j KUBE-SERVICES",
        "-A KUBE-SERVICES -d 203.0.113.10/32 -p tcp --dport 80 -j KUBE-MARK-MASQ",
        "-A KUBE-SERVICES -d 203.0.113.10/32 -p tcp --dport 80 -j KUBE-SVC-A",
        "-A KUBE-SERVICES -d 203.0.113.11/32 -p tcp --dport 80 -j KUBE-SVC-A",
        "-A KUBE-SVC-A -j DNAT --to-destination 10.0.2.11:8080",
        "-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000",
        "-A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE")
    assert rows(mapping) == [
        "203.0.113.10:80/tcp@3 full-nat 10.0.2.11:8080@6",
        "203.0.113.11:80/tcp@5 nat 10.0.2.11:8080@6",
    ]
    assert warned(mapping) == []


def test_loops_and_ladders_of_chains_end():
    ladder = [f"-A c{i} -j c{i + 1}" for i in range(60) for _ in range(2)]
    read("-A PREROUTING -d 203.0.113.10 -j c0", *ladder, "-A c60 -j DNAT --to-destination 10.0.2.11", "-A c60 -j c0")


def test_what_has_no_single_address_is_said(rows, warned):
    mapping = read(
        "-A PREROUTING -d 203.0.113.0/28 -p tcp --dport 80 -j DNAT --to-destination 10.0.2.11",
        "-A PREROUTING -m set --match-set vips dst -p tcp --dport 80 -j DNAT --to-destination 10.0.2.11",
        "-A PREROUTING -d 203.0.113.10 -p tcp --dport 1:2000 -j DNAT --to-destination 10.0.2.11",
        "-A PREROUTING -d 203.0.113.10 -p tcp --dport 80 -j DNAT --to-destination 10.0.2.11:8000-8010",
        "-A PREROUTING -d 203.0.113.10 -p sctp -j DNAT --to-destination 10.0.2.11",
        "-A PREROUTING -d 203.0.113.10 -p tcp -j DNAT --to-destination 10.0.0.1-10.0.2.11",
        "-A PREROUTING -d 203.0.113.0/24 -j NETMAP --to 10.0.2.0/24")
    assert rows(mapping) == []
    assert [text.split(";")[0] for text in warned(mapping)] == [
        "5: 10.0.2.11:8000-8010: left out, a range of ports",
        "7: 10.0.0.1-10.0.2.11: left out, a range of 523 addresses",
        "8: left out: NETMAP maps a whole network",
        "2: what goes to 10.0.2.11 is for -d 203.0.113.0/28, not for one address",
        "3: what goes to 10.0.2.11 is for --match-set vips dst, not for one address",
        "4: left out: 2000 ports are not spelled out",
        "6: sctp: we follow TCP, UDP and ICMP",
    ]


def test_every_damaged_line_is_named():
    assert problems(
        "-A PREROUTING -d 203.0.113.400 -p tcp --dport 80 -j DNAT --to-destination 10.0.2.11",
        "-A PREROUTING -d 203.0.113.10/33 -p tcp --dport 80 -j DNAT --to-destination 10.0.2.11",
        "-A PREROUTING -d 203.0.113.10 -p tcp --dport 80,80000 -j DNAT --to-destination 10.0.2.11:0",
        "-A PREROUTING -d 203.0.113.10 -j DANT --to-destination 10.0.2.11",
        "-A PREROUTING -d 203.0.113.10 -j DNAT",
        "-A",
        "A PREROUTING",
        "-A PREROUTING -d 203.0.113.10 -j") == [
        "i:2:18: expected -d: an IPv4 or IPv6 address, got '203.0.113.400'",
        "i:3:31: expected -d: a prefix length, got '203.0.113.10/33'",
        "i:4:49: expected a port or a range of ports, got '80000'",
        "i:4:90: expected --to-destination: a port from 1 to 65535, got '0'",
        "i:5:34: expected a chain or target, got 'DANT'; did you mean 'DNAT'?",
        "i:6:34: expected -j DNAT --to-destination ADDRESS:PORT, got no --to-destination",
        "i:7:1: expected -A CHAIN, got '-A'",
        "i:8:1: expected -A CHAIN ..., :CHAIN, *TABLE or COMMIT, got 'A PREROUTING'",
        "i:9:1: expected a target after -j, got none",
    ]


RESTORE = shutil.which("iptables-restore") and shutil.which("unshare")


def accepted(path):
    tool = "ip6tables-restore" if "ip6" in path.name else "iptables-restore"
    with path.open() as text:
        return subprocess.run(["unshare", "-n", tool, "--test"], stdin=text, check=False, capture_output=True, timeout=60)


@pytest.mark.kernel
@pytest.mark.skipif(not RESTORE, reason="iptables-restore is not installed")
def test_iptables_accepts_our_sample():
    done = accepted(SHOP)
    assert done.returncode == 0, done.stderr


@pytest.mark.kernel
@pytest.mark.skipif(not RESTORE, reason="iptables-restore is not installed")
@pytest.mark.parametrize("path", [p for p in SHARED if p.suffix in {".txt", ".dump"} or p.name.endswith("tables")], ids=lambda p: p.name[-40:])
def test_what_iptables_accepts_we_do_not_refuse(path):
    if accepted(path).returncode == 0:
        read_texts([(path.read_text(), path.name)])
