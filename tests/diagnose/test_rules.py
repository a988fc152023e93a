"""Every rule document is its own test: examples fire as they say, and every condition is earned."""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path

import pytest

from analyzer.diagnose.finding import Cause, Certainty
from analyzer.diagnose.judge import STRENGTH, run, severity_of
from analyzer.diagnose.ladders import evidence_of
from analyzer.diagnose.ruledoc import rulebook

EXAMPLES = [(rule, example) for rule in rulebook() for example in rule.examples]
IDS = [f"{rule.code}:{example.line}" for rule, example in EXAMPLES]


@cache
def evidence(ladder, source):
    return evidence_of(ladder, source)


def outcome(rule, example, sql=None):
    rows = run(rule, evidence(example.ladder, rule.source), sql)
    if any(row["certainty"] is None for row in rows):
        return "fires without saying how sure"
    return min(((Certainty(row["certainty"]), severity_of(rule, row)) for row in rows),
               key=lambda said: STRENGTH[said[0]], default=None)


@pytest.mark.parametrize(("rule", "example"), EXAMPLES, ids=IDS)
def test_an_example_fires_exactly_as_the_document_says(rule, example):
    expected = (example.fires, example.severity) if example.fires else None
    assert outcome(rule, example) == expected, f"{rule.source}:{example.line}: {example.title}"


@pytest.mark.parametrize("rule", rulebook(), ids=lambda r: r.code)
def test_a_rule_has_firing_and_silent_examples_and_sources(rule):
    assert any(e.fires for e in rule.examples)
    assert any(e.fires is None for e in rule.examples)
    assert rule.references


def conditions():
    """(rule, its SQL without one condition): a condition begins on a line with WHERE or AND and ends before the next."""
    for rule in rulebook():
        pieces = re.split(r"(?m)^(?=(?:WHERE|AND|FROM|JOIN|LEFT|UNION|SELECT|QUALIFY)\b)", rule.sql)
        for number, piece in enumerate(pieces):
            if not piece.startswith(("WHERE", "AND")):
                continue
            rest = list(pieces)
            rest[number] = "WHERE TRUE\n" if piece.startswith("WHERE") else ""
            yield pytest.param(rule, "".join(rest), piece, id=f"{rule.code}-{' '.join(piece.split())[:50]}")


@pytest.mark.parametrize(("rule", "weaker", "struck"), list(conditions()))
def test_every_condition_of_a_rule_is_needed_by_an_example(rule, weaker, struck):
    assert any(outcome(rule, example, weaker) != outcome(rule, example) for example in rule.examples), struck


def test_the_index_of_the_rules_is_the_committed_one():
    root = Path(__file__).resolve().parents[2]
    spec = importlib.util.spec_from_file_location("reports_rules", root / "reports" / "rules.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    committed = (root / "docs" / "rules.md").read_text(encoding="utf-8")
    assert module.index(rulebook(), evidence) == committed, "run `make reports`, read the diff, commit it"


def test_every_cause_has_its_rule():
    """Of the words that the contract fixes none is without a document."""
    assert {rule.cause for rule in rulebook()} == set(Cause)
