"""Both addresses translated: one attempt with its five packets, like any other."""

from __future__ import annotations

import pytest

from analyzer.diagnose.frames import attempt_row, conversation_filter, names, packet_text
from analyzer.diagnose.ladders import evidence_of

CLIENT, FRONT, BACK, SERVER = (f"02:00:00:00:00:{n}" for n in ("09", "f1", "01", "11"))
MARKS = "ts 77/0"


def connection(client="198.51.100.9:40000", inside="10.0.2.1:61000", isn=1000, marks=MARKS, back=""):
    return f"""
0.000000 {client} > 203.0.113.10:80 [S] seq {isn} {marks} ttl 60 id 7 mac {CLIENT}>{FRONT}
0.000030 {inside} > 10.0.2.11:8080 [S] seq {isn} {marks} ttl 59 id 7 mac {BACK}>{SERVER}{back}
0.000060 10.0.2.11:8080 > {inside} [S.] seq 9000 ack {isn + 1} ttl 64 mac {SERVER}>{BACK}{back}
0.000090 203.0.113.10:80 > {client} [S.] seq 9000 ack {isn + 1} ttl 63 mac {FRONT}>{CLIENT}
"""


def attempts(ladder):
    evidence = evidence_of(ladder)
    text = evidence.book.text
    return [(text(r["client"]), r["client_port"], text(r["virtual"] or 0), text(r["real"] or 0), r["forwarding"],
             text(r["inside"] or 0), r["inside_port"]) for r in evidence.rows("SELECT * FROM attempt ORDER BY attempt")]


ONE = ("198.51.100.9", 40000, "203.0.113.10", "10.0.2.11", "full-nat", "10.0.2.1", 61000)


@pytest.mark.parametrize("ladder", [
    connection(),
    connection(marks=""),                              # no timestamps: the IP identification
    connection(back=" @inside"),                       # two capture points
    connection(inside="203.0.113.10:61000").replace("203.0.113.10:61000", "10.0.2.1:61000"),
])
def test_it_is_one_attempt(ladder):
    assert attempts(ladder) == [ONE]


def test_what_is_seen_of_it_stands_side_by_side():
    evidence = evidence_of(connection())
    row = evidence.rows("SELECT * FROM sight")[0]
    assert [row[f"{step}_frame"] for step in ("asked", "forwarded", "answered", "translated")] == [1, 2, 3, 4]
    who = names(attempt_row(0, evidence), evidence)
    assert packet_text("forwarded", row, who, 1000) == "10.0.2.1:61000 > 10.0.2.11:8080 [S] seq 1000"
    assert packet_text("translated", row, who, 1000).startswith("203.0.113.10:80 > 198.51.100.9:40000 ")
    assert "tcp.port == 61000" in conversation_filter(who)


@pytest.mark.parametrize(("was", "becomes"), [
    ("59 id 7", "60 id 7"),                            # the copy has not passed a router
    ("[S] seq 1000 ts 77/0 ttl 59", "[S] seq 1000 ts 78/0 ttl 59"),
    ("0.000030", "4.000030"),                          # not the same packet any more
    ("[S] seq 1000 ts 77/0 ttl 59", "[S] seq 1001 ts 77/0 ttl 59"),
])
def test_two_connections_that_only_resemble_each_other_stay_two(was, becomes):
    ladder = connection().replace(was, becomes)
    assert ladder != connection()
    assert [found[4] for found in attempts(ladder)] == ["none", "none"]


def test_without_timestamps_the_identification_decides():
    assert len(attempts(connection(marks="").replace("59 id 7", "59 id 8"))) == 2


def test_numbers_that_a_script_made_pair_nothing():
    ladder = connection() + connection(client="198.51.100.8:40000", inside="10.0.2.1:61001")
    assert {found[4] for found in attempts(ladder)} == {"none"}


def test_two_full_nats_in_a_row_end_at_the_last_server():
    """The middle end is a third that shares the ISN: too many for a pairing to rest on."""
    further = f"0.000040 10.0.3.1:1025 > 10.0.3.11:80 [S] seq 1000 {MARKS} ttl 58 id 7 mac {SERVER}>{BACK}\n"
    assert "full-nat" not in {found[4] for found in attempts(connection() + further)}


def test_a_client_whose_address_is_kept_is_judged_by_its_own_packets():
    """One client is masqueraded, the other is not, and its reply skips the balancer."""
    other = f"""
1.000000 10.0.2.9:40000 > 203.0.113.10:80 [S] seq 5000 ts 9/0 ttl 64 id 8 mac {CLIENT}>{FRONT}
1.000030 10.0.2.9:40000 > 10.0.2.11:8080 [S] seq 5000 ts 9/0 ttl 63 id 8 mac {BACK}>{SERVER}
1.000060 10.0.2.11:8080 > 10.0.2.9:40000 [S.] seq 9900 ack 5001 ttl 64 mac {SERVER}>{CLIENT}
1.000090 10.0.2.9:40000 > 10.0.2.11:8080 [R] seq 5001 ttl 64 mac {CLIENT}>{SERVER}
"""
    evidence = evidence_of(connection() + other)
    found = evidence.rows("SELECT forwarding, bypass FROM judged ORDER BY attempt")
    assert [(row["forwarding"], row["bypass"]) for row in found] == [("full-nat", None), ("nat", "certain")]


def test_datagrams_by_their_payload_and_identification():
    ladder = f"""
0.000000 198.51.100.9:40000 > 203.0.113.10:53 udp len 30 [data 01020304] ttl 60 id 7 mac {CLIENT}>{FRONT}
0.000030 10.0.2.1:61000 > 10.0.2.11:53 udp len 30 [data 01020304] ttl 59 id 7 mac {BACK}>{SERVER}
0.000060 10.0.2.11:53 > 10.0.2.1:61000 udp len 60 [data 01020304] ttl 64 mac {SERVER}>{BACK}
0.000090 203.0.113.10:53 > 198.51.100.9:40000 udp len 60 [data 01020304] ttl 63 mac {FRONT}>{CLIENT}
"""
    assert attempts(ladder) == [ONE]
    assert len(attempts(ladder.replace("59 id 7", "59 id 8"))) == 2
