"""What we write, Wireshark and we ourselves read back; a file appears whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess

import capture_files as files
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.capture.source import Interface
from analyzer.capture.write import Frame, encoded, write_pcapng
from analyzer.errors import OutputError

PORTS = [Interface(1, name="client", description="in front"), Interface(276, name="server", snap_length=96, system="Linux")]
FRAMES = [
    Frame(b"\x01" * 60, 1_700_000_000_123_456_789, comment="RP101: the SYN"),
    Frame(b"\x02" * 61, 1_700_000_000_123_456_790, 1, wire_bytes=1500),
    Frame(b"\x03" * 63, 5, 1, comment='two lines\nand "quotes" \u2014 \u20ac'),
]


def test_what_is_written_is_read_back(tmp_path):
    path = tmp_path / "out.pcapng"
    octets = write_pcapng(path, PORTS, FRAMES, comment="for the ticket")
    assert octets == path.stat().st_size
    read = files.read(path)
    assert [(row.octets, row.time_ns, row.interface, row.wire, row.link) for row in read.rows] == [
        (FRAMES[0].octets, FRAMES[0].time_ns, 0, 60, 1), (FRAMES[1].octets, FRAMES[1].time_ns, 1, 1500, 276),
        (FRAMES[2].octets, 5, 1, 63, 276)]
    assert read.comments == [(0, "for the ticket"), (1, FRAMES[0].comment), (3, FRAMES[2].comment)]
    assert [(each.name, each.description, each.snap_length, each.system, each.ticks_per_second) for each in read.interfaces] == [
        ("client", "in front", 0, "", 10**9), ("server", "", 96, "Linux", 10**9)]


@files.needs_tshark
@pytest.mark.tshark
def test_wireshark_reads_what_is_written(tmp_path):
    path = tmp_path / "out.pcapng"
    write_pcapng(path, PORTS, FRAMES)
    seen, complaint = files.tshark(path)
    assert not complaint
    assert [(frame.time_ns, frame.wire, frame.captured, frame.interface) for frame in seen] == [
        (FRAMES[0].time_ns, 60, 60, 0), (FRAMES[1].time_ns, 1500, 61, 1), (5, 63, 63, 1)]
    shown = subprocess.run(
        [files.TSHARK, "-r", path, "-T", "fields", "-e", "frame.interface_name", "-e", "frame.comment", "-Y", "frame.comment"],
        capture_output=True, text=True, check=True, timeout=60).stdout
    assert shown.splitlines()[0] == "client\tRP101: the SYN"
    assert "\u20ac" in shown


@given(st.lists(st.tuples(st.binary(max_size=70), st.integers(-5, 2**63 - 1), st.integers(0, 1), st.text(max_size=9)), max_size=9))
def test_every_frame_survives(tmp_path_factory, written):
    path = tmp_path_factory.mktemp("write") / "a"
    write_pcapng(path, PORTS, [Frame(*each) for each in written])
    read = files.read(path)
    assert [(row.octets, row.time_ns, row.interface) for row in read.rows] == [
        (octets, max(0, time_ns), which) for octets, time_ns, which, _ in written]
    assert dict(read.comments) == {
        i: text.encode("utf-8", "replace").decode().rstrip("\0") for i, (*_, text) in enumerate(written, 1) if text}


def test_a_long_comment_is_cut_between_characters():
    octets = b"".join(encoded(PORTS, [Frame(b"", 0, comment="\u20ac" * 40_000)]))
    assert octets.count("\u20ac".encode()) == 65_535 // 3


def test_a_frame_of_no_interface_is_a_mistake_and_leaves_nothing_behind(tmp_path):
    with pytest.raises(ValueError, match="interface 2, of 2"):
        write_pcapng(tmp_path / "a", PORTS, [Frame(b"", 0, 2)])
    assert not list(tmp_path.iterdir())


def test_a_file_is_its_owners(tmp_path):
    write_pcapng(tmp_path / "a", PORTS, FRAMES)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_is_there_is_overwritten_only_by_force(tmp_path):
    path = tmp_path / "a"
    path.write_text("mine")
    with pytest.raises(OutputError, match="is there already"):
        write_pcapng(path, PORTS, FRAMES)
    assert path.read_text() == "mine"
    write_pcapng(path, PORTS, FRAMES, force=True)
    assert len(files.read(path).rows) == 3


@pytest.mark.parametrize("force", [False, True])
def test_nothing_is_written_through_a_link_or_onto_a_folder(tmp_path, force):
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "folder").mkdir()
    for name in ("link", "folder"):
        with pytest.raises(OutputError, match="symbolic link or no file"):
            write_pcapng(tmp_path / name, PORTS, FRAMES, force=force)
    assert not (tmp_path / "elsewhere").exists()


def test_somebody_who_was_faster_wins(tmp_path):
    path = tmp_path / "a"

    def frames():
        path.write_text("theirs")
        yield FRAMES[0]

    with pytest.raises(OutputError, match="cannot be written: File exists"):
        write_pcapng(path, PORTS, frames())
    assert path.read_text() == "theirs"
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_a_failure_half_way_leaves_what_was_there(tmp_path):
    path = tmp_path / "a"
    path.write_text("mine")

    def frames():
        yield FRAMES[0]
        raise OSError(28, os.strerror(28))

    with pytest.raises(OutputError, match="No space left"):
        write_pcapng(path, PORTS, frames(), force=True)
    assert path.read_text() == "mine"
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(OutputError, match="No such file or directory"):
        write_pcapng(tmp_path / "no" / "a", PORTS, FRAMES)
