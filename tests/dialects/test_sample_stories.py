"""Whatever we print for a sample is run, verbatim, on the very network on which the sample was recorded."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_interface
from pathlib import Path

import pytest
from dialect_trial import HOPELESS_S, put_to_test, state

from analyzer.api import analyze
from analyzer.diagnose.finding import Finding, Fix, Severity
from analyzer.facts.reading import read_hosts
from analyzer.importers.reading import read_mappings
from analyzer.kernel.bench import Bench
from analyzer.kernel.record import Story, load
from analyzer.kernel.topology import Host, mac_of

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


def printed(name: str) -> list[tuple[Finding, Fix]]:
    """Each different command set that we print: with mapping and facts, with the mapping, and from captures alone."""
    folder = ROOT / name
    captures = [f"{path.stem}={path}" for path in sorted(folder.glob("*.pcap"))]
    mapping = read_mappings([folder / "balancer.yaml"])
    seen: dict[tuple[str, ...], tuple[Finding, Fix]] = {}
    hosts = read_hosts([f"{path.name.partition('.')[0]}={path}" for path in sorted((folder / "facts").iterdir())])
    told = analyze(captures, mapping=mapping, hosts=hosts)
    for diagnosis in (told, analyze(captures, mapping=mapping), analyze(captures)):
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
        assert found.virtual is not None
        assert found.real is not None
        listening = [
            each for host in self.story.topology.hosts for each in host.listeners
            if (each.address, each.port) == (found.real.address, found.real.port)
        ]
        http = any(each.behaviour == "http" for each in listening)
        outcome = self.bench.connect(
            holder(self.story, found.clients[0]).name, found.virtual.address, found.virtual.port,
            protocol=found.virtual.protocol, send=b"GET / HTTP/1.0\r\n\r\n" if http else b"5 0\n",
            expect=-1 if http else 4, timeout_s=seconds,
        )
        # where nothing listens, a client that is told so at once is a client that is served
        return outcome.ok if listening else str(outcome).startswith("refused")


@dataclass
class InTurn:
    """The same where several real servers take turns: with one of them mended, more dials succeed than before."""

    dial: Dial
    turns: int

    def successes(self, seconds: float) -> int:
        return sum(self.dial(seconds) for _ in range(self.turns))

    def __call__(self, seconds: float) -> bool:
        return self.successes(seconds) > self.broken

    broken: int = 0


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


@pytest.mark.parametrize("name", STORIES)
def test_what_we_print_for_a_sample_mends_it(name):
    given = printed(name)
    if not given:
        pytest.skip("nothing is printed for Linux: no fault, or a fact is missing")
    story = load(ROOT / name)
    while given:
        with Bench(story.topology) as bench:
            fresh, before = True, {}
            while given:
                found, fix = given[0]
                dial = InTurn(Dial(bench, story, found), turns(story))
                if dial.turns > 1:
                    dial.broken = min(dial.successes(HOPELESS_S), dial.turns - 1)
                if dial(HOPELESS_S):
                    if not fresh:
                        break    # redirects are rate-limited: the fault comes back on a new network only
                    story.play(bench)
                assert not dial(HOPELESS_S), "the fault does not appear"
                fresh = False
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
