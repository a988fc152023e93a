"""What a large capture costs: time, processor time and memory by number of packets and of processes.

    python -m bench.scale FOLDER [--millions 1 10 100] [--minutes 25]

Captures are generated in FOLDER (67 octets a packet and its record header) and
removed when they have been measured; what a run keeps on disk goes there, too.
A run for which the disk or the time does not suffice is left out, and the page
says so.  The results go to bench/SCALE.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
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
DISK_BYTES = 84 + 100 + 35
"""Octets of disk for each packet: the capture, the columns of a run, its share of a flow."""
WIRE_BYTES = 83
"""Octets of a packet in the capture."""
USUAL_BYTES = 556
"""The same of a usual packet, as the estimates take it: 540 octets and the record header."""
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


def measure(path: Path, packets: int, jobs: int, memory: str, seconds: float) -> Run | str:
    """One run of the command, watched from outside; or why there is no result."""
    command = [str(Path(sys.executable).with_name("replypath")), "analyze", str(path), "--format", "json", "--no-progress",
               "--jobs", str(jobs)]
    command += ["--memory", memory] if memory else []
    load = Path("/proc/loadavg").read_text().split()[0]
    began, before = time.perf_counter(), os.times()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "TMPDIR": str(path.parent.resolve())})
    most = [0]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.5):
            most[0] = max(most[0], private_bytes(tree(child.pid)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        output, _ = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.terminate()
        child.wait()
        return "for want of time"
    finally:
        over.set()
        watcher.join()
    wall, after = time.perf_counter() - began, os.times()
    if child.returncode not in (0, 1, 3):
        return f"which ended with status {child.returncode}"
    document = json.loads(output)
    document.pop("command")
    answer = hashlib.sha256(json.dumps(document).encode()).hexdigest()[:12]
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    assert document["captures"][0]["frames"] == packets, document["captures"][0]["frames"]
    return Run(packets, jobs, memory or "-", wall, cpu, most[0] / 1e6, answer, load)


def estimates(runs: list[Run]) -> list[str]:
    """What the largest runs would mean for a terabyte and for a hundred: Amdahl's law, and a disk of 500 MB/s."""
    packets = max((run.packets for run in runs), default=0)
    both = {run.jobs: run for run in runs if run.packets == packets and (run.memory != "-" or packets < 10**7)}
    if not {1, 2} <= both.keys():
        return []
    one, two = both[1], both[2]
    alone = one.wall / packets                                # seconds a packet, by one process
    serial = min(1.0, max(0.0, 2 * two.wall / one.wall - 1))  # the share that two processes do not halve

    def said(seconds: float) -> str:
        return f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{seconds / 60:.0f} min"

    def row(label: str, octets: float, size: int, machines: int, cores: int) -> str:
        seconds = octets / size * alone
        parallel, last = seconds * (1 - serial) / (machines * cores), seconds * serial
        disk = octets / machines / 500e6
        return (f"| {label} | {octets / size / 1e9:.1f} | {said(seconds)} | {said(disk)} | {said(max(parallel, disk))} | "
                f"{said(last)} |")

    return ["", "## On paper from these", "",
            f"One process takes {alone * 1e6:.2f} us a packet at {packets:,} packets; two of them {one.wall / two.wall:.2f} times less, so by",
            f"Amdahl's law a share of {serial:.2f} does not split (putting together and judging, mostly: it grows with the flows).",
            "Not measured: reading a disk or a network at 500 MB/s for each machine, cores that scale as those two did, and",
            "a last step in proportion.  Reading and following overlap with the disk; the last step comes after them.", "",
            "| what | thousand million packets | one process | disk alone | read and follow | last step |", "|---|---|---|---|---|---|",
            row("1 TB of usual packets (540 octets), 2 cores", 1e12, USUAL_BYTES, 1, 2),
            row("1 TB of usual packets, 8 cores", 1e12, USUAL_BYTES, 1, 8),
            row("1 TB of empty packets (67 octets), 8 cores", 1e12, WIRE_BYTES, 1, 8),
            row("100 TB of usual packets, fifty machines of 8 cores", 1e14, USUAL_BYTES, 50, 8), "",
            "The last step of 100 TB is more than one database should be asked: a run for each service or each day, side by",
            "side, divides it by their number."]


def page(runs: list[Run], left_out: list[str]) -> str:
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
    lines += ["", *(f"Not measured: {each}." for each in left_out)] if left_out else []
    lines += ["", "## Two processes against one", "", "With the same `--memory`.", "", "| packets | speed-up |", "|---|---|"]
    for packets in sorted({run.packets for run in runs}):
        one, two = ({run.memory: run.wall for run in runs if run.packets == packets and run.jobs == jobs} for jobs in (1, 2))
        lines += [f"| {packets:,} | {one[memory] / two[memory]:.2f} |" for memory in one if memory in two]
    return "\n".join(lines + estimates(runs)) + "\n"


def wanted(millions: float, memory: str) -> list[tuple[int, str]]:
    """Processes and --memory of the runs of one size; the most telling first, should the time not suffice."""
    if millions < 10:
        return [(1, ""), (2, "")]
    return [(2, memory), (1, memory), *([(1, "")] if millions < 100 else [])]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.scale")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--millions", type=float, nargs="*", default=[1, 10, 100])
    parser.add_argument("--memory", default="1G", help="for the runs from ten million packets on")
    parser.add_argument("--minutes", type=float, default=25, help="for all of it")
    parser.add_argument("--keep", action="store_true", help="leave the captures where they are")
    parser.add_argument("--results", type=Path, default=Path(__file__).with_name("SCALE.md"))
    arguments = parser.parse_args()
    until = time.monotonic() + 60 * arguments.minutes
    runs: list[Run] = []
    left_out: list[str] = []
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for millions in sorted(arguments.millions):
        times = max(1, round(millions / AT_ONCE))
        packets = round(120_000 * millions / times / 6) * 50 * times
        free, needed = shutil.disk_usage(arguments.folder).free, packets * DISK_BYTES
        if free < needed:
            left_out.append(f"{packets:,} packets, which need {needed / 1e9:.0f} GB of disk ({free / 1e9:.0f} GB are free)")
            continue
        path = generate(arguments.folder, "small", millions / times / 6)
        if times > 1:
            small, path = path, enlarged(path, times)
            if not arguments.keep:
                small.unlink()
        for jobs, memory in wanted(millions, arguments.memory):
            left = until - time.monotonic()
            expected = max((run.wall / run.packets for run in runs[-2:]), default=0) * packets
            run = measure(path, packets, jobs, memory, left) if expected < left else "for want of time"
            if isinstance(run, str):
                left_out.append(f"{packets:,} packets with --jobs {jobs}{' --memory ' + memory if memory else ''}, {run}")
            else:
                runs.append(run)
            print(run, flush=True)
            arguments.results.write_text(page(runs, left_out))
        if not arguments.keep:
            path.unlink()
    arguments.results.write_text(page(runs, left_out))


if __name__ == "__main__":
    main()
