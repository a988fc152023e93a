"""What is said where the packets do not do what the configuration says."""

from __future__ import annotations

import pytest

from analyzer.diagnose.contradicted import contradictions
from analyzer.diagnose.judge import judge
from analyzer.diagnose.ladders import evidence_of
from analyzer.diagnose.overview import CaptureRead
from analyzer.diagnose.ruledoc import rulebook

MAP = "map 203.0.113.10:80 > 10.0.2.11:8080 nat\n"
ASKED = "0.000000 198.51.100.9:40000 > 203.0.113.10:80 [S] seq 1000 ttl 60 mac 02:00:00:00:00:77>02:00:00:00:00:01\n"
PASSED = "0.000030 198.51.100.9:40000 > {} [S] seq 1000 ttl 59 mac 02:00:00:00:00:01>02:00:00:00:00:11\n"


def said(ladder):
    evidence = evidence_of(ladder, "lb.yaml")
    return contradictions(judge(rulebook(), evidence), evidence, [CaptureRead("lb.pcap", "lb")])


def test_a_configuration_that_is_followed_is_not_mentioned():
    assert said(MAP + ASKED + PASSED.format("10.0.2.11:8080")) == ()


def test_another_real_server_with_its_line_its_frame_and_a_question():
    (sentence,) = said(MAP + ASKED + PASSED.format("10.0.2.13:8080"))
    assert sentence == (
        "lb.yaml:1: the packets contradict the configuration: 203.0.113.10:80 goes to 10.0.2.13:8080, which is not among "
        "its declared real servers (see frame 2 of lb.pcap). None of its declared real servers is ever chosen: is this "
        "the balancer's running configuration?"
    )


@pytest.mark.parametrize(("declared", "real", "shows"), [
    ("nat", "10.0.2.11:80", "203.0.113.10:80 goes to 10.0.2.11:80; declared is 10.0.2.11:8080"),
    ("proxy", "10.0.2.11:8080", "203.0.113.10:80 is declared as proxy, and the packets show nat to 10.0.2.11:8080"),
])
def test_another_port_and_another_mode(declared, real, shows):
    (sentence,) = said(MAP.replace(" nat", f" {declared}") + ASKED + PASSED.format(real))
    assert shows in sentence


def test_alike_ones_are_counted():
    second = (ASKED + PASSED).replace(":40000", ":40001").replace("seq 1000", "seq 5000")
    (sentence,) = said(MAP + (ASKED + PASSED + second).replace("{}", "10.0.2.13:8080"))
    assert "(2 connections, first in frame 2 of lb.pcap)" in sentence


def test_missing_source_translation_is_a_finding_and_not_said_twice():
    asked_again = ASKED.replace("0.0", "1.0", 1)
    assert said(MAP.replace(" nat", " full-nat") + ASKED + PASSED.format("10.0.2.11:8080") + asked_again) == ()
