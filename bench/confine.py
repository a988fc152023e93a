"""What the confined child costs: the same small run with it and without it, in turn, and what is left to it.

python -m bench.confine [--runs 21]
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

SAMPLE = Path(__file__).resolve().parent.parent / "sample_pcaps" / "client-on-servers-link" / "client.pcap"
ENTER = "from analyzer.confine import child; child.enter([], [])"


def spent(argv: list[str], **environment: str) -> float:
    """Computing time of a run and of all processes that it started: what others do at the same time is not in it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, stdout=subprocess.DEVNULL, check=False, env={**os.environ, **environment})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Medians and quartiles of computing time, in milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=21)
    runs = parser.parse_args().runs
    program = [str(Path(sys.executable).with_name("replypath")), "map", str(SAMPLE.with_name("balancer.yaml"))]
    analysis = [program[0], "analyze", str(SAMPLE)]
    measured: dict[str, list[float]] = {}
    for _ in range(runs):
        for name, argv in (("map, ", program), ("analyze, ", analysis)):
            measured.setdefault(f"{name}free", []).append(spent(argv, REPLYPATH_SANDBOX="off"))
            measured.setdefault(f"{name}confined", []).append(spent(argv))
        measured.setdefault("empty interpreter", []).append(spent([sys.executable, "-c", ""]))
        measured.setdefault("empty interpreter, confined", []).append(spent([sys.executable, "-c", ENTER]))
    for name, times in measured.items():
        low, middle, high = statistics.quantiles(times, n=4)
        print(f"{name:30} median {middle * 1000:7.1f} ms   quartiles {low * 1000:7.1f} to {high * 1000:7.1f}   "
              f"least {min(times) * 1000:7.1f}")


if __name__ == "__main__":
    main()
