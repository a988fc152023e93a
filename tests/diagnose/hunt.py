"""Looks for networks that are diagnosed wrongly: ``python tests/diagnose/hunt.py FIRST_SEED COUNT``."""

from __future__ import annotations

import random
import sys

from capture_points import captures, diagnose
from conversations import play
from expectations import told, wrong
from networks import compose


def main() -> None:
    """One line for each kind of wrong statement, with the first counterexample under it."""
    first, count = (int(word) for word in sys.argv[1:3])
    seen: dict[str, int] = {}
    for seed in range(first, first + count):
        chance = random.Random(seed)
        played = play(compose(lambda name, options, chance=chance: chance.choice(options), disturbed=seed % 3 > 0))
        captured = captures(played)
        if not captured:
            continue
        answer = diagnose(played, captured)
        for problem in wrong(played, captured, answer):
            kind = f"{played.case.fault}/{played.case.mode}: " + " ".join(w for w in problem.split() if "." not in w and "::" not in w)
            seen[kind] = seen.get(kind, 0) + 1
            if seen[kind] == 1:
                print(f"=== {seed} {kind}\n{told(played, captured, answer, note=problem)}\n", flush=True)
    for kind, times in sorted(seen.items(), key=lambda pair: -pair[1]):
        print(times, kind)


main()
