"""What a large capture costs: time, processor time and memory by number of packets and of processes.

    python -m bench.scale FOLDER [--millions 1 10 100] [--keep]

Captures are generated in FOLDER (67 octets a packet) and removed when they have
been measured.  The results go to bench/SCALE.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzer.capture.source import open_capture
from bench.generate import generate

PAGE = os.sysconf("SC_PAGE_SIZE")
AT_ONCE = 10
"""Millions of packets that are generated; more are the same again, from other ports."""
PORTS = 64
"""Ports of each client that ten millions of packets use, at most."""


class Run(NamedTuple):
    """One run: seconds on the wall and of processors, memory at its highest, what it said."""

    packets: int
    jobs: int
    memory: str
    wall: float
    cpu: float
    private_mb: float
    answer: str
    load: str


def tree(root: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], [])
    return found


def private_bytes(pids: list[int]) -> int:
    """Memory that only the disk cache could not give back: anonymous and shared, of all the processes."""
    total = 0
    for pid in pids:
        try:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith(("Pss_Anon:", "Pss_Shmem:")):
                    total += int(line.split()[1]) * 1024
        except OSError:
            continue
    return total


def enlarged(path: Path, times: int) -> Path:
    """The same traffic ``times`` times over, later each time and from other ports: new connections, in one file."""
    big = path.with_name(f"{path.stem}-times-{times}.pcap")
    if big.exists():
        return big
    half = big.with_suffix(".part")
    with half.open("wb") as out:
        for batch in open_capture(path).batches():
            span = int(batch.time_ns[-1])
        first = int(next(open_capture(path).batches()).time_ns[0])
        seconds = (span - first) // 10**9 + 1
        for turn in range(times):
            for batch in open_capture(path).batches():
                begin = int(batch.start[0]) - 16
                end = int(batch.start[-1]) + int(batch.captured_bytes[-1])
                octets = batch.octets[begin:end].copy()
                start = batch.start - begin
                add(octets, start - 16, seconds * turn, "<u4")
                asks = octets[start + 34] >= 0x80            # the client's port is the source port
                add(octets, np.where(asks, start + 34, start + 36), PORTS * turn, ">u2")
                if out.tell() == 0:
                    with path.open("rb") as source:
                        out.write(source.read(24))
                octets.tofile(out)
    half.rename(big)
    return big


def add(octets: NDArray[np.uint8], places: NDArray[np.int64], number: int, dtype: str) -> None:
    """Add a number to the fields at some places."""
    size = np.dtype(dtype).itemsize
    at = places[:, None] + np.arange(size)
    values = np.ascontiguousarray(octets[at]).view(dtype).ravel()
    octets[at] = (values + np.array(number, dtype=dtype)).astype(dtype).view(np.uint8).reshape(-1, size)


def measure(path: Path, packets: int, jobs: int, memory: str) -> Run:
    """One run of the command, watched from outside."""
    command = [str(Path(sys.executable).with_name("replypath")), "analyze", str(path), "--format", "json", "--no-progress",
               "--jobs", str(jobs)]
    command += ["--memory", memory] if memory else []
    load = Path("/proc/loadavg").read_text().split()[0]
    began, before = time.perf_counter(), os.times()
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    most = [0]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.5):
            most[0] = max(most[0], private_bytes(tree(child.pid)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    output, _ = child.communicate()
    over.set()
    watcher.join()
    wall, after = time.perf_counter() - began, os.times()
    if child.returncode not in (0, 1, 3):
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
    document = json.loads(output)
    document.pop("command")
    answer = hashlib.sha256(json.dumps(document).encode()).hexdigest()[:12]
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    assert document["captures"][0]["frames"] == packets, document["captures"][0]["frames"]
    return Run(packets, jobs, memory or "-", wall, cpu, most[0] / 1e6, answer, load)


def page(runs: list[Run]) -> str:
    """The results as Markdown."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    memory = os.sysconf("SC_PHYS_PAGES") * PAGE / 2**30
    lines = [
        "# Large captures, measured", "",
        "Made by `python -m bench.scale FOLDER`; do not edit.", "",
        f"- date: {time.strftime('%Y-%m-%d')}",
        f"- commit: {commit}",
        f"- machine: {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}, Python {platform.python_version()}",
        "", "Captures of small packets (67 octets, 25 a flow) in one pcap file.  Memory is what no cache could give back:",
        "anonymous and shared memory of all processes together, at its highest.  Load is the machine's one-minute",
        "average when the run began: it shared its cores with so many others, and where that is more than the cores, the",
        "wall times and speed-ups say nothing about the program (processor times still do).  Answers alike are the same",
        "JSON, octet by octet, apart from the command.", "",
        "| packets | jobs | --memory | wall s | CPU s | CPU us a packet | packets a second | memory MB | answer | load |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {run.packets:,} | {run.jobs} | {run.memory} | {run.wall:.1f} | {run.cpu:.1f} | {run.cpu / run.packets * 1e6:.2f} | "
        f"{run.packets / run.wall:,.0f} | {run.private_mb:.0f} | {run.answer} | {run.load} |" for run in sorted(runs)
    ]
    lines += ["", "## Two processes against one", "", "| packets | speed-up |", "|---|---|"]
    for packets in sorted({run.packets for run in runs}):
        one = [run.wall for run in runs if run.packets == packets and run.jobs == 1]
        two = [run.wall for run in runs if run.packets == packets and run.jobs == 2]
        if one and two:
            lines.append(f"| {packets:,} | {min(one) / min(two):.2f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.scale")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--millions", type=float, nargs="*", default=[1, 10, 100])
    parser.add_argument("--jobs", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--memory", default="1G", help="for the runs above ten million packets")
    parser.add_argument("--keep", action="store_true", help="leave the captures where they are")
    parser.add_argument("--results", type=Path, default=Path(__file__).with_name("SCALE.md"))
    arguments = parser.parse_args()
    kept = arguments.folder / "runs.json"       # pieces of a measurement may be made one after the other
    runs = [Run(*each) for each in json.loads(kept.read_text())] if kept.exists() else []
    for millions in arguments.millions:
        times = max(1, round(millions / AT_ONCE))
        path = generate(arguments.folder, "small", millions / times / 6)
        packets = round(120_000 * millions / times / 6) * 50 * times
        if times > 1:
            small, path = path, enlarged(path, times)
            if not arguments.keep:
                small.unlink()
        for jobs in arguments.jobs:
            runs.append(measure(path, packets, jobs, arguments.memory if millions >= 10 else ""))
            print(runs[-1], flush=True)
            kept.write_text(json.dumps(runs))
        if not arguments.keep:
            path.unlink()
    arguments.results.write_text(page(runs))


if __name__ == "__main__":
    main()
