"""Every capture at hand, frame by frame, against tshark; and a second time against dpkt, where dpkt is right."""

from __future__ import annotations

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import capture_files as files
import dpkt
import pytest

from analyzer.capture.source import NOT_A_PACKET
from analyzer.errors import CaptureError

# Wireshark's encapsulation number (WTAP_ENCAP_) for each LINKTYPE_ that the shared captures hold.
ENCAPSULATIONS = {0: 15, 1: 1, 2: 184, 101: 7, 113: 25, 228: 129, 229: 130, 239: 141, 253: 158, 276: 210}

EVERY = files.shared_files()
LITTLE = (b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00", b"\x4d\x3c\xb2\xa1\x02\x00\x04\x00")
not_here = pytest.mark.skipif(not EVERY, reason="the shared captures are not here")


def ordinary(path) -> bool:
    """A whole little-endian pcap file: Wireshark reads them joined together, which saves starting it 200 times."""
    if path.read_bytes()[:8] not in LITTLE:
        return False
    try:
        return not files.read(path).warnings
    except CaptureError:
        return False


def section_index(read, row):
    """The interface's number within its section, as Wireshark shows it, and the section from 1."""
    section = read.interfaces[row.interface].section
    first = next(i for i, interface in enumerate(read.interfaces) if interface.section == section)
    return row.interface - first, section + 1


def assert_same(path, read, row, frame) -> bool:
    """One frame of ours against Wireshark's."""
    where = (path.name, row.frame)
    if row.link == NOT_A_PACKET:
        assert frame.encapsulation is None, where
        return False
    assert (len(row.octets), row.wire) == (frame.captured, frame.wire), where
    # One file lies: its packets are of the year 586524, which 64 bits of nanoseconds cannot say.
    assert frame.time_ns is None or row.time_ns == min(frame.time_ns, 2**63 - 1), where
    assert frame.encapsulation == ENCAPSULATIONS[row.link], where
    assert frame.interface is None or section_index(read, row) == (frame.interface, frame.section), where
    return True


@files.needs_tshark
@pytest.mark.tshark
@not_here
def test_every_frame_of_an_odd_capture_is_the_one_that_wireshark_shows(capsys):
    compared, refused = 0, []
    odd = [path for path in EVERY if not ordinary(path)]
    with ThreadPoolExecutor(2) as pool:
        for path, (seen, complaint) in zip(odd, pool.map(files.tshark, odd), strict=True):
            try:
                read = files.read(path)
            except CaptureError:
                assert complaint, f"{path.name}: tshark reads it"
                refused.append(path.name)
                continue
            assert len(read.rows) >= len(seen), path.name
            if not complaint:
                assert len(read.rows) == len(seen), path.name
            for row, frame in zip(read.rows, seen, strict=False):
                assert row.frame == frame.number
                compared += assert_same(path, read, row, frame)
    with capsys.disabled():
        print(f"\n{compared} frames of {len(odd) - len(refused)} odd captures equal; refused by both: {refused}")
    assert compared > 3_000
    assert len(refused) < 6


@files.needs_tshark
@pytest.mark.tshark
@not_here
def test_every_frame_of_an_ordinary_capture_is_the_one_that_wireshark_shows(tmp_path, capsys):
    paths = [path for path in EVERY if ordinary(path)]
    merged = tmp_path / "merged.pcapng"
    subprocess.run([shutil.which("mergecap"), "-a", "-w", merged, *paths], check=True, capture_output=True, timeout=120)
    seen, complaint = files.tshark(merged)
    assert not complaint
    rows = [(path, row) for path in paths for row in files.read(path).rows]
    assert len(rows) == len(seen)
    for (path, row), frame in zip(rows, seen, strict=True):
        assert (len(row.octets), row.wire, row.time_ns) == (frame.captured, frame.wire, frame.time_ns), path.name
        assert frame.encapsulation == ENCAPSULATIONS[row.link], path.name
    assert [row.octets for row in files.read(merged).rows] == [row.octets for _path, row in rows]
    with capsys.disabled():
        print(f"\n{len(rows)} frames of {len(paths)} ordinary captures equal")
    assert len(rows) > 10_000


@not_here
def test_every_pcap_frame_is_the_one_that_dpkt_reads():
    """dpkt is right about plain pcap (its times are floats, so microseconds are compared)."""
    compared = 0
    for path in EVERY:
        try:
            with path.open("rb") as stream:
                theirs = list(dpkt.pcap.Reader(stream))
            ours = files.read(path).rows
        except (ValueError, dpkt.Error, CaptureError):
            continue
        # Where a file is cut inside a frame, dpkt shows the rest of the frame and we do not.
        for row, (time, octets) in zip(ours, theirs, strict=False):
            assert row.octets == octets, path.name
            assert abs(row.time_ns // 1000 - round(float(time) * 1e6)) <= 1, path.name
            compared += 1
    assert compared > 10_000
