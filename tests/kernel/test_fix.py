"""What cures the reply path on a real kernel and what only looks as if it did, with the kernel's own words.

The network is the one-arm case whose server has the LAN's router as its default
gateway; ``WORKS`` and ``DOES_NOTHING`` are what an engineer might type on
server1.
"""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from analyzer.kernel.bench import Bench
from analyzer.kernel.connection import patient
from analyzer.kernel.enclosure import PATH
from analyzer.kernel.fix import BROKEN_S, HTTP, Probe, difference, try_fix
from analyzer.kernel.networks import FORWARD, ONE_ARM_VIP, RPORT, SERVER1, dnat, one_arm, two_arm

pytestmark = pytest.mark.kernel

TOPOLOGY = one_arm().with_host("server1", routes=("default via 10.0.2.1",))
PROBE = replace(HTTP, address=ONE_ARM_VIP)
SSH = Probe(address=SERVER1, port=22, expect=22)
LAN, LB, LB_MAC, CLIENT = "10.0.2.0/24", "10.0.2.5", "02:00:0a:00:02:05", "10.0.2.50"

EXISTS = "RTNETLINK answers: File exists\n"
INVALID_GATEWAY = "Error: Nexthop has invalid gateway.\n"

MARK = f"""nft -f - <<'N'
table ip reply {{
 chain pre {{ type filter hook prerouting priority mangle; policy accept; iifname "eth0" ether saddr {LB_MAC} ct state new ct mark set 0x5; }}
 chain out {{ type route hook output priority mangle; policy accept; ct mark 0x5 meta mark set 0x5; }}
}}
N"""

WORKS = {
    "host route": ([f"ip route add {CLIENT}/32 via {LB}"], [f"ip route del {CLIENT}/32 via {LB}"]),
    "prepend": ([f"ip route prepend {LAN} via {LB}"], [f"ip route del {LAN} via {LB}"]),
    "legacy route": (
        [f"route add -host {LB} dev eth0", f"route add -net 10.0.2.0 netmask 255.255.255.0 gw {LB}"],
        [f"route del -net 10.0.2.0 netmask 255.255.255.0 gw {LB}", f"route del -host {LB} dev eth0"],
    ),
    "two halves": (
        [f"ip route add 10.0.2.0/25 via {LB}", f"ip route add 10.0.2.128/25 via {LB}"],
        [f"ip route del 10.0.2.0/25 via {LB}", f"ip route del 10.0.2.128/25 via {LB}"],
    ),
    "replace": (
        [f"ip route add {LB}/32 dev eth0", f"ip route replace {LAN} via {LB}"],
        [
            f"ip route replace {LAN} dev eth0 proto kernel scope link src {SERVER1}",
            f"ip route del {LB}/32 dev eth0",
        ],
    ),
    "rule by port": (
        ["ip rule add ipproto tcp sport 8080 lookup 77", f"ip route add default via {LB} table 77"],
        ["ip rule del ipproto tcp sport 8080 lookup 77", f"ip route del default via {LB} table 77"],
    ),
    "connection mark": (
        [MARK, f"ip route add default via {LB} table 77", "ip rule add fwmark 0x5 lookup 77"],
        ["ip rule del fwmark 0x5 lookup 77", f"ip route del default via {LB} table 77", "nft delete table ip reply"],
    ),
}

DOES_NOTHING = {
    "add": (f"ip route add {LAN} via {LB}", 2, EXISTS, ""),
    "add with dev": (f"ip route add {LAN} via {LB} dev eth0", 2, EXISTS, ""),
    "append": (f"ip route append {LAN} via {LB}", 0, "", f"ip route del {LAN} via {LB}"),
    "metric": (f"ip route add {LAN} via {LB} metric 50", 0, "", f"ip route del {LAN} via {LB} metric 50"),
    "default route": (
        f"ip route replace default via {LB}",
        0,
        "",
        "ip route replace default via 10.0.2.1 dev eth0",
    ),
    "not on link": ("ip route add 10.0.2.50/32 via 192.0.2.1 dev eth0", 2, INVALID_GATEWAY, ""),
}


def works(bench: Bench) -> bool:
    return bench.try_all([PROBE], timeout_s=patient(BROKEN_S))[0].ok


@pytest.fixture(scope="module")
def bench():
    with Bench(TOPOLOGY) as bench:
        assert not works(bench)
        yield bench


@pytest.mark.parametrize("name", WORKS)
def test_what_works_works_at_once_and_its_undo_restores_every_octet(bench, name):
    if name == "legacy route" and not shutil.which("route", path=PATH):
        pytest.skip("route (net-tools) is not installed")
    commands, undo = WORKS[name]
    before = bench.state("server1")
    for command in commands:
        done = bench.shell("server1", command)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), command
    assert works(bench)
    for command in undo:
        done = bench.shell("server1", command)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), command
    assert difference(before, bench.state("server1")) == ""
    assert before == bench.state("server1")


@pytest.mark.parametrize("name", DOES_NOTHING)
def test_what_does_nothing_does_nothing_and_the_kernel_says_this(bench, name):
    command, status, words, undo = DOES_NOTHING[name]
    before = bench.state("server1")
    done = bench.shell("server1", command)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", words)
    assert not works(bench)
    if undo:
        assert bench.shell("server1", undo).returncode == 0
    assert before == bench.state("server1")


def test_after_replace_nothing_can_be_added_through_a_neighbour(bench):
    """The connected route is gone, so no gateway on the LAN is on link any more."""
    commands, undo = WORKS["replace"]
    bench.shell("server1", commands[1])
    done = bench.shell("server1", "ip route add 192.0.2.0/24 via 10.0.2.1")
    assert (done.returncode, done.stderr) == (2, INVALID_GATEWAY)
    assert bench.shell("server1", undo[0]).returncode == 0


def test_translation_at_the_balancer_cures_without_touching_the_server():
    trial = try_fix(
        TOPOLOGY,
        "balancer",
        [
            "nft 'add chain ip balancer postrouting { type nat hook postrouting priority srcnat; }'",
            f"nft 'add rule ip balancer postrouting ip saddr {LAN} ip daddr {SERVER1} tcp dport {RPORT} ct status dnat masquerade'",
        ],
        [("nft list chain ip balancer postrouting", "masquerade")],
        ["nft delete chain ip balancer postrouting"],
        probe=PROBE,
        others=[SSH],
    )
    assert trial.good, str(trial)


def test_a_host_route_alone_is_undone_by_one_ping():
    command = f"ip route add {CLIENT}/32 via {LB}"
    undo = f"ip route del {CLIENT}/32 via {LB}"
    trial = try_fix(TOPOLOGY, "server1", [command], [f"ip route get {CLIENT}"], [undo], probe=PROBE)
    assert (trial.cured, trial.lasting, trial.restored, trial.good) == (True, False, True, False)
    quiet = "sysctl -w net.ipv4.conf.all.accept_redirects={0} net.ipv4.conf.eth0.accept_redirects={0}"
    trial = try_fix(
        TOPOLOGY,
        "server1",
        [command, quiet.format(0)],
        [(f"ip route get {CLIENT}", f"{CLIENT} via {LB} dev eth0 src {SERVER1}")],
        [undo, quiet.format(1)],
        probe=PROBE,
        others=[SSH],
    )
    assert trial.good, str(trial)


def test_a_trial_names_what_the_fix_breaks():
    """A balancer that drops what it calls invalid makes the whole-subnet route harmful to direct connections."""
    strict = dnat("203.0.113.10", 80, SERVER1) + (
        "table ip strict {\n chain forward {\n type filter hook forward priority filter; policy accept;\n"
        " ct state invalid drop\n }\n}\n"
    )
    topology = two_arm().with_host("balancer", nft=strict, sysctls=FORWARD)
    route = "ip route {} 10.0.2.0/24 via 10.0.2.1"
    trial = try_fix(topology, "server1", [route.format("prepend")], undo=[route.format("del")], others=[SSH])
    assert trial.cured
    assert trial.restored
    assert trial.broken == (SSH,)
    assert not trial.good


def test_a_trial_says_what_the_undo_left_behind_and_what_verify_missed():
    command = f"ip route add {CLIENT}/32 via {LB}"
    trial = try_fix(TOPOLOGY, "server1", [command], [("ip route get 10.0.2.1", "via 10.0.2.5")], ["true"], probe=PROBE)
    assert trial.cured
    assert not trial.verified
    assert not trial.restored
    assert f"+{CLIENT} via {LB} dev eth0 " in trial.changes
    assert "(expected 'via 10.0.2.5')" in str(trial)
