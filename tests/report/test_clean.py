"""The gate for text: nothing that a terminal, an eye or a shell would obey gets through."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import report_examples as examples
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.clean import BLOCK_LIMIT, LIMIT, clean, clean_block
from analyzer.report.clean import LEFT_OUT, clean_command, cleaned, map_texts

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@settings(deadline=None, derandomize=True)
@given(ANY_TEXT)
def test_no_control_format_or_surrogate_character_is_left(text):
    # Cf also holds characters that are harmless in a report (soft hyphen is not): the gate takes the whole
    # category but for prepended concatenation marks, which belong to their digits in Arabic and Syriac.
    allowed = set("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2")
    for character in clean(text):
        assert unicodedata.category(character) not in {"Cc", "Cs", "Zl", "Zp"}
        if unicodedata.category(character) == "Cf" and character not in allowed:
            assert ord(character) >= 0x10000, hex(ord(character))


@settings(deadline=None, derandomize=True)
@given(ANY_TEXT)
def test_cleaning_twice_changes_nothing_more(text):
    once = clean(text, 10_000)
    assert clean(once, 100_000) == once


@settings(deadline=None, derandomize=True)
@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), max_size=LIMIT))
def test_ordinary_text_is_untouched(text):
    assert clean(text) == text
    assert clean_command(text) == text


def test_what_is_hidden_becomes_visible():
    assert clean("a\x1b[31mb\u202ec\x9bd\u200be\ud800f\ng") == r"a\x1b[31mb\u202ec\x9bd\u200be\ud800f\ng"


def test_an_endless_text_ends():
    assert len(clean("x" * 10_000_000)) < LIMIT + 40
    assert clean("x" * 10_000_000).endswith("… (10000000 characters)")
    assert len(clean_block("x" * 10_000_000)) < BLOCK_LIMIT + 40


def test_lines_of_a_block_stay():
    assert clean_block("a\r\nb\n\tc\x1b") == "a\nb\n\\tc\\x1b"


def test_a_command_is_whole_or_not_there():
    here = "nft -f - <<'N'\ntable ip x {\n}\nN"
    assert clean_command(here) == here
    for bad in ("ip route add x\x1b]52;c;cm0K\x07", "echo \u202egnp", "a\rb", "x" * (BLOCK_LIMIT + 1)):
        assert clean_command(bad) == LEFT_OUT


def test_a_diagnosis_passes_whole_and_untouched_where_it_is_clean():
    assert cleaned(examples.CLASSIC) is examples.CLASSIC
    assert cleaned(examples.THREE) is examples.THREE


def test_every_text_of_a_hostile_diagnosis_is_cleaned():
    seen = []
    map_texts(cleaned(examples.ALL["hostile"]), lambda text, name: seen.append((name, text)) or text)
    assert len(seen) > 100
    for name, text in seen:
        assert clean_block(text) == text, name
        assert "\x1b" not in text


def test_a_filter_that_would_change_is_dropped_rather_than_printed_wrong():
    finding = replace(examples.BYPASS, filter="tcp.port == 80\u202e")
    assert cleaned(finding).filter == ""


def test_texts_are_mapped_everywhere_and_words_of_enumerations_stay():
    mapped = map_texts(examples.CLASSIC, lambda text, _: text.upper())
    assert mapped.verdict is examples.CLASSIC.verdict
    assert mapped.findings[0].cause is examples.BYPASS.cause
    assert mapped.findings[0].evidence[0].segment == examples.EVIDENCE[0].segment.upper()
    assert mapped.captures[0].packets == {"TCP": 12, "ARP": 4, "OTHER": 2}
