"""``--anonymize``: no output names the network's own addresses, and the key is sound."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from ipaddress import ip_address
from pathlib import Path

import dpkt
import duckdb
import pytest
from click.testing import CliRunner

from analyzer.cli import main
from analyzer.report import headers

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


FIELDS = ("eth.src", "eth.dst", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "arp.src.proto_ipv4", "arp.dst.proto_ipv4",
          "icmp.redir_gw", "icmpv6.nd.na.target_address", "icmpv6.nd.ns.target_address", "icmpv6.nd.rd.target_address",
          "icmpv6.rd.na.destination_address", "icmpv6.opt.linkaddr")
SAME = ("frame.time_epoch", "frame.len", "ip.proto", "ipv6.nxt", "tcp.srcport", "tcp.dstport", "tcp.flags", "tcp.seq_raw",
        "tcp.options.mss_val", "tcp.options.timestamp.tsval", "udp.srcport", "udp.dstport", "udp.length", "icmp.type", "icmpv6.type",
        "arp.opcode", "ip.ttl", "ip.len", "ipv6.hlim", "vlan.id")
SUMS = ("ip.checksum.status", "tcp.checksum.status", "udp.checksum.status", "icmp.checksum.status", "icmpv6.checksum.status")


def owned(path):
    """The octets of every address and MAC in the headers of a capture that belongs to somebody."""
    found = set()
    with path.open("rb") as file:
        reader = dpkt.pcap.UniversalReader(file)
        for _, octets in reader:
            for header in headers.read(octets, reader.datalink()).headers:
                found |= {octets[part.at:part.at + part.size] for part in header.parts
                          if part.kind == "mac" or (part.kind in {"ipv4", "ipv6"} and not ip_address(part.text).is_unspecified)}
    return {octets for octets in found if octets[0] & 1 == 0 and any(octets)} if found else set()


@pytest.mark.tshark
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("name", ["ipv6-redirect", "icmp-redirect", "captured-on-any"])
def test_the_evidence_has_the_same_conversations_between_others(tmp_path, key, name):
    folder = SAMPLE.parent / name
    captures, maps = sorted(folder.glob("*.pcap")), [part for path in folder.glob("balancer.yaml") for part in ("--map", path)]
    plain, anonymous, saved = (tmp_path / each for each in ("plain.pcapng", "anonymous.pcapng", "r.json"))
    arguments = ("analyze", *(f"{path.stem}={path}" for path in captures), *maps, "-q")
    assert run(*arguments, "--report", plain, "--report", saved).exit_code == 1
    done = run("report", saved, "--anonymize-key", key, "-o", anonymous)
    assert (done.exit_code, "left out" in done.stderr) == (0, False), done.stderr
    octets = anonymous.read_bytes()
    known = set().union(*map(owned, captures))
    assert len(known) > 4
    assert not [each.hex() for each in known if each in octets]
    assert not re.search(rb"10\.0\.2\.\d|203\.0\.113|" + re.escape(name.encode()), octets)
    ours, theirs = ([dict(zip((*FIELDS, *SAME, *SUMS), row, strict=True)) for row in tshark(path, *FIELDS, *SAME, *SUMS)]
                    for path in (anonymous, plain))
    assert len(ours) == len(theirs) > 3
    assert [[row[field] for field in SAME] for row in ours] == [[row[field] for field in SAME] for row in theirs]
    # one pseudonym for each address, wherever it stands, and one address for each pseudonym
    pairs = {(mine, own) for row, other in zip(ours, theirs, strict=True) for field in FIELDS
             for mine, own in zip(row[field].split(","), other[field].split(","), strict=True)}
    assert len({mine for mine, _ in pairs}) == len({own for _, own in pairs}) == len(pairs) > 2
    assert {status for row in ours for field in SUMS for status in row[field].split(",")} <= {"", "1", "2", "3"}
    assert any("1" in row["ip.checksum.status"] or "1" in row["icmpv6.checksum.status"] or row["tcp.checksum.status"] == "1" for row in ours)


def tshark(path, *fields):
    checks = [part for protocol in ("ip", "tcp", "udp") for part in ("-o", f"{protocol}.check_checksum:TRUE")]
    asked = [part for field in fields for part in ("-e", field)]
    done = subprocess.run(["tshark", "-n", "-r", path, *checks, "-T", "fields", *asked], capture_output=True, text=True, check=True)
    return [line.split("\t") for line in done.stdout.split("\n")[:-1]]


def test_the_tables_of_flows_have_the_names_of_the_report(tmp_path, key):
    flows, report, tables = tmp_path / "flows.parquet", tmp_path / "r.json", tmp_path / "tables"
    assert analyze("--anonymize-key", key, "--report", flows, "--report", report).exit_code == 1
    done = run("flows", *CAPTURES, "--anonymize-key", key, "-o", tables)
    assert done.exit_code == 0, done.stderr
    rows = {text for part in ("initiator", "responder") for (text,) in
            duckdb.sql(f"SELECT DISTINCT {part} FROM '{flows}'").fetchall()}
    (finding,) = json.loads(report.read_text())["findings"]
    assert {*finding["hosts"], *finding["clients"]} <= rows
    said = {str(value) for table in ("flows/*/*", "claims/*/*", "numbers", "captures")
            for row in duckdb.sql(f"SELECT * FROM '{tables}/{table}.parquet'").fetchall() for value in row}
    assert rows <= said
    assert not [text for text in (*rows, *said) if OWN.search(text)]
    assert {"capture-1.pcap", "capture-2.pcap", "client", "server"} <= said


def test_flows_as_csv_are_anonymous(tmp_path):
    assert run("flows", *CAPTURES, "--anonymize", "-o", tmp_path / "flows.csv").exit_code == 0
    assert not OWN.search((tmp_path / "flows.csv").read_text())
    assert "10." in (tmp_path / "flows.csv").read_text()
