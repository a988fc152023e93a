"""Damage: what comes before and after it is read, what was skipped is said by octet, and nothing is believed twice."""

from __future__ import annotations

import random
import struct
import time

import capture_files as files
import pytest
from capture_files import block, interface, option, packet, pcap, record, section
from hypothesis import given
from hypothesis import strategies as st

from analyzer.capture import _reference, _search, wireshark
from analyzer.capture import pcap as pcap_module
from analyzer.capture import pcapng as pcapng_module
from analyzer.capture.source import open_capture
from analyzer.errors import CaptureDamaged, CaptureError

HEAD = section() + interface()


@pytest.fixture(autouse=True)
def no_tshark(monkeypatch):
    """What is no capture for us is not offered to tshark here: that has tests of its own."""
    monkeypatch.setattr(wireshark, "tshark", lambda: None)


def numbered(count, make):
    """Frames that say which they are, a millisecond apart."""
    return [make(b"frame %03d " % i * 5, i) for i in range(count)]


def pcap_records(count=20):
    return numbered(count, lambda frame, i: record(frame, 1_700_000_000, i * 1000))


def packets(count=20):
    return numbered(count, lambda frame, i: packet(frame, 1_700_000_000_000_000 + i * 1000))


def survivors(read):
    return [int(row.octets[6:9]) for row in read.rows]


HARM = {
    "a length of 4 GiB": lambda octets, at, kind: octets[:at] + b"\xff\xff\xff\xff" + octets[at + 4 :],
    "a length of 0 or 2 GiB": lambda octets, at, kind: octets[:at] + (b"\0\0\0\0" if kind else b"\0\0\0\x80") + octets[at + 4 :],
    "an odd length of 1 GiB": lambda octets, at, kind: octets[:at] + b"\x01\0\0\x40" + octets[at + 4 :],
    "octets cut out": lambda octets, at, kind: octets[: at - 4] + octets[at + 8 :],
    "noise": lambda octets, at, kind: octets[: at - 4] + random.Random(5).randbytes(100) + octets[at + 96 :],
    "a hole of zeros": lambda octets, at, kind: octets[: at - 8 + 4 * kind] + bytes(1000) + octets[at + 992 + 4 * kind :],
    "octets put in": lambda octets, at, kind: octets[: at - 4] + b"\xee" * 40 + octets[at - 4 :],
}


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("kind", [0, 1], ids=["pcap", "pcapng"])
def test_frames_before_and_after_damage_are_read(kind, harm, tmp_path):
    whole = HEAD + b"".join(packets(40)) if kind else pcap(*pcap_records(40))
    step = len(packets(1)[0]) if kind else len(pcap_records(1)[0])
    at = (len(HEAD) + 4 if kind else 24 + 8) + 10 * step      # the captured length, or the block's, of the 11th
    path = files.saved(tmp_path, HARM[harm](whole, at, kind))
    read = files.read(path)
    there = survivors(read)
    assert there[:10] == list(range(10))
    assert there[-5:] == list(range(35, 40))
    assert len(set(there)) == len(there) >= 20
    assert read.warnings
    assert all(str(path) in warning and "octet" in warning for warning in read.warnings)
    assert f"octets {at - 4 if kind else at - 8} to" in read.warnings[0] or "cut" in harm
    for chunk in (1, 7, 64, 1000):
        assert files.read(path, chunk_bytes=chunk, batch_frames=3) == read


@pytest.mark.parametrize("kind", ["pcap", "pcapng"])
def test_a_truncated_last_record_is_a_warning(kind, tmp_path):
    whole = pcap(*pcap_records(3)) if kind == "pcap" else HEAD + b"".join(packets(3))
    last = len(pcap_records(1)[0]) if kind == "pcap" else len(packets(1)[0])
    for cut in range(1, last):
        path = files.saved(tmp_path, whole[:-cut])
        read = files.read(path)
        assert survivors(read) == [0, 1]
        assert read.warnings == [
            (f"{path}: the file ends at octet {len(whole) - cut}, inside a record that begins at octet {len(whole) - last}; "
            "what came before it was read")]
    assert files.read(files.saved(tmp_path, whole[:-last])).warnings == []


@pytest.mark.parametrize("octets", [
    pcap(record(captured=2**32 - 1)), pcap() + b"\x01" * 200, pcap(record())[:-1], pcap(bytes(2000)),
    HEAD + packet(captured=2**32 - 1), HEAD + packet()[:-1], section(length=0, trailer=0)[:28] + packet(length=8), HEAD + packet(which=7)[:-4],
])
def test_a_file_of_which_nothing_is_readable_is_an_error(octets, tmp_path):
    path = files.saved(tmp_path, octets)
    with pytest.raises(CaptureDamaged, match="no packet in it is readable") as caught:
        files.read(path)
    assert str(path) in str(caught.value)
    assert "octet" in str(caught.value)


def test_a_record_whose_length_leads_past_the_end_is_stepped_over(tmp_path):
    """A changed length within the limit looks like a truncated file, but is not."""
    records = pcap_records(20)
    records[5] = struct.pack("<IIII", 1_700_000_000, 5000, 9999, 9999) + records[5][16:]
    read = files.read(files.saved(tmp_path, pcap(*records)))
    assert survivors(read) == [*range(5), *range(6, 20)]
    assert "goes on after the end" in read.warnings[0] or "go on after the end" in read.warnings[0]


def test_a_damaged_section_header_still_says_its_byte_order(tmp_path):
    octets = section(order=">", trailer=99) + interface(order=">") + b"".join(
        packet(b"frame 00%d" % i, i, order=">") for i in range(3))
    read = files.read(files.saved(tmp_path, octets))
    assert survivors(read) == [0, 1, 2]
    assert "octets 0 to 27 were skipped: the two lengths of a block disagree" in read.warnings[0]


def test_a_capture_inside_a_frame_is_not_taken_for_records(tmp_path):
    """A frame that carries a whole pcap file (somebody fetched one) is a frame."""
    inner = pcap(*pcap_records(5))
    read = files.read(files.saved(tmp_path, pcap(record(inner), record())))
    assert [row.octets for row in read.rows] == [inner, b"\x01" * 60]


# The attack list (ECOSYSTEM 3.2) -------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 1, 3, 4, 8, 11, 13, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFC, 0xFFFFFFFF])
def test_1_a_lying_length_allocates_nothing(length, tmp_path):
    import tracemalloc
    for octets in (
        HEAD + packet() + packet(length=length) + packet(), HEAD + packet() + packet(trailer=length) + packet(),
        HEAD + packet() + packet(captured=length) + packet(), section(length=length) + interface() + packet() * 2,
        section() + interface(length=length) + interface() + packet() * 2,
        HEAD + packet() + block(99, b"abcd", length=length) + packet(),
        pcap(record(), record(captured=length), *[record()] * 4), pcap(record(), record(wire=length), *[record()] * 4),
    ):
        path = files.saved(tmp_path, octets)
        tracemalloc.start()
        read = files.read(path, chunk_bytes=4096, batch_frames=64)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert read.rows
        assert peak < 40_000_000


@pytest.mark.parametrize("snap", [0, 1, 2**31, 2**32 - 1])
def test_2_any_snap_length_is_legal(snap, tmp_path):
    assert len(files.read(files.saved(tmp_path, pcap(record(), record(), snap=snap))).rows) == 2
    assert len(files.read(files.saved(tmp_path, section() + interface(snap=snap) + packet() * 2)).rows) == 2


def test_4_endless_blocks_cost_little_each(tmp_path):
    many = {
        "unknown blocks": HEAD + block(0x99) * 500_000 + packet(),
        "sections": (section() + interface() + packet(b"")) * 2_000,
        "names": HEAD + block(4, bytes(4)) * 20_000 + packet(),
        "statistics": HEAD + block(5, bytes(12)) * 20_000 + packet(),
    }
    for name, octets in many.items():
        begin = time.process_time()
        assert files.read(files.saved(tmp_path, octets)).rows, name
        assert time.process_time() - begin < 10, name     # python-pcapng: 12 s for 200,000; ours well under 1


def test_4_interfaces_end_at_the_limit(tmp_path):
    octets = section() + interface() * 70_000 + packet(which=65_535) + packet(which=65_536)
    path = files.saved(tmp_path, octets)
    read = files.read(path)
    assert len(read.interfaces) == 65_536
    assert [row.interface for row in read.rows] == [65_535]
    assert any("more than 65536 interfaces" in warning for warning in read.warnings)


def test_4_options_end_at_the_limit(tmp_path):
    padding = option(30000, b"") * 5000
    octets = section() + interface(padding, option(2, b"late")) + packet(b"", 1, padding, option(1, b"late"))
    read = files.read(files.saved(tmp_path, octets))
    assert (read.interfaces[0].name, read.comments) == ("", [])


def test_4_noise_without_end_is_given_up(tmp_path):
    octets = HEAD + packet() + (packet(b"") + b"\xff" * 4) * 200
    read = files.read(files.saved(tmp_path, octets), damages=50, warnings=10)
    assert len(read.rows) == 1 + 50
    assert len(read.warnings) == 11
    assert "further warnings" in read.warnings[-1]


@pytest.mark.parametrize("bad", [option(1, b"abc")[:-3], b"\x01\x00\xff\xff", b"\0\0\0\0" * 3, b"\x09\0\0\0" * 3, b"\x01"])
def test_5_options_that_run_out_of_their_block_end_there(bad, tmp_path):
    octets = section(bad) + interface(bad) + packet(b"", 1, bad) + block(4, bad) + block(5, bytes(12) + bad) + packet()
    assert len(files.read(files.saved(tmp_path, octets)).rows) == 2


@pytest.mark.parametrize("seconds", [0, 1, 2**31, 2**32 - 1])
def test_10_times_may_go_backwards_and_stay_whole_numbers(seconds, tmp_path):
    read = files.read(files.saved(tmp_path, pcap(record(), record(seconds=seconds, fraction=2**32 - 1))))
    assert read.rows[1].time_ns == seconds * 10**9 + (2**32 - 1) * 1000
    assert "1 time stamps have a fraction" in read.warnings[0]


# Mutants -------------------------------------------------------------------------------------------------------------


def mutate(seeded, octets):
    """A capture with one to eight things wrong."""
    octets = bytearray(octets)
    for _ in range(seeded.randrange(1, 9)):
        at = seeded.randrange(len(octets))
        match seeded.randrange(6):
            case 0:
                octets[at] = seeded.randrange(256)
            case 1:
                octets[at : at + 4] = seeded.choice([b"\xff\xff\xff\xff", bytes(4), b"\0\0\0\x80", b"\x08\0\0\0"])
            case 2:
                del octets[at : at + seeded.randrange(1, 40)]
            case 3:
                octets[at:at] = seeded.randbytes(seeded.randrange(1, 40))
            case 4:
                octets[at : at + 300] = octets[: seeded.randrange(1, 300)]
            case _:
                del octets[max(1, len(octets) - seeded.randrange(1, 60)) :]
        if not octets:
            octets = bytearray(b"\0")
    return bytes(octets)


SEEDS = [
    pcap(*pcap_records(12)),
    pcap(*(record(b"x" * i, order=">", fraction=i) for i in range(12)), order=">", magic=0xA1B23C4D),
    pcap(*[record(more=bytes(8), fraction=i) for i in range(9)], magic=0xA1B2CD34),
    section(option(1, b"hello")) + interface(option(2, b"eth0"), option(9, b"\x09")) + b"".join(packets(8))
    + section(order=">") + interface(order=">") + packet(order=">") * 3 + block(4, bytes(20), order=">"),
    HEAD + files.simple() * 3 + files.old_packet() * 3 + packet(b"x", 1, option(1, b"note"), option(4, bytes(8))) * 3
    + block(5, bytes(12) + option(5, bytes(8))) + block(0xBAD, bytes(8)) + block(0x99, bytes(9)),
]


@pytest.mark.parametrize("seed", range(10))
def test_no_mutant_does_more_than_say_what_is_wrong_with_it(seed, tmp_path):
    """200 of 2,000 mutated captures: a CaptureError or a reading, the same however the octets are cut."""
    seeded = random.Random(seed)
    for number in range(200):
        octets = mutate(seeded, seeded.choice(SEEDS))
        path = files.saved(tmp_path, octets)
        begin = time.process_time()
        outcome = attempt(path)
        assert time.process_time() - begin < 2, (seed, number)
        assert attempt(path, chunk_bytes=seeded.choice([1, 5, 64, 300]), batch_frames=seeded.choice([1, 3, 50])) == outcome


def attempt(path, **changes):
    """What reading comes to: all of it, or the sentence that says why not."""
    try:
        read = files.read(path, **changes)
    except CaptureError as error:
        assert "\n" not in str(error)
        assert str(path) in str(error)
        return type(error), str(error)
    octets = path.read_bytes()
    for row in read.rows:
        assert octets[row.position : row.position + len(row.octets)] == row.octets
    return read


@pytest.mark.parametrize("seed", range(3))
def test_the_whole_reader_is_the_same_without_the_kernels(seed, tmp_path, monkeypatch):
    _fast = pytest.importorskip("analyzer.capture._fast", reason="the kernels are not built")
    seeded = random.Random(100 + seed)
    for _ in range(60):
        path = files.saved(tmp_path, mutate(seeded, seeded.choice(SEEDS)))
        outcomes = []
        for scanners, searches in ((_fast, _fast), (_reference, _search)):
            monkeypatch.setattr(pcap_module, "scan_pcap", scanners.scan_pcap)
            monkeypatch.setattr(pcap_module, "find_pcap", searches.find_pcap)
            monkeypatch.setattr(pcapng_module, "scan_pcapng", scanners.scan_pcapng)
            monkeypatch.setattr(pcapng_module, "find_pcapng", searches.find_pcapng)
            outcomes.append(attempt(path))
        assert outcomes[0] == outcomes[1]


@given(st.binary(max_size=600), st.sampled_from([pcap(), HEAD, b""]))
def test_random_octets_are_survived(tmp_path_factory, octets, head):
    attempt(files.saved(tmp_path_factory.mktemp("noise"), head + octets))


def test_a_source_that_is_left_gives_its_file_back(tmp_path):
    source = open_capture(files.saved(tmp_path, pcap(*pcap_records(3))))
    batches = source.batches()
    next(batches)
    batches.close()
    assert source._window.stream._descriptor == -1
