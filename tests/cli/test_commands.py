"""The commands: what they print, the status they end with, and what they cost to start."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import COMMANDS, main
from analyzer.diagnose.ruledoc import rulebook
from analyzer.version import VERSION

SAMPLE = Path(__file__).resolve().parents[2] / "sample_pcaps" / "client-on-servers-link"
FIXED = SAMPLE.with_name("client-on-servers-link-fixed")


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_version():
    assert run("--version").output == f"replypath {VERSION}\n"


def test_version_loads_nothing_heavy():
    code = (
        "import sys; sys.argv = ['replypath', '--version']\n"
        "from analyzer.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([m for m in ('numpy', 'duckdb', 'rich', 'jinja2', 'dpkt', 'yaml', 'msgspec', 'pyshark') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command):
    done = run(command, "--help")
    assert done.exit_code == 0
    assert "Example" in done.output
    assert f"replypath {command}" in done.output


def test_a_fault_is_status_1_and_healthy_is_status_0():
    assert run("analyze", SAMPLE / "client.pcap", "-q").exit_code == 1
    assert run("analyze", FIXED / "client.pcap", "-q").exit_code == 0


def test_json_follows_the_contract():
    done = run("analyze", f"client={SAMPLE / 'client.pcap'}", "--map", SAMPLE / "balancer.yaml", "--format", "json", "-q")
    result = json.loads(done.stdout)
    assert result["schema"] == "replypath/1"
    assert result["verdict"] == "bypass"
    (finding,) = result["findings"]
    assert finding["cause"] == "client-on-servers-link"
    assert finding["bypass"] is True
    assert finding["hosts"] == ["10.0.2.11"]
    assert finding["mapping"] == "declared"
    assert {e["frame"] for e in finding["evidence"]}
    assert finding["fixes"][0]["commands"]
    assert all(f["proof"]["applicability"] in ("proven", "harmful", "ineffective", "unproven") for f in finding["fixes"])
    assert result["captures"][0]["role"] == "client"
    assert result["captures"][0]["role_origin"] == "declared"


def test_a_saved_result_is_written_again(tmp_path):
    saved = tmp_path / "result.json"
    assert run("analyze", SAMPLE / "client.pcap", "-q", "--report", saved).exit_code == 1
    assert run("report", saved, "-o", tmp_path / "again.json").exit_code == 0
    assert (tmp_path / "again.json").read_bytes() == saved.read_bytes()
    assert run("report", saved, "-o", tmp_path / "page.html").exit_code == 0
    assert "<html" in (tmp_path / "page.html").read_text()


def test_every_rule_is_listed_and_explained():
    listed = run("rules").output
    for rule in rulebook():
        assert rule.code in listed
        assert rule.name in run("explain", rule.code).output


def test_a_map_is_shown_and_printed_as_ours(tmp_path):
    assert "203.0.113.10:80/tcp" in run("map", SAMPLE / "balancer.yaml").output
    ours = tmp_path / "ours.yaml"
    ours.write_text(run("map", SAMPLE / "balancer.yaml", "--yaml").stdout)
    assert "203.0.113.10:80/tcp" in run("map", ours).output


def test_the_doctor_names_kernels_and_tools():
    said = run("doctor").output
    for word in ("wire", "flow", "capture", "tshark", "linux-iproute2", "replypath"):
        assert word in said


def test_a_script_for_the_host_that_must_change(tmp_path):
    folder = tmp_path / "scripts"
    assert run("analyze", SAMPLE / "client.pcap", SAMPLE / "server.pcap", "-q", "--scripts", folder).exit_code == 1
    (script,) = folder.glob("*.sh")
    for action in ("apply", "verify", "undo"):
        assert action in script.read_text()
    # on a host without that address it refuses, and changes nothing
    done = subprocess.run(["sh", str(script), "verify"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "10.0.2.11" in done.stdout + done.stderr
