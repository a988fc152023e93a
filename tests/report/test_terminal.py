"""The terminal format: order, commands that copy cleanly, no control character of a stranger."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
import report_examples as examples

from analyzer.diagnose.finding import Permanent
from analyzer.report.formats import terminal


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(diagnosis, **options) -> str:
    out = io.StringIO()
    terminal.write(diagnosis, out, **options)
    return out.getvalue()


def test_the_parts_come_in_the_order_in_which_they_are_needed():
    text = shown(examples.CLASSIC)
    places = [text.index(part) for part in (
        " BYPASS", "12 of 36 connections", "RP101", "Clients", "Evidence", "B_bypass.client.pcap:3",
        "Packet by packet", "Fix: Host route", "Know before", "Apply:", "Verify:", "Undo:", "Permanent:",
        "Proof: proven", "Other ways", "Services", "Captures",
    )]
    assert places == sorted(places)


@pytest.mark.parametrize("width", [40, 80, 100, 200])
@pytest.mark.parametrize("stream", [io.StringIO, Tty])
def test_every_command_stands_whole_at_the_left_edge_whatever_the_width(width, stream, monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = stream()
    terminal.write(examples.CLASSIC, out, width=width)
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in out.getvalue().split("\n")]
    fix = examples.IPROUTE2
    for command in (*fix.check, *fix.commands, *fix.verify, *fix.undo):
        for line in command.split("\n"):
            assert line in lines


def test_permanent_forms_are_a_choice_and_say_so():
    text = shown(examples.CLASSIC)
    assert "take that of the tool which manages this host" in " ".join(text.split())
    assert "Linux, permanent (netplan), Linux, permanent (ifupdown)" in " ".join(text.split())
    assert "/etc/netplan/" not in text                  # the page and the ticket have them
    one = replace(examples.IPROUTE2, persist=(), permanent=(Permanent("", "netplan", ("netplan try",), ("rm x",)),))
    text = shown(replace(examples.CLASSIC, findings=(replace(examples.BYPASS, fixes=(one,)),)))
    assert "\nnetplan try\nTo take it out again:\nrm x\n" in text


def test_lines_of_a_list_begin_below_its_first_word():
    text = shown(replace(examples.CLASSIC, assumptions=("word " * 30,)), width=60)
    first = next(line for line in text.split("\n") if line.startswith("  - word"))
    following = text.split("\n")[text.split("\n").index(first) + 1]
    assert following.startswith("    word")


def test_what_the_fix_leaves_as_it_is_is_not_told_twice():
    hop = "  client  out  eth0  192.168.11.50:1 > 203.0.113.100:80 [S]"
    proof = replace(examples.PROVEN, before=("SYN:", hop, "RST:", "  client  sends RST"),
                    after=("SYN:", hop, "SYN-ACK:", "  server  via lb"))
    text = shown(replace(examples.CLASSIC, findings=(
        replace(examples.BYPASS, fixes=(replace(examples.IPROUTE2, proof=proof),)),)))
    assert text.count(" ".join(hop.split())) == 1
    assert "    SYN: as now" in text
    assert text.index("sends RST") < text.index("With the fix") < text.index("server via lb")


def test_text_is_as_wide_as_asked():
    commands = "\n".join(c for f in examples.BYPASS.fixes for c in (*f.commands, *f.verify, *f.undo, *f.check, *f.persist))
    for line in shown(examples.CLASSIC, width=60).split("\n"):
        assert len(line) <= 60 or line in commands or "==" in line, line


def test_a_pipe_gets_no_escape_sequence_and_a_terminal_does(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Tty()
    terminal.write(examples.CLASSIC, out, width=100)
    assert "\x1b[" in out.getvalue()
    assert "\x1b" not in shown(examples.CLASSIC)
    stripped = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    assert [line.rstrip() for line in stripped.split("\n")] == \
        [line.rstrip() for line in shown(examples.CLASSIC, width=100).split("\n")]


def test_no_color_is_respected(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    out = Tty()
    terminal.write(examples.CLASSIC, out, width=100)
    assert not re.search(r"\x1b\[[0-9;]*(3[0-7]|4[0-7]|38|48)[;m]", out.getvalue())


def test_nothing_that_a_stranger_wrote_reaches_the_terminal_raw():
    text = shown(examples.ALL["hostile"])
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f]", text)
    assert r"\x1b[31m" in text
    assert "left out" in text          # the command with an escape sequence, and the endless one
    assert len(text) < 200_000


def test_a_terminal_without_unicode_gets_question_marks_and_no_error():
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    terminal.write(examples.THREE, out)
    out.flush()
    assert b"RP101" in raw.getvalue()


@pytest.mark.parametrize(("name", "words"), [
    ("healthy", ("HEALTHY", "found in 24 connections")),
    ("cannot-tell", ("CANNOT-TELL", "Capture next, on 192.168.11.10",
                     "\ntcpdump --immediate-mode -c 2000 -ni any -w server.pcap")),
    ("three", ("ERROR 1/3", "ERROR 2/3", "WARNING 3/3", "does not help", "No command does this")),
])
def test_the_other_verdicts(name, words):
    text = shown(examples.ALL[name])
    for word in words:
        assert word in text
