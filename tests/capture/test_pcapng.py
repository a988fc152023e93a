"""pcapng: sections, interfaces, clocks, every packet block, statistics, names, comments - and Wireshark's view of them."""

from __future__ import annotations

import struct
import subprocess
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import capture_files as files
import pytest
from capture_files import block, interface, old_packet, option, packet, section, simple
from hypothesis import given
from hypothesis import strategies as st

from analyzer.capture.source import NOT_A_PACKET, open_capture
from analyzer.errors import CaptureDamaged, NotACapture

HEAD = section() + interface()


def resolution(exponent, order="<"):
    return option(9, bytes([exponent]), order)


def offset(seconds, order="<"):
    return option(14, struct.pack(order + "q", seconds), order)


CUSTOM = block(0xBAD, struct.pack("<I", 32473) + b"hello123")
JOURNAL = block(9, b"__CURSOR=a\n__REALTIME_TIMESTAMP=1500000000000000\nMESSAGE=x\n\n\n")
SYSDIG = block(0x204, struct.pack("<HQQIH", 0, 1000, 1, 26, 3) + bytes(8))

ODD = {
    "enhanced": HEAD + packet() + packet(b"\x01" * 61),
    "big-endian": section(order=">") + interface(order=">") + packet(order=">"),
    "sections of both byte orders": HEAD + packet() + section(order=">") + interface(order=">", link=101)
        + packet(order=">", ticks=7) + section() + interface() + packet(ticks=9),
    "a section of known length": section(length=20 + 92) + interface() + packet() + HEAD + packet(),
    "an interface after the first packet": HEAD + packet() + interface(link=101) + packet(which=1) + packet(which=0),
    "version 1.2": section(version=(1, 2)) + interface() + packet(),
    "seconds": section() + interface(resolution(0)) + packet(ticks=5),
    "nanoseconds": section() + interface(resolution(9)) + packet(ticks=10**18 + 1),
    "picoseconds": section() + interface(resolution(12)) + packet(ticks=10**18 + 1999),
    "the finest power of ten": section() + interface(resolution(127)) + packet(),
    "the finest power of two": section() + interface(resolution(255)) + packet(),
    "1024 a second": section() + interface(resolution(0x8A)) + packet(ticks=1024 * 10**9 + 1023),
    "an offset": section() + interface(offset(1_000_000_000)) + packet(ticks=5),
    "an offset before 1970": section() + interface(offset(-100)) + packet(ticks=5_000_000),
    "simple, whole": HEAD + simple() + packet(),
    "simple, cut by the snap length": section() + interface(snap=40) + simple(b"\x01" * 40, wire=60) + packet(),
    "enhanced beyond the snap length": section() + interface(snap=40) + packet(),
    "obsolete": HEAD + old_packet(drops=5) + packet(),
    "longer than on the wire": HEAD + packet(wire=40) + packet(),
    "a length that counts no padding": HEAD + packet(b"\x01" * 61, length=93) + packet(),
    "a custom block": HEAD + packet() + CUSTOM + packet(),
    "a custom block not to be copied": HEAD + packet() + block(0x40000BAD, struct.pack("<I", 32473)) + packet(),
    "a journal entry": HEAD + packet() + JOURNAL + packet(),
    "a sysdig event": HEAD + packet() + SYSDIG + packet(),
    "unknown blocks": HEAD + packet() + block(0x99, b"hello123") + block(7) + block(0x80000001, bytes(8)) + packet(),
    "decryption secrets": HEAD + packet() + block(10, struct.pack("<II", 0x544C534B, 4) + b"abcd") + packet(),
    "an unknown link type": section() + interface(link=9999) + packet(),
    "raw IP as Linux numbers it": section() + interface(link=12) + packet(),
    "no packets": HEAD,
    "no interfaces": section(),
    "a packet of an interface that nobody described": HEAD + packet() + packet(which=3),
    "a packet before its interface": section() + packet() + interface(),
    "lengths that disagree": HEAD + packet() + packet(trailer=4),
    "a packet that runs out of its block": HEAD + packet() + packet(captured=70),
    "truncated": (HEAD + packet() + packet())[:-9],
    "truncated in a block header": HEAD + packet() + packet()[:9],
}
ENCAPSULATIONS = {1: 1, 101: 7, 9999: 0}


@files.needs_tshark
@pytest.mark.tshark
def test_wireshark_reads_every_oddity_as_we_do(tmp_path):
    paths = {name: files.saved(tmp_path, octets, f"{i}.pcapng") for i, (name, octets) in enumerate(ODD.items())}
    with ThreadPoolExecutor(2) as pool:
        for (name, path), (seen, complaint) in zip(paths.items(), pool.map(files.tshark, paths.values()), strict=True):
            try:
                read = files.read(path)
            except CaptureDamaged:
                assert complaint, name
                continue
            assert bool(complaint) <= bool(read.warnings), name
            assert len(read.rows) == len(seen), name
            for row, frame in zip(read.rows, seen, strict=True):
                if row.link == NOT_A_PACKET:
                    assert frame.encapsulation is None, name
                    continue
                assert (len(row.octets), row.wire) == (frame.captured, frame.wire), name
                assert frame.time_ns in (None, row.time_ns), name
                assert ENCAPSULATIONS[row.link] == frame.encapsulation, name


def test_positions_lead_to_the_octets_of_the_frame(tmp_path):
    for octets in ODD.values():
        try:
            rows = files.read(files.saved(tmp_path, octets)).rows
        except CaptureDamaged:
            continue
        for row in rows:
            assert octets[row.position : row.position + len(row.octets)] == row.octets


def test_a_frame_has_the_link_type_and_the_clock_of_its_own_interface(tmp_path):
    octets = (
        section() + interface(link=1) + interface(resolution(9), link=101) + interface(resolution(0x81), offset(10), link=113)
        + packet(which=2, ticks=5) + packet(which=0, ticks=5) + packet(which=1, ticks=5)
    )
    rows = files.read(files.saved(tmp_path, octets)).rows
    assert [(row.interface, row.link, row.time_ns) for row in rows] == [
        (2, 113, 12_500_000_000), (0, 1, 5000), (1, 101, 5)]


def test_interfaces_of_all_sections_are_one_list(tmp_path):
    octets = (
        section(option(3, b"Linux")) + interface(option(2, b"eth0"), option(3, b"front"), option(12, b"Linux 6.1"))
        + interface(option(2, b"eth1"), option(11, b"\0tcp port 80"), option(13, b"\4")) + packet(which=1)
        + section(order=">") + interface(option(2, b"en0", ">"), order=">", snap=96) + packet(order=">")
    )
    read = files.read(files.saved(tmp_path, octets))
    assert [(each.section, each.name, each.description, each.system, each.capture_filter, each.fcs_bytes, each.snap_length)
            for each in read.interfaces] == [
        (0, "eth0", "front", "Linux 6.1", "", None, 0), (0, "eth1", "", "", "tcp port 80", 4, 0), (1, "en0", "", "", "", None, 96)]
    assert [row.interface for row in read.rows] == [1, 2]


def test_the_interfaces_before_the_first_packet_are_known_before_reading(tmp_path):
    path = files.saved(tmp_path, section() + interface(option(2, b"eth0")) + packet() + interface(option(2, b"eth1")))
    source = open_capture(path)
    assert [each.name for each in source.interfaces] == ["eth0"]
    list(source.batches())
    assert [each.name for each in source.interfaces] == ["eth0", "eth1"]


def test_a_packet_without_time_takes_that_of_the_packet_before_it(tmp_path):
    read = files.read(files.saved(tmp_path, HEAD + simple() + packet(ticks=7) + simple() + simple()))
    assert [row.time_ns for row in read.rows] == [0, 7000, 7000, 7000]
    assert ["3 packets carry no time stamp" in warning for warning in read.warnings] == [True]


def test_drops_are_the_last_statistics_or_the_sum_of_what_packets_say(tmp_path):
    def statistics(which, *options):
        return block(5, struct.pack("<III", which, 0, 0) + b"".join(options))

    def counter(code, number):
        return option(code, struct.pack("<Q", number))

    octets = (
        section() + interface() + interface() + interface() + packet(b"", 1, counter(4, 3), which=1)
        + packet(b"", 1, counter(4, 4), which=1) + old_packet(drops=2) + old_packet(drops=0xFFFF)
        + statistics(2, counter(4, 100), counter(5, 1)) + statistics(2, counter(4, 200), counter(5, 10), counter(7, 5))
        + statistics(9, counter(5, 1))
    )
    read = files.read(files.saved(tmp_path, octets))
    assert [(each.received, each.drops) for each in read.interfaces] == [(None, 2), (None, 7), (200, 15)]


def test_names_are_kept_by_address(tmp_path):
    def name(kind, value):
        return struct.pack("<HH", kind, len(value)) + value + bytes(-len(value) % 4)

    records = name(1, b"\xc0\x00\x02\x01www\0alias\0") + name(2, bytes(15) + b"\1six\0") + name(1, b"\1\2\3") + bytes(4)
    source = open_capture(files.saved(tmp_path, HEAD + block(4, records) + packet()))
    list(source.batches())
    assert source.names == {b"\xc0\x00\x02\x01": "www", bytes(15) + b"\1": "six"}


def test_comments_are_kept_with_their_frame(tmp_path):
    octets = (
        section(option(1, b"of the section")) + interface(option(1, b"of the interface")) + packet()
        + packet(b"x", 1, option(1, b"first"), option(1, "zw\xf6lf".encode()), option(1, b"\xff")) + CUSTOM
        + packet(b"", 1, option(2, bytes(4)), option(1, b"of the fourth"))
    )
    expected = [(0, "of the section"), (0, "of the interface"), (2, "first"), (2, "zw\xf6lf"), (2, "\ufffd"),
                (4, "of the fourth")]
    path = files.saved(tmp_path, octets)
    assert files.read(path).comments == expected
    assert files.read(path, chunk_bytes=1, batch_frames=1).comments == expected


@files.needs_tshark
@pytest.mark.tshark
def test_wireshark_shows_the_same_comments(tmp_path):
    path = files.saved(tmp_path, HEAD + packet() + packet(b"x" * 60, 1, option(1, b"here")) + CUSTOM
                       + packet(b"y" * 60, 1, option(1, b"there")))
    done = subprocess.run([files.TSHARK, "-r", path, "-T", "fields", "-e", "frame.number", "-e", "frame.comment"],
                          capture_output=True, text=True, check=True, timeout=60)
    theirs = [tuple(line.split("\t")) for line in done.stdout.splitlines() if not line.endswith("\t")]
    assert theirs == [(str(frame), text) for frame, text in files.read(path).comments]


def test_more_comments_than_allowed_are_said_to_be_missing(tmp_path):
    path = files.saved(tmp_path, HEAD + b"".join(packet(b"", 1, option(1, b"hello")) for _ in range(9)))
    read = files.read(path, comments=4)
    assert len(read.comments) == 4
    assert read.warnings == [f"{path}: only the first 4 comments are kept"]
    assert len(files.read(path, comment_bytes=12).comments) == 2


def test_times_that_no_clock_can_show_are_held_and_flagged(tmp_path):
    octets = section() + interface(offset(2**62)) + interface(resolution(0)) + packet(ticks=1) + packet(ticks=2**64 - 1, which=1)
    read = files.read(files.saved(tmp_path, octets))
    assert [row.time_ns for row in read.rows] == [2**63 - 1] * 2
    assert any("time offset" in warning and "octet 28" in warning for warning in read.warnings)
    assert any("2 time stamps lie outside" in warning for warning in read.warnings)


@given(st.integers(0, 2**64 - 1), st.integers(0, 255), st.integers(-9_000_000_000, 9_000_000_000))
def test_every_resolution_is_exact(tmp_path_factory, ticks, exponent, seconds):
    path = files.saved(tmp_path_factory.mktemp("clock"),
                       section() + interface(resolution(exponent), offset(seconds)) + packet(b"", ticks))
    (row,) = files.read(path).rows
    unit = 2 ** (exponent & 127) if exponent & 128 else 10 ** (exponent & 127)
    exact = ticks * 10**9 // unit
    if exact < 2**63 > exact + seconds * 10**9:
        assert row.time_ns == exact + seconds * 10**9
        assert Decimal(row.time_ns).scaleb(-9) <= Decimal(ticks) / Decimal(unit) + seconds + Decimal("1e-9")


@pytest.mark.parametrize(("octets", "error", "says"), [
    (section()[:27], CaptureDamaged, "octet 27, inside its section header block"),
    (section().replace(b"\x4d\x3c\x2b\x1a", b"\x4d\x3c\x2b\x1b"), NotACapture, "octet 8: 4d3c2b1b"),
    (section(version=(0, 1)) + interface(), NotACapture, "octet 12: pcapng version 0.1"),
    (section(version=(2, 0), order=">") + interface(), NotACapture, "octet 12: pcapng version 2.0"),
])
def test_what_is_no_pcapng_is_refused_with_its_place(octets, error, says, tmp_path):
    path = files.saved(tmp_path, octets)
    with pytest.raises(error, match=str(path)) as caught:
        open_capture(path)
    assert says in str(caught.value)


def test_a_later_section_of_an_unknown_version_is_left_out(tmp_path):
    octets = HEAD + packet() + section(version=(7, 0)) + interface() + packet() + HEAD + packet()
    read = files.read(files.saved(tmp_path, octets))
    assert [row.frame for row in read.rows] == [1, 2]
    assert "octet 152: pcapng version 7.0" in read.warnings[0]
    assert "1 packets name an interface that no block describes" in read.warnings[1]


frames = st.lists(
    st.tuples(st.binary(max_size=70), st.integers(0, 2**62), st.integers(0, 2), st.integers(0, 100), st.text(max_size=5)),
    max_size=15,
)


@given(frames, st.sampled_from("<>"), st.integers(1, 300), st.integers(1, 7))
def test_what_is_written_is_read_back_wherever_it_is_cut(tmp_path_factory, written, order, chunk, batch):
    octets = section(order=order) + b"".join(
        interface(resolution(9, order), offset(i, order), order=order, link=i) for i in range(3))
    for frame, ticks, which, more, comment in written:
        comments = [option(1, comment.encode(), order)] if comment else []
        octets += packet(frame, ticks, *comments, which=which, wire=len(frame) + more, order=order)
    path = files.saved(tmp_path_factory.mktemp("pcapng"), octets)
    whole, cut = files.read(path), files.read(path, chunk_bytes=chunk, batch_frames=batch)
    assert [(row.octets, row.wire, row.time_ns, row.interface, row.link) for row in whole.rows] == [
        (frame, len(frame) + more, ticks + which * 10**9, which, which) for frame, ticks, which, more, _ in written]
    assert [text for _, text in whole.comments] == [text.rstrip("\0") for *_, text in written if text]
    assert cut == whole
