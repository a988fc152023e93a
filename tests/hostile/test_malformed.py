"""Captures that are wrong on purpose: nothing but our own words, every damage with its octet; bombs and nesting end early."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import sys
from pathlib import Path

import pytest

from analyzer.balance.mapping import EMPTY
from analyzer.capture.limits import Limits
from analyzer.capture.octets.compressed import FEED
from analyzer.capture.source import open_capture
from analyzer.errors import AnalyzerError, ConfigError, LimitExceeded, NotACapture
from analyzer.facts.reading import read_text
from analyzer.importers.reading import importers, read_texts
from analyzer.reading import read_captures
from analyzer.tables import VERDICTS, AddressBook
from analyzer.wire.decode import Decoder

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))   # the mutators are no part of the package
from fuzz.malformed import heard, malformed  # noqa: E402

PUBLIC = sorted(path for path in (ROOT.parent / "shared" / "captures" / "public").glob("*") if path.suffix != ".md")


def test_three_hundred_malformed_captures(tmp_path):
    """The first of what ``python -m fuzz.malformed`` reads in thousands."""
    path, told = tmp_path / "capture", 0
    for each in malformed(300, seed=2026):
        path.write_bytes(each.octets)
        _frames, said = heard(path)
        if each.told:
            told += 1
            assert "octet" in said, each.name
        assert "Traceback" not in said
        assert len(said) < 20_000, each.name
    assert told > 45


@pytest.mark.skipif(not PUBLIC, reason="the shared captures are not beside the repository")
def test_everything_that_others_published():
    """Some hold no packet and are whole: what counts is that each ends in frames or in our own words."""
    frames = sum(heard(path)[0] for path in PUBLIC)
    assert frames > 10_000


def test_times_are_whole_nanoseconds_held_and_flagged_where_a_file_lies(tmp_path):
    """Zero, the end of 32 bits, more microseconds than a second has, and time that runs backwards."""
    stamps = [(10**9, 5), (0, 0), (2**32 - 1, 999_999), (10**9, 1_000_000), (10**9, 2**32 - 1), (10**9 - 100, 0), (10**9, 6)]
    frame = bytes.fromhex("020000000001020000000002080045000028000100004006000000000000") + bytes(30)
    path = tmp_path / "times.pcap"
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1) + b"".join(
        struct.pack("<IIII", *stamp, len(frame), len(frame)) + frame for stamp in stamps))
    source = open_capture(path)
    times = [int(each) for batch in source.batches() for each in batch.time_ns]
    assert times == [seconds * 10**9 + fraction * 1000 for seconds, fraction in stamps]
    assert any("2 time stamps have a fraction of a whole second or more, the first at octet" in says for says in source.warnings)
    read = read_captures([path], EMPTY)
    assert (read.captures[0].first_ns, read.captures[0].last_ns) == (min(times), max(times))
    for column in ("first_ns", "last_ns"):
        assert read.observed.flows[0][column].dtype == "i8"


def test_a_clock_beyond_64_bits_is_held_and_flagged(tmp_path):
    """if_tsresol of a second, an offset at its end, and a tick count of all ones."""
    resolution, offset = struct.pack("<HHB3x", 9, 1, 0), struct.pack("<HHq", 14, 8, 2**63 - 1)
    blocks = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    body = struct.pack("<HHI", 1, 0, 0) + resolution + offset + bytes(4)
    blocks += struct.pack("<II", 1, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))
    packet = struct.pack("<IIIII", 0, 2**32 - 1, 2**32 - 1, 16, 16) + bytes(16)
    blocks += struct.pack("<II", 6, 12 + len(packet)) + packet + struct.pack("<I", 12 + len(packet))
    path = tmp_path / "clock.pcapng"
    path.write_bytes(blocks)
    source = open_capture(path)
    assert [int(each) for batch in source.batches() for each in batch.time_ns] == [2**63 - 1]
    assert any("were held at that limit, the first at octet" in says for says in source.warnings)


HEAD = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
RECORD = struct.pack("<IIII", 10**9, 0, 1440, 1440) + bytes(range(144)) * 10
PIECE = RECORD * 2_880    # 4 MiB


def _lz4(octets):
    import lz4.frame
    return lz4.frame.compress(octets, compression_level=1)


def _zstd(octets):
    import zstandard
    return zstandard.ZstdCompressor(1).compress(octets)


@pytest.mark.parametrize("squeeze", [
    lambda octets: gzip.compress(octets, 1), lambda octets: bz2.compress(octets, 1), lambda octets: lzma.compress(octets, preset=0), _zstd, _lz4,
], ids=["gzip", "bzip2", "xz", "zstd", "lz4"])
def test_a_bomb_ends_soon_after_its_fuse(tmp_path, squeeze):
    """A small file of many members would become gigabytes: reading ends once the ratio shows, with the numbers in words."""
    path = tmp_path / "bomb.pcap"
    member = squeeze(PIECE)
    path.write_bytes(squeeze(HEAD) + member * (2 * 1024 * 1024 // len(member) + 4))
    limits = Limits(ratio=min(100, len(PIECE) // len(member) // 2))   # what lz4 repeats it packs less closely
    source, octets = open_capture(path, limits=limits), 0
    with pytest.raises(LimitExceeded, match=rf"bomb.pcap: \d+ octets of \w+ data have become more than \d+, over the limit of {limits.ratio} to 1"):
        for batch in source.batches():
            octets = int(batch.position[-1])
    # what is fed to a decoder at once may still come out of it
    assert octets <= limits.ratio_after_bytes + limits.ratio * FEED + 2 * limits.chunk_bytes


def test_compression_inside_compression_is_not_unpacked(tmp_path):
    path = tmp_path / "nested"
    octets = HEAD + RECORD
    for _ in range(3):
        octets = gzip.compress(octets)
    path.write_bytes(octets)
    with pytest.raises(NotACapture, match="inside its gzip compression"):
        open_capture(path)


def test_headers_within_headers_end_at_a_depth(tmp_path):
    """10,000 VLAN tags, and 2,000 IPv4 headers one inside the other."""
    vlans = bytes(12) + b"\x81\x00\x00\x01" * 10_000
    inside = b""
    for _ in range(2_000):
        inside = struct.pack(">BBHHHBBH8x", 0x45, 0, min(65535, 20 + len(inside)), 1, 0, 64, 4, 0) + inside
    frames = [vlans, bytes(12) + b"\x08\x00" + inside]
    path = tmp_path / "deep.pcap"
    path.write_bytes(HEAD + b"".join(struct.pack("<IIII", 10**9, 0, len(each), len(each)) + each for each in frames))
    columns = Decoder(AddressBook()).decode(next(open_capture(path).batches())).columns
    assert {VERDICTS[verdict] for verdict in columns["verdict"]} == {"too-deep"}


DEEP = [mark * 5_000 for mark in ("[", "{", "(", "<a>", "a {\n", "- ", "[[", '{"a":', "a:\n ", "\\", "'", '"', "((((")]


@pytest.mark.parametrize("name", [*importers()])
def test_an_importer_refuses_what_is_nested_without_end(name):
    importer = importers()[name]
    for text in DEEP:
        importer.sniff(text)
        try:
            importer.read(text, "deep")
        except ConfigError:
            continue


@pytest.mark.parametrize("text", DEEP, ids=range(len(DEEP)))
def test_facts_and_mappings_refuse_what_is_nested_without_end(text):
    for read in (lambda: read_text(text, "deep"), lambda: read_texts([(text, "deep.yaml")]), lambda: read_texts([(text, "deep.json")]),
                 lambda: read_texts([("services:\n " + text, "deep.yaml")])):
        with pytest.raises(AnalyzerError):
            read()


FLOWS = 2_000
MASK = 4095
"""An index is at most half full: what the tracker has for so many flows."""
SERVER = 1 << 16 | 80
"""One end as the tracker's hash takes it: address number, port.  The attacker's own addresses get the numbers behind it."""


def _tag(secret, one, other):
    """The hash of a flow's ends, as in ``flow/_fast_flows.pxi``."""
    from analyzer.flow.duplicates import SALT, fold
    from analyzer.tables import TCP

    one, other = min(one, other), max(one, other)
    return fold(fold(secret ^ one, (other | TCP << 48) ^ SALT[1]), secret ^ SALT[0]) >> 32


def _crafted():
    """Ends of clients of ``SERVER`` that would all begin at one place of the index if there were no secret."""
    import numpy as np

    from analyzer.flow.duplicates import SALT
    from analyzer.tables import TCP

    def folded(one, others):
        """``duplicates.fold`` of many: the upper half of each product from its four partial ones."""
        half, low = np.uint64(32), np.uint64(0xFFFFFFFF)
        a, b, c, d = np.uint64(one >> 32), np.uint64(one & 0xFFFFFFFF), others >> half, others & low
        middle = a * d + (b * d >> half)
        upper = a * c + (middle >> half) + ((b * c + (middle & low)) >> half)
        return np.uint64(one) * others ^ upper

    found = []
    ports = np.arange(1, 65536, dtype=np.uint64)
    for client in range(2, 1000):
        others = (np.uint64(client << 16) | ports | np.uint64(TCP << 48)) ^ np.uint64(SALT[1])
        tags = folded(SALT[0], folded(SERVER, others)) >> np.uint64(32)
        found += [client << 16 | int(port) for port in ports[(tags & np.uint64(MASK)) == 0]]
        if len(found) >= FLOWS:
            return found[:FLOWS]
    raise AssertionError(f"only {len(found)} collisions")


def _probes(secret, ends):
    """Places that are looked at while so many flows enter the index: open addressing, one place after the other."""
    taken, looked = set(), 0
    for end in ends:
        place = _tag(secret, SERVER, end) & MASK
        looked += 1
        while place in taken:
            place = (place + 1) & MASK
            looked += 1
        taken.add(place)
    return looked


def test_crafted_collisions_cost_no_more_than_random_flows():
    """Real ones: without the secret they would cost a thousand times as much.  Counted in probes, not in time."""
    import random

    from analyzer.flow.tracker import FlowTracker
    from analyzer.tables import PACKETS, SYN, TCP, PacketTable, empty

    dice = random.Random(20)
    crafted = _crafted()
    by_chance = [dice.randrange(2, 100_000) << 16 | dice.randrange(1, 65536) for _ in range(FLOWS)]
    patterns = [crafted, [client << 16 | 80 for client in range(2, FLOWS + 2)], [2 << 16 | port for port in range(1, FLOWS + 1)],
                [client << 16 | client & 0xFFFF for client in range(2, 2 + 16 * FLOWS, 16)]]
    assert _probes(0, crafted) == FLOWS * (FLOWS + 1) // 2 > 300 * _probes(0, by_chance)
    for secret in (dice.getrandbits(64) for _ in range(12)):
        most = 3 * _probes(secret, by_chance)
        assert max(_probes(secret, ends) for ends in patterns) <= most
    # and the tracker itself keeps them apart
    columns = empty(PACKETS, FLOWS)
    columns["kind"][:], columns["flags"][:], columns["ip_proto"][:], columns["dst"][:], columns["dst_port"][:] = TCP, SYN, 6, 1, 80
    columns["src"][:], columns["src_port"][:] = [end >> 16 for end in crafted], [end & 0xFFFF for end in crafted]
    tracker = FlowTracker(0, AddressBook())
    tracker.feed(PacketTable(columns, 1))
    assert tracker.live == FLOWS
