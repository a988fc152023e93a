"""A real cluster (a scheduler and two worker processes) says what one process says, also when a worker is killed."""

from __future__ import annotations

import io
import json
import os
import re
import runpy
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.api import diagnose
from analyzer.cli import main
from analyzer.errors import CaptureUnreadable, ToolError
from analyzer.report.output import formats
from analyzer.scale.cluster import Cluster
from analyzer.scale.plan import plan

pytest.importorskip("distributed", reason="dask.distributed is not installed (the extra [cluster])")
ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "sample_pcaps"


WITH_US = """
import ctypes, runpy, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)     # whoever ends the tests ends this, too: prctl(2), PR_SET_PDEATHSIG
if sys.argv[1] == "plain":      # as where no compiler was at hand
    sys.modules.update(dict.fromkeys(["analyzer.capture._fast", "analyzer.wire._fast", "analyzer.flow._fast"]))
sys.argv[:] = sys.argv[2:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


class Machines:
    """A scheduler and workers, each a process of its own on the loopback interface."""

    def __init__(self, folder: Path, workers: int) -> None:
        self._processes: list[subprocess.Popen[str]] = []
        self._readers: list[threading.Thread] = []
        self.folder = folder
        self.address = ""
        scheduler = self._start("compiled", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        self.address = self._said(scheduler, r"Scheduler at:\s+(tcp://\S+)")
        for _ in range(workers):
            self.worker()

    def worker(self, kind: str = "compiled") -> subprocess.Popen[str]:
        worker = self._start(kind, "distributed.cli.dask_worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard",
                             "--local-directory", str(self.folder), "--death-timeout", "60")
        self._said(worker, r"(Registered to)")
        return worker

    def _start(self, kind: str, module: str, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen([sys.executable, "-c", WITH_US, kind, module, *arguments], stderr=subprocess.PIPE, text=True,
                                   env={**os.environ, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "5"})
        self._processes.append(process)
        return process

    def _said(self, process: subprocess.Popen[str], pattern: str) -> str:
        assert process.stderr is not None
        seen = []
        for line in process.stderr:
            seen.append(line)
            if found := re.search(pattern, line):
                self._readers.append(threading.Thread(target=process.stderr.read))   # a full pipe stops the writer
                self._readers[-1].start()
                return found[1]
        raise AssertionError("".join(seen))

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.kill()
            process.wait()
        for reader in self._readers:
            reader.join()
        for process in self._processes:
            process.stderr.close()


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    started = Machines(tmp_path_factory.mktemp("dask"), 2)
    yield started
    started.stop()


def document(read, command="replypath analyze"):
    out = io.StringIO()
    from analyzer.balance.mapping import EMPTY

    formats()["json"].write(diagnose(read, mapping=EMPTY, hosts={}, command=command), out)
    return out.getvalue()


def together(s, machines, arguments, folder, part_bytes=10**6, shards=2, killed=None):
    points, shards = plan(arguments, 1, part_bytes, shards)
    with Cluster(machines.address, str(folder)) as workers:
        return s.read_captures(points, shards, Killing(workers, killed) if killed else workers, s.EMPTY)


class Killing:
    """The cluster, with one of its workers killed after some parts have been read."""

    def __init__(self, cluster, victim, after=60):
        self._cluster, self._victim, self._after = cluster, victim, after

    def __getattr__(self, name):
        return getattr(self._cluster, name)

    def read(self, spans, told):
        for number, part in enumerate(self._cluster.read(spans, told)):
            if number == self._after:
                os.kill(self._victim.pid, signal.SIGKILL)
                self._victim.wait()
            yield part


@pytest.fixture(scope="module")
def ring(s, tmp_path_factory):
    """200 files of one capture point, with both sides of a balancer; connections reach from file to file."""
    folder = tmp_path_factory.mktemp("ring")
    generate = runpy.run_path(str(ROOT / "bench" / "generate.py"))
    octets = b"".join(piece.tobytes() for piece in generate["slices"](160, generate["script"](0, 8), 5_000))
    starts = [0]
    while starts[-1] < len(octets):
        starts.append(starts[-1] + 16 + int.from_bytes(octets[starts[-1] + 8 : starts[-1] + 12], "little"))
    edges = [starts[len(starts) * number // 200] for number in range(200)] + [len(octets)]
    arguments = []
    for number in range(200):
        path = folder / f"{number * 7 % 200:03}.pcap"      # names say nothing about their order
        with path.open("wb") as out:
            generate["begin"](out)
            out.write(octets[edges[number] : edges[number + 1]])
        arguments.append(f"server={path}")
    return sorted(arguments)


def test_the_samples_on_a_cluster(s, machines, tmp_path):
    for name in ("client-on-servers-link", "udp"):
        captures = sorted(str(path) for path in (SAMPLES / name).glob("*.pcap*"))
        assert captures
        alone = document(s.read_alone(captures, s.EMPTY))
        assert document(together(s, machines, captures, tmp_path, part_bytes=2000)) == alone, name


def test_every_capture_of_every_sample_on_a_cluster(s, machines, tmp_path):
    """All in one run, equal in every column and every word: the JSON is a function of that and of nothing else.

    The captures of a sample are one capture point here: fewer tasks, and files whose times overlap.
    """
    captures = [f"{path.parent.name}={path}" for path in sorted(SAMPLES.glob("*/*.pcap*"))]
    assert len(captures) > 100
    s.same(together(s, machines, captures, tmp_path, shards=1), s.read_alone(captures, s.EMPTY))


def test_two_hundred_files_on_a_cluster(s, machines, ring, tmp_path):
    alone = s.read_alone(ring, s.EMPTY)
    read = together(s, machines, ring, tmp_path)
    s.same(read, alone)
    assert document(read) == document(alone)


def test_a_worker_is_killed_in_the_middle(s, machines, ring, tmp_path):
    victim = machines.worker()
    read = together(s, machines, ring, tmp_path, killed=victim)
    assert victim.returncode == -signal.SIGKILL
    assert document(read) == document(s.read_alone(ring, s.EMPTY))


def test_a_lost_file_is_named_with_the_worker(s, machines, ring, tmp_path, monkeypatch):
    lost = tmp_path / "lost.pcap"
    lost.write_bytes(Path(ring[0].partition("=")[2]).read_bytes())
    points, shards = plan([str(lost)], 1)
    lost.unlink()
    with Cluster(machines.address, str(tmp_path)) as workers, pytest.raises(CaptureUnreadable, match=r"lost\.pcap.*worker tcp"):
        s.read_captures(points, shards, workers, s.EMPTY)


def test_a_worker_without_the_compiled_kernels_is_named_and_says_the_same(s, machines, tmp_path):
    captures = sorted(str(path) for path in (SAMPLES / "udp").glob("*.pcap"))
    plain = machines.worker("plain")
    with Cluster(machines.address, str(tmp_path)) as workers:
        (remark,) = workers.remarks
        address = re.fullmatch(r"the worker (tcp://\S+) has no compiled kernels: same answers, many times slower", remark)[1]
        workers._client.submit = partial(workers._client.submit, workers=[address])      # it does all the work
        points, shards = plan(captures, 1, 10**6, 2)
        read = s.read_captures(points, shards, workers, s.EMPTY)
    plain.kill()
    plain.wait()
    assert not read.compiled
    alone = s.read_alone(captures, s.EMPTY)
    s.same(read, replace(alone, compiled=False))
    said, expected = document(read), document(alone)
    assert json.loads(said).pop("kernels") != json.loads(expected).pop("kernels")
    assert [line for line in said.splitlines() if '"kernels"' not in line] == [
        line for line in expected.splitlines() if '"kernels"' not in line]


def test_a_worker_of_another_version_that_came_late_is_named(s, machines, ring, tmp_path, monkeypatch):
    points, shards = plan(ring[:1], 1)
    with Cluster(machines.address, str(tmp_path)) as workers:
        monkeypatch.setattr("analyzer.scale.cluster.VERSION", "99.0")
        with pytest.raises(ToolError, match=r"\.pcap: the worker tcp://\S+ has replypath .*; this is 99\.0"):
            s.read_captures(points, shards, workers, s.EMPTY)


def test_another_version_is_refused_by_name(machines, tmp_path, monkeypatch):
    monkeypatch.setattr("analyzer.scale.cluster.VERSION", "99.0")
    with pytest.raises(ToolError, match=r"tcp://127\.0\.0\.1:\d+ has .*this is replypath 99\.0"):
        Cluster(machines.address, str(tmp_path))


def test_no_scheduler_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("analyzer.scale.cluster.SECONDS", "1s")
    with pytest.raises(ToolError, match="no dask scheduler answers there"):
        Cluster("tcp://127.0.0.1:9", str(tmp_path))


def test_interrupted_it_is_one_sentence(s, machines, monkeypatch):
    before = signal.getsignal(signal.SIGINT)
    read = Cluster.read

    def cut_short(self, spans, told):
        for part in read(self, spans, told):
            signal.raise_signal(signal.SIGINT)
            yield part

    monkeypatch.setattr(Cluster, "read", cut_short)
    done = CliRunner().invoke(main, ["analyze", str(SAMPLES / "udp" / "client.pcap"), "--cluster", machines.address])
    signal.signal(signal.SIGINT, before)
    assert (done.exit_code, done.stdout, done.stderr) == (130, "", "replypath: interrupted\n")
