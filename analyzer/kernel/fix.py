"""Try a printed fix on the real kernel: whether it cures, whether verify says so, whether undo restores everything.

The commands are given to the host's shell verbatim, one after the other, as a
person would paste them; what they print and how they end is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import unified_diff

from analyzer.kernel.bench import Bench
from analyzer.kernel.connection import HTTP, Outcome, Probe, patient
from analyzer.kernel.topology import Topology

BROKEN_S = 0.8
"""How long a connection is given.  The bench loses nothing: the first SYN decides, the rest is for busy machines."""

ANSWER_S = 6.0
"""How long a server of the bench may take to answer once a connection stands."""


@dataclass(frozen=True, slots=True)
class Ran:
    """One command and what it said; ``wanted`` is what its output had to hold (empty: only status 0)."""

    command: str
    status: int
    out: str
    err: str
    wanted: str = ""

    @property
    def ok(self) -> bool:
        """Whether it ended with 0 and printed what it had to."""
        return self.status == 0 and self.wanted in self.out

    def __str__(self) -> str:
        missing = f"  (expected {self.wanted!r})" if self.wanted not in self.out else ""
        return f"$ {self.command}\n{self.out}{self.err}[status {self.status}]{missing}"


@dataclass(frozen=True, slots=True)
class Trial:
    """What was seen: before, with the fix, after its undo.

    ``kept`` are the other connections, each before and with the fix.
    ``changes`` is what is left of the fix after the undo, as a diff of the
    host's state (``bench.STATE``); empty when everything is as it was.
    """

    before: Outcome
    commands: tuple[Ran, ...]
    after: Outcome
    after_ping: Outcome
    verify: tuple[Ran, ...]
    undo: tuple[Ran, ...]
    undone: Outcome
    changes: str
    kept: tuple[tuple[Probe, Outcome, Outcome], ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether every command ended with status 0."""
        return all(ran.ok for ran in self.commands)

    @property
    def cured(self) -> bool:
        """Whether the connection failed before and works with the fix."""
        return not self.before.ok and self.after.ok

    @property
    def lasting(self) -> bool:
        """Whether it still works after the host has pinged the client, which is what provokes a redirect."""
        return self.cured and self.after_ping.ok

    @property
    def verified(self) -> bool:
        """Whether every verify command printed what it had to."""
        return all(ran.ok for ran in self.verify)

    @property
    def restored(self) -> bool:
        """Whether undo ended well, left nothing behind, and the connection fails again as before."""
        return all(ran.ok for ran in self.undo) and not self.changes and self.undone.result is self.before.result

    @property
    def broken(self) -> tuple[Probe, ...]:
        """The other connections that worked before and do not with the fix."""
        return tuple(probe for probe, before, after in self.kept if before.ok and not after.ok)

    @property
    def good(self) -> bool:
        """A fix to print: accepted, cures and lasts, verify agrees, undo restores, and nothing else breaks."""
        return self.accepted and self.lasting and self.verified and self.restored and not self.broken

    def __str__(self) -> str:
        parts = [f"before: {self.before}", *map(str, self.commands), f"with the fix: {self.after}"]
        parts += [f"after a ping of the client: {self.after_ping}", *map(str, self.verify), *map(str, self.undo)]
        parts += [f"after the undo: {self.undone}", self.changes]
        parts += [f"{probe}: {before} -> {after}" for probe, before, after in self.kept]
        return "\n".join(part for part in parts if part)


def ran(bench: Bench, host: str, command: str, wanted: str = "") -> Ran:
    """Give one command to the host's shell, verbatim."""
    done = bench.shell(host, command)
    return Ran(command, done.returncode, done.stdout, done.stderr, wanted)


def try_fix(
    topology: Topology,
    host: str,
    commands: Sequence[str],
    verify: Sequence[str | tuple[str, str]] = (),
    undo: Sequence[str] = (),
    *,
    probe: Probe = HTTP,
    others: Sequence[Probe] = (),
    ping: str = "",
) -> Trial:
    """Build ``topology``, try the fix on ``host`` and take it back.

    ``verify``: a command, or (command, text that its output must hold).
    ``probe`` is the connection to cure, ``others`` must go on working.
    ``ping`` is the address that the host pings to provoke a redirect (default: the probing client's first address).
    Needs root; raises ``ToolError`` where the bench cannot be built.
    """
    with Bench(topology) as bench:
        target = ping or topology.host(probe.client).interfaces[0].addresses[0].partition("/")[0]
        state = bench.state(host)
        before, *kept_before = bench.try_all([probe, *others], timeout_s=patient(BROKEN_S), answer_s=ANSWER_S)
        applied = tuple(ran(bench, host, command) for command in commands)
        after, *kept_after = bench.try_all([probe, *others], timeout_s=patient(BROKEN_S), answer_s=ANSWER_S)
        verified = tuple(ran(bench, host, *((line, "") if isinstance(line, str) else line)) for line in verify)
        bench.ping(host, target, count=3)
        (after_ping,) = bench.try_all([probe], timeout_s=patient(BROKEN_S), answer_s=ANSWER_S)
        taken_back = tuple(ran(bench, host, command) for command in undo)
        changes = difference(state, bench.state(host))
        (undone,) = bench.try_all([probe], timeout_s=patient(BROKEN_S), answer_s=ANSWER_S)
    kept = tuple(zip(others, kept_before, kept_after, strict=True))
    return Trial(before, applied, after, after_ping, verified, taken_back, undone, changes, kept)


def difference(before: str, after: str) -> str:
    """What differs between two states, as a diff; empty where they are the same octets."""
    return "\n".join(unified_diff(before.splitlines(), after.splitlines(), "before", "after", lineterm="", n=1))
