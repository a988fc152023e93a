"""The sentence that explains trouble which is not everywhere, from captures built for it."""

from __future__ import annotations

from analyzer.diagnose.conclude import finding
from analyzer.diagnose.judge import judge
from analyzer.diagnose.ladders import evidence_of
from analyzer.diagnose.ruledoc import rulebook

MAP = "map 203.0.113.10:80 > 10.0.2.11:8080 nat\nmap 203.0.113.10:80 > 10.0.2.12:8080 nat\n"
VIP, LB, ROUTER = "203.0.113.10:80", "02:00:00:00:00:01", "02:00:00:00:00:fe"


def mac(address):
    return "02:00:00:00:00:" + f"{int(address.rpartition('.')[2]):02x}"


def call(number, client, real="10.0.2.11", *, works=True):
    """One connection as a mirror port at the servers sees it: translated both ways, or answered on the link."""
    t, port, isn, ours = number, 40000 + number, 1000 * (number + 1), mac(client)
    server = mac(real)
    up = f"{client}:{port} > {VIP} [S] seq {isn} ttl 64 mac {ours}>{LB}\n"
    lines = [f"{t}.000000 {up}", f"{t}.000030 {client}:{port} > {real}:8080 [S] seq {isn} ttl 63 mac {LB}>{server}\n"]
    if works:
        lines += [f"{t}.000060 {real}:8080 > {client}:{port} [S.] seq 9 ack {isn + 1} ttl 64 mac {server}>{LB}\n",
                  f"{t}.000090 {VIP} > {client}:{port} [S.] seq 9 ack {isn + 1} ttl 63 mac {LB}>{ours}\n",
                  f"{t}.000120 {client}:{port} > {VIP} [.] seq {isn + 1} ack 10 ttl 64 mac {ours}>{LB}\n"]
    elif client != real:
        lines += [f"{t}.000060 {real}:8080 > {client}:{port} [S.] seq 9 ack {isn + 1} ttl 64 mac {server}>{ours}\n",
                  f"{t}.000090 {client}:{port} > {real}:8080 [R] seq {isn + 1} ttl 64 mac {ours}>{server}\n"]
    if not works:
        lines.append(f"{t}.500000 {up}")
    return "".join(lines)


def contrasts(ladder):
    evidence = evidence_of(MAP + ladder)
    return [finding(group, evidence).contrast for group in judge(rulebook(), evidence)]


def calls(*which):
    return "".join(call(number, *one[:2], works=one[2]) for number, one in enumerate(which))


def test_one_client_prefix_on_one_server():
    trouble, other = [("10.0.2.50", "10.0.2.12", False)] * 4, [("10.0.2.50", "10.0.2.11", True)] * 6
    far = [("198.51.100.7", "10.0.2.12", True)] * 6
    assert contrasts(calls(*trouble, *other, *far)) == [(
        "Fails exactly for clients in 10.0.2.0/24 on server 10.0.2.12:8080: "
        "4 of 4 against 0 of 12 (chance below 1 in 100).")]


def test_one_broken_member_of_the_pool():
    near, far = "10.0.2.50", "198.51.100.7"
    pool = [(near, "10.0.2.12", False), (far, "10.0.2.12", False)] * 3 + [(near, "10.0.2.11", True), (far, "10.0.2.11", True)] * 5
    found = contrasts(calls(*pool))
    assert found
    assert all("exactly at real server 10.0.2.12:8080, whoever calls: 6 of 6 against 0 of 10" in said for said in found)


def test_one_client_prefix():
    for_all = [("10.0.2.50", "10.0.2.11", False)] * 5 + [("198.51.100.7", "10.0.2.11", True)] * 20
    assert contrasts(calls(*for_all)) == [
        "Fails exactly for clients in 10.0.2.0/24: 5 of 5 against 0 of 20 (chance below 1 in 1,000)."]


def test_the_balancer_sends_a_client_to_itself_once_in_two():
    turns = [("10.0.2.11", "10.0.2.11", False), ("10.0.2.11", "10.0.2.12", True)] * 8
    assert contrasts(calls(*turns)) == [
        "Fails exactly when the balancer sends a client to itself: 8 of 8 against 0 of 8 (chance below 1 in 1,000)."]


def test_an_outage_begins_with_a_redirect_and_ends():
    before, during = [("10.0.2.50", "10.0.2.11", True)] * 8, [("10.0.2.50", "10.0.2.11", False)] * 8
    redirect = (f"7.500000 10.0.2.1 > 10.0.2.11 icmp redirect 10.0.2.50 to 10.0.2.50 "
                f"(10.0.2.11 > 10.0.2.50 icmp id 9 seq 1) mac {LB}>{mac('10.0.2.11')}\n")
    ladder = calls(*before, *during, *before)
    place = ladder.index("8.000000 10.0.2.50")
    assert contrasts(ladder[:place] + redirect + ladder[place:]) == [(
        "Fails from 00:00:08 UTC until 00:00:15 UTC, and not after: 8 of 8 against 0 of 16 (chance below 1 in 1,000). "
        "Just before, frame 41 of capture 1 is a redirect for this client; Linux keeps one for 300 s (IPv4).")]


def test_an_outage_begins_when_an_address_moves_to_another_machine():
    before, during = [("10.0.2.50", "10.0.2.11", True)] * 8, [("10.0.2.50", "10.0.2.11", False)] * 8
    ladder = calls(*before, *during)
    place = ladder.index("8.000000 10.0.2.50")
    moved = "7.500000 arp reply 10.0.2.1 is-at 02:00:00:00:00:02 mac 02:00:00:00:00:02>ff:ff:ff:ff:ff:ff\n"
    first = f"0.000000 arp reply 10.0.2.1 is-at {LB} mac {LB}>{mac('10.0.2.11')}\n"
    assert contrasts(first + ladder[:place] + moved + ladder[place:]) == [(
        "Fails from 00:00:08 UTC: 8 of 8 against 0 of 8 (chance below 1 in 100). "
        "Just before, in frame 42 of capture 1, 10.0.2.1 moves to 02:00:00:00:00:02: a failover.")]


def test_two_against_one_explain_nothing_and_are_only_counted():
    few = [("10.0.2.50", "10.0.2.12", False)] * 2 + [("198.51.100.7", "10.0.2.11", True)]
    assert contrasts(calls(*few)) == [
        "2 of 3 connections fail; 1, from 1 client, succeed. The counts alone do not say what makes the difference."]


def test_nothing_is_contrasted_where_nothing_works():
    assert contrasts(calls(*[("10.0.2.50", "10.0.2.12", False)] * 4)) == [""]
