"""Calibration: the captured connections on the unchanged network must come out as they were captured.

A model that does not reproduce what was seen proves nothing about what was not.
What it misses is said per connection, and such a connection is left out of proofs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from analyzer.network.connect import Exchange, Outcome
from analyzer.network.inference.captured import Captured
from analyzer.network.link import Network
from analyzer.network.replay import Runner
from analyzer.network.trace import MEANINGS


@dataclass(frozen=True, slots=True)
class Miss:
    """A connection that the model does not reproduce."""

    connection: Captured
    predicted: Exchange

    def __str__(self) -> str:
        seen, model = self.connection.outcome, self.predicted.outcome
        end = ""
        if self.predicted.traces:
            last = self.predicted.last
            end = f" ({last.at}: {MEANINGS[last.disposition]})"
        where = f"frame {self.connection.frame}"
        return f"{self.connection} ({where}): captured {seen}, the model says {model}{end}"


@dataclass(frozen=True, slots=True)
class Calibration:
    """``good`` are reproduced; ``misses`` are not; ``open_ends`` cannot be compared (the client's side is missing)."""

    good: tuple[Captured, ...]
    misses: tuple[Miss, ...]
    open_ends: tuple[Captured, ...] = ()
    passed: tuple[Exchange, ...] = ()     # the exchanges behind good established connections

    @property
    def succeeded(self) -> bool:
        """Everything that can be compared is reproduced, and there was something to compare."""
        return bool(self.good) and not self.misses

    def sentences(self) -> tuple[str, ...]:
        """What the model does not reproduce, a sentence each, alike ones counted."""
        texts: Counter[str] = Counter()
        first: dict[str, Miss] = {}
        for miss in self.misses:
            key = f"{miss.connection.client} > {miss.connection.dialled} {miss.connection.outcome}"
            texts[key] += 1
            first.setdefault(key, miss)
        more = {key: f", and {count - 1} alike" if count > 1 else "" for key, count in texts.items()}
        return tuple(f"{miss}{more[key]}" for key, miss in first.items())


def calibrate(network: Network, connections: Sequence[Captured]) -> Calibration:
    """Replay the connections on ``network`` and compare outcomes."""
    runner = Runner(network, network)
    good: list[Captured] = []
    misses: list[Miss] = []
    open_ends: list[Captured] = []
    passed: dict[int, Exchange] = {}
    for each in connections:
        predicted = runner.run(each)
        if agrees(each, predicted):
            good.append(each)
            if predicted.works:
                passed[id(predicted)] = predicted
        elif each.certain:
            misses.append(Miss(each, predicted))
        else:
            open_ends.append(each)
    return Calibration(tuple(good), tuple(misses), tuple(open_ends), tuple(passed.values()))


def agrees(captured: Captured, predicted: Exchange) -> bool:
    """Whether the prediction is what was seen; unreachable and timeout both are "no answer"."""
    seen = captured.outcome
    if seen is Outcome.TIMEOUT:
        return predicted.outcome in (Outcome.TIMEOUT, Outcome.UNREACHABLE)
    return predicted.outcome is seen
