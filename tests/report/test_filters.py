"""Every display filter of real diagnoses, asked of tshark: the evidence's selects its frame and no other."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from analyzer.api import analyze
from analyzer.importers.reading import read_mappings

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"
CASES = ("client-on-servers-link", "ipv6-redirect", "udp", "dsr-arp", "mtu", "captured-on-any")
TSHARK = shutil.which("tshark")

pytestmark = [pytest.mark.tshark, pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")]


def counted(path: Path, filters: list[str]) -> list[int]:
    """How many frames of a capture each filter selects, in one run of tshark."""
    asked = [argument for text in filters for argument in ("-z", f"io,stat,0,{text}")]
    done = subprocess.run([TSHARK, "-n", "-q", "-r", path, *asked], capture_output=True, text=True, timeout=60, check=True)
    rows = re.findall(r"^\|\s*[\d.]+ <> +[\d.]+\s*\|\s*(\d+)\s*\|", done.stdout, re.MULTILINE)
    assert len(rows) == len(filters), done.stdout
    return [int(row) for row in reversed(rows)]      # tshark prints its statistics last asked first


@pytest.mark.parametrize("case", CASES)
def test_every_filter_selects_what_it_is_printed_for(case):
    files = sorted((SAMPLES / case).glob("*.pcap"))
    assert files
    diagnosis = analyze([f"{path.stem}={path}" for path in files], mapping=read_mappings([SAMPLES / case / "balancer.yaml"]))
    assert diagnosis.findings
    for finding in diagnosis.findings:
        assert finding.evidence
        for index, path in enumerate(files):
            cited = [item for item in finding.evidence if item.capture == index]
            if not cited:
                continue
            theirs = [item.frame for item in cited if item.segment]      # an ARP claim is no packet of the connection
            numbers = " || ".join(f"frame.number == {frame}" for frame in (*theirs, 0))
            asked = [item.filter for item in cited]
            asked += [f"({item.filter}) && frame.number == {item.frame}" for item in cited]
            *ones, all_of_them = counted(path, [*asked, f"({finding.filter}) && ({numbers})"])
            assert ones == [1] * len(asked)
            assert all_of_them == len(set(theirs))
