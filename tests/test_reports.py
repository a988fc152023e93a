"""``reports/`` is what we say today: a change of a rule or a sentence shows up here as a diff in prose."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path

import pytest

from analyzer.report.formats import terminal

ROOT = Path(__file__).resolve().parents[1]
CASES = sorted(p.parent for p in ROOT.glob("sample_pcaps/*/expected.toml"))


def make():
    spec = importlib.util.spec_from_file_location("reports_make", ROOT / "reports" / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("case", CASES, ids=lambda p: p.name)
def test_the_report_of_a_sample_is_the_committed_one(case, monkeypatch):
    monkeypatch.chdir(ROOT)
    text = io.StringIO()
    module = make()
    terminal.write(module.sample(case), text, width=module.WIDTH)
    committed = (ROOT / "reports" / f"{case.name}.txt").read_text(encoding="utf-8")
    assert text.getvalue() == committed, "run `make reports`, read the diff, commit it"
