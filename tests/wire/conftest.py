"""Every frame of the shared captures, once a session; and batches of frames of any link type."""

import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from analyzer.capture.source import open_capture
from analyzer.errors import CaptureError
from analyzer.tables import KINDS, VERDICTS, AddressBook, Batch
from analyzer.wire import _reference, decode

CAPTURES = Path(__file__).parents[2].parent / "shared" / "captures"


class Captured(NamedTuple):
    """One frame, and where it came from."""

    octets: bytes
    wire_bytes: int
    link_type: int
    file: str = ""
    number: int = 0


@pytest.fixture(scope="session")
def corpus():
    """All frames of all readable shared captures, in the order of the files' names."""
    if not CAPTURES.is_dir():
        pytest.skip(f"the shared captures are not beside the repository: {CAPTURES.parent.name}/captures")
    frames = []
    for path in sorted(path for path in CAPTURES.glob("*/*") if path.suffix != ".md"):
        try:
            for batch in open_capture(path).batches():
                frames += [
                    Captured(batch.frame(row), int(batch.wire_bytes[row]), int(batch.link_type[row]), path.name,
                             batch.first_frame + row)
                    for row in range(len(batch))
                ]
        except CaptureError:     # the reader's own tests say what is wrong with which
            continue
    assert len(frames) > 20_000
    return frames


def make_batch(frames):
    """A batch of ``Captured`` frames (or of tuples that begin like one)."""
    sizes = np.array([len(frame[0]) for frame in frames], dtype=np.uint32)
    start = np.zeros(len(frames), dtype=np.int64)
    start[1:] = np.cumsum(sizes[:-1], dtype=np.int64)
    return Batch(
        octets=np.frombuffer(b"".join(frame[0] for frame in frames), dtype=np.uint8),
        start=start,
        captured_bytes=sizes,
        wire_bytes=np.array([frame[1] for frame in frames], dtype=np.uint32),
        time_ns=np.arange(len(frames), dtype=np.int64),
        link_type=np.array([frame[2] for frame in frames], dtype=np.uint16),
        interface=np.zeros(len(frames), dtype=np.uint16),
        position=start.copy(),
        first_frame=1,
    )


@pytest.fixture(scope="session")
def batch_of():
    return make_batch


@pytest.fixture(scope="session")
def pcap_of():
    """Writes Ethernet frames as a pcap file, in microseconds."""

    def write(path, frames):
        head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
        path.write_bytes(head + b"".join(
            struct.pack("<IIII", 1, at, len(octets), len(octets)) + octets for at, octets in enumerate(frames)))

    return write


ADDRESSES = ("src_mac", "dst_mac", "src", "dst", "about_ip", "about_mac", "quote_src", "quote_dst")


def read_one(octets, link_type=1, wire_bytes=None):
    """One frame's row as people would write it, the same from both twins."""
    batch = make_batch([(octets, len(octets) if wire_bytes is None else wire_bytes, link_type)])
    rows = []
    for kernel_of in {decode.Kernel, _reference.Kernel}:
        book = AddressBook()
        kernel = kernel_of(book)
        row = {name: int(column[0]) for name, column in kernel.decode(batch).items()}
        row |= {name: book.text(row[name]) for name in ADDRESSES}
        row |= {"verdict": VERDICTS[row["verdict"]], "kind": KINDS[row["kind"]], "tunnel": kernel.tunnels.text(row["tunnel"])}
        rows.append(row)
    assert all(row == rows[0] for row in rows)
    return rows[0]


@pytest.fixture(scope="session")
def read():
    return read_one
