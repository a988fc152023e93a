"""Every command that we print for Linux, verbatim on a real kernel: cures, lasts, verifies, and undoes itself wholly."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from dialect_scenarios import SCENARIOS, Scenario
from dialect_trial import HOPELESS_S, PATIENCE_S, put_to_test, state

from analyzer.balance.mapping import Endpoint, Forwarding, Protocol
from analyzer.diagnose.finding import Cause, Fix
from analyzer.dialects import fixes
from analyzer.kernel import networks as n
from analyzer.kernel.bench import Bench
from analyzer.kernel.record import load
from analyzer.kernel.topology import Topology
from analyzer.network.host import System
from analyzer.remedy.situation import Situation

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip"), reason="needs root and iproute2"),
]

MENDS_NOTHING_ALONE = {
    ("rp-filter", "rp-filter"): "the request comes in, its reply still takes the other way (KERNEL 5)",
    ("icmp-redirect", "redirects-not-sent"): "the server keeps what it has learnt (KERNEL 4)",
}
COUNT: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def _count() -> Iterator[None]:
    yield
    print(f"\n{sum(COUNT.values())} command sets run on the kernel: {dict(sorted(COUNT.items()))}")


@contextmanager
def built(scenario: Scenario) -> Iterator[Bench]:
    with Bench(scenario.topology()) as bench:
        yield bench


def works(bench: Bench, scenario: Scenario, patience_s: float = PATIENCE_S) -> bool:
    probe = scenario.probe
    return bench.connect(
        probe.client, probe.address, probe.port, protocol=probe.protocol, send=probe.send, expect=probe.expect,
        timeout_s=patience_s,
    ).ok


def prepare(bench: Bench, scenario: Scenario) -> None:
    for host, line in scenario.prepare:
        bench.shell(host, line)


def try_one(bench: Bench, scenario: Scenario, name: str, fix: Fix, before: str, *, first: bool) -> None:
    prepare(bench, scenario)
    if first or scenario.prepare:    # else the tables are the fault, and each fix that passes leaves them as they were
        assert not works(bench, scenario, HOPELESS_S)
    cures = (name, fix.kind) not in MENDS_NOTHING_ALONE
    # one dialect is enough to be pinged: the others make the same tables
    pinged = str(scenario.situation.clients[0]) if scenario.lasting and fix.dialect == "linux-iproute2" else ""
    put_to_test(
        bench, scenario.host(fix.on), fix, lambda seconds: works(bench, scenario, seconds), before,
        cures=cures, then=scenario.then, pinged=pinged if cures else "", afterwards=scenario.afterwards,
    )
    COUNT[fix.dialect] += 1


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_linux_fix_does_what_it_says(name):
    scenario = SCENARIOS[name]
    printed = [f for f in fixes(scenario.situation) if f.executed and f.commands]
    assert printed
    shares = [[fix] for fix in printed] if scenario.fresh else [printed]
    for share in shares:
        with built(scenario) as bench:
            before = {host: state(bench, host) for host in {scenario.host(fix.on) for fix in share}}
            for fix in share:
                try:
                    try_one(bench, scenario, name, fix, before[scenario.host(fix.on)], first=fix is share[0])
                except AssertionError as error:
                    raise AssertionError(f"{fix.kind} in {fix.dialect}: {error}") from error
            if not scenario.fresh:
                prepare(bench, scenario)
                assert not works(bench, scenario, HOPELESS_S), "after the last undo the fault is back"


DIRECT_8080_SURVIVES = {"hairpin-snat", "connection-mark"}
DIRECT_22_SURVIVES = {*DIRECT_8080_SURVIVES, "port-rule"}


def test_what_each_way_out_costs_where_the_balancer_drops_what_it_has_not_seen():
    """DOMAIN 3.1, the table, measured again: the ranking and the caveats rest on it."""
    drop = "table ip strict { chain fwd0 { type filter hook forward priority 0; ct state invalid drop; }; }\n"
    topology = n.two_arm()
    topology = topology.with_host("balancer", nft=topology.host("balancer").nft + drop)
    order = []
    with Bench(topology) as bench:
        def direct(port: int) -> bool:
            send = b"GET / HTTP/1.0\r\n\r\n" if port == n.RPORT else b""
            return bench.connect(
                "client", n.SERVER1, port, send=send, expect=-1 if send else 5, timeout_s=0.6
            ).ok

        assert direct(n.RPORT)
        assert direct(22)
        for fix in fixes(SCENARIOS["lan-client"].situation):
            if fix.dialect not in ("linux-iproute2", "linux-nftables") or not fix.commands:
                continue
            host = "balancer" if fix.on == n.BALANCER else "server1"
            for line in fix.commands:
                assert bench.shell(host, line).returncode == 0
            assert works(bench, SCENARIOS["lan-client"]), fix.kind
            assert direct(n.RPORT) is (fix.kind in DIRECT_8080_SURVIVES), fix.kind
            assert direct(22) is (fix.kind in DIRECT_22_SURVIVES), fix.kind
            order.append(fix.kind)
            for line in fix.undo:
                bench.shell(host, line)
    # the recommended one first (here: one client, nothing direct was captured), the others by what they cost
    assert order == [
        "host-route-per-client", "hairpin-snat", "connection-mark", "port-rule", "two-halves", "vendor-pair",
    ]


STORIES = Path(__file__).resolve().parents[2] / "sample_pcaps"
DIRECT = Situation(
    cause=Cause.DSR_VIP_MISSING, protocol=Protocol.TCP, clients=(ip_address(n.CLIENT),),
    real=Endpoint(ip_address(n.SERVER1), n.VPORT), virtual=Endpoint(ip_address(n.ONE_ARM_VIP), n.VPORT),
    forwarding=Forwarding.DIRECT,
)


def run_all(topology: Topology, situation: Situation, host: str, works_on: Callable[[Bench, float], bool]) -> None:
    with Bench(topology) as bench:
        before = state(bench, host)
        for fix in (f for f in fixes(situation) if f.executed and f.commands):
            put_to_test(bench, host, fix, lambda seconds: works_on(bench, seconds), before)
            COUNT[fix.dialect] += 1


@pytest.mark.parametrize("interface", ["", "eth0"])
def test_a_server_for_direct_return_gets_the_virtual_address_quietly(interface):
    """The sample's own network: by the virtual address nothing before, a page after."""
    def dial(bench: Bench, seconds: float) -> bool:
        return bench.connect(
            "client", n.ONE_ARM_VIP, n.VPORT, send=b"GET / HTTP/1.0\r\n\r\n", expect=-1, timeout_s=seconds
        ).ok

    topology = load(STORIES / "dsr-vip-missing").topology
    with Bench(topology) as bench:
        assert not dial(bench, HOPELESS_S)
    run_all(topology, replace(DIRECT, interface=interface), "server1", dial)


def test_a_server_for_direct_return_keeps_silent_about_the_virtual_address():
    """Nobody else has the address: whoever is told a MAC address was told the server's."""
    def silent(bench: Bench, seconds: float) -> bool:
        del seconds
        bench.shell("client", f"ip neigh flush to {n.ONE_ARM_VIP}; ping -c 1 -W 0.3 {n.ONE_ARM_VIP}")
        asked = bench.shell("client", f"ip neigh show {n.ONE_ARM_VIP}").stdout
        # and what the server asks for itself must not announce it either
        bench.shell("server1", f"ip neigh flush to {n.CLIENT}; ping -c 1 -W 0.3 -I {n.ONE_ARM_VIP} {n.CLIENT}")
        told = bench.shell("client", f"ip neigh show {n.ONE_ARM_VIP}").stdout
        return "lladdr" not in asked + told

    topology = load(STORIES / "dsr-arp").topology
    own = topology.host("balancer").interfaces[0]
    addresses = tuple(a for a in own.addresses if not a.startswith(n.ONE_ARM_VIP))
    topology = topology.with_host("balancer", interfaces=(replace(own, addresses=addresses),), nft="").with_host(
        "server1", sysctls={}
    )
    with Bench(topology) as bench:
        assert not silent(bench, 0)
    run_all(topology, replace(DIRECT, cause=Cause.DSR_ARP), "server1", silent)


def test_the_switch_of_connection_tracking_is_set_and_put_back():
    situation = replace(SCENARIOS["lan-client"].situation, cause=Cause.INVALID_LEAK)
    run_all(n.two_arm(), situation, "balancer", lambda bench, seconds: bool(bench and seconds))


def test_linux_is_the_only_system_that_is_run_here():
    from analyzer.dialects import available

    assert {d.SYSTEM for d in available().values() if d.EXECUTED} == {System.LINUX}
