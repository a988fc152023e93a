"""Calibration: the captured connections on the unchanged network must come out as they were captured.

A model that does not reproduce what was seen proves nothing about what was not.
What it misses is said per connection, and such a connection is left out of proofs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from analyzer.network.connect import Exchange, Outcome
from analyzer.network.inference.captured import Captured, Copy
from analyzer.network.link import Network
from analyzer.network.replay import Runner
from analyzer.network.trace import MEANINGS


@dataclass(frozen=True, slots=True)
class Miss:
    """A connection that the model does not reproduce; ``names`` are the capture points."""

    connection: Captured
    predicted: Exchange
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        seen, model = self.connection.outcome, self.predicted.outcome
        where = self._place(self.connection)
        return f"{self.connection} ({where}): captured {seen}, the model says {model}{self._because()}"

    def _place(self, seen: Captured | Copy) -> str:
        """``frame 3 of client``."""
        name = self.names[seen.capture] if seen.capture < len(self.names) else ""
        return f"frame {seen.frame} of {name}" if name else f"frame {seen.frame}"

    def _because(self) -> str:
        """Where the model loses it; or, where only the capture does, up to where it was seen."""
        each = self.connection
        if not self.predicted.traces:
            return f": no host that was seen has the address {each.client}"
        if not self.predicted.works:
            last = self.predicted.last
            return f" ({last.at}: {MEANINGS[last.disposition]})"
        if each.outcome is Outcome.BROKEN:
            return "; it was lost in the middle, for a reason that is no route, address or filter of what is known"
        return f"; {self._seen()}, that nobody told of"

    def _seen(self) -> str:
        """How far a connection was seen that the model sees no hindrance for."""
        each = self.connection
        if not each.answers:
            last_request = max(each.asked, key=_passed, default=None)
            where = f" (last seen: {self._place(last_request)})" if last_request is not None else ""
            end = last_request.server if last_request is not None else each.dialled
            return f"no answer of {end} was captured{where}: a filter there, or loss"
        last = max(each.answers, key=_passed)
        places = dict.fromkeys(self._place(answer) for answer in each.answers if answer.server == last.server)
        gone = "did not arrive" if last.server == each.dialled else f"no translation of it to {each.dialled}"
        return f"the answer of {last.server} was seen ({', '.join(places)}) and {gone}: a filter or loss behind that"


def _passed(copy: Copy) -> tuple[int, int, int]:
    """Later on the way: a smaller time to live."""
    return -copy.ttl, copy.capture, copy.frame


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

    @property
    def hindrance(self) -> str:
        """Why it did not succeed, in one sentence; empty where it did."""
        if self.misses:
            return self.sentences()[0]
        if self.good:
            return ""
        if self.open_ends:
            return (f"{len(self.open_ends)} connections cannot be compared: their clients were seen asking, and no "
                    "capture shows what they were sent")
        return "no connection was captured from its beginning in the network as it is now"

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


def calibrate(network: Network, connections: Sequence[Captured], names: Sequence[str] = ()) -> Calibration:
    """Replay the connections on ``network`` and compare outcomes; ``names`` are the capture points."""
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
            misses.append(Miss(each, predicted, tuple(names)))
        else:
            open_ends.append(each)
    return Calibration(tuple(good), tuple(misses), tuple(open_ends), tuple(passed.values()))


def agrees(captured: Captured, predicted: Exchange) -> bool:
    """Whether the prediction is what was seen; unreachable and timeout both are "no answer"."""
    seen = captured.outcome
    if seen is Outcome.TIMEOUT:
        return predicted.outcome in (Outcome.TIMEOUT, Outcome.UNREACHABLE)
    return predicted.outcome is seen
