"""Reading ahead gives the same steps, the same errors, and leaves no thread behind."""

import os
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from analyzer import reading
from analyzer.balance.mapping import EMPTY
from analyzer.capture import ahead as module
from analyzer.capture.ahead import ahead, worth_it
from analyzer.errors import CaptureDamaged

SAMPLES = sorted(Path(__file__).parents[2].glob("sample_pcaps/*/*.pcap*"))


class Steps:
    """Numbers; it is seen how many were made, and that the end was reached."""

    def __init__(self, count, error=None):
        self.count, self.error, self.made, self.closed = count, error, 0, False

    def go(self):
        try:
            for number in range(self.count):
                self.made = number + 1
                yield number
            if self.error:
                raise self.error
        finally:
            self.closed = True


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert not [thread for thread in threading.enumerate() if thread.name == "replypath-ahead"]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 1000])
def test_the_same_steps_in_the_same_order(count):
    steps = Steps(count)
    assert list(ahead(steps.go())) == list(range(count))
    assert steps.closed


def test_never_more_than_so_many_ahead():
    steps = Steps(200)
    for number in ahead(steps.go(), 3):
        assert steps.made <= number + 1 + 3


@pytest.mark.parametrize("error", [CaptureDamaged("the file ends"), KeyboardInterrupt()])
def test_an_error_comes_after_the_steps_before_it(error):
    seen = []
    with pytest.raises(type(error)) as caught:
        seen.extend(iter(ahead(Steps(5, error).go())))
    assert caught.value is error
    assert seen == list(range(5))


@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt])
def test_who_stops_listening_ends_the_thread(stop):
    steps = Steps(10_000)

    def listen():
        with closing(ahead(steps.go())) as numbers:
            for number in numbers:
                if number == 3:
                    raise stop

    with pytest.raises(stop):
        listen()
    assert steps.closed
    assert steps.made <= 6


def test_when_it_is_worth_it(tmp_path, monkeypatch):
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"x")
    large.write_bytes(b"")
    os.truncate(large, module.WORTH_IT_BYTES)
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    assert worth_it([str(large)])
    assert worth_it([str(small), str(large)])
    for other in (small, tmp_path, tmp_path / "pipe", tmp_path / "missing", "-"):
        assert not worth_it([str(other)])
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert not worth_it([str(large)])


@pytest.mark.parametrize("captures", [[path] for path in SAMPLES[:6]] + [[f"one={path}" for path in SAMPLES[:2]]])
def test_what_is_read_is_the_same(captures, monkeypatch):
    found = []
    for threads in (False, True):
        monkeypatch.setattr(reading, "worth_it", lambda _, threads=threads: threads)
        found.append(reading.read_captures(captures, EMPTY))
    one, other = found
    for tables in ("flows", "claims", "icmp"):
        for mine, theirs in zip(getattr(one.observed, tables), getattr(other.observed, tables), strict=True):
            assert list(mine) == list(theirs)
            assert all(np.array_equal(mine[name], theirs[name]) for name in mine)
    assert one.observed.book.packed == other.observed.book.packed
    assert (one.captures, one.tunnels, one.warnings) == (other.captures, other.tunnels, other.warnings)
