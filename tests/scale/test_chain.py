"""Splitting anywhere is not splitting: random captures, whole and damaged, cut at random octets."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.errors import CaptureError


def check(s, folder, seed, *, calm, damaged, frames=60, files=1, shards=3, pcapng=False):
    dice = np.random.default_rng(seed)
    paths = []
    for number in range(files):
        octets = (s.pcapng if pcapng else s.capture)(dice, int(dice.integers(1, frames)), calm=calm)
        path = folder / f"{seed}-{number}.pcap"
        path.write_bytes(s.spoiled(dice, octets) if damaged and len(octets) > 24 else octets)
        paths.append(path)
    edges = [sorted(int(cut) for cut in dice.integers(0, 8000, int(dice.integers(0, 6)))) for _ in paths]
    try:
        expected = s.read_alone([f"here={path}" for path in paths], s.EMPTY)
    except CaptureError as error:
        with pytest.raises(type(error)) as raised:
            s.read_captures(s.cut_plan(paths, edges, shards), shards, s.Inline(20), s.EMPTY)
        assert str(raised.value) == str(error)
        return None
    if files > 1:      # the plan orders them by time
        order = [file.read.path for file in expected.files]
        edges = [edges[[str(path) for path in paths].index(name)] for name in order]
        paths = [next(path for path in paths if str(path) == name) for name in order]
    workers = s.Inline(int(dice.integers(5, 40)))
    s.same(s.read_captures(s.cut_plan(paths, edges, shards), shards, workers, s.EMPTY), expected)
    return workers


@settings(deadline=None, derandomize=True, max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_a_capture_cut_anywhere_is_the_whole(s, tmp_path_factory, seed):
    check(s, tmp_path_factory.getbasetemp(), seed, calm=True, damaged=False)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(seed=st.integers(0, 2**32))
def test_also_where_time_runs_backwards(s, tmp_path_factory, seed):
    check(s, tmp_path_factory.getbasetemp(), seed, calm=False, damaged=False)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(seed=st.integers(0, 2**32))
def test_also_where_the_file_is_damaged(s, tmp_path_factory, seed):
    check(s, tmp_path_factory.getbasetemp(), seed, calm=True, damaged=True)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(seed=st.integers(0, 2**32))
def test_also_in_several_files_of_one_point(s, tmp_path_factory, seed):
    check(s, tmp_path_factory.getbasetemp(), seed, calm=False, damaged=bool(seed % 3 == 0), files=3)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(seed=st.integers(0, 2**32))
def test_also_a_pcapng_file_with_whatever_blocks(s, tmp_path_factory, seed):
    check(s, tmp_path_factory.getbasetemp(), seed, calm=bool(seed % 2), damaged=False, pcapng=True)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(seed=st.integers(0, 2**32))
def test_also_a_damaged_pcapng_file(s, tmp_path_factory, seed):
    check(s, tmp_path_factory.getbasetemp(), seed, calm=True, damaged=True, pcapng=True)


@settings(deadline=None, derandomize=True, max_examples=10)
@given(seed=st.integers(0, 2**32))
def test_also_several_pcapng_files_of_one_point(s, tmp_path_factory, seed):
    check(s, tmp_path_factory.getbasetemp(), seed, calm=False, damaged=bool(seed % 3 == 0), files=3, pcapng=True)


def test_a_usual_pcapng_file_is_read_once_and_one_with_a_late_interface_twice(s, tmp_path):
    """As dumpcap writes it: interfaces, packets, statistics in the middle and at the end."""
    dice = np.random.default_rng(1)
    head = s.block("<", 0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + s.described("<", dice) + s.described("<", dice)
    counts = s.block("<", 5, struct.pack("<III", 0, 0, 0) + s.option("<", 5, struct.pack("<Q", 7)))
    packets = [s.block("<", 6, struct.pack("<IIIII", number % 2, 1, number, 64, 64) + b"\xAA" * 64) for number in range(100)]
    again = []
    for middle in (counts, s.described("<", dice)):
        path = tmp_path / "a.pcapng"
        path.write_bytes(head + b"".join(packets[:50]) + middle + b"".join(packets[50:]) + counts)
        cuts = [len(head) + len(b"".join(packets[:number])) + 5 for number in (10, 40, 60, 90)]
        workers = s.Inline()
        read = s.read_captures(s.cut_plan([path], [cuts], 2), 2, workers, s.EMPTY)
        s.same(read, s.read_alone([f"here={path}"], s.EMPTY))
        assert any("dropped 7 packets" in warning for warning in read.captures[0].warnings)
        again.append(workers.read_twice)
    assert again == [0, 2]


def test_a_file_that_is_all_damage_does_not_stop_the_others(s, tmp_path):
    dice = np.random.default_rng(2)
    paths = [tmp_path / name for name in ("a.pcap.gz", "b.pcap")]
    paths[0].write_bytes(gzip.compress(s.capture(dice, 1)[:30]))
    paths[1].write_bytes(s.capture(dice, 20))
    points, shards = s.plan([f"here={path}" for path in paths], 1, 1000)
    read = s.read_captures(points, shards, s.Inline(), s.EMPTY)
    s.same(read, s.read_alone([f"here={path}" for path in paths], s.EMPTY))
    assert any("no packet in it is readable" in warning for warning in read.captures[0].warnings)


def test_a_file_of_events_without_an_interface_is_read_beside_others(s, tmp_path):
    events = s.block("<", 0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + s.block("<", 9, bytes(40)) * 3
    paths = [tmp_path / "a.pcapng", tmp_path / "b.pcapng"]
    paths[0].write_bytes(events)
    paths[1].write_bytes(s.pcapng(np.random.default_rng(3), 20, calm=True))
    points, shards = s.plan([f"here={path}" for path in paths], 1, 100)
    alone = s.read_alone([f"here={path}" for path in paths], s.EMPTY)
    assert alone.files[0].read.frames == 3
    s.same(s.read_captures(points, shards, s.Inline(), s.EMPTY), alone)
