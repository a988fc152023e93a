"""Frames as pcapng packet blocks, a batch at a time: whatever format they came in, nanoseconds, little-endian.

Enhanced packet block: type 6, length, interface, time (high, low), captured,
wire, the frame padded to 32 bits, length.  No options.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.tables import Batch

HEAD, TAIL, PADS = 28, 4, 3
FRAMING = HEAD + TAIL


def lengths(batch: Batch) -> NDArray[np.int64]:
    """Octets of each frame's block."""
    return FRAMING + (batch.captured_bytes.astype(np.int64) + 3) // 4 * 4


def packet_blocks(batch: Batch, places: NDArray[np.uint16]) -> bytes:
    """The blocks of all frames, one after the other; ``places`` are their interfaces in the file that is written."""
    rows = len(batch)
    if not rows:
        return b""
    captured = batch.captured_bytes.astype(np.int64)
    sizes = lengths(batch)
    ticks = np.maximum(batch.time_ns, 0).astype(np.uint64)
    # Between two frames: the padding of one (as much as it needs of three zeros), its length, the next one's head.
    between = np.zeros((rows + 1, PADS + TAIL + HEAD), np.uint8)
    words = np.empty((rows, 7), "<u4")
    words[:, 0], words[:, 1], words[:, 2] = 6, sizes, places
    words[:, 3], words[:, 4] = ticks >> np.uint64(32), ticks & np.uint64(0xFFFFFFFF)
    words[:, 5], words[:, 6] = captured, batch.wire_bytes
    between[:-1, PADS + TAIL :] = words.view(np.uint8).reshape(rows, HEAD)
    between[1:, PADS : PADS + TAIL] = sizes.astype("<u4").view(np.uint8).reshape(rows, TAIL)
    pads = np.zeros(rows + 1, np.int64)
    pads[1:] = -captured % 4
    room = between.reshape(-1).data
    width = between.shape[1]
    begins = (np.arange(rows + 1) * width + PADS - pads).tolist()
    begins[0] = PADS + TAIL
    ends = (np.arange(1, rows + 2) * width).tolist()
    ends[-1] -= HEAD
    frames = np.ascontiguousarray(batch.octets).data
    starts = batch.start.tolist()
    parts: list[memoryview] = [room[0:0]] * (2 * rows + 1)
    parts[0::2] = [room[begin:end] for begin, end in zip(begins, ends, strict=True)]
    parts[1::2] = [frames[begin:end] for begin, end in zip(starts, (batch.start + captured).tolist(), strict=True)]
    return b"".join(parts)
