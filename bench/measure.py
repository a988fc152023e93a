"""One process, measured: CPU time, wall time, and peak memory with and without mapped files."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import NamedTuple


class Measure(NamedTuple):
    """Seconds, and MB (10**6 octets); ``anonymous`` leaves out what is only mapped from files."""

    cpu: float
    wall: float
    peak: float
    anonymous: float
    status: int


def run(command: list[str], most_seconds: float = 900) -> Measure:
    """Run a command to its end (or kill it then), its output thrown away.  Memory is looked at every 5 ms.

    Without the confined child, whose memory would not be seen; what that costs is measured by ``bench.confine``.
    """
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                               env={**os.environ, "REPLYPATH_SANDBOX": "off"})
    anonymous = peak = 0
    status_file = Path(f"/proc/{process.pid}/status")
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        now, highest = _memory_kb(status_file)
        anonymous, peak = max(anonymous, now), max(peak, highest)
        if time.perf_counter() - began > most_seconds:
            process.kill()
        time.sleep(0.005)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Measure(
        cpu=usage.ru_utime + usage.ru_stime,
        wall=time.perf_counter() - began,
        peak=peak * 1024 / 1e6,
        anonymous=anonymous * 1024 / 1e6,
        status=process.returncode,
    )


def _memory_kb(status_file: Path) -> tuple[int, int]:
    """Anonymous memory now, and the highest resident memory so far (wait4's would include the parent's)."""
    values = {"RssAnon": 0, "VmHWM": 0}
    with suppress(FileNotFoundError, ProcessLookupError):
        for line in status_file.read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in values:
                values[name] = int(rest.split()[0])
    return values["RssAnon"], values["VmHWM"]


def middle(runs: list[Measure]) -> Measure:
    """The median of each column."""
    return Measure(*(median(column) for column in zip(*runs, strict=True)))


def warm(path: Path) -> None:
    """Read a file once, so that it is in the page cache."""
    with path.open("rb", buffering=0) as file:
        while file.read(1 << 24):
            pass
