"""Run the rules over the evidence: rows that fire, grouped into what becomes one finding each.

Many connections are one fault: attempts that one rule finds at one real server
behind one virtual service are one group, whoever the clients are.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from analyzer.diagnose.evidence import Evidence, Row
from analyzer.diagnose.finding import Certainty, Severity
from analyzer.diagnose.ruledoc import Rule, rulebook
from analyzer.errors import RuleError
from analyzer.limits import amount

RULE_SECONDS = amount("REPLYPATH_RULE_SECONDS", 20)
"""A rule that takes longer is stopped and named: rules are data, and data must not hang the program."""

STRENGTH = {Certainty.CERTAIN: 0, Certainty.LIKELY: 1, Certainty.CONSISTENT: 2}


@dataclass(frozen=True, slots=True)
class Group:
    """Attempts of one fault.  ``rows`` are the rule's own rows, the most certain first; each has an ``attempt``.

    ``severity`` is the rule's, unless its SQL selects a column of that name (the same
    thing may break one connection and merely delay another).
    """

    rule: Rule
    certainty: Certainty
    rows: tuple[Row, ...]
    severity: Severity

    @property
    def attempts(self) -> tuple[int, ...]:
        """The attempts in this group, the most telling first."""
        return tuple(dict.fromkeys(int(row["attempt"]) for row in self.rows))


def run(rule: Rule, evidence: Evidence, sql: str | None = None) -> list[Row]:
    """The rows of one rule (or of a variant of its SQL, for tests); interrupted past ``RULE_SECONDS``."""
    late = threading.Event()

    def stop() -> None:
        late.set()
        evidence.interrupt()

    timer = threading.Timer(RULE_SECONDS, stop)
    timer.start()
    try:
        # a rule of ours is known to be SQL; of a user's own, the database says what is wrong with it
        rows = evidence.rows(rule.sql) if sql is None and rule in rulebook() else evidence.asked(sql or rule.sql)
    except Exception as error:  # DuckDB's errors share no base that can be named without importing it
        if late.is_set():
            raise RuleError(f"{rule.source}: the rule's SQL was stopped after {RULE_SECONDS} seconds; "
                            "REPLYPATH_RULE_SECONDS gives it more") from error
        raise RuleError(f"{rule.source}: the rule's SQL failed: {str(error).splitlines()[0]}") from error
    finally:
        timer.cancel()
    for row in rows:
        if "attempt" not in row or "certainty" not in row:
            raise RuleError(f"{rule.source}: the rule's SQL must select the columns attempt and certainty")
    return rows


def judge(rules: Sequence[Rule], evidence: Evidence) -> list[Group]:
    """Every rule's groups, in order of the rules' codes; an attempt belongs to the first rule that names it."""
    groups = []
    taken: set[int] = set()
    for rule in rules:
        rows = [row for row in run(rule, evidence) if int(row["attempt"]) not in taken]
        if not rows:
            continue
        taken.update(int(row["attempt"]) for row in rows)
        ends = {int(r["attempt"]): r for r in _ends(evidence, [int(row["attempt"]) for row in rows])}
        by_end: dict[tuple[object, ...], list[Row]] = defaultdict(list)
        for row in rows:
            end = ends[int(row["attempt"])]
            by_end[(end["kind"], end["virtual"], end["virtual_port"], end["real"], end["real_port"],
                    severity_of(rule, row))].append(row)
        for members in by_end.values():
            members.sort(key=lambda row: (STRENGTH[Certainty(row["certainty"])], row["attempt"]))
            first = members[0]
            groups.append(Group(rule, Certainty(first["certainty"]), tuple(members), severity_of(rule, first)))
    return groups


def severity_of(rule: Rule, row: Row) -> Severity:
    """How much this row of a rule hurts."""
    return Severity(row.get("severity") or rule.severity)


def _ends(evidence: Evidence, attempts: list[int]) -> list[Row]:
    """Who was dialled and who answered, for some attempts."""
    return evidence.rows(
        "SELECT attempt, kind, virtual, virtual_port, real, real_port FROM attempt "
        "WHERE attempt IN (SELECT unnest(?::INTEGER[]))",
        [attempts],
    )
