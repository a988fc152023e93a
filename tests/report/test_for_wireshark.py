"""What Wireshark reads from us: display filters, the annotated capture, the profile; asked of tshark itself."""

from __future__ import annotations

import io
import os
import shutil
import struct
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import dpkt
import pytest
import report_examples as examples

from analyzer.report.annotated import RawFrame, write_annotated
from analyzer.report.formats import wireshark
from analyzer.units import UnixNs

LAB = Path(__file__).parents[3] / "shared" / "captures" / "lab"
TSHARK = shutil.which("tshark")
needs_lab = pytest.mark.skipif(not LAB.is_dir(), reason="the lab captures are not beside the repository")


def tshark(*arguments, home) -> list[str]:
    environment = {**os.environ, "XDG_CONFIG_HOME": str(home), "HOME": str(home)}
    done = subprocess.run([TSHARK, *map(str, arguments)], capture_output=True, text=True, env=environment,
                          timeout=60, check=True)
    return done.stdout.splitlines()


def frames_of(name: str) -> dict[int, RawFrame]:
    with (LAB / name).open("rb") as file:
        reader = dpkt.pcap.Reader(file)
        return {number: RawFrame(octets, reader.datalink(), UnixNs(round(time * 10**6) * 1000), len(octets))
                for number, (time, octets) in enumerate(reader, 1)}


def read(capture, frames):
    found = frames_of(capture.path)
    return {frame: found[frame] for frame in frames}


def made_up(_capture, frames):
    return {frame: RawFrame(bytes(range(20 + frame % 3)), 1, UnixNs(frame * 10**9 + 7), 1500) for frame in frames}


@needs_lab
@pytest.mark.parametrize("item", examples.EVIDENCE, ids=lambda item: f"{item.capture}-{item.frame}")
@pytest.mark.tshark
@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
def test_a_frame_s_filter_selects_exactly_that_frame(item, tmp_path):
    path = LAB / examples.CAPTURES[item.capture].path
    assert tshark("-r", path, "-Y", item.filter, "-T", "fields", "-e", "frame.number", home=tmp_path) == \
        [str(item.frame)]


@needs_lab
@pytest.mark.tshark
@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
def test_the_annotated_capture_reads_back_with_its_comments(tmp_path):
    out = io.BytesIO()
    assert write_annotated(examples.CLASSIC, read, out) == len(examples.EVIDENCE)
    path = tmp_path / "evidence.pcapng"
    path.write_bytes(out.getvalue())
    rows = [line.split("\t") for line in tshark(
        "-r", path, "-T", "fields", "-e", "frame.comment", "-e", "frame.interface_name", "-e", "frame.time_epoch",
        "-e", "frame.len", "-e", "ip.src", home=tmp_path)]
    assert [row[0] for row in rows] == [
        f"RP101 ({examples.CAPTURES[item.capture].path}:{item.frame}): {item.says}"
        for item in sorted(examples.EVIDENCE, key=lambda item: item.time_ns)]
    assert [row[1] for row in rows] == [
        examples.CAPTURES[item.capture].path for item in sorted(examples.EVIDENCE, key=lambda item: item.time_ns)]
    assert [row[2][:17] for row in rows] == [
        f"{item.time_ns / 10**9:.6f}" for item in sorted(examples.EVIDENCE, key=lambda item: item.time_ns)]
    assert rows[0][3:] == ["74", "192.168.11.50"]


def test_two_findings_that_cite_one_frame_make_two_comments_of_one_packet():
    twice = replace(examples.CLASSIC, findings=(examples.BYPASS, replace(examples.BYPASS, rule="RP999")))
    out = io.BytesIO()
    assert write_annotated(twice, made_up, out) == len(examples.EVIDENCE)
    blocks = list(blocks_of(out.getvalue()))
    assert [kind for kind, _ in blocks] == [0x0A0D0D0A, 1, 1, 1, 6, 6, 6, 6, 6]
    for kind, body in blocks:
        if kind == 6:
            assert (body.count(b"RP101"), body.count(b"RP999")) == (1, 1)
            assert struct.unpack_from("<I", body, 16)[0] == 1500


def blocks_of(octets: bytes):
    """Every block's type and body; the lengths before and behind must agree and end on four octets."""
    place = 0
    while place < len(octets):
        kind, length = struct.unpack_from("<II", octets, place)
        assert length % 4 == 0
        assert struct.unpack_from("<I", octets, place + length - 4)[0] == length
        yield kind, octets[place + 8:place + length - 4]
        place += length
    assert place == len(octets)


def test_frames_that_are_gone_are_left_out_and_hostile_comments_are_cleaned():
    out = io.BytesIO()
    assert write_annotated(examples.CLASSIC, lambda _capture, _frames: {}, out) == 0
    assert [kind for kind, _ in blocks_of(out.getvalue())] == [0x0A0D0D0A]
    out = io.BytesIO()
    write_annotated(examples.ALL["hostile"], made_up, out)
    assert b"\x1b" not in b"".join(body[28:] for kind, body in blocks_of(out.getvalue()) if kind != 6)
    assert len(out.getvalue()) < 50_000


def profile(diagnosis, home) -> Path:
    out = io.BytesIO()
    wireshark.write(diagnosis, out)
    folder = home / "wireshark" / "profiles"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    return folder / "replypath"


@needs_lab
@pytest.mark.tshark
@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
def test_the_profile_colours_what_the_findings_cite(tmp_path):
    profile(examples.THREE, tmp_path)
    rows = [line.split("\t") for line in tshark(
        "-C", "replypath", "--color", "-r", LAB / "B_bypass.client.pcap", "-T", "fields", "-e", "frame.number",
        "-e", "frame.coloring_rule.name", home=tmp_path)]
    coloured = {int(number) for number, name in rows if name == "RP101 client-on-servers-link 192.168.11.10"}
    assert coloured == {3, *range(6, 17)}


def test_the_profile_is_the_same_every_time_and_survives_hostile_text(tmp_path):
    first, second = io.BytesIO(), io.BytesIO()
    wireshark.write(examples.THREE, first)
    wireshark.write(examples.THREE, second)
    assert first.getvalue() == second.getvalue()
    folder = profile(examples.ALL["hostile"], tmp_path)
    assert {path.name for path in folder.iterdir()} == {"colorfilters", "dfilter_buttons", "dfilters"}
    for path in folder.iterdir():
        assert len(path.read_text().splitlines()) <= 1      # the filter itself was hostile: no rule is made of it


def test_quotes_cannot_end_a_button():
    quoted = replace(examples.BYPASS, summary='say "x", y\\z', filter='tcp contains "a"')
    out = io.BytesIO()
    wireshark.write(replace(examples.CLASSIC, findings=(quoted,)), out)
    with zipfile.ZipFile(out) as archive:
        line = archive.read("replypath/dfilter_buttons").decode().strip()
    assert line == (r'"TRUE","RP101 client-on-servers-link 192.168.11.10",'
                    r'"tcp contains \x22a\x22","say \x22x\x22, y\x5cz"')
