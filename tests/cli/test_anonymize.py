"""``--anonymize``: no output names the network's own addresses, and the key is sound."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import main

SAMPLE = Path(__file__).resolve().parents[2] / "sample_pcaps" / "client-on-servers-link"
CAPTURES = [f"{vantage}={SAMPLE / f'{vantage}.pcap'}" for vantage in ("client", "server")]
OWN = re.compile(r"10\.0\.2\.\d+|203\.0\.113\.\d+|02:00:0a:00:02|client-on-servers-link/|server\.pcap")
SECRET = bytes(range(7, 7 + 40))


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def analyze(*arguments):
    return run("analyze", *CAPTURES, "--map", SAMPLE / "balancer.yaml", "-q", *arguments)


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "key"
    path.write_bytes(SECRET)
    return path


def test_what_is_hidden_stands_in_the_plain_output():
    assert OWN.search(analyze().stdout)


@pytest.mark.parametrize("name", ["terminal", "json", "markdown", "csv", "sarif", "html"])
def test_standard_output_is_anonymous(name):
    done = analyze("--anonymize", "--format", name)
    assert done.exit_code == 1
    assert "RP101" in done.stdout or name == "csv"
    assert not OWN.search(done.stdout)


def test_every_report_is_anonymous_and_they_fit_together(tmp_path):
    outs = [tmp_path / f"out.{ending}" for ending in ("json", "html", "md", "sarif", "csv")]
    done = analyze("--anonymize", "--format", "json", *(part for out in outs for part in ("--report", out)))
    assert done.exit_code == 1
    assert not any(OWN.search(out.read_text()) for out in outs)
    assert json.loads(outs[0].read_text()) == json.loads(done.stdout)
    (host,) = json.loads(done.stdout)["findings"][0]["hosts"]
    assert all(host in out.read_text() for out in outs)


def test_without_a_key_each_run_has_other_names_and_with_one_the_same(key):
    assert len({analyze("--anonymize", "--format", "json").stdout for _ in range(2)}) == 2
    assert len({analyze("--anonymize-key", key, "--format", "json").stdout for _ in range(2)}) == 1


def test_a_saved_result_is_written_again_under_the_same_names(tmp_path, key):
    saved, plain = tmp_path / "anonymous.json", tmp_path / "plain.json"
    assert analyze("--anonymize-key", key, "--report", saved, "--report", tmp_path / "a.md").exit_code == 1
    assert analyze("--report", plain).exit_code == 1
    assert run("report", plain, "--anonymize-key", key, "-o", tmp_path / "again.json").exit_code == 0
    assert (tmp_path / "again.json").read_text() == saved.read_text()
    assert not OWN.search(run("report", plain, "--anonymize").stdout)


@pytest.mark.parametrize("octets", [b"", b"secret", b"a" * 64])
def test_a_key_that_is_none_is_refused(tmp_path, octets):
    weak = tmp_path / "weak"
    weak.write_bytes(octets)
    done = analyze("--anonymize-key", weak, "--report", tmp_path / "out.json")
    assert done.exit_code == 2
    assert "/dev/urandom" in done.stderr
    assert not (tmp_path / "out.json").exists()


def test_a_key_that_is_not_there_is_not_made_up(tmp_path):
    done = analyze("--anonymize-key", tmp_path / "nosuch")
    assert done.exit_code == 2
    assert "nosuch" in done.stderr
    assert not done.stdout


def test_captured_packets_cannot_be_anonymous(tmp_path):
    done = analyze("--anonymize", "--report", tmp_path / "out.pcapng")
    assert done.exit_code == 2
    assert "as they were captured" in done.stderr
    assert not (tmp_path / "out.pcapng").exists()
