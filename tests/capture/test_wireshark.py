"""Formats that only Wireshark reads, through tshark; and what is said where it is missing, silent or at a loss."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import time

import capture_files as files
import pytest
from capture_files import interface, packet, pcap, record, section

from analyzer.capture import wireshark
from analyzer.capture.source import open_capture, read_frames
from analyzer.errors import CaptureDamaged, NotACapture

FRAMES = [bytes([i]) * 60 for i in range(1, 30)]
EDITCAP = shutil.which("editcap")
needs_editcap = pytest.mark.skipif(not (EDITCAP and files.TSHARK), reason="editcap or tshark is not installed")


@needs_editcap
@pytest.mark.tshark
@pytest.mark.parametrize("kind", ["snoop", "netmon2", "5views", "ngsniffer"])
def test_what_only_wireshark_reads_is_read(kind, tmp_path):
    plain = files.saved(tmp_path, pcap(*(record(frame, 1_700_000_000 + i, 1000 * i) for i, frame in enumerate(FRAMES))))
    path = tmp_path / f"capture.{kind}"
    subprocess.run([EDITCAP, "-F", kind, plain, path], capture_output=True, timeout=60, check=True)
    read = files.read(path)
    seen, _ = files.tshark(path)
    assert [(row.wire, row.time_ns) for row in read.rows] == [(frame.wire, frame.time_ns) for frame in seen]
    assert [row.octets[:60] for row in read.rows] == FRAMES
    if kind == "snoop":
        row = read.rows[7]
        assert read_frames(path, [(row.frame, row.position)]) == {row.frame: row.octets}


@needs_editcap
@pytest.mark.tshark
def test_a_name_like_an_option_is_a_name(tmp_path, monkeypatch):
    plain = files.saved(tmp_path, pcap(*map(record, FRAMES)))
    subprocess.run([EDITCAP, "-F", "snoop", plain, tmp_path / "-r"], check=True, capture_output=True, timeout=60)
    monkeypatch.chdir(tmp_path)
    assert len(files.read("-r").rows) == len(FRAMES)


@files.needs_tshark
@pytest.mark.tshark
@pytest.mark.parametrize("octets", [b"time,source,destination\n1,2,3\n", bytes(range(256)) * 9, b"\0" * 1000])
def test_what_nobody_reads_is_refused_in_one_sentence(octets, tmp_path):
    with pytest.raises(NotACapture) as caught:
        open_capture(files.saved(tmp_path, octets))
    assert "tshark does not read it either" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_without_tshark_one_sentence_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NotACapture, match=r"begins with 736e6f6f.*tshark is not installed: install tshark, or save"):
        open_capture(files.saved(tmp_path, b"snoop\0\0\0" + bytes(100)))


def script(tmp_path, text):
    """A program that stands in for tshark."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "tshark"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return folder


def test_tshark_of_the_working_directory_is_not_run(tmp_path, monkeypatch):
    folder = script(tmp_path, "touch was-run")
    monkeypatch.chdir(folder)
    for path in ("", ".", ":.", "./", "../bin"):
        monkeypatch.setenv("PATH", path)
        assert wireshark.tshark() is None
    monkeypatch.setenv("PATH", str(folder))
    assert wireshark.tshark() == str(folder / "tshark")


def test_a_tshark_that_says_nothing_is_ended(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(script(tmp_path, "exec /bin/sleep 100")))
    begin = time.monotonic()
    with pytest.raises(CaptureDamaged, match="was silent for 1 seconds"):
        files.read(files.saved(tmp_path, b"snoop\0\0\0"), tool_seconds=1)
    assert time.monotonic() - begin < 50


def test_a_tshark_that_breaks_off_leaves_what_it_gave(tmp_path, monkeypatch):
    given = files.saved(tmp_path, section() + interface() + packet() + packet()[:30], "given")
    monkeypatch.setenv("PATH", str(script(tmp_path, f"/bin/cat {given}; echo 'it is broken' >&2; exit 2")))
    path = files.saved(tmp_path, b"snoop\0\0\0")
    read = files.read(path)
    assert len(read.rows) == 1
    assert read.warnings[0] == f"{path}: tshark says: it is broken"
    assert "ends at octet" in read.warnings[1]


def test_a_tshark_that_is_left_is_ended(tmp_path, monkeypatch):
    given = files.saved(tmp_path, section() + interface() + packet(), "given")
    monkeypatch.setenv("PATH", str(script(tmp_path, f"echo $$ > {tmp_path}/pid; /bin/cat {given}; exec /bin/sleep 100")))
    source = open_capture(files.saved(tmp_path, b"snoop\0\0\0"), prompt=True)
    batches = source.batches()
    source.close()
    batches.close()
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
