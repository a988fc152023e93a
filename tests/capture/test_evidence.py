"""Frames are read back by position: from plain files without reading them through, from all else in one pass."""

from __future__ import annotations

import gzip
import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import capture_files as files
import pytest
from capture_files import interface, old_packet, packet, pcap, record, section, simple

from analyzer.capture import evidence
from analyzer.capture.source import Limits, open_capture, read_frames
from analyzer.errors import CaptureDamaged, CaptureUnreadable

SEEDED = random.Random(9)
FRAMES = [SEEDED.randbytes(SEEDED.randrange(0, 300)) for _ in range(200)]
MODIFIED = bytes(8)
CAPTURES = {
    "pcap": pcap(*map(record, FRAMES)),
    "pcap, big-endian": pcap(*(record(frame, order=">") for frame in FRAMES), order=">"),
    "pcap, modified": pcap(*(record(frame, more=MODIFIED) for frame in FRAMES), magic=0xA1B2CD34),
    "pcap 2.2": pcap(*(record(frame) for frame in FRAMES), version=(2, 2)),
    "pcapng": section() + interface() + b"".join(packet(frame) for frame in FRAMES),
    "pcapng, both byte orders": section() + interface() + b"".join(packet(frame) for frame in FRAMES[:50])
        + section(order=">") + interface(order=">") + b"".join(packet(frame, order=">") for frame in FRAMES[50:]),
    "pcapng, obsolete": section() + interface() + b"".join(old_packet(frame) for frame in FRAMES),
}


def wanted_of(path, numbers):
    rows = {row.frame: row for row in files.read(path).rows}
    return [(number, rows[number].position) for number in numbers], {number: rows[number].octets for number in numbers}


@pytest.mark.parametrize("name", CAPTURES)
def test_frames_of_a_plain_file_are_read_without_reading_it_through(name, tmp_path, monkeypatch):
    path = files.saved(tmp_path, CAPTURES[name])
    wanted, expected = wanted_of(path, [200, 3, 1, 77, 3])
    monkeypatch.setattr(evidence, "_in_one_pass", lambda *_: pytest.fail("read through"))
    assert read_frames(path, wanted) == expected
    assert read_frames(open_capture(path), wanted) == expected
    assert read_frames(path, [(frame, position, len(expected[frame])) for frame, position in wanted]) == expected
    assert read_frames(path, []) == {}


@pytest.mark.parametrize("name", CAPTURES)
def test_frames_of_a_compressed_file_are_read_in_one_pass(name, tmp_path):
    path = files.saved(tmp_path, gzip.compress(CAPTURES[name]))
    wanted, expected = wanted_of(path, [200, 3, 77])
    assert read_frames(path, wanted, limits=Limits(chunk_bytes=500)) == expected


def test_the_pass_ends_at_the_last_frame_wanted(tmp_path):
    octets = gzip.compress(CAPTURES["pcap"]) + gzip.compress(bytes(10**8))     # a bomb behind it
    path = files.saved(tmp_path, octets)
    assert read_frames(path, [(3, 24 + 3 * 16 + len(FRAMES[0]) + len(FRAMES[1]))], limits=Limits(chunk_bytes=1000)) == {3: FRAMES[2]}


def test_a_simple_packet_is_as_long_as_its_interface_says(tmp_path):
    octets = section() + interface(snap=41) + simple(b"\x07" * 41, wire=60) + packet(b"y")
    path = files.saved(tmp_path, octets)
    wanted, expected = wanted_of(path, [1, 2])
    assert read_frames(path, wanted) == expected == {1: b"\x07" * 41, 2: b"y"}


@pytest.mark.parametrize("name", ["pcap", "pcapng"])
@pytest.mark.parametrize("packed", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_file_that_has_changed_is_not_shown(name, packed, tmp_path):
    path = files.saved(tmp_path, packed(CAPTURES[name]))
    wanted, _ = wanted_of(path, [5, 150])
    path.write_bytes(packed(CAPTURES[name][:9000]))
    with pytest.raises(CaptureDamaged, match="frame 150 is no longer where it was"):
        read_frames(path, wanted)
    path.write_bytes(packed(pcap(*[record(b"\xff" * 100)] * 300)))
    with pytest.raises(CaptureDamaged, match="is no longer where it was"):
        read_frames(path, wanted)


READ_STDIN = """
import sys
from analyzer.capture.source import open_capture, read_frames, Limits
limits = Limits(spool_bytes=int(sys.argv[1]))
rows = {}
for batch in open_capture("-", limits=limits).batches():
    rows.update({batch.first_frame + i: (int(batch.position[i]), batch.frame(i)) for i in range(len(batch))})
try:
    again = read_frames("-", [(number, rows[number][0]) for number in (200, 7)], limits=limits)
    print(len(rows), again == {number: rows[number][1] for number in (200, 7)})
except Exception as error:
    print(type(error).__name__, error)
"""


def through_stdin(stdin, spool=1 << 20):
    done = subprocess.run([sys.executable, "-c", READ_STDIN, str(spool)], stdin=stdin, capture_output=True, text=True,
                          timeout=60, check=True)
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.parametrize("packed", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_standard_input_can_be_looked_at_again(packed, tmp_path):
    path = files.saved(tmp_path, packed(CAPTURES["pcapng"]))
    with path.open("rb") as stream:
        assert through_stdin(stream) == "200 True"
    with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as cat:
        assert through_stdin(cat.stdout) == "200 True"


def test_what_was_not_kept_of_a_pipe_is_said(tmp_path):
    path = files.saved(tmp_path, CAPTURES["pcap"])
    with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as cat:
        said = through_stdin(cat.stdout, 5000)
    assert said.startswith("CaptureUnreadable -: frame 200 cannot be shown again: only the first 5000 octets of the pipe")


def test_a_fifo_is_kept_under_its_name(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(CAPTURES["pcap"],))
    writer.start()
    read = files.read(path)
    writer.join()
    assert len(read.rows) == 200
    assert read_frames(path, [(9, read.rows[8].position)]) == {9: FRAMES[8]}


def test_a_pipe_is_handed_on_as_it_comes(tmp_path):
    """Whoever watches sees a packet before the next one is there."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    seen, go = threading.Semaphore(0), threading.Semaphore(0)

    def write():
        with path.open("wb", buffering=0) as out:
            out.write(pcap())
            for frame in FRAMES[:5]:
                out.write(record(frame))
                if not seen.acquire(timeout=20):
                    return
            out.write(record(FRAMES[5])[:-1])

    writer = threading.Thread(target=write)
    writer.start()
    source = open_capture(path, prompt=True)
    found = []
    for batch in source.batches():
        found += [batch.frame(i) for i in range(len(batch))]
        for _ in range(len(batch)):
            seen.release()
    writer.join()
    assert found == FRAMES[:5]
    assert "inside a record" in source.warnings[0]
    assert go


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(CaptureUnreadable, match="No such file"):
        read_frames(Path(tmp_path / "gone"), [(1, 40)])
