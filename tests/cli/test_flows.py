"""``replypath flows``: tables that other programs read, with a schema that says what is in them."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from ipaddress import ip_address
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from analyzer.cli import main
from analyzer.tables import CLAIMS, FLOWS, ICMP_EVENTS
from analyzer.tabular import CAPTURES, NUMBERS, SCHEMA, SQL, is_word

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "sample_pcaps"
SAMPLE = SAMPLES / "client-on-servers-link"
TWO = [f"{each}={SAMPLE / each}.pcap" for each in ("client", "server")]
TABLES = {"flows": FLOWS, "claims": CLAIMS, "icmp": ICMP_EVENTS, "captures": CAPTURES,
          "numbers": NUMBERS}


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def rows(sql):
    with duckdb.connect() as con:
        cursor = con.execute(sql)
        names = [each[0] for each in cursor.description]
        return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    target = tmp_path_factory.mktemp("it's here") / "tables"
    done = run("flows", *TWO, "-o", target)
    assert done.exit_code == 0, done.stderr
    assert not done.stdout
    return target


def quoted(path):
    return str(path).replace("'", "''")


def source(folder, name):
    """All parts of a table, as DuckDB reads them."""
    where = f"{name}.parquet" if name in {"captures", "numbers"} else f"{name}/*/*.parquet"
    return f"read_parquet('{quoted(folder)}/{where}', hive_partitioning = false)"


def test_every_table_has_the_columns_that_the_schema_says(folder):
    said = json.loads((folder / "schema.json").read_text())
    assert said["schema"] == SCHEMA
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == sorted(
        ["schema.json", "captures.parquet", "numbers.parquet",
         *(f"{name}/vantage={point}/part-0000.parquet" for name in ("flows", "claims", "icmp") for point in ("client", "server"))])
    assert sorted(path for paths in said["files"].values() for path in paths) == sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*.parquet"))
    for name, schema in TABLES.items():
        described = rows(f"DESCRIBE SELECT * FROM {source(folder, name)}")
        assert [(row["column_name"], row["column_type"]) for row in described] == [
            (column, SQL["text" if is_word(column, field) else field.dtype]) for column, field in schema.items()]
        assert {row["column_name"]: row["column_type"] for row in described} == {
            column: each["type"] for column, each in said["tables"][name]["columns"].items()}


def test_the_version_stands_in_the_metadata(folder):
    for name in TABLES:
        (file, *_) = sorted(folder.glob(f"{name}.parquet")) or sorted(folder.glob(f"{name}/*/*.parquet"))
        kept = {row["key"]: row["value"] for row in rows(
            f"SELECT decode(key) AS key, decode(value) AS value FROM parquet_kv_metadata('{quoted(file)}')")}
        assert kept["replypath_schema"] == SCHEMA
        assert kept["replypath_table"] == name


def test_the_stray_reply_is_found_with_plain_sql(folder):
    (found,) = rows(f"""
        SELECT asked.initiator, asked.responder AS virtual, stray.responder AS real, stray.synack_dst_mac AS mac
        FROM {source(folder, 'flows')} AS asked JOIN {source(folder, 'flows')} AS stray
          ON stray.capture = asked.capture AND stray.initiator = asked.initiator
         AND stray.initiator_port = asked.initiator_port AND stray.synack_ack = asked.syn_seq + 1
        WHERE asked.state = 'S0' AND stray.state = 'SH?'""")
    assert found == {"initiator": "10.0.2.50", "virtual": "203.0.113.10", "real": "10.0.2.11", "mac": "02:00:0a:00:02:32"}


@pytest.mark.tshark
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_addresses_frames_and_times_are_those_that_tshark_reads(folder):
    for number, vantage in enumerate(("client", "server")):
        done = subprocess.run(
            ["tshark", "-r", SAMPLE / f"{vantage}.pcap", "-Y", "tcp.flags.syn==1 && tcp.flags.ack==0", "-T", "fields",
             *(part for each in ("frame.number", "frame.time_epoch", "ip.src", "tcp.srcport", "ip.dst", "tcp.dstport",
                                 "tcp.seq_raw", "ip.ttl", "eth.src", "eth.dst") for part in ("-e", each))],
            capture_output=True, text=True, check=True)
        packets = {}
        for line in done.stdout.splitlines():
            frame, seconds, *rest = line.split("\t")
            packets[int(frame)] = (int(seconds.replace(".", "")), *rest)
        ours = rows(f"SELECT * FROM {source(folder, 'flows')} WHERE capture = {number} AND syn_frame > 0")
        assert ours
        for row in ours:
            assert packets[row["syn_frame"]] == (
                row["syn_ns"], row["initiator"], str(row["initiator_port"]), row["responder"], str(row["responder_port"]),
                str(row["syn_seq"]), str(row["syn_ttl"]), row["syn_src_mac"], row["syn_dst_mac"])


def test_what_is_not_there_is_null_and_what_is_there_is_an_address(folder):
    claims = rows(f"SELECT * FROM {source(folder, 'claims')}")
    assert claims
    for row in claims:
        assert row["kind"].startswith("arp-")
        assert ip_address(row["ip"])
    unanswered = rows(f"SELECT synack_src_mac FROM {source(folder, 'flows')} WHERE synack_frame = 0")
    assert {row["synack_src_mac"] for row in unanswered} == {None}


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_one_file_holds_the_flows(tmp_path, folder, ending):
    out = tmp_path / f"flows.{ending}"
    assert run("flows", *TWO, "-o", out).exit_code == 0
    assert list(tmp_path.iterdir()) == [out]
    if ending == "csv":
        with out.open(newline="") as text:
            read = list(csv.DictReader(text))
        assert list(read[0]) == list(FLOWS)
        whole = rows(f"SELECT * FROM {source(folder, 'flows')}")
        assert [[row["initiator"], row["history"], int(row["first_ns"])] for row in read] == [
            [row["initiator"], row["history"], row["first_ns"]] for row in whole]
    else:
        assert rows(f"SELECT * FROM '{out}'") == rows(f"SELECT * FROM {source(folder, 'flows')}")


def test_a_rotated_capture_says_where_its_files_begin(tmp_path):
    whole = (SAMPLE / "client.pcap").read_bytes()
    at = 24
    for _ in range(5):
        at += 16 + int.from_bytes(whole[at + 8:at + 12], "little")
    (tmp_path / "b.pcap").write_bytes(whole[:at])
    (tmp_path / "a.pcap").write_bytes(whole[:24] + whole[at:])
    assert run("flows", f"client={tmp_path / 'a.pcap'}", f"client={tmp_path / 'b.pcap'}", "-o", tmp_path / "t").exit_code == 0
    files = rows(f"SELECT * FROM {source(tmp_path / 't', 'captures')}")
    assert [(Path(row["path"]).name, row["capture"], row["frames_before"]) for row in files] == [("b.pcap", 0, 0), ("a.pcap", 0, 5)]
    assert run("flows", SAMPLE / "client.pcap", "-o", tmp_path / "plain.parquet").exit_code == 0
    # positions are octets of the joined files, and only these differ
    columns = ", ".join(f'"{name}"' for name in FLOWS if not name.endswith("_position"))
    assert rows(f"SELECT {columns} FROM {source(tmp_path / 't', 'flows')}") == rows(f"SELECT {columns} FROM '{tmp_path}/plain.parquet'")


def test_a_capture_without_anything_gives_empty_tables(tmp_path):
    (tmp_path / "none.pcap").write_bytes((SAMPLE / "client.pcap").read_bytes()[:24])
    assert run("flows", tmp_path / "none.pcap", "-o", tmp_path / "t").exit_code == 0
    for name in ("flows", "claims", "icmp"):
        assert rows(f"SELECT count(*) AS n FROM {source(tmp_path / 't', name)}") == [{"n": 0}]
    described = rows(f"DESCRIBE SELECT initiator, first_ns FROM {source(tmp_path / 't', 'flows')}")
    assert [row["column_type"] for row in described] == ["VARCHAR", "BIGINT"]


@pytest.mark.parametrize("name", ["udp", "client-on-servers-link-ipv6", "icmp-redirect", "server-down"])
def test_every_kind_of_row_is_written(tmp_path, name):
    captures = sorted((SAMPLES / name).glob("*.pcap"))
    assert run("flows", *captures, "-o", tmp_path / "t").exit_code == 0
    said = {table: rows(f"SELECT DISTINCT kind FROM {source(tmp_path / 't', table)}") for table in ("flows", "claims", "icmp")}
    kinds = {row["kind"] for table in said.values() for row in table}
    assert {"udp": "udp", "client-on-servers-link-ipv6": "nd-advert", "icmp-redirect": "icmp-redirect", "server-down": "icmp-error"}[name] in kinds


def test_what_is_there_is_kept(tmp_path):
    out = tmp_path / "flows.csv"
    out.write_text("precious")
    done = run("flows", *TWO, "-o", out)
    assert done.exit_code == 2
    assert "--force" in done.stderr
    assert out.read_text() == "precious"
    assert run("flows", *TWO, "-o", out, "--force").exit_code == 0
    assert out.read_text().startswith("flow,")
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "icmp.parquet").write_text("precious")
    (tmp_path / "t" / "mine.txt").write_text("mine")
    assert run("flows", *TWO, "-o", tmp_path / "t").exit_code == 2
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == ["icmp.parquet", "mine.txt"]
    assert run("flows", *TWO, "-o", tmp_path / "t", "--force").exit_code == 0
    assert (tmp_path / "t" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(("arguments", "says"), [([], "CAPTURE"), ([TWO[0]], "-o"), (["nosuch.pcap", "-o", "x.csv"], "nosuch.pcap")])
def test_a_wrong_call_is_status_2(arguments, says):
    done = run("flows", *arguments)
    assert done.exit_code == 2
    assert says in done.stderr
    assert not Path("x.csv").exists()


def test_the_documentation_of_the_columns_is_current():
    assert (ROOT / "docs" / "columns.md").read_text() == run("flows", "--columns").stdout
