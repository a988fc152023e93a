"""Clocks of two capture points: true offsets and drifts lie within the stated bounds, and one kernel's clock is one."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.balance.clocks import MOST_DRIFT, RESOLUTION_NS, SAME, Clock, compare, line
from analyzer.balance.mapping import EMPTY
from analyzer.diagnose.evidence import Evidence
from analyzer.diagnose.ladders import evidence_of
from analyzer.reading import read_captures
from analyzer.tables import FLOWS

LAB = Path(__file__).resolve().parents[3] / "shared" / "captures" / "lab"
QUICK = settings(max_examples=60, deadline=None, derandomize=True, database=None)
START_NS = 1_700_000_000 * 10**9


class Wire:
    """Packets between two points whose clocks differ by a line."""

    def __init__(self, seed, offset_ns, drift, seconds, count, most_delay_ns):
        chances = np.random.default_rng(seed)
        self.offset_ns, self.drift = offset_ns, drift
        self.at = np.sort(chances.integers(seconds * 10**9, size=count)).astype(np.float64)
        self.delays = chances.exponential(most_delay_ns / 4, size=(2, count)) + 10_000

    def offset_at(self, time):
        return self.offset_ns + self.drift * time

    def points(self):
        """Differences of packets that pass A first, and of those that pass B first, cut to microseconds."""
        above = self.at, self.offset_at(self.at + self.delays[0]) + self.delays[0]
        below = self.at, self.offset_at(self.at) - self.delays[1]
        return tuple(np.floor(np.stack(side, axis=1) / 1000) * 1000 for side in (above, below))


WIRES = st.builds(
    Wire, st.integers(0, 10**6), st.integers(-(10**12), 10**12), st.floats(-0.9 * MOST_DRIFT, 0.9 * MOST_DRIFT),
    st.integers(1, 3600), st.integers(1, 300), st.sampled_from([50_000, 1_000_000, 200_000_000]),
)


@QUICK
@given(WIRES)
def test_offset_and_drift_lie_within_their_bounds(wire):
    clock = line(*wire.points())
    assert abs(clock.drift - wire.drift) <= clock.drift_bound + 1e-12
    assert abs(clock.offset_ns - wire.offset_at(clock.at_ns)) <= clock.bound_ns + 1
    for moment in (int(wire.at[0]), int(wire.at[-1])):
        theirs = round(moment + wire.offset_at(moment))
        assert abs(clock.corrected(theirs) - moment) <= clock.bound_at(moment) * (1 + 2 * MOST_DRIFT) + 2


@QUICK
@given(WIRES)
def test_more_packets_never_loosen_what_is_known(wire):
    above, below = wire.points()
    half = len(above) // 2
    if half:
        whole, part = line(above, below), line(above[:half], below[:half])
        assert whole.drift_bound <= part.drift_bound * (1 + 1e-9) + 1e-15


def test_a_quiet_minute_both_ways_tells_microseconds_and_parts_per_million():
    clock = line(*Wire(1, 5_000_000, 40e-6, 60, 200, 50_000).points())
    assert clock.bound_ns < 25_000
    assert clock.drift_bound < 1e-6


def test_packets_of_one_direction_bound_nothing():
    above, below = Wire(1, 0, 0, 60, 10, 50_000).points()
    assert line(above, below[:0]) is None
    assert line(above[:0], below) is None


def test_a_clock_that_was_stepped_is_no_line():
    above, below = Wire(1, 0, 0, 60, 100, 50_000).points()
    for side in (above, below):
        side[side[:, 0] > 30e9, 1] += 10**9
    assert line(above, below) is None


CLOCKS = st.builds(Clock, st.integers(START_NS, START_NS + 10**12), st.integers(-(10**10), 10**10).map(float),
                   st.just(0.0), st.floats(-1e-4, 1e-4), st.just(0.0))
MOMENTS = st.integers(START_NS, START_NS + 10**12)


@QUICK
@given(CLOCKS, MOMENTS)
def test_turned_twice_is_the_same_clock(clock, moment):
    assert abs(clock.turned().turned().corrected(moment) - clock.corrected(moment)) <= 2
    # what one clock makes of the other's time, the other makes back
    assert abs(clock.turned().corrected(clock.corrected(moment)) - moment) <= 2


@QUICK
@given(CLOCKS, CLOCKS, MOMENTS)
def test_a_clock_by_way_of_another(far, near, moment):
    assert abs(far.seen_from(near).corrected(moment) - near.corrected(far.corrected(moment))) <= 4
    assert abs(far.seen_from(SAME).corrected(moment) - far.corrected(moment)) <= 2


def difference(a, b, clock, delay=1000, rounds=2):
    return [
        {"a": a, "b": b, "above_at": START_NS + n * 10**10, "above": clock + delay,
         "below_at": START_NS + n * 10**10, "below": clock - delay} for n in range(rounds)
    ]


def test_points_that_share_nothing_are_compared_by_way_of_a_third():
    known = compare(difference(0, 1, 5000) + difference(1, 2, -9000, delay=3000))
    assert {point: round(clock.offset_ns) for point, clock in known.items()} == {0: 0, 1: 5000, 2: -4000}
    assert known[2].bound_ns >= known[1].bound_ns + 3000
    assert known[2].bound_ns >= RESOLUTION_NS


def test_points_without_a_way_between_them_are_left_out():
    assert set(compare(difference(0, 1, 5000) + difference(2, 3, 0))) == {0, 1}


LADDER = """
0.000000 10.0.2.9:40000 > 203.0.113.10:80 [S] seq 1000 ts 7/0 ttl 64 id 5 @client
7.000100 10.0.2.9:40000 > 10.0.2.11:8080 [S] seq 1000 ts 7/0 ttl 63 id 5 @server
7.000200 10.0.2.11:8080 > 10.0.2.9:40000 [S.] seq 9000 ack 1001 ts 99/7 ttl 64 @server
0.000250 10.0.2.11:8080 > 10.0.2.9:40000 [S.] seq 9000 ack 1001 ts 99/7 ttl 64 @client
"""


def test_a_request_and_a_stray_reply_tell_the_clocks():
    clock = evidence_of(LADDER).clocks[1]
    assert abs(clock.offset_ns - 7e9) <= clock.bound_ns < 100_000


@pytest.mark.parametrize(("was", "becomes"), [
    ("seq 1000 ts 7/0 ttl 63", "seq 1000 ts 8/0 ttl 63"),
    ("[S.] seq 9000 ack 1001 ts 99/7 ttl 64 @server", "[S.] seq 9100 ack 1001 ts 99/7 ttl 64 @server"),
])
def test_another_transmission_is_another_packet(was, becomes):
    assert was in LADDER
    assert evidence_of(LADDER.replace(was, becomes)).clocks == {}


@cache
def lab(scenario):
    paths = sorted(LAB.glob(f"{scenario}.*.pcap"))
    return read_captures([f"{path.name.split('.')[1]}={path}" for path in paths], EMPTY).observed


SCENARIOS = ("A_baseline", "B_bypass", "C_fixed_legacy", "F_fix_breaks_direct", "T_v6_bypass", "O_fullproxy")


@pytest.mark.skipif(not LAB.is_dir(), reason="../shared/captures/lab is not here")
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_captures_of_one_kernel_have_one_clock_and_altered_ones_are_found_out(scenario):
    observed = lab(scenario)
    plain = Evidence(observed).clocks
    assert len(plain) > 1
    assert all(abs(clock.offset_ns) <= clock.bound_ns < 1_000_000 for clock in plain.values())

    skews = [Skew(table, point * 1_234_567_890, point * 17e-6) for point, table in enumerate(observed.flows)]
    altered = Evidence(replace(observed, flows=[skew.altered() for skew in skews])).clocks
    assert altered.keys() == plain.keys()
    assert altered.pop(min(plain)) == SAME
    reference = skews[min(plain)]
    for point, clock in altered.items():
        true = skews[point].shown(reference.kernel(clock.at_ns)) - clock.at_ns
        assert abs(clock.offset_ns - true) <= clock.bound_ns + 2, point
        assert abs(clock.drift - (skews[point].drift - reference.drift)) <= clock.drift_bound


class Skew:
    """One capture, told by a clock that is wrong by a line from its first packet on."""

    def __init__(self, table, offset_ns, drift):
        self.table, self.offset_ns, self.drift = table, offset_ns, drift
        self.first_ns = int(table["first_ns"].min(initial=2**62))

    def shown(self, kernel_ns):
        """What this clock shows when the kernel's shows ``kernel_ns``."""
        return kernel_ns + self.offset_ns + round((kernel_ns - self.first_ns) * self.drift)

    def kernel(self, shown_ns):
        """What the kernel's clock shows then."""
        return self.first_ns + round((shown_ns - self.first_ns - self.offset_ns) / (1 + self.drift))

    def altered(self):
        """The capture's flows by this clock."""
        times = {name: self.table[name] for name in FLOWS if name.endswith("_ns")}
        return {**self.table, **{
            name: np.where(
                time > 0, time + self.offset_ns + np.round((time - self.first_ns) * self.drift).astype("i8"), time)
            for name, time in times.items()
        }}
