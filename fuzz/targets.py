"""The fuzz targets by name: what is fed, where its seeds come from, how large an input may be.

Feeding a target anything may raise nothing: what a stranger's file can do is
refused inside the target in the words of ``AnalyzerError``, everything else is a crash.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CAPTURES = (ROOT / "sample_pcaps", ROOT.parent / "shared" / "captures")
CONFIGURATIONS = (ROOT / "tests" / "importers" / "samples", ROOT.parent / "shared" / "configs")
FACTS = (ROOT / "tests" / "facts" / "samples", ROOT / "sample_pcaps")
HOSTILE = ROOT / "tests" / "hostile" / "inputs"
"""What made a target fail once: ``TARGET.WHAT``, always among its seeds, and a test."""

SEED_OCTETS = 4096
FRAMES_OF_A_CAPTURE = 40
Seeds = Iterator[bytes]


@dataclass(frozen=True)
class Target:
    """One thing to feed.  ``share`` is how much of the time it gets, against the others."""

    name: str
    feed: Callable[[], Callable[[bytes], None]]
    """Gives the function to call: what it needs is imported then."""
    seeds: Callable[[], Seeds]
    octets: int
    share: float = 1.0


def _kernel(name: str) -> Callable[[], Callable[[bytes], None]]:
    def load() -> Callable[[bytes], None]:
        from fuzz import kernels

        return getattr(kernels, name)  # type: ignore[no-any-return]

    return load


def _document(name: str) -> Callable[[], Callable[[bytes], None]]:
    def load() -> Callable[[bytes], None]:
        from fuzz import documents

        return getattr(documents, name)  # type: ignore[no-any-return]

    return load


def _importer(name: str) -> Callable[[bytes], None]:
    from fuzz import documents

    return documents.importer(name)


def _files(folders: tuple[Path, ...], *suffixes: str) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix in (suffixes or {path.suffix}))


def _captures() -> Iterator[bytes]:
    for path in _files(CAPTURES):
        if path.suffix not in {".md", ".py", ".toml", ".json", ".txt", ".yaml", ".nft", ".cfg"}:
            with path.open("rb") as file:
                yield file.read(SEED_OCTETS)


def _scan_seeds(which: str) -> Seeds:
    from fuzz.kernels import scan_seed

    for capture in _captures():
        seed = scan_seed(capture)
        if seed and which in {seed[0], "both"}:
            yield seed[1][:1024]


def _frame_seeds() -> Seeds:
    from analyzer.capture.source import open_capture
    from analyzer.errors import CaptureError
    from fuzz.kernels import LINKS, frame_seed

    shapes = set()
    for path in _files(CAPTURES, ".pcap", ".pcapng", ".cap", ".gz"):
        try:
            source = open_capture(path)
            batch = next(source.batches())
            source.close()
        except (CaptureError, StopIteration):
            continue
        for row in range(min(len(batch), FRAMES_OF_A_CAPTURE)):
            link, frame = int(batch.link_type[row]), batch.frame(row)
            shape = link, len(frame) >> 3, frame[12:15], frame[23:24]
            if link in LINKS and shape not in shapes:
                shapes.add(shape)
                yield frame_seed(link, frame[:256])


def _packet_seeds() -> Seeds:
    from fuzz.kernels import packet_seed

    return map(packet_seed, range(12))


def _capture_seeds() -> Seeds:
    import bz2
    import gzip
    import lzma

    for number, octets in enumerate(_captures()):
        yield b"\xff" + octets
        if number % 12 == 0:
            for pack in (gzip.compress, bz2.compress, lzma.compress):
                yield b"\xff" + pack(octets[:1024])


def _texts(folders: tuple[Path, ...], *suffixes: str) -> Seeds:
    for path in _files(folders, *suffixes):
        octets = path.read_bytes()[: 2 * SEED_OCTETS]
        if b"\0" not in octets:
            yield octets


def _importer_seeds(name: str) -> Seeds:
    return _texts((CONFIGURATIONS[0] / name, CONFIGURATIONS[1] / name))


def _rules() -> Seeds:
    return (path.read_bytes() for path in sorted((ROOT / "rules").glob("*.md")))


def _short(value: object, most: int) -> object:
    """A document whose lists, but for the captures that others point into, have at most so many members."""
    if isinstance(value, list):
        return [_short(each, most) for each in value[:most]]
    if isinstance(value, dict):
        return {name: each if name == "captures" else _short(each, most) for name, each in value.items()}
    return value


def _results() -> Seeds:
    for path in sorted((ROOT / "reports").rglob("*.json")):
        for most in (0, 1, 2):
            yield json.dumps(_short(json.loads(path.read_bytes()), most), separators=(",", ":")).encode()


def _gate() -> Seeds:
    return iter([b"\x1b[2J", "a\u202eb\u2066c\u200b".encode(), b"\xed\xa0\x80", b"\xff\xfe", b"ip route add 10.0.2.9/32 via 10.0.2.1"])


def _named() -> Iterator[Target]:
    yield Target("scan-pcap", _kernel("scan_pcap"), partial(_scan_seeds, "pcap"), 1024, 3)
    yield Target("scan-pcapng", _kernel("scan_pcapng"), partial(_scan_seeds, "pcapng"), 1024, 3)
    yield Target("decode", _kernel("decode"), _frame_seeds, 512, 3)
    yield Target("track", _kernel("track"), _packet_seeds, 512, 3)
    yield Target("twins-scan", _kernel("twins_scan"), partial(_scan_seeds, "both"), 512)
    yield Target("twins-decode", _kernel("twins_decode"), _frame_seeds, 256)
    yield Target("twins-track", _kernel("twins_track"), _packet_seeds, 256)
    yield Target("capture", _document("capture"), _capture_seeds, SEED_OCTETS + 64, 3)
    yield Target("mapping", _document("mapping"), partial(_texts, CONFIGURATIONS), 2 * SEED_OCTETS)
    yield Target("facts", _document("facts"), partial(_texts, FACTS, ".txt", ".json"), 2 * SEED_OCTETS, 2)
    yield Target("rule", _document("rule"), _rules, 4 * SEED_OCTETS)
    yield Target("result", _document("result"), _results, 8 * SEED_OCTETS)
    yield Target("gate", _document("gate"), _gate, SEED_OCTETS, 0.5)
    for path in sorted((ROOT / "analyzer" / "importers").glob("[!_]*.py")):
        if path.stem != "reading":
            name = path.stem.replace("_", "-")
            yield Target(f"importer-{name}", partial(_importer, name), partial(_importer_seeds, name), SEED_OCTETS, 0.5)


TARGETS = {target.name: target for target in _named()}


def hostile(name: str) -> Iterator[Path]:
    """The inputs that failed this target once."""
    return iter(sorted(HOSTILE.glob(f"{name}.*")))
