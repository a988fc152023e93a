"""A fix to a proof: the captured connections replayed on the network with the fix's commands executed.

    judge = Judge(infer(flows, claims, icmp, book, mapping, hosts))
    judge.prove("server1", ("ip route add 10.0.2.50/32 via 10.0.2.1",), clients, virtual) -> Proof

Applicability is computed.  Facts that nobody gave are varied: where the answer
depends on one of them, the proof is "unproven" and names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

from analyzer.balance.mapping import Endpoint
from analyzer.diagnose.finding import Applicability, Proof
from analyzer.network.calibrate import Calibration, calibrate
from analyzer.network.connect import Outcome
from analyzer.network.host import IPAddress
from analyzer.network.infer import Inference
from analyzer.network.inference.captured import Captured
from analyzer.network.inference.variants import Variant, variants
from analyzer.network.link import Network
from analyzer.network.replay import Replay, Row, Verdict, replay, undone_by
from analyzer.remedy.alternative import Alternative

MOST_NAMED = 20
"""So many broken connections are named; the count is exact."""

STRANGE = 127
"""Exit status of a command that the model does not know."""

Say = Callable[[Alternative], tuple[str, ...]]
"""The commands of an alternative in some dialect; empty where none speaks it."""


@dataclass(slots=True)
class Judge:
    """One inferred network, calibrated once, asked about many fixes."""

    known: Inference
    calibration: Calibration = field(init=False)
    _variants: dict[str, Network | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.calibration = calibrate(self.known.network, self.known.connections, self.known.names)

    def prove(
        self, host: str, commands: Sequence[str], clients: Iterable[IPAddress] = (), virtual: Endpoint | None = None
    ) -> Proof:
        """What the commands on ``host`` would do to the fault: what ``clients`` get from ``virtual`` (empty: all)."""
        wanted = frozenset(clients)
        faulty = [each for each in self.known.connections if _shows(each, wanted, virtual)]
        hindered = self._hindrance(host, faulty)
        if hindered:
            return Proof(missing_facts=hindered, assumptions=self.known.assumptions)
        good = self.calibration.good
        done = replay(self.known.network, good, host, commands)
        proof = self._judged(done, faulty)
        strange = tuple(f"what this does: {command}" for command, answer in done.refused if answer.status == STRANGE)
        gaps = strange or self._gaps(done, faulty)
        if gaps:
            return replace(proof, applicability=Applicability.UNPROVEN, missing_facts=gaps)
        passed = frozenset().union(*(row.before.hosts | row.after.hosts for row in done.rows))
        open_facts = self._depends(proof, host, commands, faulty, passed)
        if open_facts:
            return replace(proof, applicability=Applicability.UNPROVEN, missing_facts=open_facts)
        return proof

    def _hindrance(self, host: str, faulty: list[Captured]) -> tuple[str, ...]:
        """Why nothing can be proven, if so."""
        if host not in self.known.network.stacks:
            return (f"where {host} is in the network", *self.known.missing)
        if not faulty:
            return ("a captured connection that shows this fault",)
        good = set(map(id, self.calibration.good))
        missed = [each for each in faulty if id(each) not in good]
        if missed:
            return (*self.known.missing, *self.calibration.sentences()) or (
                "what became of these connections at the client",)
        return ()

    def _judged(self, done: Replay, faulty: list[Captured]) -> Proof:
        ids = set(map(id, faulty))
        rows = [row for row in done.rows if id(row.connection) in ids]
        mended = [row for row in rows if row.verdict is Verdict.REPAIRED]
        broken = done.of(Verdict.NEWLY_BROKEN)
        shown = (mended or rows)[0]
        return Proof(
            applicability=_applicability(rows, mended, broken),
            repaired=len(done.of(Verdict.REPAIRED)),
            newly_broken=len(broken),
            unchanged=len(done.of(Verdict.UNCHANGED)),
            before=shown.before.lines(),
            after=(*_answers(done), *shown.after.lines()),
            broken_connections=tuple(_broken(row) for row in broken[:MOST_NAMED]),
            assumptions=(*self.known.assumptions, *_taken(done), *_redirects(done), *_left(rows, mended)),
        )

    def _gaps(self, done: Replay, faulty: list[Captured]) -> tuple[str, ...]:
        """Facts whose lack, and nothing else, makes a connection fail after the fix."""
        ids = set(map(id, faulty))
        failing = [row for row in done.rows if row.verdict is Verdict.NEWLY_BROKEN
                   or (id(row.connection) in ids and row.verdict is Verdict.UNCHANGED)]
        return tuple(dict.fromkeys(gap for row in failing if (gap := self.known.gap(row.after.last))))

    def _depends(
        self, proof: Proof, host: str, commands: Sequence[str], faulty: list[Captured], passed: frozenset[str]
    ) -> tuple[str, ...]:
        """The facts that nobody gave and on which the verdict turns.  A variant that the capture refutes is none."""
        found = []
        for variant in variants(self.known.network, passed):
            network = self._variant(variant)
            if network is None:
                continue
            other = self._judged(replay(network, self.calibration.good, host, commands), faulty)
            if other.applicability is not proof.applicability:
                found.append(f"{variant.question} (if so: {_summary(other)})")
        return tuple(found)

    def _variant(self, variant: Variant) -> Network | None:
        """The network with the question answered the other way; None where the capture refutes that."""
        if variant.question not in self._variants:
            network = variant.applied(self.known.network)
            refuted = len(calibrate(network, self.known.connections).misses) > len(self.calibration.misses)
            self._variants[variant.question] = None if refuted else network
        return self._variants[variant.question]


def prover(
    judge: Judge, say: Say, clients: Iterable[IPAddress], virtual: Endpoint | None
) -> Callable[[Alternative], Proof]:
    """What ``plan`` asks: an alternative to its proof.  ``say`` puts the alternative into commands."""
    wanted = tuple(clients)

    def prove(alternative: Alternative) -> Proof:
        commands = say(alternative)
        if not commands:
            return Proof(missing_facts=("commands that the model can execute",))
        try:
            host = judge.known.host_of(ip_address(alternative.on))
        except ValueError:
            host = judge.known.host_with(alternative.on)
        return judge.prove(host or alternative.on, commands, wanted, virtual)

    return prove


def _shows(each: Captured, clients: frozenset[IPAddress], virtual: Endpoint | None) -> bool:
    """Whether the connection is one of those that the finding is about, and failed."""
    return (
        each.outcome is not Outcome.ESTABLISHED
        and (not clients or each.client in clients)
        and (virtual is None or each.dialled == virtual)
    )


def _applicability(rows: list[Row], mended: list[Row], broken: list[Row]) -> Applicability:
    if not mended or len(mended) < len(rows):
        return Applicability.INEFFECTIVE
    return Applicability.HARMFUL if broken else Applicability.PROVEN


def _answers(done: Replay) -> tuple[str, ...]:
    """Refused commands with the system's own words."""
    return tuple(line for command, answer in done.refused for line in (f"$ {command}", f"  {answer.error}"))


def _broken(row: Row) -> str:
    last = row.after.last
    differs = row.differs
    where = f", first different at {differs[1].host} ({differs[0]})" if differs else ""
    return f"{row.connection}: {last.disposition} at {last.at}{where}"


def _taken(done: Replay) -> tuple[str, ...]:
    return tuple(sorted({text for row in done.rows for text in row.after.assumed - row.before.assumed}))


def _redirects(done: Replay) -> tuple[str, ...]:
    """Redirects that would undo the fix, and for how many connections."""
    found = []
    for told in done.redirects:
        lost = len(undone_by(done, told)) if not told.by_service else 0
        if lost:
            found.append(f"{told}; then {lost} of the repaired connections break again, until its cache is flushed")
    return tuple(found)


def _left(rows: list[Row], mended: list[Row]) -> tuple[str, ...]:
    if not mended or len(mended) == len(rows):
        return ()
    return (f"{len(rows) - len(mended)} of {len(rows)} faulty connections stay broken",)


def _summary(proof: Proof) -> str:
    return f"{proof.applicability}, {proof.repaired} repaired, {proof.newly_broken} newly broken"
