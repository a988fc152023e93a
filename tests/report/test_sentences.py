"""What every format says in the same words."""

from __future__ import annotations

import string
from dataclasses import replace

import pytest
import report_examples as examples
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import escape

from analyzer.diagnose.finding import Applicability, Cause, Certainty, Service, ServiceAddress, Severity, Verdict
from analyzer.report import sentences as s
from analyzer.report.prose import blocks, inline, prose
from analyzer.report.rows import table
from analyzer.report.texts import ENGLISH, known, say


@pytest.mark.parametrize(("name", "sentence"), [
    ("classic", ("12 of 36 connections to 203.0.113.100:80 failed because 192.168.11.10 answers the client directly, past "
                "the load balancer. The change belongs on 192.168.11.10.")),
    ("three", ("12 of 36 connections to 203.0.113.100:80 failed because 192.168.11.10 answers the client directly, past "
              "the load balancer. The change belongs on 192.168.11.10. 2 more findings follow.")),
    ("healthy", "Nothing wrong was found in 24 connections: every reply that these captures hold came back the way it should."),
    ("cannot-tell", ("These captures do not decide it. One more capture on 192.168.11.10 would; "
                    "the command is below.")),
])
def test_the_verdict_in_one_breath(name, sentence):
    assert s.verdict_sentence(examples.ALL[name]) == sentence


def test_the_verdict_without_what_it_would_name():
    bare = replace(examples.BYPASS, virtual=None, real=None, hosts=(), connections=1)
    text = s.verdict_sentence(replace(examples.CLASSIC, findings=(bare,), connection_counts={}))
    assert text == ("1 connection to the virtual service failed because the real server answers the client directly, "
                    "past the load balancer. The captures do not show which host must change.")
    for verdict in Verdict:
        assert s.verdict_sentence(replace(examples.HEALTHY, verdict=verdict, connection_counts={}))


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_a_sentence_of_its_own(cause):
    finding = replace(examples.BYPASS, cause=cause, bypass=False)
    fault = s.verdict_sentence(replace(examples.CLASSIC, verdict=Verdict.FAULT, findings=(finding,)))
    bypass = s.verdict_sentence(replace(examples.CLASSIC, findings=(finding,)))
    if cause is not Cause.REPLY_PATH_UNKNOWN:       # how that one goes past the balancer is what is not known
        assert (f"how.{cause}" in ENGLISH) != (f"fault.{cause}" in ENGLISH)
    assert "{" not in fault + bypass


def test_a_fault_without_a_service_names_none():
    finding = replace(examples.BYPASS, cause=Cause.DETOUR_DROPPED, bypass=False, virtual=None)
    text = s.verdict_sentence(replace(examples.CLASSIC, verdict=Verdict.FAULT, findings=(finding,)))
    assert text.startswith("12 of 36 connections failed because the replies of 192.168.11.10 take the way")


def test_health_with_remarks_does_not_say_that_nothing_was_found():
    text = s.verdict_sentence(replace(examples.HEALTHY, findings=(examples.SILENT,)))
    assert text == "The replies of 24 connections, as far as these captures hold them, came back the way they should. What else was seen is below."


def test_there_is_a_text_for_every_word_of_the_contract():
    for verdict in Verdict:
        say(f"word.{verdict}")
    for severity in Severity:
        say(f"severity.{severity}")
    for certainty in Certainty:
        say(f"certainty.{certainty}.long")
    for applicability in Applicability:
        say(f"proof.{applicability}")
        assert s.proof_sentence(replace(examples.PROVEN, applicability=applicability))


def test_every_text_can_be_filled():
    for key, text in ENGLISH.items():
        names = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
        assert all(name.isidentifier() for name in names), key
        say(key, **dict.fromkeys(names, "x"))


def test_an_unknown_key_is_an_error_and_an_unknown_word_is_shown():
    with pytest.raises(KeyError):
        say("no.such.key")
    assert known("dialect.cisco_ios", "cisco_ios") == "cisco_ios"


def test_braces_of_a_stranger_are_not_filled():
    hostile = replace(examples.BYPASS, hosts=("{product}", "{0.__class__}"))
    assert "{0.__class__}" in s.verdict_sentence(replace(examples.CLASSIC, findings=(hostile,)))


def test_every_dialect_is_called_what_it_calls_itself():
    import analyzer.dialects
    from analyzer.plugins import discover

    for name, dialect in discover(analyzer.dialects).items():
        if not getattr(dialect, "PERSISTENT", False):
            assert known(f"dialect.{name}", "") == dialect.TITLE


@pytest.mark.parametrize(("items", "text"), [
    ((), ""), (("a",), "a"), (("a", "b"), "a and b"), (("a", "b", "c"), "a, b and c"),
    (("a", "b", "c", "d"), "a, b, c and 1 more"), (tuple("abcdefg"), "a, b, c and 4 more"),
])
def test_lists(items, text):
    assert s.listed(items) == text


@pytest.mark.parametrize(("time", "text"), [
    (0, "1970-01-01 00:00:00.000000 UTC"),
    (1_795_341_979_088_613_000, "2026-11-22 10:06:19.088613 UTC"),
    (2**63, "2262-04-11 23:47:16.854775 UTC"),
    (10**22, "10000000000000.000000000 s"),
])
def test_instants(time, text):
    assert s.instant(time) == text


@settings(deadline=None, derandomize=True)
@given(st.integers(-10**25, 10**25), st.integers(-10**25, 10**25))
def test_any_time_can_be_said(time, start):
    assert s.instant(time)
    assert s.since(time, start)


def test_ipv6_endpoints_are_bracketed():
    assert s.joined_port("2001:db8::1", 80) == "[2001:db8::1]:80"
    assert s.joined_port("2001:db8::1", 0) == "2001:db8::1"


def test_clocks():
    assert [s.clock(c) for c in examples.CAPTURES] == ["reference", "-4 ± 27 µs", "+2 ± 15 µs"]
    assert s.clock(replace(examples.CAPTURES[0], clock_offset_ns=None)) == "not compared"


def test_the_file_name_without_its_folders():
    for path in ("/a/b/x.pcap", "C:\\a\\x.pcap", "x.pcap"):
        assert s.capture_name(replace(examples.CAPTURES[0], path=path)) == "x.pcap"


def test_prose_knows_paragraphs_lists_code_and_emphasis():
    text = "# Head\nOne `a<b` and *em*\ngoes on.\n\nList:\n* x\n  more\n* **y**\n\n1. z\n\n```sh\nip route\n  <b>\n```\nEnd."
    assert list(blocks(text)) == [
        ("p", ["Head One `a<b` and *em* goes on."]), ("p", ["List:"]), ("ul", ["x more", "**y**"]), ("ul", ["z"]),
        ("pre", ["ip route\n  <b>"]), ("p", ["End."]),
    ]
    assert "<code>a&lt;b</code> and <em>em</em>" in prose(text)
    assert "<pre><code>ip route\n  &lt;b&gt;</code></pre>" in prose(text)


@pytest.mark.parametrize("text", ["rm /run/a* /run/b*", "2*3*4", "sed 's|.*x.*||'", "a ** b ** c", "*.pcap and *.txt"])
def test_stars_of_commands_stay_stars(text):
    assert inline(text) == str(escape(text))


@settings(deadline=None, derandomize=True)
@given(st.text())
def test_prose_of_anything_is_only_our_elements(text):
    import re

    for tag in re.findall(r"<(/?\w+)", prose(text) + inline(text)):
        assert tag.strip("/") in {"p", "ul", "li", "code", "pre", "em", "strong"}


def test_few_connections_have_a_row_each_and_many_share():
    assert len(table(examples.CLASSIC).rows) == 36
    assert not table(examples.CLASSIC).grouped
    grouped = table(examples.CLASSIC, few=10)
    assert grouped.grouped
    assert grouped.rows[0].count == 12
    assert grouped.rows[0].first.outcome == "bypass"
    assert sum(row.count for row in grouped.rows) == 36
    cut = table(examples.crowd(5000), few=10, most=100)
    assert len(cut.rows) == 100
    assert sum(row.count for row in cut.rows) + cut.connections_left_out == 5000
    assert cut.rows_left_out > 0


def test_a_probability_too_small_for_a_number_is_not_nought():
    service = Service(ServiceAddress("203.0.113.10", 80, "tcp"), (), "inferred", "", 9000, coincidence=0.0)
    assert s.shown_by(service) == "9,000 connections; by accident with a probability of less than 1e-300"
