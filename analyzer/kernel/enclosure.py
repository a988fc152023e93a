"""The walls around a bench: one process namespace, one mount namespace, and network namespaces inside them.

Nothing outside can see the network namespaces: their names are mounts on a
``/run`` of their own.  Everything that runs in the bench runs under an init
process that waits for the end of a pipe which only this process holds; so
whatever ends this process, SIGKILL included, ends init, the kernel then kills
all that is left in the process namespace, and with the last process the mounts,
the interfaces and the packet filters go.  Nothing has to be cleaned up, so
nothing can be forgotten (pid_namespaces(7), "The namespace init process").

The one way around it is a forked child of the owner that keeps the pipe open;
``sweep`` finds such leftovers by the mark in their environment.

Inside, ``/`` is mounted read-only, ``/etc`` is an overlay and ``/run`` is empty:
a pasted command that writes a configuration file writes it into the bench.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from analyzer.errors import ToolError

MARK = "REPLYPATH_BENCH_OWNER"
"""Environment variable of every process of a bench: "PID STARTTIME" of the process that owns it."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where a command in the bench is looked up: as root's shell would, whatever the caller's PATH is."""

FILES = "/run/bench"
"""The bench's own folder, inside the enclosure only."""

_INIT = """set -e
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/netns /run/bench /run/etc/upper /run/etc/work
mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work /etc 2>/dev/null || :
mount -o remount,bind,ro /
for name in "$@"; do ip netns add "$name"; done
echo ready
exec cat >/dev/null
"""


def tool(name: str) -> str:
    """The absolute path of a program that the bench needs; ``ToolError`` where it is not installed."""
    found = shutil.which(name, path=PATH)
    if found is None:
        raise ToolError(f"{name} is not installed; the kernel bench needs it (iproute2, util-linux, nftables, tcpdump)")
    return found


def start_time(pid: int) -> str:
    """When process ``pid`` started, in clock ticks since boot (proc_pid_stat(5) field 22); empty when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="latin-1")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]


def environment() -> dict[str, str]:
    """The environment of everything in the bench: fixed, in English, and marked with its owner."""
    return {"PATH": PATH, "LC_ALL": "C", "HOME": "/", MARK: f"{os.getpid()} {start_time(os.getpid())}"}


def own_user() -> list[str]:
    """What ``unshare`` needs besides where the caller is not root: to be root in there, of nothing outside."""
    return [] if os.geteuid() == 0 else ["--user", "--map-root-user"]


class Enclosure:
    """Walls, and in them one network namespace for each of ``names``.

    Raises ``ToolError`` where a tool is missing or the kernel refuses.
    """

    def __init__(self, names: Sequence[str], *, timeout_s: float = 20.0) -> None:
        self._init = subprocess.Popen(
            [
                *(tool("unshare"), *own_user(), "--mount", "--net", "--pid", "--fork", "--mount-proc"),
                *(tool("sh"), "-c", _INIT, "init", *names),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            start_new_session=True,     # the terminal's Ctrl-C is for the owner, who then ends this in order
        )
        assert self._init.stdout is not None
        ready, _, _ = select.select([self._init.stdout], [], [], timeout_s)
        if not ready or self._init.stdout.readline() != b"ready\n":
            raise ToolError(f"the kernel bench could not build its namespaces: {self._last_words()}")

    def _last_words(self) -> str:
        self._init.kill()
        _, said = self._init.communicate()
        text = said.decode(errors="replace").strip() or "no answer"
        return text if os.geteuid() == 0 else f"{text} (users may not make namespaces here; run it with sudo)"

    def enter(self, name: str | None, argv: Sequence[str]) -> list[str]:
        """``argv`` as it runs in namespace ``name`` (``None``: inside the walls, in no host's namespace)."""
        walls = f"/proc/{self._init.pid}"
        net = f"{walls}/ns/net" if name is None else f"{walls}/root/run/netns/{name}"
        into = [f"--mount={walls}/ns/mnt", f"--net={net}", f"--pid={walls}/ns/pid_for_children"]
        if own_user():
            into = [f"--user={walls}/ns/user", "--preserve-credentials", *into]
        return [tool("nsenter"), *into, *argv]

    def read(self, name: str) -> bytes:
        """The octets of a file of the bench's own folder."""
        return Path(f"/proc/{self._init.pid}/root{FILES}/{name}").read_bytes()

    def close(self) -> None:
        """End everything inside, and wait until init is gone.  Twice is once."""
        if self._init.stdin is not None and not self._init.stdin.closed:
            self._init.stdin.close()
        try:
            self._init.wait(timeout=10)
        except subprocess.TimeoutExpired:
            # unshare passes no signal on; its child is init, and killing init ends the namespace.
            for child in _children(self._init.pid):
                os.kill(child, signal.SIGKILL)
            self._init.wait(timeout=10)
        for stream in (self._init.stdout, self._init.stderr):
            if stream is not None:
                stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _children(pid: int) -> list[int]:
    try:
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except OSError:
        return []


def _owner(pid: int) -> tuple[int, str] | None:
    """Who owns process ``pid``, if it carries the mark of a bench."""
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    for variable in variables:
        if variable.startswith(MARK.encode() + b"="):
            owner, _, started = variable.decode("latin-1").partition("=")[2].partition(" ")
            return (int(owner), started) if owner.isdigit() else None
    return None


def leftovers() -> list[int]:
    """Processes of benches whose owner is dead (or whose number another process has by now)."""
    running = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in running if (owner := _owner(pid)) and start_time(owner[0]) != owner[1]]


def sweep(*, timeout_s: float = 5.0) -> int:
    """Kill what dead owners left behind; how many processes there were.

    Touches only processes that carry the mark and whose owner is gone.
    """
    found = leftovers()
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    end = time.monotonic() + timeout_s
    while leftovers() and time.monotonic() < end:
        time.sleep(0.01)
    return len(found)
