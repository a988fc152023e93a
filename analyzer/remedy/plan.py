"""From a situation to the fixes that the report prints: alternatives, dialects, order, one recommendation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from analyzer.diagnose.finding import Applicability, Fix, Proof
from analyzer.network.host import System
from analyzer.remedy.alternative import Alternative, Kind
from analyzer.remedy.causes import ways_out
from analyzer.remedy.dialect import Dialect, says
from analyzer.remedy.foreseen import foreseen, outweighed
from analyzer.remedy.permanent import as_lines, permanent
from analyzer.remedy.product import fitting
from analyzer.remedy.situation import Situation

Prover = Callable[[Alternative], Proof]

FIRST = ("linux-iproute2", "linux-nftables", "linux-iptables", "linux-net-tools", "windows-powershell", "windows-route")
"""Dialects that are printed first where several fit, most usual first."""


USUAL = (System.LINUX, System.WINDOWS)
"""Whose commands are printed where nobody knows the server's system; the others can be asked for."""

NO_ADVICE = (Kind.SNAT_ALL, Kind.REMOVE_ROUTE)
"""They work, but what they cost is for the people on the spot to decide: every client's address, somebody's route."""


def alternatives(situation: Situation) -> tuple[Alternative, ...]:
    """Every way out, best first as `causes.py` has it; those that lack a fact included."""
    built = (a for build in ways_out(situation) if (a := build(situation)) is not None)
    adapted = (a if a.at_balancer else replace(a, changes=foreseen(a.changes, situation.server)) for a in built)
    return tuple(a for a in adapted if not outweighed(a.changes, situation.server, situation.clients))


def plan(
    situation: Situation,
    dialects: Mapping[str, Dialect],
    systems: tuple[str, ...] | None = None,
    prove: Prover | None = None,
) -> tuple[Fix, ...]:
    """The fixes for ``situation``: one for each alternative and dialect, recommended first, then by blast radius.

    ``systems`` names the dialects to print first, and with them the server's
    system; ``None`` leaves both to what is known of the hosts.  ``prove`` replays an
    alternative; one that it calls harmful or ineffective is never recommended.
    Where the best way lacks a fact and the others are no advice, nothing is
    recommended, and what lacks the fact comes first and says which.
    """
    ordered: list[tuple[Alternative, Proof, tuple[Dialect, ...]]] = []
    for alternative in alternatives(situation):
        proof = _proof(alternative, prove)
        ordered.append((alternative, proof, _speakers(alternative, situation, dialects, systems)))
    best = next((a for a, proof, speakers in ordered if _can_be_recommended(a, proof) and speakers), None)
    ordered.sort(key=lambda row: (
        row[0] is not best, bool(row[0].missing) is (best is not None), _harm(row[1]), row[0].blast,
    ))
    fixes = []
    for alternative, proof, speakers in ordered:
        if alternative.missing:
            fixes.append(_unsaid(alternative, situation, proof, speakers))
        elif not speakers and alternative.at_balancer and situation.balancer_product:
            fixes.append(_by_hand(alternative, situation, proof))
        fixes += [] if alternative.missing else [
            replace(_fix(alternative, dialect, situation, dialects), proof=proof, recommended=alternative is best)
            for dialect in speakers
        ]
    return tuple(fixes)


def _can_be_recommended(alternative: Alternative, proof: Proof) -> bool:
    useful = proof.applicability in (Applicability.PROVEN, Applicability.UNPROVEN)
    return useful and not alternative.missing and alternative.kind not in NO_ADVICE


def _harm(proof: Proof) -> tuple[int, int]:
    worst = {Applicability.PROVEN: 0, Applicability.UNPROVEN: 1, Applicability.HARMFUL: 2, Applicability.INEFFECTIVE: 3}
    return worst[proof.applicability], proof.newly_broken


def _proof(alternative: Alternative, prove: Prover | None) -> Proof:
    if alternative.missing:
        return Proof(missing_facts=alternative.missing)
    if prove is None:
        return Proof(missing_facts=("a replay of the captured connections on the changed network",))
    return prove(alternative)


def _speakers(
    alternative: Alternative, s: Situation, dialects: Mapping[str, Dialect], systems: tuple[str, ...] | None,
) -> tuple[Dialect, ...]:
    """The dialects that can say all of this alternative's changes and fit the host that must change."""
    asked = [dialects[name] for name in systems or () if name in dialects]
    if asked and not alternative.at_balancer:
        s = replace(s, system=asked[0].SYSTEM, system_doubt="")    # who asks for a dialect knows the server
    names = [n for n in FIRST if n in dialects] + [n for n in dialects if n not in FIRST]
    fitting = [dialects[n] for n in names if not dialects[n].PERSISTENT and _fits(dialects[n], alternative, s)]
    fitting.sort(key=lambda d: not _expected(d, alternative, s))
    chosen = dict.fromkeys((*(d for d in asked if alternative.at_balancer <= d.AT_BALANCER), *fitting))
    return tuple(d for d in chosen if says(d, alternative) and (alternative.missing or d.commands(alternative, s)))


def _fits(dialect: Dialect, alternative: Alternative, s: Situation) -> bool:
    if alternative.at_balancer:
        return dialect.AT_BALANCER and dialect.NAME in fitting(s.balancer_product)
    if s.system is not System.UNKNOWN and not s.system_doubt:
        return dialect.SYSTEM is s.system
    return dialect.SYSTEM in (*USUAL, s.system) and dialect.SYSTEM is not System.UNKNOWN


def _expected(dialect: Dialect, alternative: Alternative, s: Situation) -> bool:
    if alternative.at_balancer:
        return dialect.NAME in fitting(s.balancer_product)[:1]
    return dialect.SYSTEM is s.system


def _unsaid(alternative: Alternative, s: Situation, proof: Proof, speakers: tuple[Dialect, ...]) -> Fix:
    """A fix without commands: it says which fact is missing, and how to look it up."""
    caveat = f"No command is printed: {', '.join(alternative.missing)} cannot be read from the captures."
    return Fix(
        kind=alternative.kind.value, on=alternative.on, dialect=speakers[0].NAME if speakers else "",
        title=alternative.title, commands=(), verify=(), undo=(), caveats=(caveat, *alternative.caveats),
        check=speakers[0].check(alternative, s) if speakers else (), why=alternative.why, proof=proof,
    )


def _by_hand(alternative: Alternative, s: Situation, proof: Proof) -> Fix:
    """A fix of a balancer whose product is known, and that we have no words for."""
    caveat = f"No command is printed: how {s.balancer_product} is told so is not known here; its manual calls it SNAT."
    if alternative.kind not in (Kind.HAIRPIN_SNAT, Kind.SNAT_ALL):
        caveat = f"No command is printed: how {s.balancer_product} is told so is not known here."
    return Fix(
        kind=alternative.kind.value, on=alternative.on, dialect="", title=alternative.title, commands=(), verify=(),
        undo=(), caveats=(caveat, *alternative.caveats), why=alternative.why, proof=proof,
    )


def _fix(alternative: Alternative, dialect: Dialect, s: Situation, dialects: Mapping[str, Dialect]) -> Fix:
    undo = dialect.undo(alternative, s)
    doubt = () if alternative.at_balancer or not s.system_doubt else (f"The system is a guess: {s.system_doubt}.",)
    return Fix(
        kind=alternative.kind.value, on=alternative.on, dialect=dialect.NAME, title=alternative.title,
        commands=dialect.commands(alternative, s), verify=dialect.verify(alternative, s), undo=undo,
        persist=as_lines(alternative, dialect, s, dialects), caveats=(*doubt, *alternative.caveats),
        check=dialect.check(alternative, s), why=alternative.why, executed=dialect.EXECUTED,
        permanent=permanent(alternative, dialect, s, dialects), dead_man=dialect.dead_man(undo),
    )
