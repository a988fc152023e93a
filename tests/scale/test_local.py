"""Processes of this machine: the same reading, within memory, after a death and after an interruption."""

from __future__ import annotations

import gzip
import os
import signal

import numpy as np
import pytest

from analyzer.errors import ConfigError, OutputError, ToolError
from analyzer.flow.timeouts import DEFAULT
from analyzer.scale import processes as under_test
from analyzer.scale.local import Wanted, flow_limits, read_locally, segment_frames
from analyzer.scale.plan import plan
from analyzer.scale.processes import Processes, read_task
from analyzer.scale.spool import Spool
from analyzer.scale.state import open_state


@pytest.fixture(scope="module")
def captures(s, tmp_path_factory):
    """A point of two files, one of them compressed, and another point."""
    folder = tmp_path_factory.mktemp("captures")
    dice = np.random.default_rng(5)
    (folder / "a.pcap").write_bytes(s.capture(dice, 200, calm=True))
    (folder / "b.pcap.gz").write_bytes(gzip.compress(s.capture(dice, 200, calm=True, begins=1_700_001_000)))
    (folder / "c.pcap").write_bytes(s.spoiled(dice, s.capture(dice, 200, calm=True)))
    return [f"server={folder / 'a.pcap'}", f"server={folder / 'b.pcap.gz'}", str(folder / "c.pcap")]


def test_processes_read_what_one_reads(s, captures, tmp_path):
    heard = []
    wanted = Wanted(2, 700_000_000, str(tmp_path / "state"), part_bytes=3000, worth_bytes=0)
    read = read_locally(captures, s.EMPTY, wanted, lambda *what: heard.append(what))
    assert read.observed.memory_bytes > 0
    s.same(read, s.read_alone(captures, s.EMPTY))
    reading = [(done, total) for what, done, total in heard if what == "reading"]
    assert reading == sorted(reading)
    assert reading[-1][0] >= 0.9 * reading[-1][1] > 0
    assert not (tmp_path / "state").exists()     # complete: nothing is needed any more


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
    first = read_task(str(state.folder), 0, span, 10_000, resume=True)
    monkeypatch.setattr(under_test, "read_part", None)       # whoever reads again fails
    again = read_task(str(state.folder), 0, span, 10_000, resume=True)
    assert again.carried == first.carried
    assert again.packed == first.packed
    with pytest.raises(TypeError):
        read_task(str(state.folder), 1, span, 10_000, resume=True)


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
