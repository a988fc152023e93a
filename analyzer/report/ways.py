"""The fixes of a finding as ways out: one change said in several dialects is one way."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from analyzer.diagnose.finding import Applicability, Finding, Fix, Proof
from analyzer.report.replay import Leg, compared


@dataclass(frozen=True, slots=True)
class Detail:
    """How many ways of a finding, from the best one on, show what; the rest is named (the Markdown report has it)."""

    commands: int
    dialects: int        # every system that the way can be said for, not the first alone
    persist: int         # the permanent forms
    frames: int          # per thing that is said: so many of its sightings with their octets


EVERYTHING = Detail(99, 99, 99, 99)
DETAILS = (
    EVERYTHING, Detail(99, 99, 2, 99), Detail(99, 2, 1, 99), Detail(3, 1, 1, 1), Detail(2, 0, 1, 1), Detail(1, 0, 1, 1),
    Detail(1, 0, 0, 0),
)
"""From everything to the recommended way alone: a page takes the first that fits."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to mend it, in every dialect that says it."""

    ident: str
    title: str
    on: str
    recommended: bool
    open: bool                              # shown at once: the recommended one, and whatever would break something
    fixes: tuple[tuple[str, Fix], ...]      # (identifier within the page, fix), those that are shown
    others: tuple[str, ...]                 # dialects that are only named
    persist: bool                           # with its permanent forms
    shared: tuple[str, ...]                 # caveats that hold for every way on this host, said once above all
    proof: Proof                            # of the first dialect

    @property
    def same_proof(self) -> bool:
        """One replay for all: a route is a route in every dialect."""
        return len({fix.proof for _, fix in self.fixes}) <= 1

    @property
    def same_why(self) -> bool:
        """One reason for all."""
        return len({fix.why for _, fix in self.fixes}) <= 1

    @property
    def caveats(self) -> tuple[str, ...]:
        """What is to be known whatever the dialect."""
        return tuple(line for line in _common([fix for _, fix in self.fixes]) if line not in self.shared)

    def own(self, fix: Fix) -> tuple[str, ...]:
        """What is to be known of one dialect only."""
        return tuple(line for line in fix.caveats if line not in self.caveats and line not in self.shared)

    @property
    def why(self) -> str:
        """The reason that holds for all, or empty."""
        return self.fixes[0][1].why if self.fixes and self.same_why else ""

    def legs(self) -> list[Leg]:
        """The replay, packet by packet."""
        return compared(self.proof.before, self.proof.after)


def advised(fix: Fix) -> bool:
    """Recommended, and not known to break something or to change nothing."""
    return fix.recommended and fix.proof.applicability in {Applicability.PROVEN, Applicability.UNPROVEN}


def ways(ident: str, finding: Finding, detail: Detail = EVERYTHING) -> list[Way]:
    """The fixes in the order of the diagnosis (recommended first), the same way in several dialects as one."""
    def way(fix: Fix) -> tuple[Any, ...]:
        return fix.kind, fix.on, fix.title

    first: dict[tuple[Any, ...], int] = {}
    for place, fix in enumerate(finding.fixes):
        first.setdefault(way(fix), place)
    best = {way(fix) for fix in finding.fixes if advised(fix)}
    ordered = sorted(finding.fixes, key=lambda fix: (way(fix) not in best, first[way(fix)]))
    shared = _shared(finding)
    made = []
    for number, (_, group) in enumerate(groupby(ordered, key=way), 1):
        fixes = tuple((f"{ident}-fix{number}-{place}", fix) for place, fix in enumerate(group, 1))
        head = fixes[0][1]
        recommended = any(advised(fix) for _, fix in fixes)
        harmful = any(fix.proof.applicability is Applicability.HARMFUL for _, fix in fixes)
        shown = 0 if number > detail.commands else 1 if number > detail.dialects else len(fixes)
        made.append(Way(
            f"{ident}-fix{number}", head.title, head.on, recommended, open=recommended or harmful or not best,
            fixes=fixes[:shown], others=tuple(fix.dialect for _, fix in fixes[shown:]),
            persist=number <= detail.persist, shared=shared.get(head.on, ()), proof=head.proof,
        ))
    return made


def _shared(finding: Finding) -> dict[str, tuple[str, ...]]:
    """By host, the caveats of every fix there, where there is more than one way to mend it on that host."""
    found = {}
    for host in dict.fromkeys(fix.on for fix in finding.fixes):
        there = [fix for fix in finding.fixes if fix.on == host]
        if len({(fix.kind, fix.title) for fix in there}) > 1:
            found[host] = _common(there)
    return {host: lines for host, lines in found.items() if lines}


def _common(fixes: list[Fix]) -> tuple[str, ...]:
    first, others = fixes[:1], fixes[1:]
    return tuple(line for fix in first for line in fix.caveats if all(line in other.caveats for other in others))
