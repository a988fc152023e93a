"""Splitting anywhere is not splitting: random captures, whole and damaged, cut at random octets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.errors import CaptureError


def check(s, folder, seed, *, calm, damaged, frames=60, files=1, shards=3):
    dice = np.random.default_rng(seed)
    paths = []
    for number in range(files):
        octets = s.capture(dice, int(dice.integers(1, frames)), calm=calm)
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
