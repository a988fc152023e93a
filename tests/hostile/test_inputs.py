"""What made a fuzz target fail once does not do so again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INPUTS = sorted((Path(__file__).parent / "inputs").iterdir())

sys.path.insert(0, str(ROOT))   # the fuzz targets are no part of the package
from fuzz.targets import TARGETS  # noqa: E402


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.name)
def test_an_input_that_failed_once(path):
    target = TARGETS[path.name.split(".")[0]]
    target.feed()(path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_takes_its_seeds(name):
    """Each target has seeds, and what it is fed first fails nothing."""
    if "scan" in name or "track" in name or "decode" in name:
        pytest.importorskip("analyzer.capture._fast", reason="the kernels are not built")
    feed, seeds = TARGETS[name].feed(), 0
    for octets in TARGETS[name].seeds():
        feed(octets[: TARGETS[name].octets])
        seeds += 1
        if seeds == 5:
            break
    assert seeds


def test_the_page_counts_what_the_ledger_counts():
    from fuzz.page import PAGE, filled

    assert PAGE.read_text() == filled(PAGE.read_text()), "run: python -m fuzz.page"
