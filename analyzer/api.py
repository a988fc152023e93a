"""From captures to a Diagnosis: the pipeline, top to bottom.

capture -> wire -> flow -> balance -> diagnose -> remedy
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Mapping as Dict
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer.balance.mapping import EMPTY, Mapping
from analyzer.diagnose.contradicted import contradictions
from analyzer.diagnose.evidence import Evidence
from analyzer.diagnose.finding import Diagnosis, Finding, conclude
from analyzer.diagnose.judge import Group, judge
from analyzer.diagnose.open_questions import open_questions
from analyzer.diagnose.overview import captures_seen, connections, left_out, outcomes
from analyzer.diagnose.ruledoc import Rule, rulebook
from analyzer.diagnose.services import services
from analyzer.network.host import Host
from analyzer.reading import Read, read_captures
from analyzer.rings import by_file
from analyzer.version import VERSION

if TYPE_CHECKING:
    from analyzer.proving import Prover


def analyze(
    captures: Iterable[str | Path],
    *,
    mapping: Mapping = EMPTY,
    hosts: Dict[str, Host] | None = None,
    rules: Sequence[Rule] | None = None,
    systems: tuple[str, ...] | None = None,
    command: str = "",
) -> Diagnosis:
    """The diagnosis of some captures, each a path or ``vantage=path``; ``-`` is standard input.

    ``mapping`` is what the balancer is told to do (``importers``), ``hosts`` what
    hosts say of themselves (``facts``), ``systems`` the dialects to print first.
    Raises ``CaptureError`` where a capture cannot be read at all.
    """
    read = read_captures(captures, mapping)
    read.observed.hosts = tuple((hosts or {}).values())
    return diagnose(read, mapping=mapping, hosts=hosts or {}, rules=rules, systems=systems, command=command)


def diagnose(
    read: Read,
    *,
    mapping: Mapping,
    hosts: Dict[str, Host],
    rules: Sequence[Rule] | None = None,
    systems: tuple[str, ...] | None = None,
    command: str = "",
    prover: Callable[[Read, Evidence, Mapping, Dict[str, Host]], Prover] | None = None,
) -> Diagnosis:
    """The same for what has been read already: a file that ended, or a live capture at a checkpoint.

    ``prover`` (default ``proving.Prover``) is for who asks the forwarding engine more than the proofs of the fixes.
    """
    evidence = Evidence(read.observed)
    try:
        groups = judge(rulebook() if rules is None else rules, evidence)
        asked = prover(read, evidence, mapping, hosts) if prover else None
        findings = _findings(groups, read, evidence, mapping, hosts, systems, asked) if groups else ()
        counts = outcomes(groups, evidence)
        questions, failing = open_questions(groups, evidence, read.captures)
        judged = bool(counts.get("established") or counts.get("refused"))
        return by_file(Diagnosis(
            version=VERSION,
            verdict=conclude(findings, concluded=judged and not failing),
            captures=captures_seen(read.captures, evidence),
            services=services(evidence),
            findings=findings,
            cannot_tell=questions,
            connections=connections(groups, evidence),
            connection_counts=counts,
            warnings=(
                *map(str, mapping.warnings), *contradictions(groups, evidence, read.captures), *left_out(evidence),
                *read.warnings,
            ),
            command=command,
            kernels="compiled" if read.compiled else "plain Python",
        ), read.files)
    finally:
        evidence.close()


def _findings(
    groups: Sequence[Group], read: Read, evidence: Evidence, mapping: Mapping, hosts: Dict[str, Host],
    systems: tuple[str, ...] | None, prover: Prover | None,
) -> tuple[Finding, ...]:
    """Every group's finding, with what to do about it.

    What only a finding needs is imported here: the forwarding engine, the remedies
    and their dialects are a hundred modules that a healthy capture does not pay for.
    """
    from analyzer.diagnose.conclude import finding, with_fixes  # noqa: PLC0415

    found = []
    for group in groups:
        one = finding(group, evidence)
        if group.rule.fixes:
            from analyzer import dialects  # noqa: PLC0415
            from analyzer.proving import Prover  # noqa: PLC0415
            from analyzer.remedy.survey import situation  # noqa: PLC0415

            known = situation(one, group, evidence, mapping, hosts)
            if known is not None:
                prover = prover or Prover(read, evidence, mapping, hosts)
                one = with_fixes(one, dialects.fixes(known, systems, prover.for_situation(known)))
        found.append(one)
    return tuple(found)
