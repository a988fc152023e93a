"""ICMP echo to a virtual address: the same fault, the same five packets; ordinary pings are left alone."""

from __future__ import annotations

import pytest

from analyzer.diagnose.frames import attempt_row, conversation_filter, names, packet_text
from analyzer.diagnose.judge import judge
from analyzer.diagnose.ladders import evidence_of
from analyzer.diagnose.ruledoc import rulebook

CLIENT, FRONT, BACK, SERVER = (f"02:00:00:00:00:{n}" for n in ("09", "f1", "01", "11"))

ASKED = f"0.000000 10.0.2.9 > 203.0.113.10 icmp echo request id 5 seq 1 ttl 64 mac {CLIENT}>{BACK}\n"
STRAY = f"0.000200 10.0.2.11 > 10.0.2.9 icmp echo reply id 5 seq 1 ttl 64 mac {SERVER}>{CLIENT}\n"


def attempts(ladder):
    evidence = evidence_of(ladder)
    text = evidence.book.text
    return [(text(r["client"]), text(r["virtual"] or 0), text(r["real"] or 0), r["virtual_port"], r["any_done"])
            for r in evidence.rows("SELECT * FROM attempt ORDER BY attempt")]


def test_a_reply_from_the_real_server_itself_is_a_bypass():
    evidence = evidence_of(ASKED + STRAY)
    row = evidence.rows("SELECT * FROM judged")[0]
    assert (row["bypass"], row["went"]) == ("certain", "client")
    groups = judge(rulebook(), evidence)
    assert [group.rule.bypass for group in groups] == [True]
    who = names(attempt_row(0, evidence), evidence)
    assert (who.client_end, who.virtual_end, who.real_end) == ("10.0.2.9", "203.0.113.10", "10.0.2.11")
    assert packet_text("answered", row, who, 1) == "10.0.2.11 > 10.0.2.9 icmp echo reply id 5 seq 1"
    assert conversation_filter(who).startswith("ip.addr == 10.0.2.9 && icmp.ident == 5 && ")


def test_through_the_balancer_and_back_it_is_healthy():
    ladder = f"""
0.000000 10.0.2.9 > 203.0.113.10 icmp echo request id 5 seq 1 ttl 64 id 77 mac {CLIENT}>{BACK}
0.000030 10.0.2.9 > 10.0.2.11 icmp echo request id 5 seq 1 ttl 63 id 77 mac {BACK}>{SERVER}
0.000060 10.0.2.11 > 10.0.2.9 icmp echo reply id 5 seq 1 ttl 64 mac {SERVER}>{BACK}
0.000090 203.0.113.10 > 10.0.2.9 icmp echo reply id 5 seq 1 ttl 63 mac {BACK}>{CLIENT}
"""
    assert attempts(ladder) == [("10.0.2.9", "203.0.113.10", "10.0.2.11", 0, True)]


@pytest.mark.parametrize("ladder", [
    ASKED,                                                               # never answered: many pings are not
    STRAY,
    ASKED + STRAY.replace("id 5", "id 6"),                               # another program's
    ASKED + STRAY.replace("seq 1", "seq 9"),                             # a request that was not captured
    STRAY + ASKED.replace("0.000000", "0.000300"),                       # before it was asked
    ASKED.replace("0.000000", "0.0") + STRAY.replace("0.000200", "60.0"),
    ASKED.replace("203.0.113.10", "224.0.0.1") + STRAY,                  # sent to a group
    ASKED.replace("203.0.113.10", "10.0.2.255").replace(f">{BACK}", ">ff:ff:ff:ff:ff:ff") + STRAY,
    ASKED + STRAY + STRAY.replace("10.0.2.11", "10.0.2.12"),             # several answer: it was sent to a group
    ASKED + STRAY.replace("10.0.2.11", "203.0.113.10"),                  # an ordinary ping
])
def test_ordinary_pings_are_no_attempts(ladder):
    assert attempts(ladder) == []


def test_a_declared_service_is_always_looked_at():
    declared = "map 203.0.113.10:0 > 10.0.2.11:0 nat icmp\n"
    assert attempts(declared + ASKED) == [("10.0.2.9", "203.0.113.10", "", 0, False)]


def test_requests_that_were_repeated_are_one_attempt():
    again = ASKED.replace("0.000000", "1.000000").replace("seq 1", "seq 2")
    late = STRAY.replace("0.000200", "1.000200").replace("seq 1", "seq 2")        # the first reply was not captured
    assert attempts(ASKED + again + late) == [("10.0.2.9", "203.0.113.10", "10.0.2.11", 0, False)]


V6 = ("0.000000 2001:db8:11::9 > 2001:db8:22::100 icmp echo request id 5 seq 1 ttl 64\n"
      "0.000200 2001:db8:11::10 > 2001:db8:11::9 icmp echo reply id 5 seq 1 ttl 64\n")


def test_icmpv6():
    assert attempts(V6) == [("2001:db8:11::9", "2001:db8:22::100", "2001:db8:11::10", 0, False)]
    assert attempts(V6.replace("2001:db8:22::100", "ff02::1")) == []
