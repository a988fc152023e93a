"""The project's own recordings get the verdict that their story asks for."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from analyzer import api
from analyzer.balance.mapping import EMPTY
from analyzer.importers.reading import read_mappings

SAMPLES = Path(__file__).resolve().parents[1] / "sample_pcaps"
CASES = sorted(p.parent for p in SAMPLES.glob("*/expected.toml"))


def expected(case):
    return tomllib.loads((case / "expected.toml").read_text(encoding="utf-8"))


def captures(case):
    return sorted(case.glob("*.pcap*"))


def causes(diagnosis):
    return {f.cause.value for f in diagnosis.findings}


def test_there_are_at_least_twelve_stories():
    assert len(CASES) >= 12


@pytest.mark.parametrize("case", CASES, ids=lambda p: p.name)
def test_all_captures_with_the_mapping_and_the_facts(case):
    want = expected(case)
    maps = sorted(case.glob("balancer.yaml"))
    diagnosis = api.analyze(
        [f"{p.stem}={p}" for p in captures(case)], mapping=read_mappings(maps) if maps else EMPTY, hosts=hosts(case),
    )
    assert diagnosis.verdict.value in want.get("verdicts", [want["verdict"]])
    if "cause" in want:
        assert causes(diagnosis) == {want["cause"]}
    if want.get("bypass"):
        (finding,) = [f for f in diagnosis.findings if f.bypass]
        assert set(finding.hosts) == set(want["hosts"])
        assert set(finding.clients) == set(want["clients"])


@pytest.mark.parametrize(
    ("case", "capture"), [(c, p) for c in CASES for p in captures(c)], ids=lambda p: p.stem if isinstance(p, Path) else p,
)
def test_one_capture_alone(case, capture):
    want = expected(case).get("alone", {}).get(capture.stem)
    if want is None:
        pytest.skip("the story says nothing of this capture alone")
    diagnosis = api.analyze([f"{capture.stem}={capture}"])
    assert diagnosis.verdict.value in want["verdicts"]
    if want.get("causes"):
        assert causes(diagnosis) <= set(want["causes"])


def hosts(case):
    """The facts of a story, where it holds some."""
    from analyzer.facts.reading import read_hosts

    files = sorted((case / "facts").glob("*")) if (case / "facts").is_dir() else []
    return read_hosts([f"{p.stem.split('.')[0]}={p}" for p in files])
