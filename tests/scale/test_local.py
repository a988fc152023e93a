"""Processes of this machine: the same reading, within memory, after a death and after an interruption."""

from __future__ import annotations

import gzip
import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from analyzer.cli import main
from analyzer.errors import ConfigError, OutputError, ToolError
from analyzer.flow.timeouts import DEFAULT
from analyzer.scale import processes as under_test
from analyzer.scale.local import Wanted, flow_limits, read_locally, segment_frames
from analyzer.scale.plan import plan
from analyzer.scale.processes import Processes, read_task
from analyzer.scale.spool import Spool
from analyzer.scale.state import open_state, remove

SAMPLE = Path(__file__).resolve().parents[2] / "sample_pcaps" / "client-on-servers-link"


@pytest.fixture(scope="module")
def captures(s, tmp_path_factory):
    """A point of two files, one of them compressed, and another point."""
    folder = tmp_path_factory.mktemp("captures")
    dice = np.random.default_rng(5)
    (folder / "a.pcap").write_bytes(s.capture(dice, 200, calm=True))
    (folder / "b.pcap.gz").write_bytes(gzip.compress(s.capture(dice, 200, calm=True, begins=1_700_001_000)))
    (folder / "c.pcap").write_bytes(s.spoiled(dice, s.capture(dice, 200, calm=True)))
    return [f"server={folder / 'a.pcap'}", f"server={folder / 'b.pcap.gz'}", str(folder / "c.pcap")]


def test_processes_read_what_one_reads(s, captures, tmp_path, monkeypatch):
    monkeypatch.setattr("analyzer.scale.run.WORTH_SPLITTING", 1)
    heard = []
    wanted = Wanted(2, 700_000_000, str(tmp_path / "state"), part_bytes=3000, worth_bytes=0)
    read = read_locally(captures, s.EMPTY, wanted, lambda *what: heard.append(what))
    assert read.observed.memory_bytes > 0
    s.same(read, s.read_alone(captures, s.EMPTY))
    reading = [(done, total) for what, done, total in heard if what == "reading (1 of the files as a whole: one process each)"]
    assert reading == sorted(reading)
    assert reading[-1][0] >= 0.9 * reading[-1][1] > 0
    remove(tmp_path / "state")
    assert not (tmp_path / "state").exists()     # complete: nothing is needed any more
    remove(tmp_path)
    assert tmp_path.exists()                     # this is no state of ours


def test_a_pipe_or_a_little_is_read_by_this_process(s, captures, monkeypatch):
    monkeypatch.setattr("analyzer.scale.local.Processes", None)
    s.same(read_locally(captures, s.EMPTY, Wanted(2)), s.read_alone(captures, s.EMPTY))


def test_a_killed_process_is_replaced(s, captures, tmp_path, monkeypatch):
    points, shards = plan(captures, 1, 3000)
    with Processes(1, str(tmp_path)) as workers:
        each = workers._each

        def with_a_death(task, calls, *more):
            for number, answer in enumerate(each(task, calls, *more)):
                if number == 2 and task is read_task:
                    for pid in list(workers._pool._processes):
                        os.kill(pid, signal.SIGKILL)
                yield answer

        monkeypatch.setattr(workers, "_each", with_a_death)
        s.same(s.read_captures(points, shards, workers, s.EMPTY), s.read_alone(captures, s.EMPTY))
        assert workers._deaths == 1
        monkeypatch.setattr(workers, "_deaths", under_test.DEATHS)
        with pytest.raises(ToolError, match="has died 4 times"):
            workers._revive()
        workers._pool = workers._started()


def test_what_was_read_is_not_read_again(s, captures, tmp_path, monkeypatch):
    points, shards = plan(captures, 2, 3000)
    state = open_state(str(tmp_path / "state"), points, shards, 0)
    span = points[0].files[0].spans[0]
    first = read_task(str(state), 0, span, 10_000, resume=True)
    monkeypatch.setattr(under_test, "read_part", None)       # whoever reads again fails
    again = read_task(str(state), 0, span, 10_000, resume=True)
    assert again.carried == first.carried
    assert again.packed == first.packed
    with pytest.raises(TypeError):
        read_task(str(state), 1, span, 10_000, resume=True)


def test_a_state_belongs_to_one_run(captures, tmp_path):
    points, shards = plan(captures, 2, 3000)
    folder = str(tmp_path / "state")
    open_state(folder, points, shards, 0)
    open_state(folder, points, shards, 0)
    with pytest.raises(ConfigError, match="holds the state of another run"):
        open_state(folder, points[:1], shards, 0)
    with pytest.raises(ConfigError, match="holds the state of another run"):
        open_state(folder, points, shards + 1, 0)
    (tmp_path / "mine").mkdir(mode=0o700)
    (tmp_path / "mine" / "thesis.txt").write_text("")
    with pytest.raises(ConfigError, match="not empty and holds no state"):
        open_state(str(tmp_path / "mine"), points, shards, 0)
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(ConfigError, match="others may write there"):
        open_state(str(tmp_path / "open"), points, shards, 0)


def test_memory_bounds_what_is_held_at_once():
    assert segment_frames(2, 0) > segment_frames(2, 400_000_000) >= 16_384
    assert flow_limits(2, 0) == DEFAULT
    assert 10_000 <= flow_limits(2, 600_000_000).live_flows < DEFAULT.live_flows


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    with pytest.raises(OutputError, match=r"gone: cannot be written: no such file or directory; a run needs 84 octets"):
        Spool(str(tmp_path / "gone"), "part").keep({"frame": np.arange(3)})


@pytest.fixture
def interrupt_as_it_was():
    """The command line stops hearing Ctrl-C once it has heard one."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def test_interrupted_it_says_so_in_a_sentence_and_goes_on_where_it_was(interrupt_as_it_was, tmp_path, monkeypatch):
    captures = [f"{each}={SAMPLE / each}.pcap" for each in ("client", "balancer-front", "server")]
    state = tmp_path / "state"
    command = ["analyze", *captures, "--jobs", "1", "--state", str(state), "--format", "json"]
    read = Processes.read

    def cut_short(self, spans, told):
        for number, part in enumerate(read(self, spans, told)):
            if number == 2:
                signal.raise_signal(signal.SIGINT)
            yield part

    with monkeypatch.context() as patched:
        patched.setattr(Processes, "read", cut_short)
        done = CliRunner().invoke(main, command)
    assert (done.exit_code, done.stdout) == (130, "")
    assert done.stderr.splitlines() == [f"replypath: what was read stays in {state}: the same command goes on there",
                                        "replypath: interrupted"]
    assert {path.name for path in state.glob("*.read")} >= {"part-0.read", "part-1.read"}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    began = {path.name: path.stat().st_mtime_ns for path in state.glob("*.read")}
    seen = []
    monkeypatch.setattr("analyzer.scale.state.remove", lambda folder: (
        seen.append({path.name: path.stat().st_mtime_ns for path in state.glob("*.read")}), remove(folder)))
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 1, done.stderr
    assert began.items() <= seen[0].items()      # what had been read was not read again
    assert not state.exists()
    plain = json.loads(CliRunner().invoke(main, ["analyze", *captures, "--format", "json"]).stdout)
    assert {**json.loads(done.stdout), "command": ""} == {**plain, "command": ""}


def test_a_process_that_does_not_end_is_ended(s, captures, tmp_path, monkeypatch):
    monkeypatch.setattr(under_test, "PATIENCE_SECONDS", 0.0)
    points, _shards = plan(captures, 1, 3000)
    with pytest.raises(KeyboardInterrupt), Processes(1, str(tmp_path)) as workers:
        next(workers.read([span for file in points[0].files for span in file.spans], lambda *_what: None))
        processes = list(workers._pool._processes.values())
        raise KeyboardInterrupt
    for process in processes:
        process.join(60)
        assert not process.is_alive()
