"""Several files of one vantage point: in the order of time, numbered through, and cited by file."""

from __future__ import annotations

import gzip
import os
import struct

import capture_files as files
import pytest
from capture_files import block, interface, option, packet, pcap, record, section

from analyzer.capture.source import ChainedSource, Limits, read_frames
from analyzer.errors import CaptureDamaged, CaptureUnreadable, NotACapture


def ring(tmp_path):
    """Three files whose names say nothing about their order, one of them compressed."""
    part = [[record(b"file %d frame %d" % (i, j), 1000 + 100 * i + j) for j in range(4 + i)] for i in range(3)]
    return [
        files.saved(tmp_path, pcap(*part[2]), "a.pcap"),
        files.saved(tmp_path, gzip.compress(pcap(*part[0])), "b.pcap"),
        files.saved(tmp_path, pcap(*part[1]), "c.pcap"),
    ]


def rows_of(source):
    rows, expected = [], 1
    for batch in source.batches():
        assert batch.first_frame == expected
        expected += len(batch)
        rows += [
            (batch.first_frame + i, batch.frame(i), int(batch.time_ns[i]), int(batch.position[i]), int(batch.interface[i]))
            for i in range(len(batch))]
    assert source.frames == len(rows)
    return rows


def test_files_are_read_in_the_order_of_their_packets(tmp_path):
    paths = ring(tmp_path)
    source = ChainedSource(paths)
    rows = rows_of(source)
    assert source.paths == [str(paths[i]) for i in (1, 2, 0)]
    assert [time for _, _, time, _, _ in rows] == sorted(time for _, _, time, _, _ in rows)
    assert [octets for _, octets, *_ in rows] == [b"file %d frame %d" % (i, j) for i in range(3) for j in range(4 + i)]
    assert [position for *_, position, _ in rows] == sorted({position for *_, position, _ in rows})
    assert rows_of(ChainedSource(reversed(paths), limits=Limits(chunk_bytes=9, batch_frames=2))) == rows


def test_a_frame_is_cited_by_its_file_and_its_number_there(tmp_path):
    paths = ring(tmp_path)
    source = ChainedSource(paths)
    for frame, octets, *_ in rows_of(source):
        path, number = source.locate(frame)
        assert files.read(path).rows[number - 1].octets == octets


def test_frames_of_a_ring_are_shown_again(tmp_path):
    source = ChainedSource(ring(tmp_path))
    rows = rows_of(source)
    assert read_frames(source, [(frame, position) for frame, _, _, position, _ in rows]) == {
        frame: octets for frame, octets, *_ in rows}


def test_an_interface_that_every_file_describes_is_one(tmp_path):
    def part(i, name, drops):
        statistics = block(5, bytes(12) + option(5, struct.pack("<Q", drops)))
        return section() + interface(option(2, name)) + interface(option(2, b"lo")) + packet(
            b"%d" % i, 10**6 * i, option(1, b"comment %d" % i)) + packet(b"lo", 10**6 * i, which=1) + statistics

    paths = [files.saved(tmp_path, part(i, name, i), str(i)) for i, name in enumerate([b"eth0", b"eth0", b"eth1"])]
    source = ChainedSource(paths)
    rows = rows_of(source)
    assert [(each.name, each.drops) for each in source.interfaces] == [("eth0", 1), ("lo", None), ("eth1", 2)]
    assert [which for *_, which in rows] == [0, 1, 0, 1, 2, 1]
    assert [tuple(comment) for comment in source.comments] == [(1, "comment 0"), (3, "comment 1"), (5, "comment 2")]


def test_files_that_overlap_are_said(tmp_path):
    one = files.saved(tmp_path, pcap(record(b"1", 1000), record(b"3", 1900)), "one")
    two = files.saved(tmp_path, pcap(record(b"2", 1500), record(b"4", 2500)), "two")
    source = ChainedSource([one, two])
    assert [octets for _, octets, *_ in rows_of(source)] == [b"1", b"3", b"2", b"4"]
    assert source.warnings == [
        (f"{two}: begins 400 seconds before the end of the file before it; "
        f"their packets are taken one file after the other, not by time")]


def test_a_damaged_file_of_a_ring_is_a_warning(tmp_path):
    broken = files.saved(tmp_path, pcap(record(captured=2**32 - 1)), "broken")
    empty = files.saved(tmp_path, pcap(), "empty")
    cut = files.saved(tmp_path, pcap(record(b"x", 999_999_999), record())[:-1], "cut")
    source = ChainedSource([broken, empty, cut, *ring(tmp_path)])
    assert len(rows_of(source)) == 16
    assert [warning.split(":")[0] for warning in source.warnings] == [str(cut), str(broken)]
    with pytest.raises(CaptureDamaged, match="no packet in it is readable"):
        rows_of(ChainedSource([broken]))


def test_what_is_no_file_of_a_ring_is_said_before_reading(tmp_path):
    with pytest.raises(CaptureUnreadable, match="No such file"):
        ChainedSource([*ring(tmp_path), tmp_path / "gone"])
    with pytest.raises(NotACapture, match="is empty"):
        ChainedSource([*ring(tmp_path), files.saved(tmp_path, b"", "nothing")])
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(CaptureUnreadable, match="is a pipe"):
        ChainedSource([tmp_path / "fifo"])


def test_a_ring_can_be_left(tmp_path):
    source = ChainedSource(ring(tmp_path))
    source.close()
    batches = source.batches()
    next(batches)
    source.close()
    batches.close()
