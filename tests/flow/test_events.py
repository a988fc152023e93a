"""Claims and ICMP events: grouped, bounded, however the batches are cut."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.flow.events import EventCollector, grouped
from analyzer.tables import (
    ARP_REPLY,
    ARP_REQUEST,
    CLAIMS,
    ICMP_ERROR,
    ICMP_EVENTS,
    ICMP_REDIRECT,
    MALFORMED,
    ND_SOLICIT,
    PACKETS,
    TCP,
    PacketTable,
    empty,
)


def table(rows, first_frame=1):
    columns = empty(PACKETS, len(rows))
    for i, row in enumerate(rows):
        for name, value in {"time_ns": i, **row}.items():
            columns[name][i] = value
    return PacketTable(columns, first_frame)


def test_a_claim_says_who_claims_what_and_who_asked():
    events = EventCollector(3)
    reply = {"kind": ARP_REPLY, "about_ip": 5, "about_mac": 50, "src": 5, "dst": 6, "src_mac": 51}
    solicit = {"kind": ND_SOLICIT, "about_ip": 7, "about_mac": 70, "src": 8, "dst": 9, "src_mac": 70}
    events.feed(table([reply, {"kind": TCP}, solicit, reply, {**reply, "verdict": MALFORMED}], first_frame=10))
    claims = events.claims()
    assert {name: claims[name].tolist() for name in claims} == {
        "capture": [3, 3], "kind": [ARP_REPLY, ND_SOLICIT], "ip": [5, 7], "mac": [50, 70], "asker": [6, 8],
        "src_mac": [51, 70], "gratuitous": [0, 0], "first_frame": [10, 12], "first_ns": [0, 2], "last_ns": [3, 2],
        "count": [2, 1],
    }
    assert list(claims) == list(CLAIMS)


def test_an_icmp_event_keeps_what_was_quoted_and_the_mtu_of_errors_only():
    events = EventCollector(0)
    error = {"kind": ICMP_ERROR, "flags": 3, "code": 4, "src": 1, "dst": 2, "ack": 1200, "quote_src": 2,
             "quote_dst": 9, "quote_proto": 6, "quote_src_port": 40000, "quote_dst_port": 80, "ttl": 64, "seq": 77}
    redirect = {"kind": ICMP_REDIRECT, "flags": 5, "code": 1, "src": 1, "dst": 2, "about_ip": 4, "quote_dst": 9}
    events.feed(table([error, redirect, {**error, "seq": 78}]))
    icmp = events.icmp()
    assert list(icmp) == list(ICMP_EVENTS)
    assert icmp["mtu"].tolist() == [1200, 0]
    assert icmp["type"].tolist() == [3, 5]
    assert icmp["count"].tolist() == [2, 1]
    assert icmp["quote_dst_port"].tolist() == [80, 0]


KINDS = st.sampled_from([ARP_REQUEST, ARP_REPLY, ND_SOLICIT, ICMP_ERROR, ICMP_REDIRECT, TCP])
ROWS = st.lists(st.fixed_dictionaries({
    "kind": KINDS, "about_ip": st.integers(1, 3), "dst": st.integers(1, 2), "time_ns": st.integers(0, 9),
    "ack": st.integers(0, 1),
}), max_size=30)


@settings(deadline=None, derandomize=True)
@given(ROWS, st.integers(0, 30), st.integers(1, 6))
def test_cutting_the_batches_elsewhere_changes_nothing(rows, cut, limit):
    whole, parts = EventCollector(0, limit), EventCollector(0, limit)
    whole.feed(table(rows))
    parts.feed(table(rows[:cut]))
    parts.feed(table(rows[cut:], first_frame=1 + len(rows[:cut])))
    for one, other in ((whole.claims(), parts.claims()), (whole.icmp(), parts.icmp())):
        for name in one:
            np.testing.assert_array_equal(one[name], other[name], err_msg=name)
    assert whole.dropped == parts.dropped


@settings(deadline=None, derandomize=True)
@given(ROWS, st.integers(1, 6))
def test_nothing_is_lost_and_the_cap_holds(rows, limit):
    events = EventCollector(0, limit)
    events.feed(table(rows))
    kept = int(events.claims()["count"].sum() + events.icmp()["count"].sum())
    assert kept + events.dropped == sum(row["kind"] != TCP for row in rows)
    assert len(events.claims()["count"]) <= limit
    assert len(events.icmp()["count"]) <= limit


def test_grouping_nothing_gives_nothing():
    result, dropped = grouped([empty(CLAIMS), empty(CLAIMS)], CLAIMS, 10)
    assert len(result["ip"]) == dropped == 0
