"""A folder of this machine where processes leave columns for one another, and for a run after an interruption."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analyzer.scale import columns
from analyzer.scale.follow import Numbering
from analyzer.tables import Column, Table

NUMBERING = ".numbering"


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
            name += NUMBERING
            before = np.array([what.frames_before, what.position], dtype=np.int64)
            table: Table = {"addresses": what.addresses, "tunnels": what.tunnels, "interfaces": what.interfaces,
                            "before": before}
            columns.write(Path(self.folder) / name, table)
        else:
            columns.write(Path(self.folder) / name, what)
        return name

    def drop(self, where: object) -> None:
        """Remove what was kept; what has been loaded of it stays."""
        (Path(self.folder) / str(where)).unlink(missing_ok=True)

    def load(self, where: object) -> Table | Numbering:
        """What was kept under a name."""
        table = columns.read(Path(self.folder) / str(where))
        if not str(where).endswith(NUMBERING):
            return table
        frames, position = table["before"].tolist()
        return Numbering(table["addresses"].astype(np.uint32), table["tunnels"].astype(np.uint32),
                         table["interfaces"].astype(np.uint16), int(frames), int(position))
