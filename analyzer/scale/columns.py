"""Columns as they lie in a file between two processes: a line of JSON, then every column from an octet of its own.

A file appears whole or not at all, so one that is there can be believed after
an interruption.  Read back, the columns are mapped, not copied.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from analyzer.tables import Table

ALIGNED = 64


def write(path: Path, table: Table) -> None:
    """Write a table; the file is renamed into place when all of it is there."""
    arrays = {name: np.ascontiguousarray(column) for name, column in table.items()}
    head: dict[str, tuple[str, int, int]] = {}
    at = 0
    for name, array in arrays.items():
        head[name] = array.dtype.str, len(array), at
        at += -(-array.nbytes // ALIGNED) * ALIGNED
    line = json.dumps(head).encode()
    line += b" " * (-(len(line) + 1) % ALIGNED) + b"\n"
    half = path.with_name(f"{path.name}.{os.getpid()}.half")
    with half.open("wb") as out:
        out.write(line)
        for array in arrays.values():
            out.write(array.data)
            out.write(bytes(-array.nbytes % ALIGNED))
    half.replace(path)


def read(path: Path) -> Table:
    """The table of a file, backed by it: an array may be read as long as it is kept, also after the file is gone."""
    with path.open("rb") as file:
        line = file.readline()
    octets = np.memmap(path, np.uint8, mode="r") if path.stat().st_size > len(line) else np.zeros(0, np.uint8)
    found: Table = {}
    for name, (dtype, count, at) in json.loads(line).items():
        begin = len(line) + at
        size = count * np.dtype(dtype).itemsize
        found[name] = np.asarray(octets[begin : begin + size]).view(dtype)
    return found
