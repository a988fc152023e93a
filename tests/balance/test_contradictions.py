"""A declared map against packets that say otherwise, and against packets that agree."""

from __future__ import annotations

import pytest

from analyzer.diagnose.ladders import evidence_of

MAP = """
map 203.0.113.10:80 > 10.0.2.11:8080 nat balancer 10.0.2.1
map 203.0.113.10:80 > 10.0.2.12:8080 nat balancer 10.0.2.1
"""

CLIENT, FRONT, BACK, SERVER = (f"02:00:00:00:00:{n}" for n in ("09", "f1", "01", "11"))

ASKED = f"0.000000 198.51.100.9:40000 > 203.0.113.10:80 [S] seq 1000 ttl 60 id 7 mac {CLIENT}>{FRONT}\n"


def forwarded(to, client="198.51.100.9:40000"):
    return f"0.000030 {client} > {to} [S] seq 1000 ttl 59 id 7 mac {BACK}>{SERVER}\n"


def answered(by, to="198.51.100.9:40000"):
    return (f"0.000060 {by} > {to} [S.] seq 9000 ack 1001 ttl 64 mac {SERVER}>{BACK}\n"
            f"0.000090 203.0.113.10:80 > 198.51.100.9:40000 [S.] seq 9000 ack 1001 ttl 63 mac {FRONT}>{CLIENT}\n")


def contradictions(ladder):
    evidence = evidence_of(ladder)
    text = evidence.book.text
    return [
        (r["what"], r["certainty"], f"{text(r['vip'])}:{r['vport']}", r["rip"] and f"{text(r['rip'])}:{r['rport']}",
         f"{text(r['declared_rip'])}:{r['declared_rport']}", r["declared_mode"], r["seen_mode"], r["never_chosen"],
         r["seen_frame"])
        for r in evidence.rows("SELECT * FROM contradiction ORDER BY what")
    ]


VIRTUAL, DECLARED = "203.0.113.10:80", "10.0.2.11:8080"


def test_packets_that_agree_contradict_nothing():
    assert contradictions(MAP + ASKED + forwarded(DECLARED) + answered(DECLARED)) == []


def test_no_configuration_nothing_to_contradict():
    assert contradictions(ASKED + forwarded("10.0.2.99:8080")) == []


def test_an_address_that_is_not_declared_is_chosen():
    other = "10.0.2.13:8080"
    assert contradictions(MAP + ASKED + forwarded(other) + answered(other)) == [
        ("other-real", "certain", VIRTUAL, other, DECLARED, "nat", None, True, 2)]


def test_a_declared_real_server_is_chosen_as_well():
    second = (ASKED + forwarded(DECLARED)).replace("40000", "40001").replace("1000 ", "5000 ")
    found = contradictions(MAP + ASKED + forwarded("10.0.2.13:8080") + second)
    assert [(what, never) for what, *_, never, _frame in found] == [("other-real", False)]


def test_an_answer_from_another_address_alone_is_weaker():
    ladder = MAP + ASKED + f"0.0001 10.0.2.13:8080 > 198.51.100.9:40000 [S.] seq 9000 ack 1001 ttl 64 mac {SERVER}>{CLIENT}\n"
    assert contradictions(ladder) == [
        ("other-real", "likely", VIRTUAL, "10.0.2.13:8080", DECLARED, "nat", None, True, 2)]


def test_another_port_of_a_declared_real_server():
    assert contradictions(MAP + ASKED + forwarded("10.0.2.12:80")) == [
        ("other-port", "certain", VIRTUAL, "10.0.2.12:80", "10.0.2.12:8080", "nat", None, True, 2)]


def test_another_port_of_the_virtual_service_is_another_service():
    assert contradictions((MAP + ASKED + forwarded("10.0.2.13:443")).replace(":80 [S]", ":443 [S]")) == []


def test_every_port_declared_every_port_agrees():
    ladder = "map 203.0.113.10:0 > 10.0.2.11:0 nat\n" + ASKED + forwarded("10.0.2.11:8080")
    assert contradictions(ladder) == []


@pytest.mark.parametrize("declared", ["direct", "tunnel", "proxy", "full-nat"])
def test_translated_although_something_else_is_declared(declared):
    found = contradictions(MAP.replace(" nat ", f" {declared} ") + ASKED + forwarded(DECLARED))
    assert found == [("other-mode", "certain", VIRTUAL, DECLARED, DECLARED, declared, "nat", False, 2)]


@pytest.mark.parametrize(("declared", "contradicts"), [("nat", True), ("full-nat", False)])
def test_the_source_is_translated_as_well(declared, contradicts):
    inside = "10.0.2.1:61000"
    stamped = ASKED.replace("seq 1000", "seq 1000 ts 77/0"), forwarded(DECLARED, inside).replace("seq 1000", "seq 1000 ts 77/0")
    found = contradictions(MAP.replace(" nat ", f" {declared} ") + "".join(stamped) + answered(DECLARED, inside))
    assert [(what, sure, mode, seen) for what, sure, _, _, _, mode, seen, *_ in found] == (
        [("other-mode", "certain", "nat", "full-nat")] if contradicts else [])


DIRECT = f"""
0.000000 arp reply 10.0.2.11 is-at {SERVER} mac {SERVER}>02:00:00:00:00:aa
0.000010 198.51.100.9:40000 > 203.0.113.10:80 [S] seq 1000 ttl 60 id 7 mac {BACK}>{SERVER}
0.000060 203.0.113.10:80 > 198.51.100.9:40000 [S.] seq 9000 ack 1001 ttl 64 mac {SERVER}>02:00:00:00:00:fe
"""


@pytest.mark.parametrize(("declared", "contradicts"), [("nat", True), ("proxy", True), ("direct", False)])
def test_the_real_server_answers_with_the_virtual_address(declared, contradicts):
    found = contradictions(MAP.replace(" nat ", f" {declared} ") + DIRECT)
    assert [(what, real, seen) for what, _, _, real, _, _, seen, *_ in found] == (
        [("other-mode", "10.0.2.11:80", "direct")] if contradicts else [])


def test_a_balancer_that_claims_its_real_servers_addresses_is_no_real_server():
    claims = f"0.0 arp reply 10.0.2.1 is-at {SERVER} mac {SERVER}>02:00:00:00:00:aa\n"
    assert contradictions(MAP + claims + DIRECT) == []


ITSELF = f"""
0.000000 arp reply 203.0.113.10 is-at {FRONT} mac {FRONT}>02:00:00:00:00:aa
0.000010 203.0.113.9:40000 > 203.0.113.10:80 [S] seq 1000 ttl 64 mac {CLIENT}>{FRONT}
0.000060 203.0.113.10:80 > 203.0.113.9:40000 [S.] seq 9000 ack 1001 ttl 64 mac {FRONT}>{CLIENT}
"""


@pytest.mark.parametrize(("ladder", "contradicts"), [
    (ITSELF, True),
    (ITSELF.replace("1001 ttl 64", "1001 ttl 63"), False),                    # it comes from behind
    (ITSELF.replace(f"is-at {FRONT} mac {FRONT}", "is-at 02:00:00:00:00:77 mac 02:00:00:00:00:77"), False),     # somebody else holds the address
    (ITSELF + forwarded(DECLARED, "203.0.113.9:40000"), False),               # and it was passed on
])
def test_the_virtual_address_answers_itself(ladder, contradicts):
    found = contradictions(MAP + ladder)
    assert [(what, sure, real, seen) for what, sure, _, real, _, _, seen, *_ in found] == (
        [("answers-itself", "likely", None, "proxy")] if contradicts else [])


def test_a_chain_of_balancers_that_ends_where_it_is_declared():
    chain = (ASKED + forwarded("10.0.1.10:80")
             + f"0.000060 198.51.100.9:40000 > {DECLARED} [S] seq 1000 ttl 58 id 7 mac {BACK}>{SERVER}\n")
    assert contradictions(MAP + chain) == []
