"""Flow tables in place of the captures: nothing is lost on the way, and several folders are one."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.errors import CaptureUnreadable, ConfigError, NotACapture, OutputError
from analyzer.flow.states import FLIPPED, history_text
from analyzer.scale import dataset
from analyzer.scale.folder import history_bits, is_folder, merged, read_folder, read_folders

SAMPLES = Path(__file__).resolve().parents[2] / "sample_pcaps"


def folder_of(s, arguments, folder):
    read = s.read_alone(arguments, s.EMPTY)
    dataset.write(read, folder)
    return read


@pytest.mark.parametrize("case", ["client-on-servers-link", "udp", "duplicate-address", "client-on-servers-link-ipv6"])
def test_a_sample_comes_back_as_it_was(s, case, tmp_path):
    captures = sorted(str(path) for path in (SAMPLES / case).glob("*.pcap*"))
    read = folder_of(s, captures, tmp_path / "tables")
    assert is_folder(tmp_path / "tables")
    s.same(read_folder(tmp_path / "tables"), read)
    bounded = read_folders([tmp_path / "tables"], memory=10**9)
    s.same(bounded, read)
    assert 0 < bounded.observed.memory_bytes < 10**9
    assert all(isinstance(column.base, np.memmap) for table in bounded.observed.flows for column in table.values())


@pytest.mark.parametrize("seed", range(4))
def test_random_captures_with_damage_and_tunnels_come_back(s, seed, tmp_path):
    dice = np.random.default_rng(seed)
    names = []
    for number in range(3):
        path = tmp_path / f"{number}.pcap"
        octets = s.capture(dice, 80, calm=False)
        path.write_bytes(s.spoiled(dice, octets) if number else octets)
        names.append(f"{'client' if number else 'server'}={path}")
    read = folder_of(s, names, tmp_path / "tables")
    assert len(read.tunnels) > 1
    s.same(read_folder(tmp_path / "tables"), read)


@pytest.mark.parametrize("names", [("client", "server"), ("a b=c/ü%20", "tap 1'")])
def test_other_programs_read_the_parts_as_hive_partitions(s, names, tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "PART_ROWS", 2)
    read = s.read_alone([f"{name}={SAMPLES / 'client-on-servers-link' / each}.pcap"
                         for name, each in zip(("one", "two"), ("client", "server"), strict=True)], s.EMPTY)
    for capture, name in zip(read.captures, names, strict=True):
        capture.vantage = name
    read.observed.vantages = list(names)
    dataset.write(read, tmp_path / "t")
    assert len(list((tmp_path / "t" / "flows").glob("*/part-0001.parquet"))) == 2
    with duckdb.connect() as con:
        found = con.execute(f"SELECT capture, vantage, count(*), count(DISTINCT flow) FROM read_parquet('{tmp_path}/t/flows/*/*.parquet', "
                            "hive_partitioning = true) GROUP BY ALL ORDER BY ALL").fetchall()
    rows = [len(table["flow"]) for table in read.observed.flows]
    assert found == [(0, names[0], rows[0], rows[0]), (1, names[1], rows[1], rows[1])]
    s.same(read_folder(tmp_path / "t"), read)


def test_two_points_of_one_name_share_a_partition(s, tmp_path):
    captures = []
    for each in ("client", "server"):
        (tmp_path / each).mkdir()
        (tmp_path / each / "tap.pcap").write_bytes((SAMPLES / "client-on-servers-link" / f"{each}.pcap").read_bytes())
        captures.append(tmp_path / each / "tap.pcap")
    read = folder_of(s, captures, tmp_path / "t")
    assert sorted(path.name for path in (tmp_path / "t" / "flows" / "vantage=tap").iterdir()) == ["part-0000.parquet", "part-0001.parquet"]
    s.same(read_folder(tmp_path / "t"), read)


@given(st.text())
def test_a_partition_is_one_name_of_a_folder(vantage):
    name = f"vantage={dataset.partition(vantage)}"
    assert Path(name).name == name
    assert len(name.encode()) < 255
    assert "\0" not in name
    assert name.isprintable()


def test_a_folder_from_before_there_were_parts_is_read(s, tmp_path):
    read = folder_of(s, [f"client={SAMPLES / 'udp' / 'client.pcap'}"], tmp_path / "t")
    folder = tmp_path / "t"
    for name in dataset.PARTITIONED:
        (folder / name / "vantage=client" / "part-0000.parquet").rename(folder / f"{name}.parquet")
    (folder / "schema.json").write_text('{"schema": "replypath-flows/1"}')
    s.same(read_folder(folder), read)


def test_written_again_nothing_of_before_is_left(s, tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "PART_ROWS", 2)
    folder = tmp_path / "t"
    folder_of(s, [SAMPLES / "client-on-servers-link" / "client.pcap"], folder)
    (folder / "claims.parquet").write_text("of the layout before")
    (folder / "mine.txt").write_text("mine")
    (folder / "flows" / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"schema\.json: exists; give another name, or --force"):
        dataset.check(folder, force=False)
    read = s.read_alone([f"tap={SAMPLES / 'udp' / 'client.pcap'}"], s.EMPTY)
    dataset.write(read, folder, force=True)
    s.same(read_folder(folder), read)
    said = json.loads((folder / "schema.json").read_text())["files"]
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert there == {"schema.json", "mine.txt", "flows/mine.txt", *(path for paths in said.values() for path in paths)}


def test_the_parts_of_an_interrupted_run_stay_and_are_no_folder_of_tables(s, tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "numbers_table", lambda _read: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        folder_of(s, [SAMPLES / "udp" / "client.pcap"], tmp_path / "t")
    with duckdb.connect() as con:
        assert con.execute(f"SELECT count(*) FROM '{tmp_path}/t/flows/*/*.parquet'").fetchall()[0][0] > 0
    with pytest.raises(NotACapture, match=r"without schema\.json, so it holds no complete flow tables"):
        read_folder(tmp_path / "t")
    with pytest.raises(OutputError, match="of a run that did not come to its end"):
        dataset.check(tmp_path / "t", force=False)


def test_parts_of_another_run_are_refused(s, tmp_path):
    folder_of(s, [SAMPLES / "udp" / "client.pcap"], tmp_path / "t")
    two = s.read_alone([f"{each}={SAMPLES / 'udp' / each}.pcap" for each in ("balancer-front", "client")], s.EMPTY)
    dataset.write(two, tmp_path / "two")
    part = Path("flows", "vantage=client", "part-0000.parquet")
    (tmp_path / "t" / part).write_bytes((tmp_path / "two" / part).read_bytes())
    with pytest.raises(CaptureUnreadable, match=r"rows of the capture point 1, which captures\.parquet does not name"):
        read_folder(tmp_path / "t")


def test_a_lost_part_is_named(s, tmp_path):
    folder_of(s, [SAMPLES / "udp" / "client.pcap"], tmp_path / "t")
    said = json.loads((tmp_path / "t" / "schema.json").read_text())
    (tmp_path / "t" / "flows" / "vantage=client" / "part-0000.parquet").unlink()
    with pytest.raises(NotACapture, match=r"vantage=client/part-0000\.parquet: is not there, though schema\.json lists it"):
        read_folder(tmp_path / "t")
    said["files"]["flows"] = ["../elsewhere.parquet"]
    (tmp_path / "elsewhere.parquet").write_text("")
    (tmp_path / "t" / "schema.json").write_text(json.dumps(said))
    with pytest.raises(NotACapture, match="is not there"):
        read_folder(tmp_path / "t")


def test_points_read_apart_are_one_reading(s, tmp_path):
    captures = sorted((SAMPLES / "client-on-servers-link").glob("*.pcap"))
    folders = []
    for path in captures:
        folder_of(s, [f"{path.stem}={path}"], tmp_path / path.stem)
        folders.append(tmp_path / path.stem)
    s.same(read_folders(folders), s.read_alone([f"{path.stem}={path}" for path in captures], s.EMPTY))


def test_one_point_in_two_folders_is_refused(s, tmp_path):
    read = folder_of(s, [f"client={SAMPLES / 'udp' / 'client.pcap'}"], tmp_path / "tables")
    with pytest.raises(ConfigError, match="client: two of the folders hold a capture point of this name"):
        merged([read, read_folder(tmp_path / "tables")])


@given(st.integers(0, FLIPPED * 2 - 1))
def test_a_history_is_read_back(bits):
    assert history_bits(history_text(bits)) == bits


def test_what_is_no_folder_of_ours_is_said(s, tmp_path):
    with pytest.raises(NotACapture, match=r"is a folder without schema\.json"):
        read_folder(tmp_path)
    (tmp_path / "schema.json").write_text('{"schema": "replypath-flows/0"}')
    with pytest.raises(NotACapture, match=r"schema replypath-flows/0; expected"):
        read_folder(tmp_path)
    folder_of(s, [str(SAMPLES / "udp" / "client.pcap")], tmp_path / "tables")
    (tmp_path / "tables" / "claims" / "vantage=client" / "part-0000.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(CaptureUnreadable, match="a table cannot be read"):
        read_folder(tmp_path / "tables")
