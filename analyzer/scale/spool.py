"""A folder of this machine where processes leave columns for one another, and for a run after an interruption."""

from __future__ import annotations

import atexit
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analyzer.capture.limits import MIB
from analyzer.errors import OutputError
from analyzer.scale import columns
from analyzer.scale.follow import Numbering, in_order
from analyzer.tables import Column, Table

PROCESS_BYTES = 80 * MIB
"""Octets of a process before it has read anything."""


def private_folder() -> str:
    """A folder that lives as long as this process: what is mapped from it may be read to the end."""
    private = tempfile.TemporaryDirectory(prefix="replypath-")
    atexit.register(private.cleanup)
    return private.name


@dataclass(slots=True)
class Spool:
    """Columns as files whose names begin with ``prefix``; a name stands for the columns."""

    folder: str
    prefix: str = ""
    kept: int = 0

    def keep(self, what: Table | Iterable[tuple[str, Column]] | Numbering) -> object:
        """Write a segment's columns, or how a part's numbers become those of the point."""
        name = f"{self.prefix}-{self.kept}.columns"
        self.kept += 1
        if isinstance(what, Numbering):
            before = np.array([what.frames_before, what.position], dtype=np.int64)
            table: Table = {"addresses": what.addresses, "tunnels": what.tunnels, "interfaces": what.interfaces,
                            "before": before}
            self._write(name, table)
        else:
            self._write(name, what)
        return name

    def _write(self, name: str, what: Table | Iterable[tuple[str, Column]]) -> None:
        try:
            columns.write(Path(self.folder) / name, what)
        except OSError as error:
            raise OutputError(
                f"{self.folder}: cannot be written: {(error.strerror or str(error)).lower()}; a run needs 84 octets a "
                "packet there: free some space, or set TMPDIR (or --state) to a folder that has it"
            ) from error

    def drop(self, where: object) -> None:
        """Remove what was kept; what has been loaded of it stays."""
        (Path(self.folder) / str(where)).unlink(missing_ok=True)

    def merged(self, shards: Sequence[object]) -> Table:
        """FLOWS of a point from those of its shards, which are removed; mapped, so that it takes no memory."""
        where = self.keep(in_order([self.table(each) for each in shards]))
        for each in shards:
            self.drop(each)
        return self.table(where)

    def table(self, where: object) -> Table:
        """The columns that were kept under a name."""
        return columns.read(Path(self.folder) / str(where))

    def packets(self, where: object, begin: int, end: int) -> Table:
        """As ``follow.Loader``."""
        return {name: column[begin:end] for name, column in self.table(where).items()}

    def numbering(self, where: object) -> Numbering:
        """As ``follow.Loader``."""
        table = self.table(where)
        frames, position = table["before"].tolist()
        return Numbering(table["addresses"].astype(np.uint32), table["tunnels"].astype(np.uint32),
                         table["interfaces"].astype(np.uint16), int(frames), int(position))
