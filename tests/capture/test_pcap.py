"""pcap in all its variants: what each header says, and that Wireshark reads the same."""

from __future__ import annotations

import struct
from concurrent.futures import ThreadPoolExecutor

import capture_files as files
import pytest
from capture_files import pcap, record
from hypothesis import given
from hypothesis import strategies as st

from analyzer.capture.source import open_capture
from analyzer.errors import CaptureDamaged, NotACapture

KUZNETZOV = struct.pack("<IHBx", 2, 8, 0)
SUSE = struct.pack("<IHBBB3x", 2, 8, 0, 1, 1)
NOKIA = bytes(4)

ODD = {
    "microseconds": pcap(record(), record(seconds=1)),
    "big-endian": pcap(record(order=">"), record(order=">"), order=">"),
    "nanoseconds": pcap(record(), magic=0xA1B23C4D),
    "nanoseconds, big-endian": pcap(record(order=">"), magic=0xA1B23C4D, order=">"),
    "longer than on the wire": pcap(record(wire=40), record()),
    "longer than the snap length": pcap(record(), record(), snap=40),
    "snap length 0": pcap(record(), record(), snap=0),
    "snap length 2**32 - 1": pcap(record(), record(), snap=2**32 - 1),
    "version 2.3, lengths swapped": pcap(record(captured=80, wire=60), record(), version=(2, 3)),
    "version 2.3, lengths plain": pcap(record(wire=80), record(), version=(2, 3)),
    "version 2.2": pcap(record(captured=80, wire=60), record(), version=(2, 2)),
    "version 543 of DG/UX": pcap(record(captured=80, wire=60), record(), version=(543, 0)),
    "AIX": pcap(record(captured=80, wire=60), record(), version=(2, 2), link=6),
    "modified": pcap(*[record(more=KUZNETZOV)] * 5, magic=0xA1B2CD34),
    "modified, big-endian": pcap(
        *[record(order=">", more=struct.pack(">IHBx", 2, 8, 0))] * 3, magic=0xA1B2CD34, order=">"),
    "modified, 28 octets (SuSE 6.3)": pcap(*[record(more=SUSE)] * 5, magic=0xA1B2CD34),
    "24 octets under the standard magic (Red Hat 6.1)": pcap(*[record(more=KUZNETZOV)] * 5),
    "Nokia": pcap(*[record(more=NOKIA)] * 5),
    "Ixia hardware": pcap(*[record()] * 3, magic=0x1C0001AC, extra=struct.pack("<I", 228)),
    "Ixia hardware, big-endian": pcap(
        *[record(order=">")] * 3, magic=0x1C0001AC, order=">", extra=struct.pack(">I", 228)),
    "Ixia software": pcap(*[record()] * 3, magic=0x1C0001AB, extra=struct.pack("<I", 228)),
    "frames of no length": pcap(record(b""), record(b"")),
    "a short run of zeros": pcap(record(), bytes(160)),
    "the first and the last second": pcap(record(seconds=2**32 - 1), record(seconds=0)),
    "frame check sequence": pcap(record(), link=0x24000001),
    "raw IP as Linux numbers it": pcap(record(), link=12),
    "raw IP as OpenBSD numbers it": pcap(record(), link=14),
    "no packets": pcap(),
    "truncated": pcap(record(), record())[:-10],
    "truncated in a record header": pcap(record(), record()[:7]),
    "over the limit": pcap(record(), record(), record(), record(b"\x01" * 262_145)),
    "at the limit": pcap(record(b"\x01" * 262_144), record()),
}
ENCAPSULATIONS = {1: 1, 101: 7}


@files.needs_tshark
@pytest.mark.tshark
def test_wireshark_reads_every_variant_as_we_do(tmp_path):
    paths = {name: files.saved(tmp_path, octets, f"{i}.pcap") for i, (name, octets) in enumerate(ODD.items())}
    with ThreadPoolExecutor(2) as pool:
        for (name, path), (seen, complaint) in zip(paths.items(), pool.map(files.tshark, paths.values()), strict=True):
            read = files.read(path)
            # Wireshark 4.0 took Ixia's hardware time stamps for microseconds; later versions, like us, do not.
            unit = 1000 if name.startswith("Ixia hardware") else 1
            assert [
                (len(row.octets), row.wire, row.time_ns % 10**9 * unit, row.time_ns // 10**9, ENCAPSULATIONS[row.link])
                for row in read.rows
            ] == [
                (frame.captured, frame.wire, frame.time_ns % 10**9, frame.time_ns // 10**9, frame.encapsulation)
                for frame in seen
            ], name
            assert not complaint or read.warnings, name


@pytest.mark.parametrize("name", ODD)
def test_an_interface_says_what_the_file_header_says(name, tmp_path):
    """Whoever captures a pcap file has one interface; every frame belongs to it."""
    read = files.read(files.saved(tmp_path, ODD[name]))
    (interface,) = read.interfaces
    assert {row.interface for row in read.rows} <= {0}
    assert {row.link for row in read.rows} <= {interface.link_type}
    assert interface.ticks_per_second == (10**9 if name.startswith(("nano", "AIX", "Ixia hardware")) else 10**6)
    assert interface.fcs_bytes == (4 if name == "frame check sequence" else None)


def test_positions_lead_to_the_octets_of_the_frame(tmp_path):
    for octets in ODD.values():
        for row in files.read(files.saved(tmp_path, octets)).rows:
            assert octets[row.position : row.position + len(row.octets)] == row.octets


def test_an_unknown_link_type_is_read_for_others_to_judge(tmp_path):
    assert [row.link for row in files.read(files.saved(tmp_path, pcap(record(), link=9999))).rows] == [9999]


def test_a_fraction_above_one_second_is_flagged(tmp_path):
    """Wireshark 4.0 multiplies such a fraction in 32 bits and shows 0.705032704 seconds for 5."""
    read = files.read(files.saved(tmp_path, pcap(record(fraction=5_000_000), record())))
    assert read.rows[0].time_ns == 1_000_000_005 * 10**9
    (warning,) = read.warnings
    assert "1 time stamps have a fraction" in warning
    assert "octet 24" in warning


@pytest.mark.parametrize(("octets", "error", "says"), [
    (pcap()[:23], CaptureDamaged, "octet 23"),
    (pcap(magic=0x1C0001AC), CaptureDamaged, "octet 24"),
    (pcap(version=(1, 4)), NotACapture, "octet 4: pcap version 1.4"),
    (pcap(link=0x00300001), NotACapture, "octet 20: reserved bits"),
    (pcap(magic=0xA1B234CD), NotACapture, "begins with cd34b2a1"),
    (b"\xa1\xb2", NotACapture, "begins with a1b2"),
    (b"", NotACapture, "is empty"),
    (b"time,src,dst\n", NotACapture, "begins with 74696d65"),
])
def test_what_is_no_pcap_is_refused_with_its_place(octets, error, says, tmp_path):
    path = files.saved(tmp_path, octets)
    with pytest.raises(error) as caught:
        open_capture(path)
    assert str(path) in str(caught.value)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


frames = st.lists(
    st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 10**9 - 1), st.binary(max_size=90), st.integers(0, 100)),
    max_size=20,
)


@given(frames, st.sampled_from("<>"), st.sampled_from([(0xA1B2C3D4, 1000), (0xA1B23C4D, 1)]), st.integers(1, 300),
       st.integers(1, 7))
def test_what_is_written_is_read_back_wherever_it_is_cut(tmp_path_factory, written, order, kind, chunk, batch):
    magic, unit = kind
    octets = pcap(
        *(record(frame, seconds, ns // unit, wire=len(frame) + more, order=order) for seconds, ns, frame, more in written),
        magic=magic, order=order,
    )
    path = files.saved(tmp_path_factory.mktemp("pcap"), octets)
    expected = [
        (frame, len(frame) + more, seconds * 10**9 + ns // unit * unit) for seconds, ns, frame, more in written]
    whole, cut = files.read(path), files.read(path, chunk_bytes=chunk, batch_frames=batch)
    if len(written) * 16 < 256:   # a longer row of empty frames at time 0 is a hole in the file
        assert [(row.octets, row.wire, row.time_ns) for row in whole.rows] == expected
    assert cut == whole
