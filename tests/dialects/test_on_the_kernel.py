"""Every command that we print for Linux, verbatim on a real kernel: cures, lasts, verifies, and undoes itself wholly."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from dialect_scenarios import SCENARIOS, Scenario
from dialect_trial import HOPELESS_S, PATIENCE_S, put_to_test, state

from analyzer.diagnose.finding import Fix
from analyzer.dialects import fixes
from analyzer.kernel.bench import Bench
from analyzer.network.host import System

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


def try_one(bench: Bench, scenario: Scenario, name: str, fix: Fix, before: str) -> None:
    prepare(bench, scenario)
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
                    try_one(bench, scenario, name, fix, before[scenario.host(fix.on)])
                except AssertionError as error:
                    raise AssertionError(f"{fix.kind} in {fix.dialect}: {error}") from error
            if not scenario.fresh:
                prepare(bench, scenario)
                assert not works(bench, scenario, HOPELESS_S), "after the last undo the fault is back"


def test_linux_is_the_only_system_that_is_run_here():
    from analyzer.dialects import available

    assert {d.SYSTEM for d in available().values() if d.EXECUTED} == {System.LINUX}
