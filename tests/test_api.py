"""The pipeline as a whole: what it loads, and what it asks of whom."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SAMPLES = Path(__file__).resolve().parents[1] / "sample_pcaps"
HEALTHY = SAMPLES / "client-on-servers-link-fixed" / "server.pcap"
FAULTY = SAMPLES / "client-on-servers-link" / "server.pcap"

ONLY_FOR_FINDINGS = ("analyzer.network.walk", "analyzer.proving", "analyzer.dialects", "analyzer.remedy.plan",
                     "analyzer.report.formats.html", "rich", "jinja2")


@pytest.mark.parametrize(("capture", "status", "loads"), [(HEALTHY, 0, False), (FAULTY, 1, True)],
                         ids=["healthy", "faulty"])
def test_a_healthy_capture_does_not_pay_for_the_forwarding_engine(capture, status, loads):
    """In a process of its own: what is loaded here says nothing."""
    code = (f"import sys; from analyzer.cli import main\n"
            f"try: main(['analyze', '--no-sandbox', '-q', '--format', 'json', {str(capture)!r}])\n"
            f"except SystemExit as ended: status = ended.code\n"
            f"print(status, [name for name in {ONLY_FOR_FINDINGS!r} if name in sys.modules], file=sys.stderr)")
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stderr.split(" ", 1)[0] == str(status)
    assert ("analyzer.proving" in ended.stderr) == loads
    if not loads:
        assert ended.stderr.strip() == f"{status} []"
