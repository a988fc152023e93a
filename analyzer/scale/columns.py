"""Columns as they lie in a file between two processes: one after the other, and where each is as JSON at the end.

A file appears whole or not at all, so one that is there can be believed after
an interruption.  Read back, the columns are mapped, not copied.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from analyzer.tables import Column, Table

ALIGNED = 64
STRETCH = 1 << 16
HOLE = 1 << 12


def write(path: Path, table: Table | Iterable[tuple[str, Column]]) -> None:
    """Write a table, or its columns as they come; the file is renamed into place when all of it is there.

    Long stretches of zeros are holes in the file: most marks of most flows never happened.
    """
    half = path.with_name(f"{path.name}.{os.getpid()}.half")
    head: dict[str, tuple[str, int, int]] = {}
    with half.open("wb") as out:
        at = 0
        for name, column in table.items() if isinstance(table, dict) else table:
            array = np.ascontiguousarray(column)
            head[name] = array.dtype.str, len(array), at
            _pour(out, array.view(np.uint8).reshape(-1) if len(array) else np.zeros(0, np.uint8), at)
            at += -(-array.nbytes // ALIGNED) * ALIGNED
        out.truncate(at)
        out.seek(at)
        line = json.dumps(head).encode()
        out.write(line + at.to_bytes(8, "little"))
    half.replace(path)


def _pour(out: BinaryIO, octets: NDArray[np.uint8], at: int) -> None:
    for begin in range(0, len(octets), STRETCH):
        piece = octets[begin : begin + STRETCH]
        if len(piece) < HOLE or piece.any():
            out.seek(at + begin)
            out.write(piece.data)


def read(path: Path) -> Table:
    """The table of a file, backed by it: an array may be read as long as it is kept, also after the file is gone."""
    octets: NDArray[np.uint8] = np.memmap(path, np.uint8, mode="r")
    end = int.from_bytes(octets[-8:].tobytes(), "little")
    return {
        name: np.asarray(octets[at : at + count * np.dtype(dtype).itemsize]).view(dtype)
        for name, (dtype, count, at) in json.loads(octets[end:-8].tobytes()).items()
    }
