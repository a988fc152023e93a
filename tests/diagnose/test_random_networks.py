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
@pytest.mark.parametrize("version", CHOICES["version"])
@pytest.mark.parametrize("mapping", [True, False], ids=["map", "no-map"])
def test_a_fault_that_is_captured_everywhere_is_named(fault, arms, version, mapping):
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
    assert all(f.certainty.value == "certain" for f in answer.findings)


