"""Connections whose data came from the real server itself, seen where frames arrive in another order than they were sent."""

from __future__ import annotations

import pytest

from analyzer.diagnose.conclude import finding
from analyzer.diagnose.judge import judge
from analyzer.diagnose.ladders import evidence_of
from analyzer.diagnose.ruledoc import rulebook

CLIENT, OWN, REAL = (f"02:00:00:00:02:{n}" for n in ("32", "01", "11"))


def mirror(gateway, *, swapped):
    """A mirror port's view of a balancer that forgot a connection; ``gateway`` is the MAC that the hosts send to."""
    payload = [
        f"1.0042 10.0.2.11:8080 > 10.0.2.50:41007 [P.] seq 9001 ack 1121 len 700 ttl 64 id 7 mac {REAL}>{gateway}",
        f"1.0043 10.0.2.11:8080 > 10.0.2.50:41007 [P.] seq 9001 ack 1121 len 700 ttl 63 id 7 mac {OWN}>{CLIENT}",
    ]
    return "\n".join([
        f"1.0030 10.0.2.50:41007 > 203.0.113.100:80 [S] seq 1000 ttl 64 id 1 mac {CLIENT}>{gateway}",
        f"1.0031 10.0.2.50:41007 > 10.0.2.11:8080 [S] seq 1000 ttl 63 id 1 mac {OWN}>{REAL}",
        f"1.0032 10.0.2.11:8080 > 10.0.2.50:41007 [S.] seq 9000 ack 1001 ttl 64 id 0 mac {REAL}>{gateway}",
        f"1.0033 203.0.113.100:80 > 10.0.2.50:41007 [S.] seq 9000 ack 1001 ttl 63 id 0 mac {OWN}>{CLIENT}",
        f"1.0036 10.0.2.50:41007 > 203.0.113.100:80 [.] seq 1001 ack 9001 ttl 64 id 2 mac {CLIENT}>{gateway}",
        f"1.0037 10.0.2.50:41007 > 10.0.2.11:8080 [.] seq 1001 ack 9001 ttl 63 id 2 mac {OWN}>{REAL}",
        f"1.0039 10.0.2.50:41007 > 203.0.113.100:80 [P.] seq 1001 ack 9001 len 120 ttl 64 id 3 mac {CLIENT}>{gateway}",
        f"1.0040 10.0.2.50:41007 > 10.0.2.11:8080 [P.] seq 1001 ack 9001 len 120 ttl 63 id 3 mac {OWN}>{REAL}",
        *(reversed(payload) if swapped else payload),
        f"1.0044 10.0.2.50:41007 > 10.0.2.11:8080 [R] seq 1121 ttl 64 id 0 mac {CLIENT}>{REAL}",
    ])


@pytest.mark.parametrize("swapped", [False, True], ids=["in order", "copy first"])
@pytest.mark.parametrize("gateway", [OWN, "00:00:5e:00:01:07"], ids=["own MAC", "virtual MAC"])
def test_the_balancers_own_copy_is_no_other_way(gateway, swapped):
    found = {group.rule.cause.value for group in judge(rulebook(), evidence_of(mirror(gateway, swapped=swapped)))}
    assert not {"reply-path-unknown", "icmp-redirect"} & found


def datagrams(*, refused="1.002", goes_on="2.000", stops="0.001", mapped=False):
    """A client that asks from one port again and again; its answers come from the real server, after the first."""
    client, balancer, real = (f"02:00:00:00:02:{n}" for n in ("32", "01", "11"))
    lines = [
        f"0.000 10.0.2.50:41000 > 203.0.113.100:53 udp len 30 [data 01020304] ttl 64 mac {client}>{balancer}",
        f"{stops} 203.0.113.100:53 > 10.0.2.50:41000 udp len 90 [data 01020304] ttl 63 mac {balancer}>{client}",
        f"1.000 10.0.2.50:41000 > 203.0.113.100:53 udp len 30 [data 01020305] ttl 64 mac {client}>{balancer}",
        f"1.001 10.0.2.11:53 > 10.0.2.50:41000 udp len 90 [data 01020305] ttl 64 mac {real}>{client}",
    ]
    if refused:
        lines.append(f"{refused} 10.0.2.50 > 10.0.2.11 icmp unreachable port (10.0.2.11:53 > 10.0.2.50:41000 udp) ttl 64")
    if goes_on:
        lines.append(f"{goes_on} 10.0.2.50:41000 > 203.0.113.100:53 udp len 30 [data 01020306] ttl 64 mac {client}>{balancer}")
    return "\n".join(["map 203.0.113.100:53 > 10.0.2.11:53 nat udp"] * mapped + sorted(lines, key=lambda line: float(line.split()[0])))


@pytest.mark.parametrize(("ladder", "found"), [
    (datagrams(), {"client-on-servers-link"}),
    (datagrams(refused="", mapped=True), {"client-on-servers-link"}),
    (datagrams(refused=""), set()),           # another program's datagram, for all that is known
    (datagrams(goes_on=""), set()),           # refused because the port is closed, for all that is known
    (datagrams(stops="3.0"), set()),          # the virtual service goes on answering
    (datagrams(refused="", mapped=True, stops="3.0"), set()),
], ids=["refused", "declared", "neither", "closed", "answered", "declared, answered"])
def test_datagrams_that_turn_to_another_address_in_the_middle(ladder, found):
    assert {group.rule.cause.value for group in judge(rulebook(), evidence_of(ladder))} == found


def test_what_is_said_of_such_datagrams_does_not_deny_the_first_answer():
    evidence = evidence_of(datagrams())
    (group,) = judge(rulebook(), evidence)
    said = [e.says for e in finding(group, evidence).evidence]
    assert said[0] == "The client calls the virtual service 203.0.113.100:53 (3 times, answered from there at first)."
