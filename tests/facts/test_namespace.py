"""What a real host prints, read back: the plain texts and net-tools against ``ip -j``, of one namespace."""

import os
import shutil
import subprocess
from dataclasses import replace

import pytest

from analyzer.facts.reading import read_text
from analyzer.network.host import RouteType, System, Via

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip"), reason="needs root and iproute2"),
]

SETUP = """
link set lo up
link add eth0 type veth peer name far
link set eth0 address 02:00:0a:00:02:0b up
link set far up
addr add 10.0.2.11/24 dev eth0
addr add 10.0.2.12/24 dev eth0
addr add 192.0.2.1 peer 192.0.2.2/32 dev eth0
addr add 2001:db8:2::11/64 dev eth0 nodad
route add default via 10.0.2.1 metric 100 mtu 1400
route add default via 10.0.2.254 metric 200
route add 10.9.0.0/16 nexthop via 10.0.2.1 weight 2 nexthop via 10.0.2.3
route add blackhole 10.8.0.0/16
route add 10.7.0.0/16 via 192.168.9.9 dev eth0 onlink table 100 src 10.0.2.12
route add default via fe80::1 dev eth0
rule add from 10.0.2.0/24 to 10.1.0.0/16 lookup 100 pref 100
rule add not from 10.0.2.5 fwmark 0x1/0xff iif eth0 ipproto tcp sport 80 dport 1000-2000 tos 0x10 lookup 100 pref 99
neigh add 10.0.2.1 lladdr 02:00:0a:00:02:01 dev eth0
neigh add 10.0.2.7 dev eth0 nud failed
"""


@pytest.fixture(scope="module")
def run():
    name = f"facts{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode:
        pytest.skip("no network namespaces here")
    try:
        subprocess.run(["ip", "-n", name, "-b", "-"], input=SETUP.strip(), text=True, check=True, capture_output=True)

        def output(*words):
            if not shutil.which(words[0]):
                pytest.skip(f"{words[0]} is not installed")
            return subprocess.run(["ip", "netns", "exec", name, *words], text=True, check=True, capture_output=True).stdout

        yield output
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)


def plain(rows):
    return [replace(row, origin=None) for row in rows]


@pytest.mark.parametrize(("command", "kind", "count"), [
    ("addr", "interfaces", 3), ("route show table all", "routes", 17), ("-4 route", "routes", 6), ("-6 route", "routes", 4),
    ("rule", "rules", 5), ("-6 rule", "rules", 2), ("neigh", "neighbors", 2),
])
def test_the_text_says_what_the_json_says(run, command, kind, count):
    words = command.split()
    told, twin = (read_text(run("ip", *json, *words), "out.txt") for json in ([], ["-j"]))
    assert plain(getattr(told, kind)) == plain(getattr(twin, kind))
    assert len(getattr(told, kind)) >= count
    assert (told.complete, told.listed, told.partial, told.system) == (twin.complete, twin.listed, twin.partial, System.LINUX)
    assert not told.warnings and not twin.warnings


def test_net_tools_show_the_main_table_without_what_they_hide(run):
    told = read_text(run("route", "-n"), "route.txt")
    true = read_text(run("ip", "-j", "-4", "route"), "ip.json")
    shown = {(r.destination, r.metric): replace(r, origin=None) for r in told.routes}
    for route in true.routes:
        if route.type is RouteType.BLACKHOLE:
            assert route.destination not in {r.destination for r in told.routes}
            assert "ip route" in told.warnings[0] and "routes" in told.partial
        else:
            mine = shown[route.destination, route.metric]
            assert mine.next_hops[0] == route.next_hops[0]
    six = read_text(run("route", "-n", "-6"), "route.txt").routes
    assert [(r.destination, r.metric, r.next_hops) for r in six] == [
        (r.destination, r.metric, r.next_hops) for r in read_text(run("ip", "-j", "-6", "route"), "ip.json").routes]


def test_ifconfig_shows_the_primary_addresses(run):
    told = read_text(run("ifconfig", "-a"), "ifconfig.txt")
    true = {i.name: i for i in read_text(run("ip", "-j", "addr"), "ip.json").interfaces}
    assert {i.name for i in told.interfaces} == set(true)
    for mine in told.interfaces:
        theirs = true[mine.name]
        assert (mine.mac, mine.mtu, mine.up) == (theirs.mac, theirs.mtu, theirs.up)
        assert set(mine.addresses) <= set(theirs.addresses)
    assert "interfaces" not in told.complete    # it leaves out 10.0.2.12


@pytest.mark.parametrize("words", [("arp", "-an"), ("arp", "-n")])
def test_arp_shows_the_neighbors(run, words):
    told = read_text(run(*words), "arp.txt")
    true = read_text(run("ip", "-j", "-4", "neigh"), "ip.json")
    assert {(n.address, n.mac, n.interface) for n in told.neighbors} == {
        (n.address, n.mac, n.interface) for n in true.neighbors}


def test_the_switches_of_the_kernel(run):
    told = read_text("# sysctl -a\n" + run("sysctl", "-a"), "sysctl.txt")
    assert told.sysctls["net.ipv4.conf.eth0.rp_filter"] == run("sysctl", "-n", "net.ipv4.conf.eth0.rp_filter").strip()
    assert told.complete == {"sysctls"}
    assert not (told.routes or told.interfaces or told.rules or told.neighbors)


def test_one_bundle_of_all_is_the_sum_of_its_parts(run):
    commands = ["ip addr", "ip route show table all", "ip -6 rule", "ip rule", "ip neigh", "sysctl net.ipv4.conf.eth0"]
    outputs = [run(*command.split()) for command in commands]
    sum_of = read_text("\n".join(f"web1:~# {c}\n{o}" for c, o in zip(commands, outputs, strict=True)), "bundle.txt")
    bare = read_text("".join(outputs), "bundle.txt")
    for facts in (sum_of, bare):
        for kind in ("interfaces", "routes", "rules", "neighbors"):
            parts = [row for output in outputs for row in getattr(read_text(output, "part.txt"), kind)]
            assert set(plain(getattr(facts, kind))) == set(plain(parts))
        assert facts.listed == {(4, 0), (6, 0)}
    assert any(isinstance(hop, Via) and hop.gateway.is_link_local and hop.interface == "eth0"
               for route in sum_of.routes for hop in route.next_hops)
