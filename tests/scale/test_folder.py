"""Flow tables in place of the captures: nothing is lost on the way, and several folders are one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer import tabular
from analyzer.errors import CaptureUnreadable, ConfigError, NotACapture
from analyzer.flow.states import FLIPPED, history_text
from analyzer.scale.folder import history_bits, is_folder, merged, read_folder, read_folders

SAMPLES = Path(__file__).resolve().parents[2] / "sample_pcaps"


def folder_of(s, arguments, folder):
    read = s.read_alone(arguments, s.EMPTY)
    tabular.write_tables(read, folder)
    return read


@pytest.mark.parametrize("case", ["client-on-servers-link", "udp", "duplicate-address", "client-on-servers-link-ipv6"])
def test_a_sample_comes_back_as_it_was(s, case, tmp_path):
    captures = sorted(str(path) for path in (SAMPLES / case).glob("*.pcap*"))
    read = folder_of(s, captures, tmp_path / "tables")
    assert is_folder(tmp_path / "tables")
    s.same(read_folder(tmp_path / "tables"), read)


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
    with pytest.raises(NotACapture, match="holds no flow tables"):
        read_folder(tmp_path)
    (tmp_path / "schema.json").write_text('{"schema": "replypath-flows/0"}')
    with pytest.raises(NotACapture, match=r"schema replypath-flows/0; expected"):
        read_folder(tmp_path)
    folder_of(s, [str(SAMPLES / "udp" / "client.pcap")], tmp_path / "tables")
    (tmp_path / "tables" / "claims.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(CaptureUnreadable, match="a table cannot be read"):
        read_folder(tmp_path / "tables")
