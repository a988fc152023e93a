"""Compressed captures: every method, wherever it is cut, damaged, or made to explode."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import time
import zlib
from itertools import pairwise

import capture_files as files
import lz4.frame
import pytest
import zstandard
from capture_files import interface, option, packet, pcap, record, section
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.capture.octets import compressed
from analyzer.capture.octets.zstd import ZstdDecoder
from analyzer.errors import CaptureDamaged, CaptureError, LimitExceeded, NotACapture, ToolError

SEEDED = random.Random(3)
FRAMES = [SEEDED.randbytes(SEEDED.randrange(60, 1500)) for _ in range(300)]
PLAIN = pcap(*(record(frame, 1_700_000_000 + i) for i, frame in enumerate(FRAMES)))
NG = section(option(1, b"hello")) + interface() + b"".join(packet(frame, i) for i, frame in enumerate(FRAMES))


def zstd_of(octets, **how):
    return zstandard.ZstdCompressor(**how).compress(octets)


PACK = {"gzip": gzip.compress, "zstd": zstd_of, "lz4": lz4.frame.compress, "xz": lzma.compress, "bzip2": bz2.compress}


def plain(tmp_path, octets=PLAIN):
    return files.read(files.saved(tmp_path, octets, "plain")).rows


@pytest.mark.parametrize("name", PACK)
@pytest.mark.parametrize("octets", [PLAIN, NG], ids=["pcap", "pcapng"])
def test_the_name_of_the_file_says_nothing(name, octets, tmp_path):
    path = files.saved(tmp_path, PACK[name](octets), "capture.txt")
    read = files.read(path)
    assert (read.rows, read.warnings) == (plain(tmp_path, octets), [])
    assert files.read(path, chunk_bytes=777, batch_frames=5).rows == read.rows


@pytest.mark.parametrize("name", PACK)
def test_several_members_are_one_stream(name, tmp_path):
    cuts = [0, 10, 70_000, 70_000, 200_000, len(PLAIN)]
    members = b"".join(PACK[name](PLAIN[a:b]) for a, b in pairwise(cuts))
    read = files.read(files.saved(tmp_path, members))
    assert (read.rows, read.warnings) == (plain(tmp_path), [])


@pytest.mark.parametrize("name", PACK)
def test_a_cut_file_gives_what_is_there_and_says_where_it_ends(name, tmp_path):
    whole = PACK[name](PLAIN)
    path = files.saved(tmp_path, whole[: len(whole) * 3 // 4])
    if name == "bzip2":     # the first block of 900 KB is not complete
        with pytest.raises(CaptureDamaged, match="before it is complete"):
            files.read(path)
        return
    read = files.read(path)
    assert read.rows == plain(tmp_path)[: len(read.rows)]
    assert len(read.rows) > 150
    assert f"the {name} data ends at octet {len(whole) * 3 // 4} of the file" in read.warnings[0]
    for cut in (1, 3, 5):
        path = files.saved(tmp_path, whole[:-cut])
        assert any("before it is complete" in warning for warning in files.read(path).warnings), cut


@pytest.mark.parametrize("name", PACK)
def test_damage_inside_is_said_and_what_came_before_is_read(name, tmp_path):
    octets = bytearray(PACK[name](PLAIN))
    octets[len(octets) // 2 : len(octets) // 2 + 50] = bytes(50)
    path = files.saved(tmp_path, octets)
    try:
        read = files.read(path)
    except CaptureDamaged as error:
        assert name in {"bzip2", "xz"}     # their blocks are larger than this capture
        assert f"the {name} data is damaged near octet" in str(error)
        return
    assert read.rows[:100] == plain(tmp_path)[:100]
    # zstd and lz4 were not told to add a checksum, and frames of noise are stored as they are.
    assert name != "gzip" or any("gzip data is damaged near" in warning for warning in read.warnings)


@pytest.mark.parametrize("name", PACK)
def test_what_follows_the_compressed_data_is_named_not_read(name, tmp_path):
    whole = PACK[name](PLAIN)
    read = files.read(files.saved(tmp_path, whole + b"and then some"))
    assert read.rows == plain(tmp_path)
    assert f"what follows octet {len(whole)} of the file is no {name} data" in read.warnings[0]


def test_a_zstd_file_may_begin_with_a_skippable_frame(tmp_path):
    skippable = b"\x5a\x2a\x4d\x18" + (5000).to_bytes(4, "little") + bytes(5000)
    read = files.read(files.saved(tmp_path, skippable + zstd_of(PLAIN) + skippable + zstd_of(b"")), chunk_bytes=1000)
    assert (read.rows, read.warnings) == (plain(tmp_path), [])


@pytest.mark.parametrize(("octets", "says"), [
    (gzip.compress(b""), "inside its gzip compression it is empty"),
    (gzip.compress(b"hello, world"), "inside its gzip compression it begins with 68656c6c"),
    (gzip.compress(gzip.compress(PLAIN)), "inside its gzip compression it begins with 1f8b08"),
], ids=["nothing", "text", "compressed twice"])
def test_what_holds_no_capture_is_no_capture(octets, says, tmp_path):
    with pytest.raises(NotACapture, match=says):
        files.read(files.saved(tmp_path, octets))


@pytest.mark.parametrize("name", PACK)
def test_a_magic_with_nothing_behind_it_is_damage(name, tmp_path):
    with pytest.raises(CaptureDamaged, match=f"{name} data"):
        files.read(files.saved(tmp_path, PACK[name](PLAIN)[:7]))


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    def refuse(name):
        raise ImportError(name)

    path = files.saved(tmp_path, lz4.frame.compress(PLAIN))
    monkeypatch.setattr(compressed.importlib, "import_module", refuse)
    with pytest.raises(ToolError, match="the Python package lz4 is missing"):
        files.read(path)


# Bombs (ECOSYSTEM 3.2, 11) -------------------------------------------------------------------------------------------


def gzip_bomb(size, head=b""):
    """``size`` zeros behind a capture's header, 1000 to 1: the same compressed MiB again and again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    first = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return first + again * (size >> 20)


@pytest.fixture(scope="module")
def bomb(tmp_path_factory):
    path = tmp_path_factory.mktemp("bomb") / "bomb.pcap.gz"
    path.write_bytes(gzip_bomb(1 << 31, pcap(record(), record())))
    return path


def test_11_a_bomb_is_refused_quickly_with_one_sentence(bomb):
    """2 MB that would become 2 GB."""
    begin = time.process_time()
    with pytest.raises(LimitExceeded) as caught:
        files.read(bomb)
    assert time.process_time() - begin < 2
    assert "over the limit of 100 to 1" in str(caught.value)
    assert str(bomb) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["zstd", "lz4", "xz", "bzip2"])
def test_11_every_method_is_bounded(name, tmp_path):
    frame = record(bytes(200_000), 1_700_000_000)
    path = files.saved(tmp_path, PACK[name](pcap(*[frame] * 40)))
    begin = time.process_time()
    with pytest.raises(LimitExceeded, match=f"octets of {name} data"):
        files.read(path, ratio_after_bytes=1 << 20)
    assert time.process_time() - begin < 2
    assert len(files.read(path).rows) == 40      # under 64 MiB nothing is refused


def test_11_a_bomb_of_zstd_runs_is_taken_a_block_at_a_time():
    """A frame of 20,000 blocks, each one octet said 128 KiB times: 2.5 GB out of 80 KB."""
    frame = b"\x28\xb5\x2f\xfd" + b"\x00\x38" + (b"\x02\x00\x10\x00" * 20_000)
    decoder = ZstdDecoder(zstandard.ZstdDecompressor().decompressobj())
    assert len(decoder.decompress(frame, 1 << 20)) <= 128 * 1024


@settings(max_examples=60)
@given(st.binary(max_size=900), st.integers(1, 7), st.booleans(), st.booleans(), st.integers(1, 500), st.integers(5, 400))
def test_zstd_block_by_block_is_zstd(octets, level, checksum, sized, feed, room):
    packer = zstandard.ZstdCompressor(level=level, write_checksum=checksum, write_content_size=sized).compressobj()
    packed = packer.compress(octets) + packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK) + packer.compress(octets[::-1])
    packed += packer.flush()
    decoder = ZstdDecoder(zstandard.ZstdDecompressor().decompressobj())
    found, rest = b"", packed + b"rest"
    while not decoder.eof:
        data, rest = (rest[:feed], rest[feed:]) if decoder.needs_input else (b"", rest)
        part = decoder.decompress(data, room)
        assert len(part) <= room
        found += part
    assert found == octets + octets[::-1]
    assert decoder.unused_data + rest == b"rest"


@pytest.mark.parametrize("name", PACK)
@pytest.mark.parametrize("seed", range(4))
def test_mutated_compressed_captures_are_survived(name, seed, tmp_path):
    seeded = random.Random(seed)
    whole = PACK[name](PLAIN[:30_000])
    for _ in range(25):
        octets = bytearray(whole)
        for _ in range(seeded.randrange(1, 5)):
            octets[seeded.randrange(6, len(octets))] = seeded.randrange(256)
        path = files.saved(tmp_path, octets[: seeded.randrange(8, len(octets) + 1)])
        begin = time.process_time()
        try:
            files.read(path)
        except CaptureError as error:
            assert str(path) in str(error)
        assert time.process_time() - begin < 2
