"""Whatever we print for a sample is run, verbatim, on the very network on which the sample was recorded."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_interface
from pathlib import Path

import pytest
from dialect_trial import HOPELESS_S, put_to_test, state

from analyzer.api import analyze
from analyzer.diagnose.finding import Cause, Diagnosis, Finding, Fix, Severity
from analyzer.facts.reading import read_hosts
from analyzer.importers.reading import read_mappings
from analyzer.kernel.bench import Bench
from analyzer.kernel.record import Story, load
from analyzer.kernel.topology import Host, Topology, mac_of

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip"), reason="needs root and iproute2"),
]

ROOT = Path(__file__).resolve().parents[2] / "sample_pcaps"
STORIES = sorted(path.name for path in ROOT.iterdir() if (path / "story.py").is_file())
COUNT: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def _count() -> Iterator[None]:
    yield
    print(f"\n{sum(COUNT.values())} command sets of the samples run on their networks: {dict(sorted(COUNT.items()))}")


def captures(name: str) -> list[str]:
    return [f"{path.stem}={path}" for path in sorted((ROOT / name).glob("*.pcap"))]


def analyze_told(name: str) -> Diagnosis:
    """With the mapping and the facts of the hosts that have any."""
    facts = sorted((ROOT / name / "facts").iterdir()) if (ROOT / name / "facts").is_dir() else []
    hosts = read_hosts([f"{path.name.partition('.')[0]}={path}" for path in facts])
    return analyze(captures(name), mapping=read_mappings([ROOT / name / "balancer.yaml"]), hosts=hosts)


def printed(name: str) -> list[tuple[Finding, Fix]]:
    """Each different command set that we print: with mapping and facts, with the mapping, and from captures alone."""
    seen: dict[tuple[str, ...], tuple[Finding, Fix]] = {}
    mapping = read_mappings([ROOT / name / "balancer.yaml"])
    for diagnosis in (analyze_told(name), analyze(captures(name), mapping=mapping), analyze(captures(name))):
        for found in diagnosis.findings:
            if found.severity is Severity.ERROR:
                for fix in found.fixes:
                    if fix.executed and fix.commands:
                        seen.setdefault(fix.commands, (found, fix))
    return list(seen.values())


MENDS_NOTHING_ALONE = {
    "redirects-not-sent": "the server keeps what it has learnt",
    "rp-filter": "the request comes in, its reply still takes the other way",
}


@dataclass
class Dial:
    """The connection that a finding is about, as its client makes it."""

    bench: Bench
    story: Story
    found: Finding

    def __call__(self, seconds: float) -> bool:
        found = self.found
        dialled = found.virtual or found.real    # what is bent may be a connection past the virtual service
        at = found.real or found.virtual         # direct return: the real server listens on the virtual address
        assert dialled is not None
        assert at is not None
        listening = [
            each for host in self.story.topology.hosts for each in host.listeners
            if each.port == at.port and (each.address == at.address or found.real is None)
        ]
        http = any(each.behaviour == "http" for each in listening)
        outcome = self.bench.connect(
            holder(self.story, found.clients[0]).name, dialled.address, dialled.port,
            protocol=dialled.protocol, send=b"GET / HTTP/1.0\r\n\r\n" if http else b"5 0\n",
            expect=-1 if http else 4, timeout_s=seconds,
        )
        # where nothing listens, a client that is told so at once is a client that is served
        return outcome.ok if listening else str(outcome).startswith("refused")


@dataclass
class Silence:
    """The ARP problem: nobody but the balancer has to tell its MAC address for the virtual address, asked or asking."""

    bench: Bench
    on: str
    virtual: str
    client: str

    def __call__(self, seconds: float) -> bool:
        del seconds
        forget = f"ip neigh flush to {self.virtual}; ping -c 1 -W 0.3 {self.virtual}"
        self.bench.shell("client", forget)
        asked = self.bench.shell("client", f"ip neigh show {self.virtual}").stdout
        self.bench.shell(self.on, f"ip neigh flush to {self.client}; ping -c 1 -W 0.3 -I {self.virtual} {self.client}")
        return "lladdr" not in asked + self.bench.shell("client", f"ip neigh show {self.virtual}").stdout


@dataclass
class InTurn:
    """The same where several real servers take turns: with one of them mended, more dials succeed than before."""

    dial: Dial | Silence
    turns: int
    broken: int = 0

    def successes(self, seconds: float) -> int:
        return sum(self.dial(seconds) for _ in range(self.turns))

    def fault_is_there(self) -> bool:
        """Asked before the first fix; remembers how many dials succeed all the same."""
        self.broken = self.successes(HOPELESS_S)
        return self.broken < self.turns

    def __call__(self, seconds: float) -> bool:
        # patience is for a busy machine only: a turn that is still broken would use all of it each time
        return any(self.successes(each) > self.broken for each in (HOPELESS_S, seconds))


def holder(story: Story, on: str) -> Host:
    """The host that has an address, or a MAC address."""
    for number, host in enumerate(story.topology.hosts):
        for index, interface in enumerate(host.interfaces):
            own = {str(ip_interface(text).ip) for text in interface.addresses}
            if on in own or on == mac_of(interface, number, index):
                return host
    raise AssertionError(f"nobody has {on}")


def turns(story: Story) -> int:
    """How many real servers the balancer uses in turn."""
    ruleset = "".join(host.nft for host in story.topology.hosts)
    return max([1, *(int(n) for n in re.findall(r"numgen inc mod (\d+)", ruleset))])


def then(fix: Fix, story: Story) -> tuple[tuple[str, str], ...]:
    """What the caveats of this kind ask for on other hosts."""
    if fix.kind != "remove-duplicate":
        return ()
    line = next(c for c in fix.caveats if "ip neigh flush" in c).partition(": ")[2]
    return tuple((host.name, line) for host in story.topology.hosts if host.name.startswith("server1"))


PASSING = (Cause.ICMP_REDIRECT, Cause.STALE_GATEWAY_AFTER_FAILOVER, Cause.DUPLICATE_ADDRESS)
"""What is wrong sits in caches: each fix needs the fault anew.  Elsewhere the tables are the fault, and are compared."""


def dialling(bench: Bench, story: Story, found: Finding, fix: Fix) -> InTurn:
    """How the finding's fault is seen from outside."""
    if found.cause is Cause.DSR_ARP:
        return InTurn(Silence(bench, holder(story, fix.on).name, found.virtual.address, found.clients[0]), 1)
    return InTurn(Dial(bench, story, found), turns(story))


def as_dialled(topology: Topology, found: Finding) -> Topology:
    """For the ARP problem without the balancer's own claim: then nobody may answer for the virtual address."""
    if found.cause is not Cause.DSR_ARP:
        return topology
    own = topology.host("balancer").interfaces[0]
    rest = tuple(text for text in own.addresses if not text.startswith(f"{found.virtual.address}/"))
    return topology.with_host("balancer", interfaces=(replace(own, addresses=rest),), nft="")


NOTHING_FOR_LINUX = {
    "client-on-servers-link-fixed": "healthy", "client-on-servers-link-ipv6-fixed": "healthy", "full-nat": "healthy",
    "direct-server-return": "healthy", "full-proxy": "healthy", "port-closed": "healthy: refused by the server itself",
    "one-sided-capture": "nothing is concluded",
    "balancer-drops": "which of its rules drops is not in any packet: nothing can be typed before that is known",
    "reply-lost": "a wire or a filter in between, on neither host",
    "server-down": "the host is off or off the link", "server-silent": "the service or a filter on its host",
    "translation-state-lost": "gone with the state: a new connection works, no command brings the old one back",
    "mtu": "the path's MTU is in no packet and in no fact of this sample: the check says how to measure it",
}
"""Stories without a command for Linux, and why; the mended path MTU is run in ``test_on_the_kernel.py``."""


@pytest.mark.parametrize("name", NOTHING_FOR_LINUX)
def test_where_nothing_is_printed_there_is_nothing_to_print(name):
    told = analyze_told(name)
    errors = [f for f in told.findings if f.severity is Severity.ERROR]
    assert bool(errors) is not NOTHING_FOR_LINUX[name].startswith(("healthy", "nothing is concluded"))
    for found in errors:
        assert not [fix for fix in found.fixes if fix.commands]
        # a remedy that lacks a fact says which, and how to find it out
        assert all("No command is printed" in fix.caveats[0] and fix.check for fix in found.fixes)


@pytest.mark.usefixtures("without_proofs")
@pytest.mark.parametrize("name", [name for name in STORIES if name not in NOTHING_FOR_LINUX])
def test_what_we_print_for_a_sample_mends_it(name):
    given = printed(name)
    assert given, "nothing is printed"
    story = load(ROOT / name)
    topology = as_dialled(story.topology, given[0][0])
    while given:
        with Bench(topology) as bench:
            dials, before = {}, {}
            while given:
                found, fix = given[0]
                known = (found.clients, found.virtual)
                dial = dials.get(known) or dialling(bench, story, found, fix)
                if known not in dials or found.cause in PASSING:
                    if not dial.fault_is_there():
                        if dials:
                            break    # redirects are rate-limited: the fault comes back on a new network only
                        story.play(bench)
                        assert dial.fault_is_there(), "the fault does not appear"
                    dials[known] = dial
                host = holder(story, fix.on).name
                if host not in before:    # each fix that passes leaves it as it was
                    before[host] = state(bench, host)
                try:
                    put_to_test(
                        bench, host, fix, dial, before[host], then=then(fix, story),
                        cures=fix.kind not in MENDS_NOTHING_ALONE,
                    )
                except AssertionError as error:
                    raise AssertionError(f"{fix.kind} in {fix.dialect} on {host}: {error}") from error
                COUNT[fix.dialect] += 1
                given.pop(0)


def test_the_message_that_the_balancer_drops_tells_the_mtu(tmp_path):
    """The router says it, the balancer's own filter eats it: captured at its front, it gives the command that mends."""
    story = load(ROOT / "mtu")
    deaf = "table ip deaf { chain forward { type filter hook forward priority filter; icmp type destination-unreachable drop; }; }\n"
    topology = story.topology.with_host("router", nft="")
    topology = topology.with_host("balancer", nft=topology.host("balancer").nft + deaf)
    with Bench(topology) as bench:
        with bench.capture(story.captures, flags=story.flags) as recorded:
            story.play(bench)
        for vantage in story.captures:
            (tmp_path / f"{vantage}.pcap").write_bytes(recorded[vantage])
        paths = [f"{vantage}={tmp_path / vantage}.pcap" for vantage in story.captures]
        told = analyze(paths, mapping=read_mappings([ROOT / "mtu" / "balancer.yaml"]))
        fixes = [fix for found in told.findings for fix in found.fixes if fix.executed and fix.commands]
        assert [(fix.kind, fix.dialect) for fix in fixes] == [("mtu", "linux-nftables")]
        assert "maxseg size set 1160" in fixes[0].commands[0]
        assert fixes[0].caveats[0] == "The path's MTU of 1200 octets is what 203.0.113.1 said in an ICMP message."

        def large(seconds):
            return bench.connect("outside", "203.0.113.10", 80, send=b"6000 0\n", expect=6000, timeout_s=seconds).ok

        assert not large(HOPELESS_S)
        put_to_test(bench, "balancer", fixes[0], large, state(bench, "balancer"))
