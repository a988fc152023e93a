"""Captures that are wrong on purpose: ``python -m fuzz.malformed --count 2000``, and the source of tests/hostile.

Every mutator takes whole captures of every container format and link type, and
says what must be heard of the damage it does: where it must be told, the
message or a warning has to name an octet.  Everything is drawn from one seed.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import lzma
import random
import resource
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from fuzz.targets import CAPTURES, ROOT

SECONDS_FOR_ONE = 2.0
MEGABYTES = 300
SEED_OCTETS = 256 * 1024
LINK_TYPES = (0, 1, 9, 12, 50, 51, 101, 104, 108, 113, 166, 228, 229, 239, 276, 105, 147, 0xFFFF)


class Malformed(NamedTuple):
    """A capture, what was done to it, and whether the reader has to say where it is damaged."""

    name: str
    octets: bytes
    told: bool


def _frames(dice: random.Random) -> list[bytes]:
    return [dice.randbytes(dice.choice((0, 1, 14, 20, 34, 60, 120, 1500))) for _ in range(dice.randrange(1, 12))]


def _pcap(dice: random.Random, order: str, magic: int) -> bytes:
    """A pcap file of random frames, of any link type."""
    head = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, dice.choice(LINK_TYPES))
    return head + b"".join(struct.pack(order + "IIII", 10**9 + n, n, len(frame), len(frame)) + frame
                           for n, frame in enumerate(_frames(dice)))


def _block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    length = 12 + len(body)
    return struct.pack(order + "II", kind, length) + body + struct.pack(order + "I", length)


def _pcapng(dice: random.Random, order: str) -> bytes:
    """A pcapng file with several interfaces, comments and all kinds of packet blocks."""
    blocks = [_block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))]
    blocks += [_block(order, 1, struct.pack(order + "HHI", dice.choice(LINK_TYPES), 0, 0) + struct.pack(order + "HHBBBB", 9, 1, dice.choice((6, 9, 3, 0x8A, 0xFF, 127)), 0, 0, 0))
               for _ in range(2)]
    for n, frame in enumerate(_frames(dice)):
        kind = dice.choice((6, 6, 6, 2, 3, 4, 5, 0x0BAD))
        padded = frame + bytes(-len(frame) % 4)
        comment = struct.pack(order + "HH", 1, 4) + b"note" + bytes(4)
        bodies = {
            6: struct.pack(order + "IIIII", n % 2, 0, 10**6 * n, len(frame), len(frame)) + padded + comment,
            2: struct.pack(order + "HHIIII", n % 2, 0, 0, 10**6 * n, len(frame), len(frame)) + padded,
            3: struct.pack(order + "I", len(frame)) + padded,
            4: struct.pack(order + "HH", 1, 6) + bytes([10, 0, 2, 9]) + b"a\0" + bytes(2) + bytes(4),
            5: struct.pack(order + "III", 0, 0, 10**6),
            0x0BAD: struct.pack(order + "I", 32473) + padded,
        }
        blocks.append(_block(order, kind, bodies[kind]))
    return b"".join(blocks)


def _seeds() -> list[tuple[str, bytes]]:
    """Real captures, the shared ones where they are there."""
    other = {".md", ".py", ".toml", ".json", ".txt", ".yaml", ".nft", ".cfg"}
    return [(path.name, path.read_bytes()) for folder in CAPTURES for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix not in other and path.stat().st_size <= SEED_OCTETS]


def _places(octets: bytes) -> list[int]:
    """Where the records or blocks of an undamaged plain capture begin; none for other formats."""
    at, places = 0, []
    if octets[:4] in {b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4"}:
        order, at = "<" if octets[0] == 0xD4 else ">", 24
        while at + 16 <= len(octets):
            places.append(at)
            at += 16 + struct.unpack_from(order + "I", octets, at + 8)[0]
    elif octets[:4] == b"\n\r\r\n":
        order = "<" if octets[8:12] == b"\x4d\x3c\x2b\x1a" else ">"
        while at + 12 <= len(octets):
            places.append(at)
            at += max(12, struct.unpack_from(order + "I", octets, at + 4)[0])
    return places if at == len(octets) else []


def _cut(dice: random.Random, octets: bytes) -> tuple[bytes, bool]:
    """The file ends inside a record."""
    places = _places(octets)
    if len(places) < 2:
        return octets[: dice.randrange(len(octets))], False
    place = dice.choice(places[1:])
    return octets[: place + dice.randrange(1, 12)], True


def _lying(dice: random.Random, octets: bytes) -> tuple[bytes, bool]:
    """A record claims a length that it cannot have."""
    places = _places(octets)
    if not places:
        return octets, False
    place, is_block = dice.choice(places), octets[:4] == b"\n\r\r\n"
    lie = dice.choice((0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 0x01000001, 300_000 if not is_block else 20 << 20))
    order = "<" if octets[0] == 0xD4 or octets[8:12] == b"\x4d\x3c\x2b\x1a" else ">"
    at = place + (4 if is_block else 8)
    return octets[:at] + struct.pack(order + "I", lie) + octets[at + 4 :], True


def _zeros(dice: random.Random, octets: bytes) -> tuple[bytes, bool]:
    """A hole of zeros where records belong."""
    places = _places(octets)
    place = dice.choice(places) if places else dice.randrange(len(octets) + 1)
    return octets[:place] + bytes(dice.choice((256, 4096))) + octets[place:], bool(places) and place > 0


def _noise(dice: random.Random, octets: bytes) -> tuple[bytes, bool]:
    """A few octets become others."""
    changed = bytearray(octets)
    for _ in range(dice.choice((1, 2, 8, 64))):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed), False


def _extremes(dice: random.Random, octets: bytes) -> tuple[bytes, bool]:
    """Some aligned words become the numbers that programs stumble over."""
    changed = bytearray(octets)
    for _ in range(dice.choice((1, 4, 16))):
        at = dice.randrange(0, max(1, len(changed) - 4), 4)
        changed[at : at + 4] = struct.pack("<I", dice.choice((0, 1, 8, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)))
    return bytes(changed), False


def _repeated(dice: random.Random, octets: bytes) -> tuple[bytes, bool]:
    """A piece again and again, or left out."""
    begin, end = sorted(dice.randrange(len(octets) + 1) for _ in range(2))
    return octets[:end] + octets[begin:end] * dice.choice((0, 1, 2, 40)) + octets[end + dice.choice((0, 1, 3, 50)) :], False


def _random(dice: random.Random, octets: bytes) -> tuple[bytes, bool]:
    """A good beginning, and noise behind it."""
    return octets[: dice.choice((4, 8, 24, 28, 60))] + dice.randbytes(dice.choice((0, 100, 5000))), False


MUTATORS: tuple[Callable[[random.Random, bytes], tuple[bytes, bool]], ...] = (
    _cut, _lying, _zeros, _noise, _extremes, _repeated, _random,
)


def _squeezed(dice: random.Random, octets: bytes) -> tuple[str, bytes]:
    """The same in a compressed form, which may be damaged itself."""
    import lz4.frame
    import zstandard

    name, squeeze = dice.choice((
        ("gzip", lambda data: gzip.compress(data, 1)), ("bzip2", lambda data: bz2.compress(data, 1)),
        ("xz", lambda data: lzma.compress(data, preset=0)), ("zstd", zstandard.ZstdCompressor(1).compress),
        ("lz4", lz4.frame.compress)))
    squeezed = squeeze(octets)
    if dice.random() < 0.5:
        return f"{name}, cut", squeezed[: dice.randrange(1, len(squeezed) + 1)]
    changed = bytearray(squeezed)
    changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return f"{name}, a bit", bytes(changed)


def malformed(count: int, seed: int = 1) -> Iterator[Malformed]:
    """So many captures, the same for the same seed and the same files."""
    dice, real = random.Random(seed), _seeds()
    for number in range(count):
        source = dice.randrange(4)
        if source == 0 or not real:
            name, octets = "pcap", _pcap(dice, dice.choice("<>"), dice.choice((0xA1B2C3D4, 0xA1B23C4D)))
        elif source == 1:
            name, octets = "pcapng", _pcapng(dice, dice.choice("<>"))
        else:
            name, octets = dice.choice(real)
        mutate = MUTATORS[number % len(MUTATORS)]
        octets, told = mutate(dice, octets)
        name = f"{number} {name}: {mutate.__name__[1:]}"
        if number % 5 == 4 and octets:
            squeezed, octets = _squeezed(dice, octets)
            name, told = f"{name}, {squeezed}", False
        yield Malformed(name, octets, told)


def heard(path: Path) -> tuple[int, str]:
    """Read a capture as ``replypath analyze`` does: frames, and all that is said of its damage.

    Raises only what is a mistake of ours.
    """
    from analyzer.balance.mapping import EMPTY
    from analyzer.errors import CaptureError
    from analyzer.reading import read_captures

    try:
        read = read_captures([path], EMPTY)
    except CaptureError as error:
        return 0, str(error)
    return read.captures[0].frames, "\n".join(read.captures[0].warnings)


def main() -> int:
    """Read them all; every tenth is diagnosed to the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--diagnose", type=int, default=50, metavar="N", help="diagnose every N-th to the end")
    wanted = parser.parse_args()
    from analyzer import api
    from analyzer.errors import AnalyzerError

    slowest, failures, told, silent, refused = 0.0, 0, 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "capture"
        for number, each in enumerate(malformed(wanted.count, wanted.seed)):
            path.write_bytes(each.octets)
            began = time.process_time()
            try:
                frames, said = heard(path)
                if number % wanted.diagnose == 0:
                    try:
                        api.analyze([path])
                    except AnalyzerError:
                        refused += 1
                    began = time.process_time()   # the rules' time is not the file's
            except Exception as error:  # noqa: BLE001 - which is what is looked for
                failures += 1
                print(f"{each.name}: {type(error).__name__}: {error}", flush=True)
                continue
            took = time.process_time() - began
            slowest = max(slowest, took)
            if took > SECONDS_FOR_ONE:
                failures += 1
                print(f"{each.name}: {took:.1f} s", flush=True)
            if each.told and "octet" not in said:
                silent += 1
                print(f"{each.name}: nothing is said of its damage ({frames} frames): {said!r}", flush=True)
            told += "octet" in said
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{wanted.count} captures (seed {wanted.seed}): {failures} failures, {silent} damages not told, {told} told with their "
          f"octets, slowest {slowest:.2f} s of computing, {peak:.0f} MB at most")
    return 1 if failures or silent or peak > MEGABYTES else 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
