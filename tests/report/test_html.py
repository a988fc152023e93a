"""The page as text: self-contained, escaped, a strict policy, small enough."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import report_examples as examples
from markupsafe import escape

from analyzer.api import analyze
from analyzer.export import with_octets
from analyzer.report.formats import html

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"

VOID = {"meta", "input", "br", "link", "hr", "img"}


def page(diagnosis) -> str:
    out = io.StringIO()
    html.write(diagnosis, out)
    return out.getvalue()


PAGES = {name: page(diagnosis) for name, diagnosis in examples.ALL.items()}


class Tree(HTMLParser):
    """Checks that elements close in order, and collects what is asked for in tests."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        for key, value in attrs:
            self.attributes.append((tag, key, value))
            if key == "id":
                self.ids.append(value)
            if key == "href":
                self.targets.append(value)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_well_formed_and_its_links_lead_somewhere(name):
    tree = Tree(PAGES[name])
    assert len(tree.ids) == len(set(tree.ids))
    for target in tree.targets:
        assert target.startswith("#")
        assert target[1:] in tree.ids


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_loaded_and_nothing_inline_escapes_the_policy(name):
    tree = Tree(PAGES[name])
    for tag, key, value in tree.attributes:
        assert key not in {"src", "srcset", "style", "action", "formaction", "poster", "data", "xlink:href"}, (tag, key)
        assert not key.startswith("on"), (tag, key)
        assert "javascript:" not in (value or "").lower()
        if key != "xmlns":
            assert not re.match(r"(https?:)?//", value or ""), (tag, key, value)


@pytest.mark.parametrize("name", PAGES)
def test_the_policy_allows_exactly_the_style_and_the_script_of_the_page(name):
    text = PAGES[name]
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for kind in ("style", "script"):
        parts = re.findall(rf"<{kind}>(.*?)</{kind}>", text, re.DOTALL)
        assert len(parts) == 1
        digest = base64.b64encode(hashlib.sha256(parts[0].encode()).digest()).decode()
        assert f"{kind}-src &#39;sha256-{digest}&#39;" in policy.replace("'", "&#39;").replace("&#43;", "+")


def test_hostile_text_stays_text():
    text = PAGES["hostile"]
    assert "<script>window" not in text
    assert "{{7*7}}" in text            # shown as it is, not computed
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", text)
    assert len(text) < 300_000


def test_a_report_of_three_findings_is_small():
    assert len(PAGES["three"].encode()) < 200_000


def test_three_real_findings_with_all_their_fixes_fit_and_keep_the_recommended_whole():
    found = []
    for name in ("client-on-servers-link", "default-gateway-elsewhere"):
        diagnosis = with_octets(analyze([f"{p.stem}={p}" for p in sorted((SAMPLES / name).glob("*.pcap"))]))
        assert len(page(diagnosis).encode()) < 180_000
        found += diagnosis.findings
    three = [replace(f, evidence=tuple(replace(e, capture=0) for e in f.evidence)) for f in (*found, found[0])]
    text = page(replace(examples.CLASSIC, findings=tuple(three)))
    assert len(text.encode()) < 200_000
    for ident, finding in zip(("RP101", "RP103", "RP101-2"), three, strict=True):
        best = next(fix for fix in finding.fixes if fix.recommended)
        for field in ("check", "commands", "verify", "undo", "persist"):
            assert bool(getattr(best, field)) == (f'id="{ident}-fix1-1-{field}"' in text)
        assert str(escape("\n".join(best.commands))) in text
        assert all(title in text for title in {str(escape(fix.title)) for fix in finding.fixes})


def test_a_report_of_a_hundred_thousand_connections_stays_small():
    assert len(page(examples.crowd(100_000)).encode()) < 3_000_000


def test_two_findings_of_one_rule_have_anchors_of_their_own():
    assert html.identifiers(["RP101", "RP103", "RP101", "<b>", ""]) == ["RP101", "RP103", "RP101-2", "b", "finding"]


@pytest.mark.parametrize(("name", "parts"), [
    ("classic", ("Reply skips the balancer", 'id="RP101"', 'id="RP101-c0-f6"', "ip route add 192.168.11.50/32")),
    ("healthy", ("Healthy", "found in 24 connections")),
    ("cannot-tell", ("Cannot tell", "tcpdump --immediate-mode -c 2000", "learned from the packets")),
    ("three", ('id="RP101"', 'id="RP103"', 'id="RP401"', "does not help", "the last record is cut")),
])
def test_what_each_verdict_shows(name, parts):
    for part in parts:
        assert part in PAGES[name]
