"""Time-outs, eviction and what a stray time stamp may not do."""

import pytest

from analyzer.flow import _reference
from analyzer.flow.timeouts import Limits
from analyzer.tables import RST

try:
    from analyzer.flow import _fast
except ImportError:
    _fast = None

KERNELS = [
    pytest.param(_reference, id="plain"),
    pytest.param(_fast, id="compiled", marks=pytest.mark.skipif(_fast is None, reason="not built")),
]


def crowd(t, count, flags="S", step=0.1, kind=None):
    """One packet each of many flows."""
    return [{"of": f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}:40000", "flags": flags, "seq": 1000, "t": n * step}
            for n in range(count)]


@pytest.mark.parametrize("kernel", KERNELS)
def test_memory_depends_on_the_flows_alive_not_on_the_length(t, kernel):
    tracker = kernel.Tracker(Limits(), 1)
    tracker.feed(t.table(crowd(t, 10_000)))       # half open: 120 s, so 1,200 at once, and a quarter more
    assert 1200 <= tracker.live <= 1600
    assert tracker.evicted == 0
    assert len(tracker.table(0, final=True)["flow"]) == 10_000


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_cap_holds_and_says_so(t, kernel):
    tracker = kernel.Tracker(Limits(live_flows=100), 1)
    tracker.feed(t.table(crowd(t, 1000, step=0.0001)))
    assert (tracker.live, tracker.evicted) == (100, 900)
    assert len(tracker.table(0, final=True)["flow"]) == 1000


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_flood_of_new_flows_does_not_push_out_a_connection_that_talks(t, kernel):
    rows = []
    for n, row in enumerate(crowd(t, 500, step=0.001)):
        rows.append(row)
        if n % 20 == 0:
            rows.append(t.seg("c", ".", 1 + n, 1, t=row["t"]))
    tracker = kernel.Tracker(Limits(live_flows=50), 1)
    tracker.feed(t.table(rows))
    flows = tracker.table(0, final=True)
    assert sorted(flows["packets_i"].tolist())[-2:] == [1, 25]


@pytest.mark.parametrize("kernel", KERNELS)
def test_one_time_stamp_from_the_future_ends_nothing(t, kernel):
    rows = [*crowd(t, 10), {"of": "10.9.9.9:1", "flags": ".", "t": 9e8}, *crowd(t, 10, flags="R")]
    tracker = kernel.Tracker(Limits(), 1)
    tracker.feed(t.table(rows))
    flows = tracker.table(0, final=True)
    assert len(flows["flow"]) == 11
    assert flows["rst_i_flags"].tolist() == [*[RST] * 10, 0]


@pytest.mark.parametrize("pause, flows", [(119, 1), (121, 2)])
def test_an_attempt_is_the_same_after_a_minute_but_not_after_two(t, pause, flows):
    assert len(t.flows([t.seg("c", "S", 1000), t.seg("c", "S", 1000, t=pause)])) == flows


@pytest.mark.parametrize("pause, flows", [(59, 1), (61, 2)])
def test_a_late_segment_finds_a_flow_that_was_reset_for_a_minute(t, pause, flows):
    rows = [t.seg("c", "S", 1), t.seg("s", "S.", 9, 2), t.seg("c", "R", 2), t.seg("s", ".", 10, 2, t=pause)]
    assert len(t.flows(rows)) == flows


@pytest.mark.parametrize("acknowledged, pause, flows", [(True, 4, 1), (True, 6, 2), (False, 6, 1), (False, 61, 2)])
def test_what_was_acknowledged_is_not_sent_again_for_long(t, acknowledged, pause, flows):
    rows = [t.seg("c", "S", 1), t.seg("s", "S.", 9, 2), t.seg("c", "F.", 2, 10), t.seg("s", "F.", 10, 3),
            *([t.seg("c", ".", 3, 11)] if acknowledged else []), t.seg("s", "F.", 10, 3, t=pause)]
    assert len(t.flows(rows)) == flows


@pytest.mark.parametrize("pause, flows", [(3599, 1), (3601, 2)])
def test_an_established_connection_may_be_silent_for_an_hour(t, pause, flows):
    rows = [t.seg("c", "S", 1), t.seg("s", "S.", 9, 2), t.seg("c", ".", 2, 10, t=pause)]
    assert len(t.flows(rows)) == flows


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_columns_need_not_lie_side_by_side(t, kernel):
    table = t.table([t.seg("c", "S", 1), t.seg("s", "S.", 9, 2)] * 4)
    sliced = type(table)({name: column[::2] for name, column in table.columns.items()}, 1)
    tracker = kernel.Tracker(Limits(), 1)
    tracker.feed(sliced)
    assert tracker.table(0, final=True)["syn_count"].tolist() == [4]
