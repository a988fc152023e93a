"""Tiny writers of pcap and pcapng, well-formed or not; where the shared captures are; tshark as an oracle."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from analyzer.capture.limits import Limits
from analyzer.capture.source import open_capture

SHARED = Path(__file__).resolve().parents[3] / "shared" / "captures"
TSHARK = shutil.which("tshark")
needs_tshark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")


def shared_files() -> list[Path]:
    """Every capture of the shared folder; none where it is absent."""
    return sorted(path for path in SHARED.glob("*/*") if path.is_file() and path.suffix != ".md")


# pcap ------------------------------------------------------------------------------------------------------------


def record(frame=b"\x01" * 60, seconds=1_000_000_000, fraction=5, *, captured=None, wire=None, order="<", more=b""):
    captured = len(frame) if captured is None else captured
    wire = len(frame) if wire is None else wire
    return struct.pack(order + "IIII", seconds, fraction, captured, wire) + more + frame


def pcap(*records, magic=0xA1B2C3D4, version=(2, 4), snap=262_144, link=1, order="<", extra=b""):
    return struct.pack(order + "IHHiIII", magic, *version, 0, 0, snap, link) + extra + b"".join(records)


# pcapng ----------------------------------------------------------------------------------------------------------


def block(kind, body=b"", *, order="<", length=None, trailer=None):
    body += bytes(-len(body) % 4)
    length = 12 + len(body) if length is None else length
    return struct.pack(order + "II", kind, length) + body + struct.pack(order + "I", length if trailer is None else trailer)


def option(code, value, order="<"):
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(*options, order="<", version=(1, 0), length=-1, **lies):
    body = struct.pack(order + "IHHq", 0x1A2B3C4D, *version, length)
    return block(0x0A0D0D0A, body + b"".join(options), order=order, **lies)


def interface(*options, link=1, snap=0, order="<", **lies):
    return block(1, struct.pack(order + "HHI", link, 0, snap) + b"".join(options), order=order, **lies)


def packet(frame=b"\x01" * 60, ticks=1_000_000, *options, which=0, captured=None, wire=None, order="<", **lies):
    captured = len(frame) if captured is None else captured
    wire = len(frame) if wire is None else wire
    head = struct.pack(order + "IIIII", which, ticks >> 32, ticks & 0xFFFFFFFF, captured, wire)
    return block(6, head + frame + bytes(-len(frame) % 4) + b"".join(options), order=order, **lies)


def simple(frame=b"\x01" * 60, *, wire=None, order="<", **lies):
    return block(3, struct.pack(order + "I", len(frame) if wire is None else wire) + frame, order=order, **lies)


def old_packet(frame=b"\x01" * 60, ticks=1_000_000, *options, which=0, drops=0, order="<"):
    head = struct.pack(order + "HHIIII", which, drops, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
    return block(2, head + frame + bytes(-len(frame) % 4) + b"".join(options), order=order)


# reading ---------------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """One frame as the reader gives it."""

    frame: int
    octets: bytes
    wire: int
    time_ns: int
    link: int
    interface: int
    position: int


@dataclass
class Read:
    """All that one pass over a capture gives."""

    rows: list[Row]
    warnings: list[str]
    comments: list[tuple[int, str]]
    interfaces: list


def read(path, limits=None, **changes) -> Read:
    """Read a capture to its end, looking at every frame."""
    source = open_capture(path, limits=limits or Limits(**changes))
    rows = []
    for batch in source.batches():
        assert len(batch) == len(batch.time_ns) == len(batch.position) == len(batch.captured_bytes)
        assert batch.first_frame == len(rows) + 1
        rows.extend(
            Row(batch.first_frame + i, batch.frame(i), int(batch.wire_bytes[i]), int(batch.time_ns[i]),
                int(batch.link_type[i]), int(batch.interface[i]), int(batch.position[i]))
            for i in range(len(batch))
        )
    assert source.frames == len(rows)
    return Read(rows, source.warnings, [tuple(comment) for comment in source.comments], source.interfaces)


def saved(tmp_path, octets, name="a.pcap"):
    """Octets as a file."""
    path = tmp_path / name
    path.write_bytes(octets)
    return path


def columns_of(path, limits) -> dict[str, np.ndarray]:
    """The columns of a whole capture, batches joined."""
    names = ("captured_bytes", "wire_bytes", "time_ns", "link_type", "interface", "position")
    batches = list(open_capture(path, limits=limits).batches())
    return {name: np.concatenate([getattr(batch, name) for batch in batches] or [np.empty(0)]) for name in names}


# tshark ----------------------------------------------------------------------------------------------------------

FIELDS = ("number", "time_epoch", "len", "cap_len", "encap_type", "interface_id", "section_number")


class Seen(NamedTuple):
    """One frame as Wireshark sees it; times in ns, None where it shows nothing."""

    number: int
    time_ns: int | None
    wire: int
    captured: int
    encapsulation: int | None
    interface: int | None
    section: int | None


def tshark(path, *more) -> tuple[list[Seen], str]:
    """Wireshark's frames, and what it complains about."""
    assert TSHARK
    fields = [word for field in FIELDS for word in ("-e", f"frame.{field}")]
    done = subprocess.run(
        [TSHARK, "-n", "-r", os.fspath(path), "-T", "fields", *fields, *more],
        capture_output=True, text=True, timeout=120, check=False,
    )
    seen = [_seen(line.split("\t")) for line in done.stdout.splitlines() if line]
    complaints = [line for line in done.stderr.splitlines() if line and not line.startswith("Running as user")]
    return seen, " ".join(complaints)


def _seen(values) -> Seen:
    number, time, wire, captured, encapsulation, which, part = (*values, "", "", "", "", "")[:7]
    return Seen(
        int(number), _nanoseconds(time), int(wire), int(captured), int(encapsulation) if encapsulation else None,
        int(which) if which else None, int(part) if part else None,
    )


def _nanoseconds(text):
    if not text:
        return None
    sign = -1 if text.startswith("-") else 1
    seconds, _, fraction = text.lstrip("-").partition(".")
    return sign * (int(seconds) * 10**9 + int((fraction + "0" * 9)[:9]))
