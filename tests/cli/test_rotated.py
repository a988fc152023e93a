"""A vantage point named several times is one capture point, read in the order of time and cited by file."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.balance.mapping import EMPTY
from analyzer.cli import main
from analyzer.reading import points, read_captures
from analyzer.rings import place

SAMPLE = Path(__file__).resolve().parents[2] / "sample_pcaps" / "client-on-servers-link"


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def cut(capture, folder, *after):
    """The capture as several files, cut after these frames; their names in the wrong order."""
    octets = capture.read_bytes()
    header, at, parts = octets[:24], 24, [[]]
    number = 0
    while at < len(octets):
        size = 16 + struct.unpack_from("<I", octets, at + 8)[0]
        parts[-1].append(octets[at:at + size])
        at, number = at + size, number + 1
        if number in after:
            parts.append([])
    files = [folder / f"ring_{len(parts) - place}.pcap" for place in range(len(parts))]
    for file, frames in zip(files, parts, strict=True):
        file.write_bytes(header + b"".join(frames))
    return files


def result(*arguments):
    return json.loads(run("analyze", *arguments, "--format", "json", "-q").stdout)


@pytest.fixture
def ring(tmp_path):
    return cut(SAMPLE / "server.pcap", tmp_path, 5, 14, 17)


def test_a_name_that_comes_again_is_the_same_point():
    assert points(["a=1", "b=2", "a=3", "4", "4"]) == [
        ("a", ["1", "3"], True), ("b", ["2"], True), ("4", ["4"], False), ("4", ["4"], False),
    ]


def test_the_verdict_is_that_of_the_whole_file_and_the_evidence_names_the_parts(ring):
    whole = result(f"client={SAMPLE / 'client.pcap'}", f"server={SAMPLE / 'server.pcap'}")
    parts = result(f"client={SAMPLE / 'client.pcap'}", *(f"server={file}" for file in reversed(ring)))
    assert parts["verdict"] == whole["verdict"] == "bypass"
    assert [c["path"] for c in parts["captures"][1:]] == [str(file) for file in ring]
    assert {c["vantage"] for c in parts["captures"][1:]} == {"server"}
    assert [c["frames"] for c in parts["captures"][1:4]] == [5, 9, 3]
    assert sum(c["frames"] for c in parts["captures"]) == sum(c["frames"] for c in whole["captures"])
    begins = [0, 0, 5, 14, 17]
    for one, two in ((whole["findings"][0]["evidence"], parts["findings"][0]["evidence"]),
                     (whole["connections"], parts["connections"])):
        assert len(one) == len(two)
        for before, after in zip(one, two, strict=True):
            assert before["frame"] == after["frame"] + begins[after["capture"]]
            assert (before["capture"] == 0) == (after["capture"] == 0)
    times = [(c["first_ns"], c["last_ns"]) for c in parts["captures"][1:]]
    assert times == sorted(times)


@pytest.mark.tshark
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_every_cited_frame_is_found_in_its_file_with_its_filter(ring):
    parts = result(*(f"server={file}" for file in ring))
    cited = [item for finding in parts["findings"] for item in finding["evidence"]]
    assert len({item["capture"] for item in cited}) > 1
    for item in cited:
        done = subprocess.run(
            ["tshark", "-r", parts["captures"][item["capture"]]["path"], "-Y", item["filter"], "-T", "fields",
             "-e", "frame.number", "-e", "frame.time_epoch"], capture_output=True, text=True, check=True)
        number, seconds = done.stdout.split()
        assert int(number) == item["frame"]
        assert int(seconds.replace(".", "")) == item["time_ns"]


@pytest.mark.tshark
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_the_annotated_capture_takes_its_packets_from_every_part(tmp_path, ring):
    for name, arguments in (("whole", [f"server={SAMPLE / 'server.pcap'}"]), ("parts", [f"server={file}" for file in ring])):
        assert run("analyze", *arguments, "-q", "--report", tmp_path / f"{name}.pcapng").exit_code == 1
    seen = [subprocess.run(["tshark", "-r", tmp_path / f"{name}.pcapng", "-T", "fields", "-e", "frame.time_epoch",
                            "-e", "tcp.seq_raw", "-e", "eth.src"], capture_output=True, text=True, check=True).stdout
            for name in ("whole", "parts")]
    assert seen[0] == seen[1] != ""


def test_frames_are_placed_in_their_files(ring):
    files = read_captures([f"server={file}" for file in ring], EMPTY).files
    assert [place(files, 0, frame) for frame in (1, 5, 6, 14, 15, 17, 18)] == [
        (0, 1), (0, 5), (1, 1), (1, 9), (2, 1), (2, 3), (3, 1)]


def test_a_pipe_cannot_be_part_of_a_ring(ring):
    done = run("analyze", f"server={ring[0]}", "server=-")
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1


def test_what_is_no_packet_has_no_time(tmp_path):
    def block(kind, body):
        size = struct.pack("<I", 12 + len(body))
        return struct.pack("<I", kind) + size + body + size

    # RFC draft pcapng: section, interface, a systemd journal entry (which Wireshark numbers), then one packet
    packet = bytes(60)
    octets = (
        block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
        + block(1, struct.pack("<HHI", 1, 0, 0))
        + block(9, b"__REALTIME_TIMESTAMP=1\n\n")
        + block(6, struct.pack("<IIIII", 0, 5, 6, len(packet), len(packet)) + packet)
    )
    capture = tmp_path / "journal.pcapng"
    capture.write_bytes(octets)
    (summary,) = read_captures([capture], EMPTY).captures
    moment = ((5 << 32) + 6) * 1000
    assert (summary.first_ns, summary.last_ns) == (moment, moment)
    assert summary.frames == 2
