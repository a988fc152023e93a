"""The one loop of a live run: frames in, a checkpoint when something may be wrong, events out.

A checkpoint is not made by the clock alone: a diagnosis costs a third of a
second, and most seconds bring nothing but connections that work.  Several times
a second the flows are looked at (``suspicion``); the rules run where something
odd has changed, and every ``LOOK_S`` seconds for the sake of what is shown.

A connection is judged once its first frame has been here for ``GRACE_S``:
before that, what is missing may be on its way, also from another capture point.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from analyzer.balance.mapping import EMPTY, Mapping
from analyzer.diagnose.finding import Diagnosis, Severity, conclude
from analyzer.diagnose.ruledoc import Rule
from analyzer.errors import CaptureError
from analyzer.live import suspicion
from analyzer.live.chronicle import Chronicle
from analyzer.live.events import Began, Event, Said, Status, Summary
from analyzer.live.kept.ring import Ring
from analyzer.live.numbers import renumbered
from analyzer.live.points import Points
from analyzer.live.taps.tap import WAITING, Arrived, Intake, Tap
from analyzer.live.window import Bounds, Window
from analyzer.network.host import Host
from analyzer.tables import Table
from analyzer.units import UnixNs

SHARE = 4.0
"""A diagnosis that takes long is made more seldom: so many times as long as it takes."""
GRACE_S = 0.7
TICK_S = 0.2
CHECK_S, BURST = 1.5, 3.0
"""So often a diagnosis is made at most, on average; after silence so many at once, because the first must not wait."""
LOOK_S = 10.0
ENDING_S = 10.0
"""How long nothing may come from a tap that was asked to end."""
SUMMARY_S = 3600.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is told."""

    mapping: Mapping = EMPTY
    hosts: dict[str, Host] = field(default_factory=dict)
    rules: Sequence[Rule] | None = None
    systems: tuple[str, ...] | None = None
    command: str = ""
    duration_s: float | None = None
    packets: int | None = None
    until_finding: bool = False
    bounds: Bounds = field(default_factory=Bounds)
    summary_s: float = SUMMARY_S


class Screen(Protocol):
    """Who is told: lines, JSON, a dashboard, metrics, a command."""

    def event(self, event: Event) -> None:
        """Something is to be said."""

    def status(self, status: Status) -> None:
        """How things stand, several times a second."""


class Session:
    """One run; ``stop`` may be called by a signal handler."""

    def __init__(self, taps: Sequence[Tap], settings: Settings, screens: Sequence[Screen], ring: Ring | None) -> None:
        self.taps, self.settings, self.screens, self.ring = list(taps), settings, list(screens), ring
        self.points = Points()
        for number, tap in enumerate(self.taps):
            for interface, (vantage, named) in enumerate(tap.points):
                self.points.announce(number, interface, vantage, named)
        self.window = Window(settings.bounds)
        self.chronicle = Chronicle()
        self.frames = 0
        self.stopping = False
        self.remarks: list[str] = []
        self._silent: list[str] = []
        self._status = Status()
        self._arrivals: deque[tuple[float, int]] = deque()
        self._suspicion: tuple[int, ...] = ()
        self._looked = time.monotonic()
        self._credit, self._credited = BURST, 0.0
        self._cost = self._took_s = 0.0
        self._summed = (0.0, 0)

    def stop(self) -> None:
        """End as soon as what is on its way has come."""
        self.stopping = True

    def run(self, remarks: Sequence[str] = ()) -> Diagnosis:
        """Until the end, whoever asks for it; the diagnosis of the whole run.

        ``CaptureError`` where no tap gave a single frame and one failed.
        """
        begin = time.monotonic()
        self._summed = (begin, 0)
        intake = Intake(self.taps)
        self.remarks += remarks
        self._diagnosis([])    # what is imported and read once is imported and read now
        self._tell(Began(_now(), tuple(point.read.vantage for point in self.points.all), tuple(remarks)))
        tick, deadline = begin, None
        while intake.running and (deadline is None or time.monotonic() < deadline):
            arrived = intake.take(max(0.0, min(tick - time.monotonic(), TICK_S)))
            if arrived is not None:
                self._took(arrived)
                deadline = deadline and time.monotonic() + ENDING_S    # what was captured before the end is still read
            now = time.monotonic()
            if now >= tick:
                self._tick(now, begin, intake.waiting)
                tick = time.monotonic() + max(TICK_S, 5 * self._cost)
            if deadline is None and self._over(now - begin):
                deadline = now + ENDING_S
                if not self._end_taps(intake):
                    break
        while (arrived := intake.take(0)) is not None:
            self._took(arrived)
        for tap in self.taps:
            tap.kill()
        return self._finish()

    # --- frames -----------------------------------------------------------------------------------

    def _took(self, arrived: Arrived) -> None:
        tap, batch = self.taps[arrived.tap], arrived.batch
        if batch is None:
            self.points.lost(arrived.tap, tap.interfaces)
            for sentence in [*([str(arrived.failure)] if arrived.failure else []), *tap.remarks()]:
                if self.frames:
                    self._remark(sentence)
                else:    # where nothing else comes either, this is the end, and is said once
                    self._silent.append(sentence)
            return
        places = self.points.of(batch, arrived.tap, tap.interfaces)
        packets = self.window.feed(batch, places, self.frames + 1)
        for number in set(places.tolist()):
            self.points.all[number].count(packets, (places == number).nonzero()[0], batch.link_type)
        if self.ring is not None:
            for sentence in self.ring.keep(batch, places, self.frames + 1):
                self._remark(sentence)
        self.frames += len(batch)
        if self.window.full:
            self.chronicle.leave(self._diagnosis(self.window.leaving()))
            self.window.turn()

    def _over(self, elapsed_s: float) -> bool:
        told = self.settings
        if told.until_finding and any(known.finding.severity is Severity.ERROR for known in self.chronicle.known):
            return True
        return (self.stopping or (told.duration_s is not None and elapsed_s >= told.duration_s)
                or (told.packets is not None and self.frames >= told.packets))

    def _end_taps(self, intake: Intake) -> bool:
        """Ask every tap for an end; False where none will come, because the writers are not ours."""
        ending = [self.taps[number].stop() for number in sorted(intake.running)]
        return any(ending)

    # --- checkpoints --------------------------------------------------------------------------------

    def _tick(self, now: float, begin: float, waiting: int) -> None:
        self._arrivals.append((now, self.frames))
        while len(self._arrivals) > 1 and self._arrivals[1][0] <= now - GRACE_S:
            self._arrivals.popleft()
        when, seen = self._arrivals[0]
        if now - when >= GRACE_S:
            self._look(now, seen, waiting)
        self._show(now, begin, waiting)
        if now - self._summed[0] >= self.settings.summary_s:
            self._summarize(now)

    def _look(self, now: float, seen: int, waiting: int) -> None:
        """Diagnose where something odd has changed, or for long has not been looked at."""
        flows = self.window.judged.flows(seen)
        self._cost = time.monotonic() - now
        for event in self.chronicle.recovered(flows, self.window.judged.book, _now()):
            self._tell(event)
        told = suspicion.of(flows, self.window.judged.said())
        due = now - self._looked >= LOOK_S and seen > 0
        self._credit = min(BURST, self._credit + (now - self._credited) / max(CHECK_S, SHARE * self._took_s))
        self._credited = now
        behind = waiting > WAITING // 4 and now - self._looked < LOOK_S    # what has come goes first
        if (told == self._suspicion and not due) or self._credit < 1 or behind:
            return
        self._credit -= 1
        self._suspicion = told
        self._looked = now
        self._update(self._diagnosis(flows))
        self._took_s = time.monotonic() - now

    def _update(self, diagnosis: Diagnosis) -> None:
        self._status.diagnosis, self._status.services = diagnosis, diagnosis.services
        if self.ring is not None:
            self.ring.cite(diagnosis)
        for event in self.chronicle.update(diagnosis, _now()):
            self._tell(event)

    def _diagnosis(self, flows: list[Table]) -> Diagnosis:
        """The diagnosis of some flows; frames by their numbers in the whole run."""
        from analyzer import api  # noqa: PLC0415 - DuckDB is not loaded before frames come

        told, judged = self.settings, self.window.judged
        read = judged.read(flows, self.points.all, told.mapping, tuple(told.hosts.values()))
        diagnosis = api.diagnose(
            read, mapping=told.mapping, hosts=told.hosts, rules=told.rules, systems=told.systems, command=told.command,
        )
        return renumbered(diagnosis, lambda frame: frame + judged.base) if judged.base else diagnosis

    def _finish(self) -> Diagnosis:
        """The last checkpoint, and the diagnosis of everything."""
        if not self.frames and self._silent:
            raise CaptureError("; ".join(dict.fromkeys(self._silent)))
        self.remarks += self._silent
        diagnosis = self._diagnosis(self.window.judged.flows(None))
        self._update(diagnosis)
        findings, counts = self.chronicle.whole(diagnosis)
        captures = tuple(
            replace(capture, warnings=(*capture.warnings, *_loss(point.drops, point.read.vantage)))
            for capture, point in zip(diagnosis.captures, self.points.all, strict=True)
        )
        healthy = diagnosis.verdict.value == "healthy"
        return replace(
            diagnosis, findings=findings, connection_counts=counts, captures=captures,
            verdict=conclude(findings, concluded=healthy) if findings != diagnosis.findings else diagnosis.verdict,
            warnings=(*diagnosis.warnings, *self.remarks),
        )

    # --- what is said -------------------------------------------------------------------------------

    def _remark(self, sentence: str) -> None:
        self.remarks.append(sentence)
        self._tell(Said(_now(), sentence))

    def _tell(self, event: Event) -> None:
        for screen in self.screens:
            screen.event(event)

    def _show(self, now: float, begin: float, waiting: int) -> None:
        status, judged = self._status, self.window.judged
        before, frames = self._arrivals[0]
        status.elapsed_s = now - begin
        status.rate = (self.frames - frames) / (now - before) if now > before else 0.0
        status.frames, status.flows, status.live, status.waiting = self.frames, judged.rows, judged.live, waiting
        status.points = [(point.read.vantage, point.read.frames) for point in self.points.all]
        status.lost = sum(point.drops for point in self.points.all)
        status.known = self.chronicle.known
        status.kept_bytes = self.ring.kept_bytes if self.ring is not None else 0
        if status.diagnosis is not None:
            status.connections = self.chronicle.whole(status.diagnosis)[1]
        for screen in self.screens:
            screen.status(status)

    def _summarize(self, now: float) -> None:
        since, frames = self._summed
        self._summed = (now, self.frames)
        found = tuple((f"{each.finding.rule} {each.finding.name}", each.connections) for each in self.chronicle.known)
        self._tell(Summary(_now(), round(now - since), self.frames - frames, dict(self._status.connections), found))


def _now() -> UnixNs:
    return UnixNs(time.time_ns())


def _loss(drops: int, name: str) -> tuple[str, ...]:
    return (f"the capturing interface {name} dropped {drops} packets",) if drops else ()
