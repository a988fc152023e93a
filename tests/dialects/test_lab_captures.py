"""Whatever we print for the lab's captures is run, verbatim, on networks built like the lab's.

The captures were recorded on a Linux kernel by others; they are not part of the
project, and without them these tests say so.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from dialect_trial import HOPELESS_S, put_to_test, state

from analyzer.api import analyze
from analyzer.diagnose.finding import Cause, Finding, Fix, Severity
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import dnat
from analyzer.kernel.topology import Host, Interface, Listener, Topology

LAB = Path(__file__).resolve().parents[3] / "shared" / "captures" / "lab"

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip"), reason="needs root and iproute2"),
    pytest.mark.skipif(not LAB.is_dir(), reason="the lab's captures are not here"),
]

INSIDE, REAL, PEER, CLIENT, OTHER = (f"192.168.11.{n}" for n in (1, 10, 11, 50, 254))
FORWARD = {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1}
COUNT: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def _count() -> Iterator[None]:
    yield
    print(f"\n{sum(COUNT.values())} command sets of the lab run on networks like it: {dict(sorted(COUNT.items()))}")


def mac(last: str) -> str:
    return f"02:00:00:00:{last}"


def lan(found: Finding) -> Topology:
    """B .1, S1 .10, S2 .11, C .50 on the LAN; E .50 in front; the virtual service where the capture has it."""
    virtual, real = found.virtual, found.real
    six = ip_address(real.address).version == 6
    net, length, front = ("2001:db8:11::", 64, "2001:db8:113::") if six else ("192.168.11.", 24, "203.0.113.")
    on_lan = virtual.address.startswith(net)
    vip = f"{virtual.address}/{128 if six else 32}"
    service = Listener(real.address, real.port, protocol=real.protocol)

    def host(name: str, number: int, last: str, *listeners: Listener) -> Host:
        return Host(
            name, (Interface("eth0", "lan", (f"{net}{number}/{length}",), mac(last)),),
            routes=(f"default via {net}1",), listeners=listeners,
        )

    return Topology((
        Host(
            "balancer",
            (Interface("eth0", "lan", (f"{net}1/{length}", *((vip,) if on_lan else ())), mac("11:04")),
             Interface("eth1", "front", (f"{front}1/{length}", *(() if on_lan else (vip,))), mac("22:04"))),
            sysctls=FORWARD,
            nft=dnat(virtual.address, virtual.port, real.address, real_port=real.port, protocol=real.protocol),
        ),
        host("server1", 10, "11:02", service), host("server2", 11, "11:03"), host("client", 50, "11:01"),
        Host("outside", (Interface("eth0", "front", (f"{front}50/{length}",), mac("22:05")),),
             routes=(f"default via {front}1",)),
    ))


def wrong_gateway(found: Finding) -> Topology:
    """S1's default gateway is .254, which reaches E without B."""
    other = Host(
        "other",
        (Interface("eth0", "lan", (f"{OTHER}/24",), mac("11:fe")),
         Interface("eth1", "front", ("203.0.113.254/24",), mac("22:fe"))),
        sysctls=FORWARD,
    )
    return lan(found).with_added(other).with_host("server1", routes=(f"default via {OTHER}",))


def multihomed(found: Finding) -> Topology:
    """E is 10.99.0.50 on S1's second net and dials through the front; B knows the way back."""
    topology = lan(found)
    own, front = topology.host("server1").interfaces[0], topology.host("outside").interfaces[0]
    return (
        topology.with_host("server1", interfaces=(own, Interface("eth1", "second", ("10.99.0.10/24",))))
        .with_host("outside", interfaces=(front, Interface("eth1", "second", ("10.99.0.50/24",))))
        .with_host("balancer", routes=("10.99.0.0/24 via 203.0.113.50",))
    )


def through_the_balancer(found: Finding) -> Topology:
    """S1 has its client's route through B already."""
    return lan(found).with_host("server1", routes=(f"default via {INSIDE}", f"{CLIENT}/32 via {INSIDE}"))


def metric_1(found: Finding) -> Topology:
    """S1 has the subnet through B, with the metric that wins."""
    inside = "2001:db8:11::1"
    routes = (f"default via {inside}", f"2001:db8:11::/64 via {inside} metric 1")
    return lan(found).with_host("server1", routes=routes)


def usurped(found: Finding) -> Topology:
    """S2 has B's inside address as well."""
    own = lan(found).host("server2").interfaces[0]
    return lan(found).with_host("server2", interfaces=(replace(own, addresses=(*own.addresses, f"{INSIDE}/24")),), routes=())


@dataclass(frozen=True)
class Case:
    """How a scenario's network is built, what makes its fault appear, and what a caveat asks for elsewhere."""

    topology: Callable[[Finding], Topology] = lan
    prepare: tuple[tuple[str, str], ...] = ()
    then: tuple[tuple[str, str], ...] = ()


WRONG_ARP = (("balancer", f"ping -c 1 -W 1 {REAL}"),
             ("server1", f"ip neigh replace {INSIDE} lladdr {mac('11:03')} dev eth0 nud reachable"))
CASES = {
    "B_bypass": Case(), "B2_bypass_silent": Case(), "I_server2server": Case(), "J_bypass_closed": Case(),
    "H_selfhairpin": Case(), "P_span_any": Case(), "T_v6_bypass": Case(), "U_onearm": Case(), "X_udp": Case(),
    "R1_wrong_gw_plain": Case(wrong_gateway), "R2_wrong_gw_masq": Case(wrong_gateway),
    "R3_wrong_gw_statefulfw": Case(wrong_gateway), "Q1_multihomed_connected": Case(multihomed),
    "D_redirect": Case(through_the_balancer, (("server1", f"ping -c 3 -i 0.2 -W 1 {CLIENT}"),)),
    "T3_v6_metric1": Case(metric_1),
    "V_dupip": Case(usurped, WRONG_ARP, (("server1", f"ip neigh flush to {INSIDE}"),)),
}
PASSING = (Cause.ICMP_REDIRECT,)
"""The fault sits in a cache: each fix needs it anew.  Elsewhere the tables are the fault, and are compared."""

MENDS_NOTHING_ALONE = {"redirects-not-sent": "the server keeps what it has learnt"}


def printed(name: str) -> list[tuple[Finding, Fix]]:
    """Each different command set: from all captures together, and from the server's and the client's alone.

    Alone, a capture may name a weaker cause; what is printed for that is for another network than this.
    """
    captures = [f"{path.name.split('.')[1]}={path}" for path in sorted(LAB.glob(f"{name}.*.pcap"))]
    alone = [[c] for c in captures if c.startswith(("server1=", "client="))]
    seen: dict[tuple[str, ...], tuple[Finding, Fix]] = {}
    causes: set[Cause] = set()
    for given in (captures, *alone):
        findings = [f for f in analyze(given).findings if f.severity is Severity.ERROR and f.virtual and f.real]
        causes = causes or {f.cause for f in findings}
        for found in findings:
            if found.cause in causes:
                for fix in found.fixes:
                    if fix.executed and fix.commands:
                        seen.setdefault(fix.commands, (found, fix))
    return list(seen.values())


def holder(topology: Topology, on: str) -> str:
    """The host that has an address, or a MAC address."""
    for host in topology.hosts:
        for interface in host.interfaces:
            if on == interface.mac or on in {text.partition("/")[0] for text in interface.addresses}:
                return host.name
    raise AssertionError(f"nobody has {on}")


@pytest.mark.usefixtures("without_proofs")
@pytest.mark.parametrize("name", CASES)
def test_what_we_print_for_a_lab_capture_mends_it(name):
    case = CASES[name]
    given = printed(name)
    assert given, "nothing is printed"
    while given:
        found, _ = given[0]
        topology = case.topology(found)
        with Bench(topology) as bench:
            fresh, states = True, {}
            while given and given[0][0].clients == found.clients:
                found, fix = given[0]

                def dial(seconds: float, found: Finding = found) -> bool:
                    virtual, client = found.virtual, found.clients[0]
                    return bench.connect(
                        holder(topology, client), virtual.address, virtual.port, protocol=virtual.protocol,  # noqa: B023
                        source=(client, 0), send=b"4 0\n", expect=4, timeout_s=seconds,
                    ).ok

                where = holder(topology, fix.on)
                if where not in states:    # each fix that passes leaves it as it was
                    states[where] = state(bench, where)
                for host, line in case.prepare:
                    bench.shell(host, line)
                if (fresh or case.prepare or found.cause in PASSING) and dial(HOPELESS_S):
                    assert not fresh, "the fault does not appear"
                    break    # redirects are rate-limited: the fault comes back on a new network only
                fresh = False
                try:
                    put_to_test(
                        bench, where, fix, dial, states[where], then=case.then,
                        cures=fix.kind not in MENDS_NOTHING_ALONE,
                    )
                except AssertionError as error:
                    raise AssertionError(f"{fix.kind} in {fix.dialect} on {fix.on}: {error}") from error
                COUNT[fix.dialect] += 1
                given.pop(0)
