"""Try a change on the real kernel with many connections: which are repaired, which break, which stay as they were.

The words are those of the replay in the model (``diagnose.finding.Proof``), so
that the two can stand side by side; where they differ, the kernel is right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from analyzer.diagnose.finding import Applicability, Proof
from analyzer.kernel.bench import Bench
from analyzer.kernel.connection import Outcome, Probe, patient
from analyzer.kernel.fix import ANSWER_S, Ran, ran
from analyzer.kernel.topology import Topology

PATIENCE_S = 1.0
"""How long each connection is given.  The bench loses nothing: what the first SYN does not bring, no later one will."""

WORDS = {
    # something repaired, something broken
    (True, False): Applicability.PROVEN,
    (True, True): Applicability.HARMFUL,
    (False, True): Applicability.HARMFUL,
    (False, False): Applicability.INEFFECTIVE,
}


class Effect(StrEnum):
    """What a change did to one connection."""

    REPAIRED = "repaired"
    BROKEN = "newly broken"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Row:
    """One connection before and after."""

    probe: Probe
    before: Outcome
    after: Outcome

    @property
    def effect(self) -> Effect:
        """Whether it works now, did work, or is as it was."""
        if self.before.ok == self.after.ok:
            return Effect.UNCHANGED
        return Effect.REPAIRED if self.after.ok else Effect.BROKEN

    def __str__(self) -> str:
        return f"{self.probe}: {self.before} -> {self.after}  {self.effect}"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """All connections, what the commands said, and the captures of both passes (vantage -> octets of a pcap)."""

    rows: tuple[Row, ...]
    commands: tuple[Ran, ...]
    before: Mapping[str, bytes] = field(default_factory=dict)
    after: Mapping[str, bytes] = field(default_factory=dict)

    def having(self, effect: Effect) -> tuple[Row, ...]:
        """The connections with this effect."""
        return tuple(row for row in self.rows if row.effect is effect)

    @property
    def proof(self) -> Proof:
        """The same as the model would say it.

        Proven: something is repaired and nothing breaks.  A command that the
        host refuses makes a change ineffective or harmful by what it then does,
        not by its status.
        """
        repaired, broken = self.having(Effect.REPAIRED), self.having(Effect.BROKEN)
        return Proof(
            WORDS[bool(repaired), bool(broken)],
            repaired=len(repaired),
            newly_broken=len(broken),
            unchanged=len(self.having(Effect.UNCHANGED)),
            broken_connections=tuple(str(row.probe) for row in broken),
        )


def rehearse(
    topology: Topology,
    probes: Sequence[Probe],
    change: Sequence[tuple[str, str]],
    *,
    points: Mapping[str, tuple[str, str]] | None = None,
    patience_s: float = PATIENCE_S,
) -> Rehearsal:
    """Build the network and try the connections; build it again, make the change, and try them again.

    ``change`` is (host, command), in order, verbatim.  Each pass has a network
    of its own, so that nothing of the first (closed connections, translations,
    redirects) is still there in the second.
    ``points`` are vantage points to capture at (``Bench.capture``).  Raises
    ``ToolError`` where the bench cannot be built.
    """
    first, _, before = _one_pass(topology, probes, (), points, patience_s)
    second, commands, after = _one_pass(topology, probes, change, points, patience_s)
    rows = tuple(Row(probe, one, two) for probe, one, two in zip(probes, first, second, strict=True))
    return Rehearsal(rows, commands, before, after)


def _one_pass(
    topology: Topology,
    probes: Sequence[Probe],
    change: Sequence[tuple[str, str]],
    points: Mapping[str, tuple[str, str]] | None,
    patience_s: float,
) -> tuple[list[Outcome], tuple[Ran, ...], Mapping[str, bytes]]:
    with Bench(topology) as bench:
        commands = tuple(ran(bench, host, command) for host, command in change)
        with bench.capture(points or {}) as captures:
            outcomes = bench.try_all(probes, timeout_s=patient(patience_s), answer_s=ANSWER_S)
    return outcomes, commands, captures.octets
