"""``replypath replay``: the captured connections hop by hop, and what the model is worth."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import main

SAMPLES = Path(__file__).resolve().parents[2] / "sample_pcaps"
SAMPLE = SAMPLES / "client-on-servers-link"
KERNEL = pytest.mark.skipif(os.geteuid() != 0 or shutil.which("ip") is None, reason="needs root and iproute2")
TSHARK = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def captures(sample, *vantages):
    return [*(f"{each}={sample / each}.pcap" for each in vantages), "--map", sample / "balancer.yaml"]


ALL = captures(SAMPLE, "client", "server", "balancer-back")


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def document(*arguments):
    done = run("replay", *arguments, "--format", "json")
    return json.loads(done.stdout), done.exit_code


def test_every_connection_is_followed_to_where_it_ends():
    said, status = document(*ALL)
    assert status == 0
    assert said["calibration"] == {"reproduced": 4, "missed": 0, "open_ends": 0, "misses": [], "hindrance": None}
    assert [each["number"] for each in said["connections"]] == [1, 2, 3, 4]
    stray = said["connections"][0]
    assert stray["captured"] == stray["model"] == "timeout"
    assert [each["packet"] for each in stray["packets"]] == ["SYN", "SYN-ACK", "RST"]
    assert stray["packets"][1]["ends"] == "no-such-connection"
    assert [step["act"] for step in stray["packets"][0]["steps"]] == ["out", "dnat", "forward"]
    assert any("forward" in each for each in said["assumptions"])
    assert {each["model"] for each in said["connections"][1:]} == {"established"}


def test_the_text_says_the_same_and_a_way_only_once():
    text = run("replay", *ALL).stdout
    said, _ = document(*ALL)
    for line in (line for packet in said["connections"][0]["packets"] for line in packet["lines"]):
        assert line in text
    assert text.count("the same way as connection 3") == 1
    assert "calibration: 4 connections come out as captured" in text
    assert all(f"assumed: {each}" in text for each in said["assumptions"])


def test_hops_that_nobody_captured_have_no_addresses():
    done = run("replay", *captures(SAMPLES / "udp", "balancer-back", "server"), "--format", "json")
    assert "across hops that nobody captured, to outside" in done.stdout
    assert "02:fe:" not in done.stdout
    assert "169.254." not in done.stdout


@pytest.mark.parametrize("chosen", ["1", "10.0.2.50:40002"])
def test_one_connection_is_chosen_by_number_or_by_its_client(chosen):
    said, status = document(*ALL, "--connection", chosen)
    assert status == 0
    (only,) = said["connections"]
    assert only["connection"] == "tcp 10.0.2.50:40002 > 203.0.113.10:80"
    assert Path(only["capture"]).name == "client.pcap"
    assert only["frame"] == 4


def test_an_ipv6_client_is_named_in_brackets():
    sample = SAMPLES / "client-on-servers-link-ipv6"
    first = document(*captures(sample, "client", "server"))[0]["connections"][0]["connection"]
    client = first.split()[1]
    assert client.startswith("[")
    (only,) = document(*captures(sample, "client", "server"), "--connection", client)[0]["connections"]
    assert only["connection"] == first


def test_a_connection_that_is_not_there():
    done = run("replay", *ALL, "--connection", "99")
    assert done.exit_code == 2
    assert "--connection 99" in done.stderr
    assert not done.stdout


def test_a_capture_with_nothing_to_replay(tmp_path):
    empty = tmp_path / "empty.pcap"
    empty.write_bytes((SAMPLE / "client.pcap").read_bytes()[:24])
    said, status = document(empty)
    assert status == 3
    assert said["connections"] == []


def test_a_frame_of_a_rotated_capture_is_cited_by_its_file(tmp_path):
    whole = (SAMPLE / "client.pcap").read_bytes()
    at = 24
    for _ in range(6):
        at += 16 + int.from_bytes(whole[at + 8:at + 12], "little")
    (tmp_path / "one.pcap").write_bytes(whole[:at])
    (tmp_path / "two.pcap").write_bytes(whole[:24] + whole[at:])
    parts = [f"client={tmp_path / name}.pcap" for name in ("two", "one")]
    cut, _ = document(*parts, *ALL[1:])
    plain, _ = document(*ALL)
    places = {"one.pcap": 0, "two.pcap": 6}
    moved = [each["frame"] + places[Path(each["capture"]).name] for each in cut["connections"][:2]]
    assert moved == [each["frame"] for each in plain["connections"][:2]]
    assert {Path(each["capture"]).name for each in cut["connections"][:2]} == {"one.pcap", "two.pcap"}


@pytest.mark.tshark
@TSHARK
def test_the_predicted_packets_open_in_wireshark(tmp_path):
    folder = tmp_path / "predicted"
    assert run("replay", *ALL, "--connection", "1", "-o", folder).exit_code == 0
    (server,) = folder.glob("10-0-2-11-*.pcapng")
    fields = ("ip.src", "tcp.srcport", "ip.dst", "tcp.flags.str", "ip.ttl", "eth.dst", "tcp.checksum.status", "frame.comment")
    done = subprocess.run(
        ["tshark", "-r", server, "-o", "tcp.check_checksum:TRUE", "-T", "fields", *(part for each in fields for part in ("-e", each))],
        capture_output=True, text=True, check=True)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [(row[0], row[2]) for row in rows] == [
        ("10.0.2.50", "10.0.2.11"), ("10.0.2.11", "10.0.2.50"), ("10.0.2.50", "10.0.2.11")]
    assert [row[3].strip("·") for row in rows] == ["S", "A··S", "R"]
    assert [row[4] for row in rows] == ["63", "64", "64"]
    assert rows[1][5] == "02:00:0a:00:02:32"
    assert {row[6] for row in rows} == {"1"}
    assert all("connection 1" in row[7] for row in rows)
    done = run("replay", *ALL, "--connection", "1", "-o", folder)
    assert done.exit_code == 2
    assert "there already" in done.stderr


@pytest.mark.kernel
@KERNEL
def test_the_kernel_agrees_with_the_capture():
    said, status = document(*ALL, "--kernel")
    assert status == 0, said["kernel"]
    assert said["kernel"]["disagreements"] == []
    assert {each["captured"] for each in said["kernel"]["outcomes"]} == {"timeout", "established"}
    assert "on the kernel:" in run("replay", *ALL, "--kernel", "--connection", "1").stdout


def test_without_linux_the_kernel_is_refused_in_one_sentence(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    done = run("replay", *ALL, "--kernel")
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
    assert "--kernel needs Linux" in done.stderr
