"""A capturing program as a child: dumpcap, or else tcpdump; the only part that needs rights.

dumpcap has no immediate mode: the kernel hands it what it has gathered every
quarter of a second (packet(7), TPACKET_V3; measured: 0.25 s at most), and what
was not handed over when it is told to stop is lost and not counted as dropped
(measured: all packets of the last 0.05 s).  So it runs on for ``DRAIN_S`` before
it is stopped.  tcpdump's immediate mode still leaves packets in the ring.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from analyzer.capture.source import Interface, Source, open_capture
from analyzer.errors import CaptureError, ToolError
from analyzer.live.taps.guard import guard
from analyzer.live.taps.pipe import LIMITS
from analyzer.tables import Batch

DRAIN_S = 0.6
KERNEL_MIB = 64
"""The kernel's buffer: three seconds of 200,000 small packets a second."""
QUEUE_FRAMES = 500_000
"""Between dumpcap's own threads, with several interfaces: its default of 1,000 lost one packet in seven at 25,000/s."""
PIPE_BYTES = 1 << 20
ENDS_S = 5.0
BACKLOG_S = 60.0
"""How long a program that was told to stop may write what it has gathered."""
_F_SETPIPE_SZ = 1031
_CHATTER = re.compile(
    r"^(Capturing on|File:|Packets captured|Packets received|Packets:|tcpdump: (verbose|listening|data link)|"
    r"listening on|dropped privs|\d+ packets|Warning: program compiled|$)"
)
_PREFIX = re.compile(r"^(dumpcap|tcpdump): ")
_DROPPED = re.compile(r"^Packets received/dropped on interface .*: \d+/(\d+) \(pcap:", re.MULTILINE)
_LOST = re.compile(r"^(\d+) packets dropped by (?:kernel|interface)", re.MULTILINE)
_RECEIVED = re.compile(r"^(\d+) packets received by filter", re.MULTILINE)


class Child:
    """A running dumpcap or tcpdump; a ``tap.Tap``."""

    def __init__(self, argv: Sequence[str], points: Sequence[tuple[str, str]], shown: str) -> None:
        """``points`` as ``tap.Tap``, in the order of the stream; ``ToolError`` where the program does not start."""
        self.points = list(points)
        self.program = argv[0]
        self.shown = shown
        self._source: Source | None = None
        self._asked = False
        self._said = tempfile.TemporaryFile()   # noqa: SIM115 - closed with the child's end
        self._words = ""
        self._seen_ns = 0
        self._quiet_since: float | None = time.monotonic()
        try:
            # A session of its own: Ctrl-C is ours to hear, and ours to pass on once the last packets have come.
            self._child = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._said, bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            self._said.close()
            raise ToolError(f"{self.program}: does not start: {error.strerror}") from error
        self._guard = guard(self._child.pid)
        assert self._child.stdout is not None
        self._pipe = self._child.stdout
        with contextlib.suppress(OSError):   # more than an ordinary user may have: then it stays as it is
            fcntl.fcntl(self._pipe, _F_SETPIPE_SZ, PIPE_BYTES)

    @property
    def pid(self) -> int:
        """The process that captures."""
        return self._child.pid

    @property
    def interfaces(self) -> list[Interface]:
        """As ``tap.Tap``; once it has ended, dumpcap's losses are all that it lost, not only the kernel's share."""
        found = self._source.interfaces if self._source else []
        lost = [int(count) for count in _DROPPED.findall(self._words)]
        if len(lost) != len(found):
            return found
        return [replace(each, drops=count) for each, count in zip(found, lost, strict=True)]

    def batches(self) -> Iterator[Batch]:
        """As ``tap.Tap``; ``ToolError`` in the program's own words where it gave up."""
        nothing: CaptureError | None = None
        try:
            self._source = open_capture(f"/dev/fd/{self._pipe.fileno()}", limits=LIMITS, prompt=True)
            for batch in self._source.batches():
                self._seen_ns = max(self._seen_ns, int(np.median(batch.time_ns)))
                self._quiet_since = None     # whoever takes the batch may take his time
                yield batch
                self._quiet_since = time.monotonic()
        except CaptureError as error:
            nothing = error
        status = self._wait()
        self._close()
        if self._asked:
            return
        said = self._complaint()
        if status < 0:
            name = signal.Signals(-status).name
            raise ToolError(f"{self.program} was ended from outside ({name}) while it captured on {self.shown}")
        if said or status or nothing:
            raise ToolError(f"{self.program} ended on {self.shown}: {said or f'status {status}'}")

    def stop(self) -> bool:
        """As ``tap.Tap``: after ``DRAIN_S``, so that the last packets still come."""
        if not self._asked:
            self._asked = True
            threading.Thread(target=self._stop_soon, daemon=True).start()
        return True

    def kill(self) -> None:
        """As ``tap.Tap``."""
        self._asked = True
        self._signal(signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(1)
        if self._source is None:    # nobody reads, so nobody else closes
            self._close()

    def remarks(self) -> list[str]:
        """As ``tap.Tap``: what the reader stepped over, and what tcpdump lost (dumpcap says it in the stream)."""
        said = self._words
        lost = sum(int(count) for count in _LOST.findall(said))
        received = _RECEIVED.search(said)
        found = [f"the capture on {self.shown}: {each.split(': ', 1)[-1]}"
                 for each in (self._source.warnings if self._source else [])]
        if lost:
            of = f" of {received[1]}" if received else ""
            found.append(f"the capture on {self.shown} lost {lost}{of} packets ({self.program} says)")
        return found

    def _stop_soon(self) -> None:
        """Once the frames come that arrived after the wish to stop, or none do, all before them have come."""
        wished_ns, end = time.time_ns(), time.monotonic() + BACKLOG_S
        time.sleep(DRAIN_S)
        while self._seen_ns < wished_ns and time.monotonic() < end:
            quiet = self._quiet_since
            if quiet is not None and time.monotonic() - quiet > DRAIN_S:
                break
            time.sleep(0.05)
        self._signal(signal.SIGTERM)     # not SIGINT: what a script puts into the background ignores that
        try:
            self._child.wait(BACKLOG_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def _wait(self) -> int:
        try:
            return self._child.wait(ENDS_S)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            return self._child.wait()

    def _signal(self, number: int) -> None:
        """By the guard, because a confined process may send none."""
        if self._guard is not None:
            self._guard.send(number)
        else:
            with contextlib.suppress(OSError):
                self._child.send_signal(number)

    def _close(self) -> None:
        """Keep what the program said, and give the files back; twice is once."""
        if not self._said.closed:
            # Not seek and read: the place in the file is the child's as well.
            self._words = os.pread(self._said.fileno(), 65536, 0).decode("utf-8", "replace").replace("\r", "\n")
            self._said.close()
            self._pipe.close()
            if self._guard is not None:
                self._guard.close()

    def _complaint(self) -> str:
        """What the program says beside its usual words, as one sentence."""
        lines = [line.strip() for line in self._words.splitlines()]
        said = " ".join(_PREFIX.sub("", line) for line in lines if not _CHATTER.match(line))
        return said.partition(" See the User's Guide")[0][:500]


def dumpcap(path: str, interfaces: Sequence[str], bpf: str, snap: int) -> list[str]:
    """The command of dumpcap; a filter before the first interface is that of all."""
    options = [*(["-f", bpf] if bpf else []), "-B", str(KERNEL_MIB), "-s", str(snap)]
    options += ["-N", str(QUEUE_FRAMES), "-C", str(KERNEL_MIB << 20)]
    return [path, "-q", *options, *(word for name in interfaces for word in ("-i", name)), "-w", "-"]


def tcpdump(path: str, interface: str, bpf: str, snap: int) -> list[str]:
    """The command of tcpdump, which captures on one interface."""
    options = ["-U", "--immediate-mode", "-n", "-s", str(snap), "-B", str(KERNEL_MIB * 1024)]
    return [path, "-i", interface, *options, "-w", "-", *(["--", bpf] if bpf else [])]
