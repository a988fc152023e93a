"""The compiled tracker and its plain twin: one answer, however the packets come."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.capture.source import open_capture
from analyzer.errors import AnalyzerError
from analyzer.flow import _reference
from analyzer.flow.timeouts import Limits
from analyzer.tables import AddressBook
from analyzer.wire.decode import Decoder

fast = pytest.importorskip("analyzer.flow._fast", reason="the compiled tracker is not built")

CAPTURES = Path(__file__).resolve().parents[3] / "shared" / "captures"
SECRET = 0x0123456789ABCDEF


def answers(kernel, limits, tables):
    tracker = kernel.Tracker(limits, SECRET)
    for table in tables:
        tracker.feed(table)
    return tracker.table(1, final=True), tracker.evicted


@given(st.data())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_the_twins_agree_on_random_segments(t, data):
    table = t.random_table(data.draw(st.lists(t.PACKET, max_size=60)))
    limits = Limits(live_flows=data.draw(st.sampled_from([1, 2, 3, 1000])))
    one, evicted = answers(fast, limits, [table])
    other, also_evicted = answers(_reference, limits, [table])
    t.same(one, other)
    assert evicted == also_evicted


@pytest.mark.parametrize("live_flows", [1, 2, 4, 1000])
def test_the_twins_agree_on_thrown_dice(t, live_flows):
    for seed in range(50):
        table = t.dice_table(seed)
        one, evicted = answers(fast, Limits(live_flows=live_flows), [table])
        other, also_evicted = answers(_reference, Limits(live_flows=live_flows), [table])
        t.same(one, other)
        assert evicted == also_evicted


@pytest.mark.parametrize("kernel", [fast, _reference], ids=["compiled", "plain"])
def test_cutting_thrown_dice_elsewhere_changes_nothing(t, kernel):
    for seed in range(15):
        table = t.dice_table(seed)
        whole, _ = answers(kernel, Limits(live_flows=3), [table])
        t.same(whole, answers(kernel, Limits(live_flows=3), t.cut(table, seed, 2 * seed, 5 * seed))[0])


@pytest.mark.parametrize("kernel", [fast, _reference], ids=["compiled", "plain"])
@given(st.data())
@settings(max_examples=30, deadline=None, derandomize=True)
def test_cutting_the_batches_elsewhere_changes_nothing(t, kernel, data):
    table = t.random_table(data.draw(st.lists(t.PACKET, max_size=40)))
    places = data.draw(st.lists(st.integers(0, 40), max_size=4))
    limits = Limits(live_flows=data.draw(st.sampled_from([2, 1000])))
    t.same(answers(kernel, limits, [table])[0], answers(kernel, limits, t.cut(table, *places))[0])


@pytest.mark.parametrize("kernel", [fast, _reference], ids=["compiled", "plain"])
@given(st.data())
@settings(max_examples=20, deadline=None, derandomize=True)
def test_looking_in_between_changes_nothing(t, kernel, data):
    table = t.random_table(data.draw(st.lists(t.PACKET, max_size=40)))
    before, after = t.cut(table, data.draw(st.integers(0, 40)))
    tracker = kernel.Tracker(Limits(), SECRET)
    tracker.feed(before)
    looked = tracker.table(1)
    t.same(looked, answers(kernel, Limits(), [before])[0])
    tracker.feed(after)
    whole, _ = answers(kernel, Limits(), [table])
    t.same(tracker.table(1), whole)
    t.same(tracker.table(1, final=True), whole)
    t.same(looked, answers(kernel, Limits(), [before])[0])       # a copy: what came later is not in it


def test_the_twins_agree_on_every_capture_that_is_shared(t):
    if not CAPTURES.is_dir():
        pytest.skip("../shared/captures is not here")
    frames = 0
    for path in sorted(CAPTURES.glob("*/*")):
        decoder = Decoder(AddressBook())
        try:
            tables = [decoder.decode(batch) for batch in open_capture(path).batches()]
        except AnalyzerError:
            continue
        one, _ = answers(fast, Limits(), tables)
        other, _ = answers(_reference, Limits(), tables)
        t.same(one, other)
        frames += sum(map(len, tables))
    assert frames > 15_000, f"only {frames} frames were compared"


def test_more_flows_than_a_block_of_records_holds(t):
    """Slots are used again, blocks fill up, the index grows; a flow that is over stays what it was."""
    rows = [{"of": f"10.1.{n // 250}.{n % 250}:40000", "flags": flags, "seq": 1000, "t": n * 0.05}
            for n in range(9000) for flags in ("S", "R")]
    table = t.table(rows)
    for limits in (Limits(), Limits(live_flows=100)):
        one, evicted = answers(fast, limits, [table])
        other, also_evicted = answers(_reference, limits, [table])
        t.same(one, other)
        assert evicted == also_evicted
        assert len(one["flow"]) == 9000
        assert np.all(one["rst_i_count"] == 1)


@pytest.mark.parametrize("kernel", [fast, _reference], ids=["compiled", "plain"])
def test_a_finished_tracker_takes_nothing_more(t, kernel):
    tracker = kernel.Tracker(Limits(), SECRET)
    tracker.table(0, final=True)
    with pytest.raises(ValueError, match="finished"):
        tracker.feed(t.table([t.seg("c", "S")]))
    with pytest.raises(ValueError, match="finished"):
        tracker.table(0)
    with pytest.raises(ValueError, match="finished"):
        tracker.first_frames()
