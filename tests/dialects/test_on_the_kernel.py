"""Every command that we print for Linux, verbatim on a real kernel: cures, lasts, verifies, and undoes itself wholly."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from dialect_scenarios import SCENARIOS, Scenario

from analyzer.diagnose.finding import Fix
from analyzer.dialects import fixes
from analyzer.kernel.bench import Bench
from analyzer.kernel.fix import difference, ran
from analyzer.network.host import System

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip"), reason="needs root and iproute2"),
]

HOPELESS_S, PATIENCE_S = 0.25, 3.0
"""Nothing on the bench loses a packet: what has not come before the first retransmission does not come."""

STATE = (
    "ip -d addr show; ip route show table all; ip -6 route show table all; ip rule show; ip -6 rule show; "
    "nft -s list ruleset; grep -s . /proc/sys/net/ipv[46]/conf/*/* /proc/sys/net/netfilter/nf_conntrack_tcp*"
)
"""All that a fix may change, asked in one breath."""

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


def state(bench: Bench, host: str) -> str:
    """As the bench sees it, without the base chains that iptables itself leaves behind once it was called."""
    text = bench.shell(host, STATE).stdout
    for _ in range(2):
        text = re.sub(r"table ip6? \w+ \{\n(\tchain [A-Z]+ \{\n[^}]*policy accept;\n\t\}\n\n?)+\}\n", "", text)
    return text


def questions(lines: tuple[str, ...]) -> list[tuple[str, str]]:
    """(command, text that it must print), as the comments below the commands say."""
    asked: list[tuple[str, str]] = []
    for line in lines:
        if line.startswith("# must contain: "):
            asked[-1] = (asked[-1][0], line.removeprefix("# must contain: "))
        elif line.startswith("# must not contain: "):
            asked[-1] = (f"! {asked[-1][0]} | grep -F {line.removeprefix('# must not contain: ')}", "")
        elif not line.startswith("#"):
            asked.append((line, ""))
    return asked


def try_one(bench: Bench, scenario: Scenario, name: str, fix: Fix, before: str) -> None:
    host = scenario.host(fix.on)
    prepare(bench, scenario)
    assert not works(bench, scenario, HOPELESS_S)
    bench.shell(host, "\n".join(line for line in fix.check if not line.startswith("#")))

    applied = [ran(bench, host, line) for line in fix.commands]
    said = "\n".join(map(str, applied))
    assert all(r.ok for r in applied), said
    for other, line in scenario.then:
        bench.shell(other, line)
    if (name, fix.kind) not in MENDS_NOTHING_ALONE:
        assert works(bench, scenario), said
        if scenario.lasting and fix.dialect == "linux-iproute2":    # the others make the same tables
            bench.ping(host, str(scenario.situation.clients[0]), count=2)
            assert works(bench, scenario), "a ping of the client undid it"
    verified = [ran(bench, host, line, wanted) for line, wanted in questions(fix.verify)]
    assert all(r.ok for r in verified), "\n".join(map(str, verified))

    for line in fix.commands:
        ran(bench, host, line)    # a second time: refused or the same, and one undo is enough for both
    taken_back = [ran(bench, host, line) for line in (*fix.undo, *scenario.afterwards)]
    assert all(r.ok for r in taken_back), "\n".join(map(str, taken_back))
    assert not difference(before, state(bench, host))
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
                    try_one(bench, scenario, name, fix, before[scenario.host(fix.on)])
                except AssertionError as error:
                    raise AssertionError(f"{fix.kind} in {fix.dialect}: {error}") from error
            if not scenario.fresh:
                prepare(bench, scenario)
                assert not works(bench, scenario, HOPELESS_S), "after the last undo the fault is back"


def test_linux_is_the_only_system_that_is_run_here():
    from analyzer.dialects import available

    assert {d.SYSTEM for d in available().values() if d.EXECUTED} == {System.LINUX}
