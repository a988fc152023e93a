"""CSV: every connection, one a line, for spreadsheets; no cell can become a formula."""

from __future__ import annotations

import csv
from typing import TextIO

from analyzer.diagnose.finding import Diagnosis
from analyzer.report.clean import cleaned
from analyzer.report.sentences import capture_name

NAME = "csv"
SUFFIX = ".csv"
DESCRIPTION = "the table of connections, for spreadsheets"
BINARY = False
OCTETS = False

COLUMNS = (
    "protocol", "client", "client_port", "dialled", "dialled_port", "real", "real_port", "outcome", "state",
    "capture", "frame", "first_ns", "rtt_ns", "rule",
)


def write(diagnosis: Diagnosis, out: TextIO) -> None:
    """Write a header and a line per connection (RFC 4180)."""
    shown = cleaned(diagnosis)
    names = [inert(capture_name(capture)) for capture in shown.captures]
    rules = [inert(finding.rule) for finding in shown.findings]
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for c in shown.connections:
        writer.writerow((
            inert(c.protocol), inert(c.client), c.client_port, inert(c.dialled), c.dialled_port, inert(c.real),
            c.real_port, inert(c.outcome), inert(c.state), names[c.capture], c.frame, c.first_ns,
            "" if c.rtt_ns is None else c.rtt_ns, "" if c.finding is None else rules[c.finding],
        ))


def inert(text: str) -> str:
    """``text`` that no spreadsheet takes for a formula: an apostrophe before the signs that begin one."""
    return f"'{text}" if text.lstrip()[:1] in {"=", "+", "-", "@", "|", "%"} and text.strip() else text
