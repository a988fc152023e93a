"""Captures that began too late: no SYN in sight, and what is said is right, or weaker and honest."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from analyzer import api
from analyzer.diagnose.evidence import Evidence, Observed
from analyzer.diagnose.judge import judge
from analyzer.diagnose.ladders import evidence_of
from analyzer.diagnose.ruledoc import rulebook
from analyzer.diagnose.services import services
from analyzer.tables import FLOWS

LAB = Path(__file__).resolve().parents[3] / "shared" / "captures" / "lab"

CLIENT, FRONT, OTHER = (f"02:00:00:00:00:{n}" for n in ("09", "77", "11"))

MIDDLE = f"""
0.000000 198.51.100.9:40000 > 203.0.113.10:80 [P.] seq 1001 ack 9001 len 80 ts 500/900 ttl 64 mac {CLIENT}>{FRONT}
0.000500 203.0.113.10:80 > 198.51.100.9:40000 [P.] seq 9001 ack 1081 len 700 ts 901/500 ttl 63 mac {FRONT}>{CLIENT}
1.000000 198.51.100.9:40000 > 203.0.113.10:80 [P.] seq 1081 ack 9701 len 80 ts 1500/901 ttl 64 mac {CLIENT}>{FRONT}
"""
STRAY = f"""
1.000500 10.0.2.11:8080 > 198.51.100.9:40000 [P.] seq 9701 ack 1161 len 700 ts 1901/1500 ttl 63 id 5 mac {FRONT}>{CLIENT}
1.200500 10.0.2.11:8080 > 198.51.100.9:40000 [P.] seq 9701 ack 1161 len 700 ts 2101/1500 ttl 63 id 6 mac {FRONT}>{CLIENT}
"""


def causes(ladder):
    return [group.rule.cause.value for group in judge(rulebook(), evidence_of(ladder))]


def test_state_that_was_lost_in_a_connection_whose_beginning_is_missing():
    assert causes(MIDDLE + STRAY) == ["translation-state-lost"]


def test_data_that_took_a_short_cut_in_a_connection_whose_beginning_is_missing():
    found = causes(MIDDLE + STRAY.replace(f"mac {FRONT}>", f"mac {OTHER}>").replace("ttl 63", "ttl 64"))
    assert found == ["reply-path-unknown"]


@pytest.mark.parametrize(("was", "becomes"), [
    ("ack 1161", "ack 9000000"),           # acknowledges what this client never sent
    ("seq 9701", "seq 90000000"),          # another connection's numbers
    ("/1500 ttl 63 id", "/90000000 ttl 63 id"),   # echoes another clock
    (".9:40000 [P.]", ".9:40001 [P.]"),    # goes to another program
    ("1.000500 10", "0.9 10"),             # one segment only: see below
])
def test_data_of_another_connection_say_nothing(was, becomes):
    changed = STRAY.replace(was, becomes)
    if was.startswith("1.0"):
        changed = changed.strip().splitlines()[0] + "\n"
    assert changed != STRAY
    assert causes(MIDDLE + changed) == []


def test_two_ordinary_connections_of_one_client_port():
    other = MIDDLE.replace("203.0.113.10", "203.0.113.20")
    assert causes(MIDDLE + other) == []


def late(path, to, after):
    """A copy of a pcap file that begins ``after`` (0 to 1) of its TCP packets."""
    octets = path.read_bytes()
    order = "<" if octets[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    records, at = [], 24
    while at + 16 <= len(octets):
        size = struct.unpack_from(order + "I", octets, at + 8)[0]
        records.append(octets[at : at + 16 + size])
        at += 16 + size
    to.write_bytes(octets[:24] + b"".join(records[round(len(records) * after):]))
    return to


# What a capture of the fault may say once its beginning is missing, beside the truth and "cannot tell".
CUT = [
    ("A_baseline", "extclient", "healthy"), ("C_fixed_legacy", "client", "healthy"), ("N_dsr", "client", "healthy"),
    ("M_ctflush", "lb_front", "fault"), ("M_ctflush", "extclient", "fault"), ("T3_v6_metric1", "client", "bypass"),
    ("T3_v6_metric1", "server1", "bypass"), ("B2_bypass_silent", "server1", "bypass"),
    ("D2_midflow_redirect", "server1", "healthy"), ("W_mtu", "server1", "fault"),
]


@pytest.mark.skipif(not LAB.is_dir(), reason="../shared/captures/lab is not here")
@pytest.mark.parametrize(("scenario", "point", "verdict"), CUT)
def test_a_recorded_capture_without_its_head(scenario, point, verdict, tmp_path):
    for after in (0.4, 0.7):
        path = late(LAB / f"{scenario}.{point}.pcap", tmp_path / f"{after}.pcap", after)
        said = api.analyze([path])
        assert said.verdict.value in {verdict, "cannot-tell"}, (after, [f.summary for f in said.findings])


def test_time_stamps_at_the_end_of_time_break_nothing():
    """A fuzzed capture: nanoseconds that leave no room for a minute more."""
    end = (1 << 63) - 1
    evidence = evidence_of(MIDDLE + STRAY)
    flows = evidence.rows("SELECT * FROM flow")
    table = {name: np.array([row[name] for row in flows], dtype=column.dtype) for name, column in FLOWS.items()}
    table |= {name: np.where(times > 0, end, 0) for name, times in table.items() if name.endswith("_ns")}
    other = {**table, "capture": table["capture"] + 1}
    evidence = Evidence(Observed([table, other], [], [], evidence.book, vantages=["", ""]))
    assert evidence.rows("SELECT count(*) AS n FROM flow") == [{"n": 2 * len(flows)}]
    services(evidence)
