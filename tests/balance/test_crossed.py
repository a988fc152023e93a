"""A request to one address, its answer from another: which is the virtual one is learned from what shows it, or not."""

from __future__ import annotations

import pytest

from analyzer.diagnose.judge import judge
from analyzer.diagnose.ladders import evidence_of
from analyzer.diagnose.ruledoc import rulebook

A, B = "10.0.2.11:8080", "203.0.113.10:80"
ONE, TWO = "02:00:00:00:00:01>02:00:00:00:00:11", "02:00:00:00:00:fe>02:00:00:00:00:09"
STRAIGHT, TURNED, OPEN = [("10.0.2.11", "203.0.113.10")], [("203.0.113.10", "10.0.2.11")], []


def learned(more="", *, asked=61, answered=62, macs=(ONE, TWO), points=("server", "client"), reply="[R.] seq 0"):
    """(virtual, real) of a SYN to ``A`` and its answer from ``B``, and of whatever else is in the captures."""
    evidence = evidence_of(f"""
        {more if more.startswith('map') else ''}
        0.00 198.51.100.9:40000 > {A} [S] seq 1000 ttl {asked} mac {macs[0]} @{points[0]}
        0.04 {B} > 198.51.100.9:40000 {reply} ack 1001 ttl {answered} mac {macs[1]} @{points[1]}
        {'' if more.startswith('map') else more}
    """)
    found = evidence.rows("SELECT DISTINCT vip, rip FROM pair WHERE client_port = 40000")
    assert not any(group.rule.code == "RP401" for group in judge(rulebook(), evidence))
    return [(evidence.book.text(row["vip"]), evidence.book.text(row["rip"])) for row in found]


def test_what_nothing_shows_is_not_learned():
    """Frames were lost: the request behind the balancer and the reply before it, or a reply that skips it."""
    assert learned() == OPEN


@pytest.mark.parametrize(("how", "found"), [
    ({"asked": 64}, STRAIGHT),                                      # the client's own frame: nothing has translated it yet
    ({"answered": 64}, STRAIGHT),                                   # the server's own frame
    ({"points": ("a", "a")}, OPEN),                                 # two neighbours
    ({"points": ("a", "a"), "macs": (ONE, ONE.replace("11", "fe"))}, TURNED),     # one neighbour passes on both
    ({"points": ("a", "a"), "macs": (ONE, "02:00:00:00:00:fe>02:00:00:00:00:01")}, STRAIGHT),   # to whom it came from
    ({"points": ("a", "a"), "macs": (ONE, "02:00:00:00:00:11>02:00:00:00:00:09")}, STRAIGHT),   # from whom it went to
    ({"points": ("a", "a"), "macs": (ONE, ONE.replace("11", "fe")), "asked": 64}, STRAIGHT),    # hops say more than MACs
])
def test_hops_and_neighbours(how, found):
    assert learned(**how) == found


@pytest.mark.parametrize(("more", "found"), [
    (f"0.03 {A} > 198.51.100.9:40000 [R.] seq 0 ack 1001 ttl 64 mac {ONE} @server", TURNED),     # the reply before its copy
    (f"0.50 {A} > 198.51.100.9:41000 [R.] seq 0 ack 5001 ttl 64 mac {ONE} @server", TURNED),     # it answers for itself
    (f"0.50 {B} > 198.51.100.9:41000 [R.] seq 0 ack 5001 ttl 64 mac {ONE} @server", STRAIGHT),
    (f"""0.50 198.51.100.9:41000 > {B} [S] seq 5000 ttl 62 mac {TWO} @client
         0.60 198.51.100.9:41000 > {A} [S] seq 5000 ttl 61 mac {ONE} @server""", TURNED),        # another request, twice
    (f"map {B} > {A} nat", TURNED),
    (f"map {A} > {B} nat", STRAIGHT),
])
def test_other_packets_and_the_configuration(more, found):
    assert learned(more) == found


def test_a_handshake_that_the_client_completes_was_dialled():
    done = f"0.05 198.51.100.9:40000 > {B} [.] seq 1001 ack 9001 ttl 62 mac {TWO} @client"
    assert learned(done, reply="[S.] seq 9000") == TURNED


def test_two_signs_that_contradict_each_other_leave_it_open():
    done = f"0.05 198.51.100.9:40000 > {B} [.] seq 1001 ack 9001 ttl 62 mac {TWO} @client"
    assert learned(done, reply="[S.] seq 9000", asked=64) == OPEN
