"""Other people's captures: no false alarm, no crash, one sentence where a file cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer import api
from analyzer.errors import CaptureError

PUBLIC = Path(__file__).resolve().parents[2] / "shared" / "captures" / "public"
pytestmark = pytest.mark.skipif(not PUBLIC.is_dir(), reason="../shared/captures/public is not here")

FILES = sorted(p for p in PUBLIC.iterdir() if p.suffix != ".md") if PUBLIC.is_dir() else []

# The only one of them that shows the fault, says its index.
BYPASS = {"issue__k8s122174_cni0_dnat_reply_bypass.pcap": ("10.103.175.29", 7800, "10.244.1.189", 7800)}

# Damaged or foreign beyond their first packet: a refusal is the right answer.
UNREADABLE = {
    "libpcap__tests__linktype-reserved-field-not-zero.pcap",
    "libpcap__tests__pcap-invalid-version-1.pcap",
    "libpcap__tests__pcap-invalid-version-2.pcap",
    "libpcap__tests__pcapng-invalid-vers-1.pcapng",
    "libpcap__tests__shb-option-too-long.pcapng",
}


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_no_false_alarm(path):
    try:
        diagnosis = api.analyze([path])
    except CaptureError as error:
        assert path.name in UNREADABLE, error
        assert str(path) in str(error)
        return
    found = {(f.virtual.address, f.virtual.port, f.real.address, f.real.port) for f in diagnosis.findings if f.bypass}
    assert found == ({BYPASS[path.name]} if path.name in BYPASS else set())
    errors = [f.summary for f in diagnosis.findings if f.severity.value == "error" and not f.bypass]
    assert not errors
