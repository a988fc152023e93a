"""SARIF, JUnit and CSV: what other programs read."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
import report_examples as examples
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.report.formats import csv as csv_format
from analyzer.report.formats import junit, sarif


def text_of(module, diagnosis) -> str:
    out = io.StringIO(newline="")
    module.write(diagnosis, out)
    return out.getvalue()


def log_of(diagnosis):
    return json.loads(text_of(sarif, diagnosis))


@pytest.mark.parametrize("name", examples.ALL)
def test_sarif_has_what_the_standard_requires(name):
    log = log_of(examples.ALL[name])
    assert log["version"] == "2.1.0"                                     # §3.13.2
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]      # §3.19.23: identifiers are unique
    assert len(rules) == len(set(rules))
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]            # §3.27.6
        assert result["level"] in {"none", "note", "warning", "error"}   # §3.27.10
        assert result["kind"] == "fail"                                  # §3.27.9: else level would have to be none
        assert 0 <= result["rank"] <= 100                                # §3.27.25
        assert result["message"]["text"]
        assert len(result["locations"]) <= 1                             # §3.27.12
        for place in [*result["locations"], *result["relatedLocations"]]:
            where = place["physicalLocation"]["artifactLocation"]
            assert run["artifacts"][where["index"]]["location"]["uri"] == where["uri"]


def test_sarif_says_the_same_fault_the_same_way_tomorrow():
    moved = replace(examples.CLASSIC, captures=tuple(replace(c, path=f"/other/{c.path}") for c in examples.CAPTURES))
    again = replace(moved, findings=(replace(examples.BYPASS, connections=99, evidence=examples.EVIDENCE[:1]),))
    prints = [log_of(d)["runs"][0]["results"][0]["partialFingerprints"] for d in (examples.CLASSIC, moved, again)]
    assert prints[0] == prints[1] == prints[2]
    other = log_of(examples.THREE)["runs"][0]["results"][1]["partialFingerprints"]
    assert other != prints[0]


def test_sarif_file_names_are_uri_references():
    named = replace(examples.CLASSIC, captures=tuple(replace(c, path="/a b/c#d?.pcap") for c in examples.CAPTURES))
    assert log_of(named)["runs"][0]["artifacts"][0]["location"]["uri"] == "file:///a%20b/c%23d%3F.pcap"


def test_sarif_tells_what_could_not_be_told():
    (invocation,) = log_of(examples.CANNOT_TELL)["runs"][0]["invocations"]
    assert invocation["executionSuccessful"]
    assert "Which way did the reply" in invocation["toolExecutionNotifications"][0]["message"]["text"]


@pytest.mark.parametrize(("name", "counts"), [
    ("classic", (1, 1, 0)), ("healthy", (1, 0, 0)), ("cannot-tell", (1, 0, 1)), ("three", (4, 2, 1)),
    ("hostile", (2, 1, 1)),
])
def test_junit_counts_what_it_holds(name, counts):
    suite = ET.fromstring(text_of(junit, examples.ALL[name]))
    assert tuple(int(suite.get(key)) for key in ("tests", "failures", "skipped")) == counts
    assert (len(suite.findall("testcase")), len(suite.findall("testcase/failure")),
            len(suite.findall("testcase/skipped"))) == counts


def test_junit_carries_the_recommended_commands():
    failure = ET.fromstring(text_of(junit, examples.CLASSIC)).find("testcase/failure")
    assert failure.get("type") == "client-on-servers-link"
    assert "\nip route add 192.168.11.50/32 via 192.168.11.1 dev eth0\n" in failure.text


def test_csv_has_every_connection():
    rows = list(csv.DictReader(io.StringIO(text_of(csv_format, examples.CLASSIC), newline="")))
    assert len(rows) == 36
    assert rows[0] == {
        "protocol": "tcp", "client": "192.168.11.50", "client_port": "48874", "dialled": "203.0.113.100",
        "dialled_port": "80", "real": "192.168.11.10", "real_port": "8080", "outcome": "bypass", "state": "S0",
        "capture": "B_bypass.client.pcap", "frame": "3", "first_ns": str(examples.T0), "rtt_ns": "", "rule": "RP101",
    }


def test_no_cell_is_a_formula():
    for row in csv.reader(io.StringIO(text_of(csv_format, examples.ALL["hostile"]), newline="")):
        assert len(row) == len(csv_format.COLUMNS)
        for cell in row:
            assert cell[:1] not in {"=", "+", "-", "@", "\t", "\r"}


@settings(deadline=None, derandomize=True)
@given(st.text())
def test_a_cell_begins_with_no_sign_that_begins_a_formula(text):
    assert csv_format.inert(text).strip()[:1] not in {"=", "+", "-", "@", "|", "%"}
    assert csv_format.inert(text).removeprefix("'") == text.removeprefix("'")
