"""A flood of SYNs: most are only counted, and nothing that is said of the other connections changes."""

from __future__ import annotations

import numpy as np
import pytest

from analyzer.balance import flood
from analyzer.diagnose.judge import judge
from analyzer.diagnose.ladders import evidence_of
from analyzer.diagnose.overview import left_out, outcomes
from analyzer.diagnose.ruledoc import rulebook

CLIENT, FRONT, REAL = (f"02:00:00:00:00:{n}" for n in ("09", "01", "11"))
FLOOD = "".join(
    f"0.{number:06} 198.51.100.{number % 250 + 1}:{1024 + number} > 203.0.113.10:80 [S] seq {7000 + 10 * number} ttl 50 "
    f"mac {CLIENT}>{FRONT}\n"
    for number in range(60)
)
SKIPS = f"""
1.000000 10.0.2.9:40000 > 203.0.113.10:80 [S] seq 1000 ttl 64 mac {CLIENT}>{FRONT}
1.000400 10.0.2.11:8080 > 10.0.2.9:40000 [S.] seq 9000 ack 1001 ttl 64 mac {REAL}>{CLIENT}
1.000410 10.0.2.9:40000 > 10.0.2.11:8080 [R] seq 1001 ttl 64 mac {CLIENT}>{REAL}
2.000000 10.0.2.9:40000 > 203.0.113.10:80 [S] seq 1000 ttl 64 mac {CLIENT}>{FRONT}
"""


def said(evidence):
    groups = judge(rulebook(), evidence)
    return [(g.rule.code, len(g.attempts)) for g in groups], outcomes(groups, evidence)


@pytest.mark.parametrize("most", [0, 1, 5, 59])
def test_what_is_said_does_not_depend_on_how_many_are_followed(most, monkeypatch):
    whole = evidence_of(FLOOD + SKIPS)
    assert whole.unfollowed == 0
    assert left_out(whole) == ()
    monkeypatch.setattr(flood, "MOST_UNANSWERED", most)
    thin = evidence_of(FLOOD + SKIPS)
    assert thin.unfollowed == 60 - most
    assert f"{60 - most} more connection attempts" in left_out(thin)[0]
    assert said(thin) == said(whole)
    assert said(thin)[1]["unanswered"] == 60


@pytest.mark.parametrize("also", [
    f"3.000000 10.0.2.11:8080 > 198.51.100.41:1064 [S.] seq 1 ack 7401 ttl 64 mac {REAL}>{CLIENT}\n",     # strayed
    f"3.000000 10.0.2.11:8080 > 198.51.100.41:1064 [R.] seq 0 ack 7401 ttl 64 mac {REAL}>{CLIENT}\n",
    (f"3.000000 198.51.100.41:1064 > 10.0.2.11:8080 [S] seq 7400 ttl 49 mac {FRONT}>{REAL}\n"
     f"3.000100 10.0.2.11:8080 > 198.51.100.41:1064 [S.] seq 1 ack 7401 ttl 64 mac {REAL}>{FRONT}\n"),    # forwarded
    f"3.000000 198.51.100.41:1064 > 203.0.113.10:80 [R] seq 7401 ttl 50 mac {CLIENT}>{FRONT}\n",
], ids=["answered", "reset", "forwarded", "given up"])
def test_an_attempt_of_which_more_was_captured_stays(also, monkeypatch):
    monkeypatch.setattr(flood, "MOST_UNANSWERED", 2)
    evidence = evidence_of(FLOOD + also)
    assert evidence.unfollowed == 57
    assert {7000, 7010, 7400} <= {row["isn"] for row in evidence.rows("SELECT isn FROM attempt")}


def test_the_legs_of_an_attempt_stay_or_go_together(monkeypatch):
    monkeypatch.setattr(flood, "MOST_UNANSWERED", 10)
    both = FLOOD + "".join(line.replace("203.0.113.10:80", "10.0.2.11:8080").replace("ttl 50", "ttl 49") + "\n"
                           for line in FLOOD.splitlines())
    evidence = evidence_of(both)
    legs = evidence.rows("SELECT isn, count(*) AS n FROM leg GROUP BY isn")
    assert evidence.unfollowed == 50
    assert [row["n"] for row in legs] == [2] * 10


def test_an_attempt_that_an_error_quotes_stays():
    flow = {"kind": np.array([1, 1], "u1"), "syn_frame": np.array([1, 2], "u4"), "packets_i": np.array([1, 1], "u4"),
            "syn_count": np.array([1, 1], "u4"), "packets_r": np.zeros(2, "u4"), "data_i_frame": np.zeros(2, "u4"),
            "synack_frame": np.zeros(2, "u4"), "rst_i_frame": np.zeros(2, "u4"), "rst_r_frame": np.zeros(2, "u4"),
            "syn_seq": np.array([10, 20], "u4"), "flow": np.arange(2, dtype="u4"),
            "initiator_port": np.array([1000, 2000], "u2")}
    flow |= {f"{mark}_{number}": np.zeros(2, "u4") for mark in ("synack", "rst_i", "rst_r") for number in ("ack", "seq")}
    tables, left = flood.thinned([flow], [{"quote_src_port": np.array([2000], "u2")}], 0)
    assert left == 1
    assert tables[0]["syn_seq"].tolist() == [20]
