"""NetScaler traces: made here from the published layouts, read by us and by Wireshark."""

from __future__ import annotations

import gzip
import random
import re
import struct
import subprocess

import capture_files as files
import pytest
from capture_files import saved

from analyzer.capture.source import NOT_A_PACKET, open_capture, read_frames
from analyzer.errors import CaptureError

BEGIN = 1_700_000_000_123_456_789
SIGNATURES = {2: b"NetScaler V20 Performance Data", 3: b"Netscaler V30 Performance Data", 3.5: b"Netscaler V35 Performance Data"}


def frame(i):
    """A TCP segment whose source port and sequence number say which it is."""
    payload = b"payload" * (i * 37 % 300)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(payload), i, 0, 64, 6, 0, b"\x0a\0\2\x09", b"\xcb\0\x71\x0a")
    tcp = struct.pack(">HHIIBBHHH", 40_000 + i, 80, i, 0, 0x50, 2, 1000, 0, 0)
    return bytes([2, 0, 0, 0, 0, i & 255, 2, 0, 0, 0, 1, 1, 8, 0]) + ip + tcp + payload


def item(kind, body):
    """A record: type, size in 15 bits, the rest."""
    size = 3 + len(body)
    return bytes([kind, size & 0x7F | 0x80, size >> 7]) + body


def v35(i, kind=0xAC, *, cut=0, chain=(), error=0, what=1):
    """Version 3.5; ``chain``: (type, value) of what stands before the frame."""
    octets = frame(i)
    kinds = [*(number for number, _ in chain), what]
    parts = b"".join(struct.pack("<HB", 3 + len(value), kinds[n + 1]) + value for n, (_, value) in enumerate(chain))
    head = struct.pack("<BQIIHHHHBBIB", i % 3, BEGIN + i, 7, 8, len(octets), 5, 1, 35 + len(parts), error, 0, 0, kinds[0])
    return item(kind + i % 4, head + parts + octets[: len(octets) - cut])


def v30(i, kind=0xA8, *, cut=0, names=(b"", b"")):
    octets = frame(i)
    head = struct.pack("<BQIIHHHHHBBB3sI12s", i % 3, BEGIN + i, 7, 8, len(octets), 5, 1, 0, 0, 0, *map(len, names), b"", 0, b"")
    return item(kind + i % 4, head + b"".join(names) + octets[: len(octets) - cut])


def v2(i, version, *, cut=0, names=(b"", b"")):
    """Versions 2.3 to 2.6, whole or (where cut) in part."""
    octets = frame(i)
    head = struct.pack("<BQ", i % 3, BEGIN + i)
    if cut:
        head += struct.pack("<HH", len(octets), 0)
    head += struct.pack("<IIHH", 7, 8, 5, 1)
    if version >= 4:
        head += struct.pack("<HHB", 0, 0, 0)
    if version >= 5:
        head += bytes(map(len, names))
    if version >= 6:
        head += struct.pack("<BI12s", 0, 0, b"")
    kind = {3: 0xF0, 4: 0xF8, 5: 0xB0, 6: 0xA0}[version] + (4 if cut else 0) + i % (3 if version == 3 else 4)
    return item(kind, head + (b"".join(names) if version >= 5 else b"") + octets[: len(octets) - cut])


def trace(version, records, *, spanning=True):
    """Records in pages; those that do not fit begin a new page, where records may not span."""
    page = 8192 if version == 2 else 16_384
    octets = b""
    for record in [signature(version), item(7, struct.pack("<HI", 0, 1_700_000_000))[:1] + b"\x08" + bytes(6), *records]:
        room = page - len(octets) % page
        if len(record) > room and not spanning:
            octets += bytes(room)
        octets += record
    return octets


def signature(version):
    text = SIGNATURES[version] + b"\0"
    return bytes([1, 3 + len(text), 0]) + text


def cut_of(i):
    return 10 if i % 5 == 0 else 0


NUMBERS = range(1, 60)
TRACES = {
    "3.5": trace(3.5, [v35(i, cut=cut_of(i)) for i in NUMBERS]),
    "3.5, not spanning": trace(3.5, [v35(i, cut=cut_of(i)) for i in NUMBERS], spanning=False),
    "3.5, more before the frame": trace(3.5, [
        v35(i, cut=cut_of(i), chain=[(0x85, b"\1\0\2\0\0"), (0x83, b"text"), (0x87, bytes(8))][: i % 4]) for i in NUMBERS]),
    "3.0": trace(3, [v30(i, cut=cut_of(i)) for i in NUMBERS]),
    "3.0, named machines": trace(3, [v30(i, names=(b"web1", b"client")) for i in NUMBERS]),
    **{f"2.{version}": trace(2, [v2(i, version, cut=cut_of(i)) for i in NUMBERS], spanning=False) for version in range(3, 7)},
    "2.5, named machines": trace(2, [v2(i, 5, names=(b"web1", b"client")) for i in NUMBERS], spanning=False),
}


@pytest.mark.parametrize("name", TRACES)
def test_frames_of_a_trace_are_read(name, tmp_path):
    path = saved(tmp_path, TRACES[name], "trace.cap")
    read = files.read(path)
    named = "named" in name
    assert [(row.octets, row.wire, row.time_ns, row.link) for row in read.rows] == [
        (frame(i)[: len(frame(i)) - (0 if named else cut_of(i))], len(frame(i)), BEGIN + i, 1) for i in NUMBERS]
    assert [read.interfaces[row.interface].name for row in read.rows] == [f"card {i % 3}" for i in NUMBERS]
    assert read.warnings == []
    assert files.read(path, chunk_bytes=100, batch_frames=7) == read
    assert files.read(saved(tmp_path, gzip.compress(TRACES[name]))).rows == read.rows
    row = read.rows[30]
    assert read_frames(path, [(row.frame, row.position)]) == {row.frame: row.octets}


@files.needs_tshark
@pytest.mark.tshark
@pytest.mark.parametrize("name", TRACES)
def test_wireshark_sees_the_same_packets(name, tmp_path):
    path = saved(tmp_path, TRACES[name], "trace.cap")
    fields = ("frame.number", "frame.time_epoch", "eth.dst", "tcp.srcport", "tcp.seq_raw", "nstrace.nicno")
    done = subprocess.run(
        [files.TSHARK, "-n", "-r", path, "-T", "fields", *(word for field in fields for word in ("-e", field))],
        capture_output=True, text=True, timeout=60, check=True)
    read = files.read(path)
    assert done.stdout.splitlines() == [
        "\t".join([
            str(row.frame), f"{row.time_ns // 10**9}.{row.time_ns % 10**9:09}", row.octets[:6].hex(":"),
            str(int.from_bytes(row.octets[34:36], "big")), str(int.from_bytes(row.octets[38:42], "big")),
            read.interfaces[row.interface].name.removeprefix("card "),
        ]) for row in read.rows]


def test_what_the_netscaler_dropped_is_a_comment(tmp_path):
    read = files.read(saved(tmp_path, trace(3.5, [v35(1), v35(2, error=4), v35(3)])))
    assert read.comments[1:] == [(2, "the NetScaler dropped this packet (its error code: 4)")]


@files.needs_tshark
@pytest.mark.tshark
@pytest.mark.parametrize("what", [0, 2])
def test_a_record_without_a_frame_keeps_its_number(what, tmp_path):
    path = saved(tmp_path, trace(3.5, [v35(1), v35(2, what=what), v35(3)]))
    read = files.read(path)
    assert [row.link for row in read.rows] == [1, NOT_A_PACKET, 1]
    assert len(files.tshark(path)[0]) == 3


def test_a_chain_that_lies_has_no_frame(tmp_path):
    record = bytearray(v35(1, chain=[(0x83, b"text")]))
    record[35:37] = b"\0\0"
    assert [row.link for row in files.read(saved(tmp_path, trace(3.5, [record, v35(2)]))).rows] == [NOT_A_PACKET, 1]


def test_a_trace_that_breaks_off_gives_what_is_there(tmp_path):
    path = saved(tmp_path, TRACES["3.5"][:-20])
    read = files.read(path)
    assert len(read.rows) == len(NUMBERS) - 1
    assert "the NetScaler trace ends inside a record at octet" in read.warnings[0]


@pytest.mark.parametrize(("records", "says"), [
    ([b"\x42\x80\x00" + bytes(9)], "a record without a length"),
    ([item(0xAC, bytes(10))], "shorter than its header"),
    ([item(0xC0, bytes(30))], r"packets of version 2.0 to 2.2, not read here \(take it as pcap\)"),
])
def test_a_trace_that_lies_says_where(records, says, tmp_path):
    read = files.read(saved(tmp_path, trace(3.5, [v35(1), *records, v35(2)])))
    assert len(read.rows) == 1
    assert re.search(f"{says} at octet {len(trace(3.5, [v35(1)]))}", read.warnings[0])


@pytest.mark.parametrize("seed", range(5))
def test_mutated_traces_are_survived(seed, tmp_path):
    seeded = random.Random(seed)
    for _ in range(60):
        octets = bytearray(seeded.choice(list(TRACES.values()))[:9000])
        for _ in range(seeded.randrange(1, 8)):
            octets[seeded.randrange(40, len(octets))] = seeded.choice([0, 255, seeded.randrange(256)])
        path = saved(tmp_path, octets)
        try:
            read = files.read(path)
        except CaptureError as error:
            assert str(path) in str(error)
            continue
        assert files.read(path, chunk_bytes=seeded.choice([3, 50, 1000]), batch_frames=3) == read


def test_a_page_of_something_else_is_no_trace(tmp_path):
    with pytest.raises(CaptureError, match="neither pcap nor pcapng"):
        open_capture(saved(tmp_path, b"Netscaler V35 Performance Data is what I am reading about"))
