"""A rule that does not come to an end, and one that is no SQL: said by its document's name."""

from __future__ import annotations

import pytest

from analyzer.diagnose import judge
from analyzer.diagnose.ladders import evidence_of
from analyzer.diagnose.ruledoc import rulebook
from analyzer.errors import RuleError

ENDLESS = "WITH RECURSIVE up AS (SELECT 1::HUGEINT AS n UNION ALL SELECT n + 1 FROM up) SELECT max(n) FROM up"


@pytest.fixture
def evidence():
    made = evidence_of("0.000000 10.0.2.50:40000 > 203.0.113.10:80 [S] seq 1000 ttl 64\n")
    yield made
    made.close()


def test_a_rule_without_end_is_stopped_and_told_what_gives_it_more(evidence, monkeypatch):
    monkeypatch.setattr(judge, "RULE_SECONDS", 0.2)
    rule = rulebook()[0]
    with pytest.raises(RuleError, match=rf"{rule.source}: .* stopped after 0.2 seconds; REPLYPATH_RULE_SECONDS gives it more"):
        judge.run(rule, evidence, ENDLESS)
    assert judge.run(rule, evidence) == []      # and the next statement is answered


def test_what_is_no_sql_is_said_in_the_databases_words(evidence):
    rule = rulebook()[0]
    with pytest.raises(RuleError, match=rf"{rule.source}: the rule's SQL failed: .*"):
        judge.run(rule, evidence, "SELEC 1")
