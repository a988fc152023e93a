"""Markdown for tickets, read back by a Markdown parser that we did not write."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
import report_examples as examples
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from analyzer.api import analyze
from analyzer.report.formats import markdown
from analyzer.report.formats.markdown import fenced, mermaid, plain, rich, span
from analyzer.report.steps import portions, steps

PARSER = MarkdownIt("commonmark", {"html": True}).enable("table")
LINE = st.text(st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc", "Zl", "Zp", "Zs")) | st.just(" ")).map(
    lambda text: re.sub(" +", " ", text).strip())


def text_of(diagnosis) -> str:
    out = io.StringIO()
    markdown.write(diagnosis, out)
    return out.getvalue()


def leaves(text, *kinds):
    """The contents of every token of these kinds, in order."""
    for token in PARSER.parse(text):
        for part in [token, *(token.children or [])]:
            if part.type in kinds:
                yield part.content


@settings(deadline=None, derandomize=True)
@given(LINE)
def test_escaped_text_is_shown_as_it_is(text):
    tokens = PARSER.parse(plain(text))
    assert {token.type for token in tokens} <= {"paragraph_open", "inline", "paragraph_close"}
    shown = "".join(leaves(plain(text), "text", "text_special"))
    assert shown == text


@settings(deadline=None, derandomize=True)
@given(LINE)
def test_code_is_shown_as_it_is(text):
    if text:
        assert list(leaves(f"a {span(text)} b", "code_inline")) == [text]
        assert list(leaves(fenced([text, text]), "fence")) == [f"{text}\n{text}\n"]


def test_every_command_is_in_a_fence_exactly_as_it_is():
    fences = list(leaves(text_of(examples.CLASSIC), "fence"))
    for fix in examples.BYPASS.fixes:
        for part in (fix.check, fix.commands, fix.verify, fix.undo):
            if part:
                assert "\n".join(part) + "\n" in fences
        for _, part in portions(fix.persist):
            assert "\n".join(part) + "\n" in fences


@pytest.mark.parametrize("name", examples.ALL)
def test_no_markup_of_a_stranger_is_alive(name):
    text = text_of(examples.ALL[name])
    assert list(leaves(text, "html_block", "html_inline", "image", "link_open")) == []
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    assert len(text) < 300_000


def test_the_explanation_keeps_its_own_marks():
    assert rich("a `b*c` and *d* <e>") == r"a `b*c` and *d* \<e\>"
    text = text_of(examples.CLASSIC)
    assert "rewrites the *destination* of" in text
    assert "- the client gets a SYN-ACK from `192.168.11.10:8080`" in text


def test_the_ladder_as_a_sequence_diagram():
    assert list(mermaid(examples.LADDER)) == [
        "sequenceDiagram",
        "  participant h0 as client 192.168.11.50",
        "  participant h1 as balancer 192.168.11.1",
        "  participant h2 as web1 192.168.11.10",
        "  h0->>h1: [S] to 203.0.113.100:80 seq 2719755728",
        "  h1->>h2: [S] to 192.168.11.10:8080 seq 2719755728",
        "  h2-xh0: [S.] from 192.168.11.10:8080 ack 2719755729 (skips the balancer)",
        "  h0-xh2: [R] seq 2719755729 (rejected)",
        "  h0--)h1: [S] again, same sequence number (never answered)",
    ]


def test_nothing_of_a_stranger_is_mermaid():
    for line in mermaid(examples.ALL["hostile"].findings[0].ladder):
        head, _, text = line.partition(" as " if "participant" in line else ": ")
        assert re.fullmatch(r"[A-Za-z0-9 .,:/()\[\]_-]*", re.sub(r"#\d+;", "", text)), text
        assert re.fullmatch(r"sequenceDiagram|  participant h\d|  h\d(->>|-x|--\))h\d", head)


def test_the_tables_are_tables():
    tokens = [token.type for token in PARSER.parse(text_of(examples.THREE))]
    assert tokens.count("table_open") == 4      # facts of three findings, services


def test_a_real_finding_with_all_its_fixes_fits_into_a_ticket():
    """GitHub takes 65,536 characters."""
    folder = Path(__file__).parents[2] / "sample_pcaps" / "client-on-servers-link"
    diagnosis = analyze([f"{path.stem}={path}" for path in sorted(folder.glob("*.pcap"))])
    text = text_of(diagnosis)
    assert len(text) < 65_536
    fences = "".join(leaves(text, "fence"))
    for fix in diagnosis.findings[0].fixes:
        for form in (form for step in steps(fix) for form in step.forms):
            assert "\n".join(form.lines) in fences
    for fix in diagnosis.findings[0].fixes:
        for line in fix.caveats:
            assert rich(line) in text
