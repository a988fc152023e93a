"""Live runs on the bench's networks: ``watch`` starts ``replypath live`` in a host's network namespace."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import two_arm

_spec = spec_from_file_location("live_examples", Path(__file__).with_name("examples.py"))
assert _spec is not None and _spec.loader is not None
sys.modules["live_examples"] = module_from_spec(_spec)     # the tests run without a package around them
_spec.loader.exec_module(sys.modules["live_examples"])

PROGRAM = [sys.executable, "-c", "from analyzer.cli import main; main()", "live"]
PATIENCE_S = 60.0
"""For a machine with other work; nothing waits so long where all is well."""


def pytest_collection_modifyitems(items):
    missing = _why_not()
    for item in items:
        if item.get_closest_marker("kernel") and missing:
            item.add_marker(pytest.mark.skip(reason=missing))


def _why_not() -> str:
    import shutil

    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "live runs on the bench need Linux and root"
    missing = [tool for tool in ("ip", "unshare", "nsenter", "nft", "tcpdump", "dumpcap") if not shutil.which(tool)]
    return f"not installed: {', '.join(missing)}" if missing else ""


class Run:
    """A running ``replypath live --format ndjson``; its events as they come."""

    def __init__(self, argv, **more):
        self.child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
        self.events = []
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for line in self.child.stdout:
            with self._news:
                self.events.append(json.loads(line))
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def wait_for(self, event, *, count=1, **fields):
        """The ``count``-th event of this kind with these fields."""
        end = time.monotonic() + PATIENCE_S
        with self._news:
            while True:
                found = [e for e in self.events if e["event"] == event and all(e[k] == v for k, v in fields.items())]
                if len(found) >= count:
                    return found[count - 1]
                assert time.monotonic() < end and self.child.poll() is None, (event, self.events, self.said())
                self._news.wait(0.2)

    def said(self):
        if self.child.poll() is None:
            return "still running"
        return self.child.stderr.read()

    def end(self, number=signal.SIGINT):
        """Ask for the end; the diagnosis of the report."""
        if number:
            self.child.send_signal(number)
        return self.report()

    def report(self):
        self.child.wait(PATIENCE_S)
        self._thread.join(PATIENCE_S)
        assert self.events and self.events[-1]["event"] == "report", (self.events, self.said())
        return self.events[-1]["diagnosis"]

    @property
    def rights(self):
        """NoNewPrivs of each of its threads."""
        states = Path(f"/proc/{self.child.pid}/task").glob("*/status")
        return {line.split()[1] for state in states for line in state.read_text().splitlines() if "NoNewPrivs" in line}

    @property
    def children(self):
        """The programs that it started; what it forked for its own sake has its own name."""
        mine = Path(f"/proc/{self.child.pid}")
        found = [int(n) for n in (mine / f"task/{self.child.pid}/children").read_text().split()]
        return [pid for pid in found if Path(f"/proc/{pid}/comm").read_text() != (mine / "comm").read_text()]


class Place:
    """A bench and the runs in it."""

    def __init__(self, bench):
        self.bench = bench
        self.runs = []

    def into(self, host):
        return ["nsenter", f"--net=/proc/{self.bench._enclosure._init.pid}/root/run/netns/{host}"]

    def watch(self, host, *options, before=(), ready=True):
        run = Run([*self.into(host), *before, *PROGRAM, *options, "--format", "ndjson"])
        self.runs.append(run)
        if ready:
            run.wait_for("began")
            if "-i" in options:
                self.settle(host, options.count("-i"))
        return run

    def settle(self, host, sockets=1):
        """Wait until the capturing program has opened its sockets."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            lines = self.bench.shell(host, "cat /proc/net/packet").stdout.splitlines()
            if sum(line.split()[4] != "0" for line in lines[1:]) >= sockets:     # bound to an interface
                return
            time.sleep(0.05)
        raise AssertionError(f"{host}: nobody captures")

    def close(self):
        for run in self.runs:
            if run.child.poll() is None:
                run.child.kill()
            run.child.wait()
            run._thread.join(10)
            run.child.stdout.close()
            run.child.stderr.close()


@pytest.fixture(scope="module")
def bench():
    with Bench(two_arm()) as built:
        yield built


@pytest.fixture
def place(bench):
    here = Place(bench)
    yield here
    here.close()
