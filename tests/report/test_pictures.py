"""The pictures: read off the ladder, described in words, escaped."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import report_examples as examples
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.diagnose.finding import Ladder, LadderEvent, LadderHost
from analyzer.report.ladder import ladder_lines, ladder_svg, sentences
from analyzer.report.svg import element, shortened
from analyzer.report.timeline import BINS, binned, timeline_svg
from analyzer.report.topology import described, topology_svg, ways
from analyzer.units import UnixNs

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = examples.ALL["hostile"].findings[0]


def link(index: int) -> tuple[str, str]:
    return f"#frame-{index}", f"client.pcap:{index}"


def drawn(markup) -> ET.Element:
    return ET.fromstring(str(markup))


def test_the_ladder_has_an_arrow_per_packet_and_says_all_of_it_in_words():
    root = drawn(ladder_svg(examples.LADDER, "x", "title", link))
    assert [line.get("class") for line in root.iter(f"{SVG}line") if line.get("marker-end")] == \
        ["wire ok", "wire ok", "wire stray", "wire rejected", "wire lost"]
    assert root.find(f"{SVG}title").text == "title"
    assert root.find(f"{SVG}desc").text == " ".join(sentences(examples.LADDER))
    assert [a.get("href") for a in root.iter(f"{SVG}a")] == ["#frame-0", "#frame-1", "#frame-3", "#frame-4"]


def test_the_ladder_in_characters():
    lines = ladder_lines(examples.LADDER, 100)
    assert lines[2:] == [
        "0.000000  |-- [S] to 203.0.113.100:80 ->|                             |",
        "0.000690  |                             |- [S] to 192.168.11.10:8080 >|",
        "0.000758  |<====== [S.] from 192.168.11.10:8080 ack 2719755729 =======|  skips the balancer",
        "0.000796  |-------------------- [R] seq 2719755729 ------------------>|  rejected",
        "1.004666  |. [S] again, same sequence… >|                             |  never answered",
    ]
    narrow = ladder_lines(examples.LADDER, 62)
    assert narrow[2:4] == [
        "0.000000  |---- [S] ---->|              |",
        "0.000690  |              |---- [S] ---->|",
    ]
    assert lines[0].split() == ["client", "balancer", "web1"]


def test_a_narrow_ladder_is_a_list_of_sentences():
    assert ladder_lines(examples.LADDER, 50) == sentences(examples.LADDER)
    assert sentences(examples.LADDER)[2] == \
        "0.000758  web1 -> client  [S.] from 192.168.11.10:8080 ack 2719755729 (skips the balancer)"


def test_nothing_to_draw_draws_nothing():
    assert ladder_lines(Ladder(), 100) == []
    assert ladder_svg(Ladder(), "x", "t", link) == ""
    assert topology_svg(replace(examples.BYPASS, ladder=Ladder()), "x", "t") == ""
    assert timeline_svg((), "x") == ""
    assert timeline_svg(examples.HEALTHY.connections, "x") == ""


def test_the_classic_ways():
    taken = ways(examples.BYPASS)
    assert taken.request == ((0, 1), (1, 2))
    assert taken.reply == ((2, 0),)
    assert taken.missing == ((2, 1), (1, 0))
    assert described(examples.LADDER, taken) == (
        "The request went: client, balancer, web1. The reply went: web1, client. "
        "It should have gone: web1, balancer, client.")


def test_the_ways_over_another_router():
    taken = ways(examples.GATEWAY)
    assert taken.request == ((0, 1), (1, 2))
    assert taken.reply == ((2, 3), (3, 0))
    assert taken.missing == ((2, 1), (1, 0))


def test_what_is_not_a_bypass_misses_no_arrow():
    assert ways(replace(examples.BYPASS, bypass=False)).missing == ()


def test_the_picture_marks_the_host_that_must_change_and_draws_the_mended_way():
    root = drawn(topology_svg(examples.BYPASS, "x", "t"))
    assert len([r for r in root.iter(f"{SVG}rect") if r.get("class") == "host changes"]) == 1
    groups = {g.get("class"): [line.get("class") for line in g.iter(f"{SVG}line")] for g in root.iter(f"{SVG}g")
              if g.get("class")}
    assert groups["mended"] == ["way fixed", "way fixed"]
    assert [line.get("class") for line in root.iter(f"{SVG}line")].count("way missing") == 2


hosts = st.lists(st.sampled_from(["client", "balancer", "server", "router", "other", "?"]), min_size=1, max_size=7)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(hosts, st.data())
def test_any_ladder_can_be_drawn(kinds, data):
    place = st.integers(0, len(kinds) - 1)
    events = data.draw(st.lists(st.builds(
        LadderEvent, st.integers(0, 10**19).map(UnixNs), place, place, st.text(max_size=90),
        st.sampled_from(["ok", "stray", "rejected", "lost", "?"]), st.none() | st.integers(0, 3)), max_size=8))
    ladder = Ladder(tuple(LadderHost(kind, "name", "10.0.2.9") for kind in kinds), tuple(events))
    finding = replace(examples.BYPASS, ladder=ladder)
    width = data.draw(st.integers(20, 200))
    assert len(ladder_lines(ladder, width)) in {0, len(events), len(events) + 2}
    for markup in (ladder_svg(ladder, "x", "t", link), topology_svg(finding, "x", "t")):
        assert "nan" not in markup
        assert "inf" not in markup


def test_hostile_names_are_text():
    from analyzer.report.clean import cleaned

    clean_finding = cleaned(HOSTILE)
    for markup in (topology_svg(clean_finding, "x", "t"), ladder_svg(clean_finding.ladder, "x", "t", link)):
        root = drawn(markup)
        assert {e.tag.removeprefix(SVG) for e in root.iter()} <= {
            "svg", "title", "desc", "defs", "marker", "path", "line", "rect", "text", "tspan", "g", "a"}


@settings(deadline=None, derandomize=True)
@given(st.text(st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc"))))
def test_attributes_and_children_are_escaped(text):
    root = ET.fromstring(str(element("text", text, class_=text, data_x=text)))
    assert root.text == (text or None)
    assert root.get("data-x") == text


def test_a_long_text_is_cut_with_a_mark():
    assert shortened("x" * 100, 73) == "x" * 9 + "…"
    assert shortened("short", 100) == "short"


def test_every_connection_is_in_one_bin():
    failed, other = binned(examples.CLASSIC.connections)
    assert (len(failed), sum(failed), sum(other)) == (BINS, 12, 24)
    root = drawn(timeline_svg(examples.CLASSIC.connections, "x"))
    assert "12 of 36 connections" in root.find(f"{SVG}desc").text
