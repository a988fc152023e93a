"""What could not be told comes with the next capture, as a command that tcpdump takes."""

from __future__ import annotations

import shlex
import shutil
import subprocess

import pytest

from analyzer.diagnose.judge import judge
from analyzer.diagnose.ladders import evidence_of
from analyzer.diagnose.open_questions import open_questions
from analyzer.diagnose.overview import CaptureRead
from analyzer.diagnose.ruledoc import rulebook

SYN = "0.0 198.51.100.9:40000 > 203.0.113.10:80 [S] seq 1000 ttl 60 mac 02:00:00:00:00:77>02:00:00:00:00:01\n"
PASSED = "0.1 198.51.100.9:40000 > 10.0.2.11:8080 [S] seq 1000 ttl 59 mac 02:00:00:00:00:01>02:00:00:00:00:11\n"
REPLY = "0.2 10.0.2.11:8080 > 198.51.100.9:40000 [S.] seq 9 ack 1001 ttl 64 mac 02:00:00:00:00:11>02:00:00:00:00:{}\n"
GOES_ON = """
    0.0 198.51.100.9:40000 > 203.0.113.10:80 [S] seq 1000 ttl 60
    0.2 198.51.100.9:40000 > 203.0.113.10:80 [.] seq 1001 ack 9001 ttl 60
    0.3 198.51.100.9:40000 > 203.0.113.10:80 [P.] seq 1001 ack 9001 len 50 ttl 60
"""
GAPS = {
    "What did": REPLY.format("01"),
    "Where do requests": SYN,
    "or the address that answers it": """
        0.0 198.51.100.9:40000 > 10.0.2.11:8080 [S] seq 1000 ttl 61 mac 02:00:00:00:00:01>02:00:00:00:00:11 @a
        0.4 203.0.113.10:80 > 198.51.100.9:40000 [R.] seq 0 ack 1001 ttl 62 mac 02:00:00:00:00:fe>02:00:00:00:00:09 @b
    """,
    "Does 10.0.2.11:5300 answer what 10.0.2.9 asked": """
        0.0 10.0.2.9:40000 > 203.0.113.10:53 udp len 30 [data 01020304] ttl 64
        0.1 203.0.113.10:53 > 10.0.2.9:40000 udp len 90 [data 01020304] ttl 63
        1.0 10.0.2.9:40000 > 203.0.113.10:53 udp len 30 [data 01020305] ttl 64
        1.1 10.0.2.11:5300 > 10.0.2.9:40000 udp len 90 [data 01020305] ttl 64
    """,
    "Does 10.0.2.11:8080 answer": SYN + PASSED,
    "meant to skip": PASSED + REPLY.format("fe"),
    "What becomes of the reply": SYN + PASSED + REPLY.format("01"),
    "Which reply": "0.0 198.51.100.9:40000 > 10.0.2.11:8080 [R] seq 1001 ttl 64\n",
    "never completed": PASSED + PASSED.replace("0.1", "1.1") + REPLY.format("01"),
    "payload": """
        0.0 198.51.100.9:40000 > 203.0.113.10:80 [S] seq 1000 ttl 60
        0.1 203.0.113.10:80 > 198.51.100.9:40000 [S.] seq 9000 ack 1001 ttl 63
        0.2 198.51.100.9:40000 > 203.0.113.10:80 [.] seq 1001 ack 9001 ttl 60
        0.3 203.0.113.10:80 > 198.51.100.9:40000 [P.] seq 9001 ack 1001 len 500 id 1 ttl 63
        0.6 203.0.113.10:80 > 198.51.100.9:40000 [P.] seq 9001 ack 1001 len 500 id 2 ttl 63
        1.2 203.0.113.10:80 > 198.51.100.9:40000 [P.] seq 9001 ack 1001 len 500 id 3 ttl 63
    """,
    "Does any connection fail here": "0.0 arp who-has 10.0.2.9 tell 10.0.2.11\n",
    "to [2001:db8::10]:80": "0.0 [2001:db8:1::9]:40000 > [2001:db8::10]:80 [S] seq 1000 ttl 60\n",
    "Which way do replies go": GOES_ON,
    "198.51.100.9 to 203.0.113.10:53": "0.0 198.51.100.9:40000 > 203.0.113.10:53 udp len 30 [data 01020304] ttl 60\n",
}


def asked(ladder):
    evidence = evidence_of(ladder)
    return open_questions(judge(rulebook(), evidence), evidence, [CaptureRead("a.pcap", "a", frames=1)])[0]


@pytest.mark.parametrize("words", GAPS)
def test_every_open_question_names_a_host_and_a_command_that_tcpdump_accepts(words):
    (question,) = asked(GAPS[words])
    assert words in question.question
    assert question.because
    assert question.capture_next is not None
    assert question.capture_next.on
    timeout, seconds, program, *arguments = shlex.split(question.capture_next.command)
    assert (timeout, program) == ("timeout", "tcpdump")
    assert int(seconds) > 0
    assert "--immediate-mode" in arguments
    expression = arguments[-1]
    if shutil.which("tcpdump") is None:
        pytest.skip("tcpdump is not installed: its filter language is not checked")
    for link in ("EN10MB", "LINUX_SLL2"):
        done = subprocess.run(["tcpdump", "-y", link, "-d", expression], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    options = subprocess.run(["tcpdump", *arguments[:-3], "--version"], capture_output=True, text=True, check=False)
    assert options.returncode == 0, options.stderr


@pytest.mark.parametrize(("others", "words"), [
    (0, "Of 1 connection that was completed, no packet of the server is captured"),
    (1, "Of 2 connections that were completed, no packet of the server is captured"),
])
def test_requests_that_go_on_without_a_reply_in_sight_are_no_sign_of_health(others, words):
    ladder = GOES_ON + GOES_ON.replace(":40000", ":40001") * others
    evidence = evidence_of(ladder)
    questions, failing = open_questions([], evidence, [CaptureRead("a.pcap", "a", frames=3)])
    assert [q.because.startswith(words) for q in questions] == [True]
    assert failing


@pytest.mark.parametrize("known", [
    "0.1 203.0.113.10:80 > 198.51.100.9:40000 [S.] seq 9000 ack 1001 ttl 60\n",                  # its reply
    "0.4 203.0.113.10:80 > 198.51.100.9:40000 [P.] seq 9001 ack 1051 len 9 ttl 60\n",            # the SYN-ACK alone is missing
    "map 203.0.113.10:80 > 10.0.2.11:80 direct\n",                                               # replies are meant to pass elsewhere
])
def test_a_connection_that_has_a_reply_or_needs_none_here_raises_no_question(known):
    in_order = "\n".join(sorted((GOES_ON + known).split("\n"), key=lambda line: line.strip().replace("map", " ")))
    questions, failing = open_questions([], evidence_of(in_order), [CaptureRead("a.pcap", "a", frames=4)])
    assert (questions, failing) == ((), False)
