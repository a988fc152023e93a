"""Our command and its peers on the same captures: whole processes in turn, page cache warm, medians.

    python -m bench.run [--folder /tmp/replypath-bench] [--runs 3] [--scale 1.0] [--install] [--keep] [--only NAME ...]

Writes bench/RESULTS.md: ratios first, because they survive a change of machine.
``--install`` fetches the peers that Debian has (as root).  pyshark, dpkt and
nfstream are measured where an interpreter has them: this one, or the one that
REPLYPATH_BENCH_PYTHON names.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from bench import replay, report
from bench.generate import generate
from bench.measure import Measure, middle, run, warm
from bench.peers import DEBIAN, OURS, Peer, installed
from bench.results import Row, page

RESULTS = Path(__file__).with_name("RESULTS.md")
TIMES = ("capinfos -c", 1.5), ("softflowd", 1 / 3), ("argus", 1 / 6), ("tshark -z conv,tcp", 1 / 40)


def packets(path: Path) -> int:
    """How many packets a capture holds, by capinfos."""
    answer = subprocess.run(["capinfos", "-McTr", str(path)], capture_output=True, text=True, check=True).stdout
    return int(answer.split()[-1])


def sliced(path: Path, share: int, folder: Path) -> Path:
    """The first packets of a capture: one in ``share`` of its length."""
    if share == 1:
        return path
    small = folder / f"{path.stem}-first-{share}th.pcap"
    if not small.exists():
        count = packets(path) // share
        subprocess.run(["tcpdump", "-r", str(path), "-w", str(small), "-c", str(count)], check=True, capture_output=True)
    return small


def command_of(peer: Peer, path: Path, out: str) -> list[str]:
    return [word.replace("{out}", out) if "{out}" in word else str(path) if word == "{}" else word
            for word in peer.command]


def compare(path: Path, peers: list[Peer], runs: int, folder: Path) -> list[Row]:
    """One capture: every peer in turn, ``runs`` times over."""
    inputs = {peer: sliced(path, peer.slice_of, folder) for peer in peers}
    counts = {peer: packets(inputs[peer]) for peer in peers}
    measured: dict[Peer, list[Measure]] = {peer: [] for peer in peers}
    for number in range(runs):
        for peer in peers:
            warm(inputs[peer])
            with tempfile.TemporaryDirectory(dir=folder) as out:
                result = run(command_of(peer, inputs[peer], out))
            measured[peer].append(result)
            print(f"  {path.name} {number + 1}/{runs} {peer.name}: {result.cpu:.2f} s CPU, {result.wall:.2f} s, "
                  f"{result.peak:.0f} MB, status {result.status}", file=sys.stderr)
    return [Row(peer.name, peer.does, counts[peer], middle(measured[peer])) for peer in peers]


def stages(path: Path) -> dict[str, float]:
    """Where our time goes, in a process of its own."""
    import json

    answer = subprocess.run([sys.executable, "-m", "bench.stages", str(path)], capture_output=True, text=True, check=True)
    return json.loads(answer.stdout)


def gzip_ratio(path: Path, folder: Path, runs: int) -> tuple[float, float]:
    """Wall seconds of our command on the gzip'd capture, and of ``gzip -dc | wc -c``."""
    packed = folder / f"{path.name}.gz"
    if not packed.exists():
        with packed.open("wb") as out:
            subprocess.run(["gzip", "-1", "-c", str(path)], stdout=out, check=True)
    warm(packed)
    ours = installed()[0]
    mine = middle([run(command_of(ours, packed, "")) for _ in range(runs)]).wall
    theirs = middle([run(["sh", "-c", f"gzip -dc {packed} | wc -c"]) for _ in range(runs)]).wall
    packed.unlink()
    return mine, theirs


def machine() -> dict[str, str]:
    """What it was measured on."""
    cpu = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.processor())
    memory = next(line.split()[1] for line in Path("/proc/meminfo").read_text().splitlines()
                  if line.startswith("MemTotal"))
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit.stdout.strip(),
        "machine": f"{cpu}, {os.cpu_count()} cores, {int(memory) // 2**20} GiB, Linux {platform.release().split('-')[0]}, "
                   f"Python {platform.python_version()}",
        "load when it began": " ".join(f"{load:.1f}" for load in os.getloadavg()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.run")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "replypath-bench")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--install", action="store_true")
    parser.add_argument("--keep", action="store_true", help="leave the captures in the folder")
    parser.add_argument("--only", nargs="*", default=[], help="peers to measure beside ours")
    arguments = parser.parse_args()
    if arguments.install and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "install", "-y", "-q", "--no-install-recommends", *DEBIAN], check=True)
    folder, about = arguments.folder, machine()
    made: list[Path] = []

    def capture(kind: str, scale: float = 1.0) -> Path:
        made.append(generate(folder, kind, arguments.scale * scale))
        return made[-1]

    peers = [peer for peer in installed() if not arguments.only or peer.name in (OURS, *arguments.only)]
    try:
        big = capture("balancer")
        tables = {"balancer": compare(big, peers, arguments.runs, folder)}
        profile = stages(big)
        gzip = gzip_ratio(big, folder, arguments.runs)
        tables["small"] = compare(capture("small"), peers, arguments.runs, folder)
        ours = peers[:1]
        for kind in ("fewer", "more", "flood", "tiny"):
            tables[kind] = compare(capture(kind), ours, arguments.runs, folder)
        version = middle([run([peers[0].command[0], "--version"]) for _ in range(5)])
        RESULTS.write_text(page(about, tables, profile, gzip, version, TIMES, [*report.rows(), *replay.rows()]))
        print(RESULTS.read_text())
    finally:
        if not arguments.keep:
            for path in [*made, *folder.glob("*-first-*"), *folder.glob("*.gz")]:
                path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
