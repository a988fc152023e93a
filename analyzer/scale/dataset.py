"""A folder of flow tables as other programs read it: Parquet in parts, by capture point (hive partitions).

    tables/
      flows/vantage=client/part-0000.parquet ...
      claims/vantage=client/part-0000.parquet
      icmp/vantage=client/part-0000.parquet
      captures.parquet  numbers.parquet
      schema.json       every table, column and file: comes last, so it stands for a complete folder

Each part is whole or not there, so those of an interrupted run can be read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from analyzer.errors import NotACapture, OutputError
from analyzer.reading import Read
from analyzer.report.output import write_file
from analyzer.tables import Table
from analyzer.tabular import SCHEMA, TABLES, Words, captures_table, numbers_table, schema, write_table

SAID = "schema.json"
PARTITIONED = ("flows", "claims", "icmp")
PART_ROWS = 250_000
"""Rows of a part: two row groups of DuckDB, and below 300 MB of memory while it is written."""
LONGEST_NAME = 200
"""Octets of a capture point's name in the name of a folder (the whole name stands in ``captures``)."""
SAFE = frozenset(" ._-+~,@()")
"""What stays as it is in a partition's name, beside letters and digits; the rest is %XX, as Hive and DuckDB have it."""
FORMER = {"replypath-flows/1": {name: [f"{name}.parquet"] for name in TABLES}}
"""Where tables lay before there were parts."""


def check(folder: str | Path, *, force: bool) -> None:
    """What is wrong with the target is said before the work: ``OutputError``."""
    for place in _places(Path(folder)):
        if place.is_symlink():
            raise OutputError(f"{place}: is a link; tables are not written through one; give another name")
    for there in () if force else _ours(Path(folder)):
        unfinished = "" if (Path(folder) / SAID).exists() else " (of a run that did not come to its end)"
        raise OutputError(f"{there}: exists{unfinished}; give another name, or --force to replace the tables")


def write(read: Read, folder: str | Path, *, force: bool = False) -> list[Path]:
    """Write every table; the files.

    Raises ``OutputError`` where there are tables already (unless ``force``) or
    the system refuses.
    """
    target = Path(folder)
    check(target, force=force)
    try:
        target.mkdir(parents=True, exist_ok=True)
        for there in _ours(target):      # schema.json first: what is left is no complete folder
            there.unlink()
    except OSError as error:
        raise OutputError(f"{target}: cannot be made a folder of tables: {(error.strerror or str(error)).lower()}"
                          ) from None
    files: dict[str, list[str]] = {name: [f"{name}.parquet"] for name in ("captures", "numbers")}
    words = Words(read)
    tables = {"flows": read.observed.flows, "claims": read.observed.claims, "icmp": read.observed.icmp}
    for name in PARTITIONED:
        files[name] = []
        taken: dict[str, int] = {}
        for point, table in zip(read.captures, tables[name], strict=True):
            place = f"{name}/vantage={partition(point.vantage)}"
            for rows in _parts(table):
                taken[place] = taken.get(place, -1) + 1
                files[name].append(f"{place}/part-{taken[place]:04}.parquet")
                _write(name, words.spoken(name, rows), target / files[name][-1])
    _write("captures", captures_table(read), target / "captures.parquet")
    _write("numbers", numbers_table(read), target / "numbers.parquet")
    said = {**schema(), "files": {name: files[name] for name in TABLES}}

    def pour(out: IO[bytes]) -> None:
        out.write((json.dumps(said, indent=1) + "\n").encode())

    write_file(target / SAID, pour)
    return [target / SAID, *(target / path for paths in files.values() for path in paths)]


def _write(name: str, table: Table, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write_table(name, table, file, force=False)


def _places(folder: Path) -> list[Path]:
    """Where a run of ours leaves something, now or in former versions."""
    return [folder / SAID, *(folder / f"{name}.parquet" for name in TABLES), *(folder / name for name in PARTITIONED),
            *(each for name in PARTITIONED for each in sorted(folder.glob(f"{name}/vantage=*")))]


def _ours(folder: Path) -> list[Path]:
    """The files that a run of ours has left in the folder; nothing else in it is touched."""
    parts = [part for name in PARTITIONED for part in sorted(folder.glob(f"{name}/vantage=*/part-*.parquet"))]
    return [*(place for place in _places(folder) if place.is_file()), *parts]


def _parts(table: Table) -> Iterator[Table]:
    """Some rows at a time; one part without rows where there is none, so that every table can be opened."""
    rows = len(next(iter(table.values())))
    for begin in range(0, max(1, rows), PART_ROWS):
        yield {column: values[begin : begin + PART_ROWS] for column, values in table.items()}


def partition(vantage: str) -> str:
    """A capture point's name as the value in a folder's name; programs that read hive partitions turn it back."""
    said = ""
    for letter in vantage:
        plain = letter in SAFE or letter.isalnum()
        here = letter if plain else "".join(f"%{each:02X}" for each in letter.encode(errors="surrogateescape"))
        if len((said + here).encode()) > LONGEST_NAME:
            break
        said += here
    return said or "__HIVE_DEFAULT_PARTITION__"


def files_of(folder: Path) -> dict[str, list[Path]]:
    """The files of each table, as ``schema.json`` lists them.  ``NotACapture`` where it does not."""
    try:
        said = json.loads((folder / SAID).read_text())
        version = said.get("schema")
        files = FORMER.get(version) or (said["files"] if version == SCHEMA else None)
        if files is None:
            raise NotACapture(f"{folder}: holds tables of the schema {version}; expected {SCHEMA}: write them again "
                              "with replypath flows")
        found = {name: [folder / str(path) for path in files[name]] for name in TABLES}
    except FileNotFoundError:
        raise NotACapture(f"{folder}: is a folder without {SAID}, so it holds no complete flow tables: give captures "
                          "one by one, or run replypath flows again") from None
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise NotACapture(f"{folder}: holds no flow tables of replypath: {SAID} cannot be read ({error})") from None
    for path in (path for paths in found.values() for path in paths):
        if ".." in path.parts[len(folder.parts):] or not path.is_relative_to(folder) or not path.is_file():
            raise NotACapture(f"{path}: is not there, though {SAID} lists it: copy the whole folder, or write it again "
                              "with replypath flows")
    return found
