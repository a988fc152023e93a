"""A snapshot changes nothing, a window is a capture that began later, and neither grows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.flow import _reference
from analyzer.flow.timeouts import Limits
from analyzer.live.generation import Generation
from analyzer.live.window import Bounds, Window
from analyzer.tables import FLOWS, AddressBook
from analyzer.wire.build import batch, packets
from analyzer.wire.compose import frame
from analyzer.wire.decode import Decoder

SECRET = 7
ENDS = ("10.0.2.9:40000", "10.0.2.9:40001", "203.0.113.10:80", "10.0.2.11:8080")
FLAGS = ("S", "S.", ".", "P.", "F.", "R")


@st.composite
def segments(draw):
    """A few segments between a few ends, as octets."""
    rows, at = [], 0.0
    for _ in range(draw(st.integers(0, 25))):
        at += draw(st.sampled_from([0.0, 0.001, 0.4, 70.0]))
        one, other = draw(st.permutations(ENDS))[:2]
        numbers = f"seq {draw(st.integers(0, 3))} ack {draw(st.integers(0, 3))}"
        rows.append(f"{at:.6f} {one} > {other} [{draw(st.sampled_from(FLAGS))}] {numbers}")
    return [(each.time_ns, frame(each)) for each in packets("\n".join(rows))]


def kernels():
    found = [_reference]
    try:
        from analyzer.flow import _fast
    except ImportError:
        return found
    return [*found, _fast]


@pytest.mark.parametrize("kernel", kernels(), ids=lambda module: module.__name__.rsplit(".", 1)[1])
@given(frames=segments(), cut=st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_a_snapshot_changes_nothing_of_the_end(kernel, frames, cut):
    decoder = Decoder(AddressBook())
    tables = [decoder.decode(batch(frames[at:at + cut], first_frame=at + 1)) for at in range(0, len(frames), cut)]
    quiet, looked = kernel.Tracker(Limits(), SECRET), kernel.Tracker(Limits(), SECRET)
    for table in tables:
        quiet.feed(table)
        looked.feed(table)
        before = looked.table(0)
        again = looked.table(0)
        looked.first_frames()
        assert all(np.array_equal(before[name], again[name]) for name in FLOWS)
    assert np.array_equal(quiet.first_frames(), looked.first_frames())
    one, other = quiet.table(0, final=True), looked.table(0, final=True)
    assert all(np.array_equal(one[name], other[name]) for name in FLOWS)


def connections(first, count, gap_s):
    """Frames of short connections, one every so often."""
    text = []
    for number in range(first, first + count):
        at, port = number * gap_s, 1024 + number
        text += [f"{at:.6f} 10.0.2.9:{port} > 10.0.2.11:8080 [S] seq {number}",
                 f"{at + .001:.6f} 10.0.2.11:8080 > 10.0.2.9:{port} [S.] seq 5 ack {number + 1}",
                 f"{at + .002:.6f} 10.0.2.9:{port} > 10.0.2.11:8080 [.] seq {number + 1} ack 6"]
    return [(each.time_ns, frame(each)) for each in packets("\n".join(text))]


@pytest.mark.parametrize("bounds", [Bounds(flows=100), Bounds(age_ns=20 * 10**9)], ids=["flows", "age"])
def test_the_window_slides_is_bounded_and_is_a_capture_that_began_later(bounds):
    window, fed, left = Window(bounds), [], 0
    for part in range(60):
        frames = connections(part * 10, 10, 0.1)
        fed += frames
        first = len(fed) - len(frames) + 1
        window.feed(batch(frames), np.zeros(len(frames), np.uint16), first)
        assert window.judged.rows <= 210
        if window.full:
            left += sum(len(table["flow"]) for table in window.leaving())
            window.turn()
    assert window.turned >= 2
    judged = window.judged
    fresh = Generation(judged.base)
    fresh.feed(batch(fed[judged.base:]), np.zeros(len(fed) - judged.base, np.uint16), judged.base + 1)
    [mine], [theirs] = judged.flows(None), fresh.flows(None)
    same = [name for name in FLOWS if not name.endswith("_position")]     # each batch counts its octets anew
    assert all(np.array_equal(mine[name], theirs[name]) for name in same)
    # Every connection is counted once: in the window, or when it left.
    assert left + judged.rows == 600
    assert judged.rows * 2 >= (50 if bounds.flows == 100 else 100)


def test_young_flows_are_left_out():
    one = Generation(0)
    frames = connections(0, 10, 0.1)
    one.feed(batch(frames), np.zeros(30, np.uint16), 1)
    assert [len(one.flows(seen)[0]["flow"]) for seen in (None, 30, 6, 0)] == [10, 10, 2, 0]
    assert len(one.flows(None, before=7)[0]["flow"]) == 2


def test_points_do_not_see_each_others_frames_and_keep_their_numbers():
    one = Generation(100)
    frames = connections(0, 2, 0.1)
    one.feed(batch(frames), np.array([0, 0, 0, 1, 1, 1], np.uint16), 101)
    first, second = one.flows(None)
    assert first["syn_frame"].tolist() == [1] and second["syn_frame"].tolist() == [4]
    assert second["capture"].tolist() == [1]
