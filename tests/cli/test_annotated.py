"""``--report out.pcapng``: the cited packets as they were captured, each saying what it shows."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import main

SAMPLES = Path(__file__).resolve().parents[2] / "sample_pcaps"
SAMPLE = SAMPLES / "client-on-servers-link"
TSHARK = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
FIELDS = ("frame.interface_name", "frame.time_epoch", "frame.comment", "frame.len")


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def tshark(path, *fields):
    """The fields of each frame, as tshark reads them."""
    asked = [part for field in fields for part in ("-e", field)]
    done = subprocess.run(["tshark", "-r", path, "-T", "fields", *asked], capture_output=True, text=True, check=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


def octets(path, *numbers):
    """The octets of some frames, as tshark reads them."""
    wanted = ["-Y", f"frame.number in {{{', '.join(map(str, numbers))}}}"] if numbers else []
    done = subprocess.run(["tshark", "-r", path, *wanted, "-T", "jsonraw", "-J", "frame", "-x"],
                          capture_output=True, text=True, check=True)
    return [packet["_source"]["layers"]["frame_raw"][0] for packet in json.loads(done.stdout)]


@pytest.mark.tshark
@TSHARK
def test_the_evidence_opens_in_wireshark_with_its_comments(tmp_path):
    out, result = tmp_path / "evidence.pcapng", tmp_path / "result.json"
    sources = {vantage: SAMPLE / f"{vantage}.pcap" for vantage in ("client", "server")}
    done = run("analyze", *(f"{vantage}={path}" for vantage, path in sources.items()), "-q",
               "--report", out, "--report", result)
    assert done.exit_code == 1
    (finding,) = json.loads(result.read_text())["findings"]
    captures = [c["path"] for c in json.loads(result.read_text())["captures"]]
    rows = tshark(out, *FIELDS)
    cited = {(captures[e["capture"]], e["frame"]): e["says"] for e in finding["evidence"]}
    assert len(rows) == len(cited) > 3
    assert [float(row[1]) for row in rows] == sorted(float(row[1]) for row in rows)
    for (path, frame), says in cited.items():
        assert any(row[0] == Path(path).name and f":{frame}): {says}" in row[2] for row in rows)
    expected = [each for path in captures for each in octets(path, *(f for p, f in cited if p == path))]
    assert sorted(octets(out)) == sorted(expected)


@pytest.mark.tshark
@TSHARK
@pytest.mark.parametrize("ending", ["pcap", "pcap.gz", "stdin"])
def test_plain_compressed_and_piped_captures_give_the_same_packets(tmp_path, ending):
    out, plain = tmp_path / "out.pcapng", (SAMPLE / "client.pcap").read_bytes()
    if ending == "stdin":
        code = "import sys; from analyzer.cli import main; main()"
        done = subprocess.run([sys.executable, "-c", code, "analyze", "-", "-q", "--report", out], input=plain,
                              capture_output=True, check=False, timeout=120)
        assert done.returncode == 1, done.stderr
    else:
        capture = tmp_path / f"client.{ending}"
        capture.write_bytes(gzip.compress(plain) if ending.endswith("gz") else plain)
        assert run("analyze", capture, "-q", "--report", out).exit_code == 1
    assert run("analyze", SAMPLE / "client.pcap", "-q", "--report", tmp_path / "same.pcapng").exit_code == 1
    assert octets(out) == octets(tmp_path / "same.pcapng")
    assert all("RP101" in comment for (comment,) in tshark(out, "frame.comment"))


@pytest.mark.tshark
@TSHARK
def test_without_a_finding_the_verdict_is_the_comment_of_an_empty_capture(tmp_path):
    out = tmp_path / "out.pcapng"
    assert run("analyze", SAMPLES / "client-on-servers-link-fixed" / "client.pcap", "-q", "--report", out).exit_code == 0
    assert tshark(out, "frame.number") == []


def test_a_capture_that_changed_since_is_not_shown_as_evidence(tmp_path):
    capture, result, out = tmp_path / "client.pcap", tmp_path / "result.json", tmp_path / "out.pcapng"
    shutil.copy(SAMPLE / "client.pcap", capture)
    assert run("analyze", capture, "-q", "--report", result).exit_code == 1
    assert run("report", result, "-o", out).exit_code == 0
    whole = capture.read_bytes()
    capture.write_bytes(whole[:24] + whole[24 + 16 + int.from_bytes(whole[32:36], "little"):])     # without frame 1
    done = run("report", result, "-o", out, "--force")
    assert done.exit_code == 2
    assert "has changed since" in done.stderr
    capture.unlink()
    done = run("report", result, "-o", tmp_path / "other.pcapng")
    assert done.exit_code == 2
    assert "cannot be opened" in done.stderr
    assert not (tmp_path / "other.pcapng").exists()


def test_a_pipe_of_another_run_is_gone_and_that_is_said(tmp_path):
    result = tmp_path / "result.json"
    assert run("analyze", SAMPLE / "client.pcap", "-q", "--report", result).exit_code == 1
    result.write_text(result.read_text().replace(json.dumps(str(SAMPLE / "client.pcap")), '"-"'))
    code = "import sys; from analyzer.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, "report", result, "-o", tmp_path / "out.pcapng"],
                          input=b"", capture_output=True, check=False, timeout=60)
    assert done.returncode == 2
    assert b"standard input" in done.stderr
    assert not (tmp_path / "out.pcapng").exists()


@pytest.mark.parametrize("name", ["dsr-arp", "duplicate-address"])
def test_evidence_that_is_a_claim_is_shown_too(tmp_path, name):
    captures = [f"{path.stem}={path}" for path in sorted((SAMPLES / name).glob("*.pcap"))]
    out = tmp_path / "out.pcapng"
    done = run("analyze", *captures, "--map", SAMPLES / name / "balancer.yaml", "-q", "--report", out)
    assert done.exit_code == 1, done.stderr
    assert out.stat().st_size > 0
