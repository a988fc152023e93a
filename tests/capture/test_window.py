"""The window: every octet once and in order, at most one unfinished record copied, no buffer written that is looked at."""

from __future__ import annotations

import os

import capture_files as files
import numpy as np
import pytest
from capture_files import pcap, record
from hypothesis import given
from hypothesis import strategies as st

from analyzer.capture.octets.files import PlainFile
from analyzer.capture.octets.window import Window
from analyzer.capture.source import Limits, open_capture
from analyzer.errors import CaptureUnreadable


class Trickle:
    """A stream that gives as much at a time as it is told, and fails where it is told."""

    def __init__(self, octets, sizes, fails_at=None):
        self.octets, self.sizes, self.offset, self.fails_at = octets, list(sizes), 0, fails_at

    def readinto(self, buffer):
        if self.fails_at is not None and self.offset >= self.fails_at:
            raise CaptureUnreadable("a bad sector")
        count = min(len(buffer), self.sizes.pop(0) if self.sizes else len(buffer), len(self.octets) - self.offset)
        buffer[:count] = self.octets[self.offset : self.offset + count]
        self.offset += count
        return count

    def close(self):
        pass


@given(st.binary(max_size=300), st.lists(st.integers(1, 9), max_size=60), st.integers(1, 40),
       st.lists(st.tuples(st.integers(1, 50), st.integers(0, 50)), max_size=40), st.booleans())
def test_every_octet_comes_once_and_in_order(octets, sizes, chunk, steps, prompt):
    window = Window(Trickle(octets, sizes), chunk, prompt=prompt)
    used, kept = b"", []
    for need, most in steps:
        before = len(window)
        enough = window.more(need)
        assert enough == (len(window) >= need)
        assert enough or window.eof
        assert len(window) >= before
        assert window.offset == len(used)
        use = min(most, len(window))
        part = window.octets[window.begin : window.begin + use]
        kept.append((part, part.tobytes()))
        used += part.tobytes()
        window.begin += use
    assert octets.startswith(used)
    for part, was in kept:
        assert part.tobytes() == was


def test_a_stream_that_fails_ends_there(tmp_path):
    window = Window(Trickle(b"x" * 100, [40], fails_at=40), 1000)
    assert not window.more(50)
    assert (len(window), window.eof, str(window.failure)) == (40, True, "a bad sector")


def test_batches_may_be_kept(tmp_path):
    frames = [os.urandom(100) for _ in range(500)]
    path = files.saved(tmp_path, pcap(*map(record, frames)))
    batches = list(open_capture(path, limits=Limits(chunk_bytes=2000, batch_frames=7)).batches())
    assert [batch.frame(i) for batch in batches for i in range(len(batch))] == frames


def test_buffers_are_used_again_when_nobody_looks(tmp_path):
    path = files.saved(tmp_path, pcap(*[record(b"x" * 1000)] * 2000))
    places = {batch.octets.ctypes.data for batch in open_capture(path, limits=Limits(chunk_bytes=1 << 16)).batches()}
    assert len(places) <= 4


def test_octets_of_a_batch_are_a_view_not_a_copy(tmp_path):
    path = files.saved(tmp_path, pcap(*[record()] * 100))
    one, two = open_capture(path, limits=Limits(batch_frames=50)).batches()
    assert np.shares_memory(one.octets, two.octets)


@pytest.mark.parametrize(("name", "says"), [
    ("gone", "cannot be opened: No such file"), (".", "is a folder"), ("a\0b", "cannot be opened: embedded null")])
def test_what_cannot_be_opened_says_why(name, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CaptureUnreadable, match=says) as caught:
        PlainFile(name)
    assert str(caught.value).startswith(f"{name}: ")


def test_a_read_that_fails_says_where(tmp_path):
    plain = PlainFile(files.saved(tmp_path, b"abc"))
    plain.close()
    with pytest.raises(CaptureUnreadable, match="octet 0: cannot be read: Bad file descriptor"):
        plain.readinto(memoryview(bytearray(4)))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_is_not_ours_says_so(tmp_path):
    path = files.saved(tmp_path, pcap())
    path.chmod(0)
    with pytest.raises(CaptureUnreadable, match="Permission denied"):
        PlainFile(path)
