"""Fixes as ways out: one change in several dialects is one way, and what a way shows can be cut down."""

from __future__ import annotations

from dataclasses import astuple, replace
from itertools import pairwise

import report_examples as examples

from analyzer.report.ways import DETAILS, Detail, ways

FINDING = examples.BYPASS


def test_one_change_in_three_dialects_is_one_way_the_recommended_first():
    made = ways("x", replace(FINDING, fixes=FINDING.fixes[::-1]))
    assert made[0].recommended
    assert [fix.dialect for _, fix in made[0].fixes] == [
        "windows-route", "linux-net-tools", "linux-iproute2"]
    assert [way.title for way in made[1:]] == [examples.SNAT.title, examples.SUBNET.title]
    assert [way.open for way in made] == [True, False, True]        # what breaks something is shown


def test_what_holds_on_a_host_whatever_is_done_there_is_said_once():
    route, _, _ = ways("x", FINDING)
    assert route.shared == examples.IPROUTE2.caveats                # the two halves know the same
    assert route.caveats == ()
    own = replace(FINDING, fixes=(examples.IPROUTE2, replace(examples.SUBNET, caveats=("another",))))
    route, halves = ways("x", own)
    assert (route.shared, route.caveats) == ((), examples.IPROUTE2.caveats)
    assert halves.caveats == ("another",)


def test_nothing_known_of_a_fix_is_lost_between_the_three_places():
    for way in ways("x", FINDING):
        for _, fix in way.fixes:
            assert {*way.shared, *way.caveats, *way.own(fix)} == set(fix.caveats)


def test_less_detail_names_what_it_leaves_out():
    cut = ways("x", FINDING, Detail(commands=2, dialects=0, persist=1, frames=1))
    assert [len(way.fixes) for way in cut] == [1, 1, 0]
    assert cut[0].others == ("linux-net-tools", "windows-route")
    assert cut[2].others == ("linux-nftables",)
    assert [way.persist for way in cut] == [True, False, False]
    assert cut[2].proof == examples.SNAT.proof
    assert (cut[2].why, cut[2].caveats, cut[2].same_proof) == ("", (), True)


def test_each_step_shows_no_more_than_the_one_before():
    for more, less in pairwise(DETAILS):
        assert all(a >= b for a, b in zip(astuple(more), astuple(less), strict=True))
    assert DETAILS[-1].commands == 1        # the recommended way always has its commands
