"""Fuzz for a while: ``python -m fuzz.run --seconds 60 [--ledger] [TARGET...]``, with the kernels of ``make fuzz``.

Every target gets its share of the time in a process of its own, begins with its
seeds and what earlier runs found worth keeping, and ends with a count, which is
libFuzzer's own.  Exit status 1 where a target failed: the input that did it is
kept beside the corpus, and belongs into tests/hostile/inputs once it is mended.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from fuzz.targets import ROOT, TARGETS, Target, hostile

WORK = ROOT / "build" / "fuzz"
LEDGER = ROOT / "fuzz" / "ledger.csv"
COLUMNS = ("target", "seeds", "executions", "seconds", "failures")
SECONDS_FOR_ONE_INPUT = 5
MEGABYTES = 1024
LEAST_SECONDS = 1.0


class Ran(NamedTuple):
    """What one target did, by the fuzzer's own statistics."""

    seeds: int
    executions: int
    seconds: float
    failed: Path | None
    said: str


def seeded(target: Target) -> tuple[Path, int]:
    """The target's corpus folder with its seeds in it, and how many those are."""
    folder = WORK / "corpus" / target.name
    folder.mkdir(parents=True, exist_ok=True)
    seeds = {octets[: target.octets] for octets in target.seeds()}
    seeds |= {path.read_bytes() for path in hostile(target.name)}
    for octets in seeds:
        path = folder / hashlib.sha1(octets, usedforsecurity=False).hexdigest()
        if not path.exists():
            path.write_bytes(octets)
    return folder, len(seeds)


def run(target: Target, seconds: float) -> Ran:
    """Feed one target for so many seconds."""
    folder, seeds = seeded(target)
    failures = WORK / "failures"
    mine = f"{target.name}.*"
    before = set(failures.glob(mine))
    began = time.monotonic()
    path = [str(WORK / "lib"), str(ROOT)]
    done = subprocess.run(
        [sys.executable, "-m", "fuzz.one", target.name, str(folder), f"-max_total_time={max(1, round(seconds))}",
         f"-timeout={SECONDS_FOR_ONE_INPUT}", f"-rss_limit_mb={MEGABYTES}", "-print_final_stats=1",
         f"-artifact_prefix={failures}/{target.name}."],
        cwd=WORK, env={**os.environ, "PYTHONPATH": os.pathsep.join(path), "PYTHONHASHSEED": "0"}, check=False,
        capture_output=True, text=True, errors="replace",
    )
    said = done.stderr + done.stdout   # the traceback comes last
    counted = re.search(r"stat::number_of_executed_units:\s+(\d+)", said)
    new = sorted(set(failures.glob(mine)) - before)
    failed = new[0] if new else None
    if done.returncode and failed is None:
        failed = failures / f"{target.name}.status-{done.returncode}"
        failed.write_text(said)
    return Ran(seeds, int(counted[1]) if counted else 0, time.monotonic() - began, failed, said)


def entered(target: Target, ran: Ran) -> None:
    """Add a run to the ledger, one line for each target."""
    rows: dict[str, dict[str, str]] = {}
    if LEDGER.exists():
        with LEDGER.open(newline="") as file:
            rows = {row["target"]: row for row in csv.DictReader(file)}
    old = rows.get(target.name, dict.fromkeys(COLUMNS, "0"))
    rows[target.name] = {
        "target": target.name, "seeds": str(ran.seeds), "executions": str(int(old["executions"]) + ran.executions),
        "seconds": str(int(old["seconds"]) + round(ran.seconds)), "failures": str(int(old["failures"]) + bool(ran.failed)),
    }
    with LEDGER.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[name] for name in TARGETS if name in rows)


def main() -> int:
    """Every target that was named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--seconds", type=float, default=60, help="for all of them together")
    parser.add_argument("--ledger", action="store_true", help=f"add the counts to {LEDGER.relative_to(ROOT)}")
    wanted = parser.parse_args()
    chosen = [TARGETS[name] for name in wanted.targets or TARGETS]
    shares = sum(target.share for target in chosen)
    side_by_side = len(os.sched_getaffinity(0))
    seconds = [max(LEAST_SECONDS, side_by_side * wanted.seconds * target.share / shares) for target in chosen]
    (WORK / "failures").mkdir(exist_ok=True)
    with ThreadPoolExecutor(side_by_side) as workers:
        runs = workers.map(run, chosen, seconds)
        return reported(chosen, runs, ledger=wanted.ledger)


def reported(chosen: Iterable[Target], runs: Iterable[Ran], *, ledger: bool) -> int:
    """A line for each run as it ends; 1 where one failed."""
    failed = total = count = 0
    for target, ran in zip(chosen, runs, strict=True):
        count += 1
        failed += bool(ran.failed)
        total += ran.executions
        state = f"FAILED: {ran.failed}" if ran.failed else "ok"
        print(f"{target.name:22} {ran.seeds:5} seeds {ran.executions:10} executions {ran.seconds:6.1f} s  {state}", flush=True)
        if ran.failed:
            print("\n".join(ran.said.splitlines()[-40:]), flush=True)
        if ledger:
            entered(target, ran)
    print(f"{total} executions, {failed} of {count} targets failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
