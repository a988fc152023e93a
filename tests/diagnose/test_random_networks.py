"""Random networks with a known truth: no verdict is wrong, and what is certain is right.

``networks.py`` and ``conversations.py`` play the network, ``capture_points.py``
captures and diagnoses it, ``expectations.py`` says what must hold.
"""

from __future__ import annotations

import pytest
from capture_points import captures, diagnose
from conversations import play
from expectations import told, wrong
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import CHOICES, DISTURBANCES, POINTS, Case, compose

from analyzer.diagnose.ladders import evidence_of

RANDOM = settings(max_examples=120, deadline=None, derandomize=True, database=None,
                  suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@st.composite
def cases(draw, *, disturbed=True):
    return compose(lambda name, options: draw(st.sampled_from(options), label=name), disturbed=disturbed)


def problems(case):
    played = play(case)
    captured = captures(played)
    if not captured:
        return ""
    answer = diagnose(played, captured)
    return "\n\n".join(told(played, captured, answer, note=problem) for problem in wrong(played, captured, answer))


@RANDOM
@given(cases())
def test_nothing_that_is_said_of_a_random_network_is_wrong(case):
    found = problems(case)
    assert not found, found


def substance(answer, captured):
    return (
        answer.verdict,
        sorted((f.rule, f.certainty, f.clients, f.virtual, f.real, f.connections) for f in answer.findings),
        sorted((s.virtual.address, s.virtual.port, r.address, r.port) for s in answer.services for r in s.reals),
        answer.connection_counts,
    )


@settings(RANDOM, max_examples=30)
@given(cases(), st.integers(1, 20), st.randoms(use_true_random=False))
def test_order_of_captures_and_cutting_of_batches_change_nothing(case, cut, chance):
    played = play(case)
    captured = captures(played)
    if not captured:
        return
    other = list(captured)
    chance.shuffle(other)
    assert substance(diagnose(played, other, cut=cut), other) == substance(diagnose(played, captured), captured)


FAULTS = {
    "none": None,
    "on-link": "client-on-servers-link",
    "server-is-client": "server-is-client",
    "gateway": "default-gateway-elsewhere",
    "gateway-drops": "default-gateway-elsewhere",
    "specific-route": "more-specific-route",
    "second-interface": "second-interface",
    "closed": "refused",
    "closed-behind-bypass": "client-on-servers-link",
    "silent": "server-silent",
    "redirect": "icmp-redirect",
    "state-lost": "translation-state-lost",
}
PLAIN = {name: options[0] for name, options in CHOICES.items()}
WHOLE = {name: options[0] for name, options in DISTURBANCES.items()}


def test_every_fault_has_its_cause():
    assert set(FAULTS) == set(CHOICES["fault"])


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("arms", CHOICES["arms"])
@pytest.mark.parametrize("mapping", [True, False], ids=["map", "no-map"])
def test_a_fault_that_is_captured_everywhere_is_named(fault, arms, mapping):
    version = 6 if (arms == "one") == mapping else 4
    case = Case({**PLAIN, "fault": fault, "arms": arms, "version": version, "mapping": mapping, "place": "far"},
                WHOLE, POINTS, 7)
    played = play(case)
    answer = diagnose(played, captures(played))
    expected = FAULTS[fault]
    if fault == "server-is-client" and not mapping:
        expected = "client-on-servers-link"      # that the client is a real server is in the map alone
    assert {f.cause.value for f in answer.findings} == ({expected} if expected else set()), \
        told(played, captures(played), answer)
    assert not list(wrong(played, captures(played), answer))
    # a silent server is never certain: an interface that nobody captured could have carried the reply
    sure = "likely" if expected == "server-silent" else "certain"
    assert all(f.certainty.value == sure for f in answer.findings)


# What the search found, each once.


def attempts(ladder):
    evidence = evidence_of(ladder)
    text = evidence.book.text
    return [(text(row["virtual"] or 0), text(row["real"] or 0), row["any_done"], row["virtual_from"])
            for row in evidence.rows("SELECT * FROM attempt ORDER BY attempt")]


def test_a_translated_reply_whose_request_was_not_captured_does_not_turn_the_mapping_round():
    """The balancer's inside, the client's own SYN and the real server's reply lost by the capture."""
    ladder = """
        0.000030 198.51.100.9:40000 > 10.0.2.11:8080 [S] seq 1000 ttl 61 mac 02:00:00:00:00:01>02:00:00:00:00:11
        0.000450 203.0.113.10:80 > 198.51.100.9:40000 [S.] seq 9000 ack 1001 ttl 63 mac 02:00:00:00:00:01>02:00:00:00:00:fe
    """
    assert attempts(ladder) == [("203.0.113.10", "10.0.2.11", False, "seen")]


def test_the_configuration_says_which_of_two_addresses_is_real_across_captures():
    ladder = """
        map 203.0.113.10:80 > 10.0.2.11:8080 nat
        0.000030 198.51.100.9:40000 > 10.0.2.11:8080 [S] seq 1000 ttl 61 mac 02:00:00:00:00:01>02:00:00:00:00:11 @server
        0.000450 203.0.113.10:80 > 198.51.100.9:40000 [S.] seq 9000 ack 1001 ttl 63 mac 02:00:00:00:00:fe>02:00:00:00:00:09 @client
    """
    assert attempts(ladder) == [("203.0.113.10", "10.0.2.11", False, "seen")]


@pytest.mark.parametrize(("reply_to", "done"), [("01", True), ("fe", False)])
def test_a_datagram_that_leaves_for_another_next_hop_may_never_have_arrived(reply_to, done):
    ladder = f"""
        0.000000 198.51.100.9:40000 > 10.0.2.11:5300 udp len 30 [data 01020304] ttl 61 mac 02:00:00:00:00:01>02:00:00:00:00:11
        0.000400 10.0.2.11:5300 > 198.51.100.9:40000 udp len 90 [data 01020304] ttl 64 mac 02:00:00:00:00:11>02:00:00:00:00:{reply_to}
    """
    assert [found[2] for found in attempts(ladder)] == [done]


def test_a_refusal_whose_request_was_not_captured_is_no_sign_of_health():
    """Nobody knows what was dialled: a closed port behind a bypass looks like this at the server."""
    case = Case({**PLAIN, "fault": "closed-behind-bypass", "mapping": False}, {**WHOLE, "direction": "out"}, ("server1",), 7)
    played = play(case)
    captured = captures(played)
    assert diagnose(played, captured).verdict.value == "cannot-tell", told(played, captured, diagnose(played, captured))


def test_copies_of_a_datagram_that_were_not_captured_on_both_sides_do_not_mix_two_addresses():
    ladder = """
        0.000000 198.51.100.8:40000 > 203.0.113.10:53 udp len 30 [data 05060708] ttl 61 id 8 mac 02:00:00:00:00:fe>02:00:00:00:00:01
        0.000030 198.51.100.8:40000 > 10.0.2.11:5300 udp len 30 [data 05060708] ttl 60 id 8 mac 02:00:00:00:00:01>02:00:00:00:00:11
        5.000030 198.51.100.9:40000 > 10.0.2.11:5300 udp len 30 [data 01020304] ttl 60 id 1 mac 02:00:00:00:00:01>02:00:00:00:00:11
        6.000000 198.51.100.9:40000 > 203.0.113.10:53 udp len 30 [data 01020304] ttl 61 id 2 mac 02:00:00:00:00:fe>02:00:00:00:00:01
    """
    evidence = evidence_of(ladder)
    found = evidence.rows("SELECT virtual, virtual_port FROM attempt")
    assert {(evidence.book.text(row["virtual"]), row["virtual_port"]) for row in found} == {("203.0.113.10", 53)}


def test_a_datagram_that_a_cooked_capture_at_the_server_sends_somewhere_may_have_gone_astray():
    """``-i any`` keeps no destination MAC: the real server's answer is seen, its way is not."""
    for fault, allowed in (("on-link", {"bypass", "cannot-tell"}), ("none", {"healthy", "cannot-tell"})):
        case = Case({**PLAIN, "fault": fault, "protocol": "udp", "quiet": True, "mapping": True}, {**WHOLE, "cooked": True},
                    ("server1_any",), 7)
        played = play(case)
        captured = captures(played)
        answer = diagnose(played, captured)
        assert answer.verdict.value in allowed, told(played, captured, answer)


@pytest.mark.parametrize("fault", ["on-link", "gateway", "silent", "second-interface", "none"])
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_cooked_capture_of_what_comes_in_misleads_nobody(fault, protocol):
    case = Case({**PLAIN, "fault": fault, "protocol": protocol, "mapping": True}, {**WHOLE, "cooked": True, "direction": "in"},
                ("server1_any", "lb_back", "lb_front"), 7)
    for points in (case.points, *((point,) for point in case.points)):
        played = play(Case(case.network, case.disturbed, points, 7))
        captured = captures(played)
        if captured:
            assert not list(wrong(played, captured, diagnose(played, captured)))


@pytest.mark.parametrize(("network", "disturbed", "points", "seed"), [
    ({"arms": "one", "version": 6, "clients": 3, "start_ttl": 128, "virtual_mac": "sends", "same_router": True,
      "lost": "translated", "noise": "half-open", "named": False},
     {"loss": 0.3, "reorder": True, "cooked": True}, ("lb_back", "server1"), 99),
    ({"servers": 2, "place": "front", "clients": 3, "calls": 2, "retries": 1, "reset_way": "lost", "timestamps": False,
      "virtual_mac": "answers", "claims": False, "same_router": True, "lost": "reply", "named": False},
     {"loss": 0.3, "snaplen": 54, "direction": "out"}, ("client", "lb_front", "lb_back", "server1", "server1_any"), 873),
])
def test_a_refusal_of_which_half_is_lost_does_not_turn_the_mapping_round(network, disturbed, points, seed):
    """A forwarded SYN in one capture, the translated refusal in another: the real server is not what was dialled."""
    case = Case({**PLAIN, "fault": "closed", "calls": 1, "clients": 1, "mapping": False, **network}, {**WHOLE, **disturbed}, points, seed)
    found = problems(case)
    assert not found, found


@pytest.mark.parametrize("fault", ["on-link", "gateway", "second-interface", "silent"])
def test_a_tap_of_what_comes_in_finds_no_silent_server_where_addresses_were_asked_for(fault):
    """The balancer asks for the server's address and then knows it: frames of the server are missing."""
    case = Case({**PLAIN, "fault": fault, "quiet": True}, {**WHOLE, "direction": "in"}, ("server1",), 7)
    played = play(case)
    captured = captures(played)
    answer = diagnose(played, captured)
    assert answer.verdict.value == "cannot-tell", told(played, captured, answer)
    assert answer.cannot_tell[0].capture_next
