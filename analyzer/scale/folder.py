"""Flow tables as ``replypath flows -o DIR`` wrote them, read again in place of the captures, and put together.

The text in the files becomes numbers again in the order in which it had them:
the table ``numbers`` keeps that, so a diagnosis is the same to the last octet.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analyzer.balance.mapping import EMPTY, Mapping
from analyzer.capture.limits import MIB
from analyzer.diagnose.evidence import Observed
from analyzer.diagnose.overview import CaptureRead
from analyzer.errors import CaptureUnreadable, ConfigError
from analyzer.flow.states import FLIPPED, LETTERS
from analyzer.reading import CaptureFile, Read, whole_point
from analyzer.scale.dataset import files_of
from analyzer.scale.spool import PROCESS_BYTES, private_folder
from analyzer.tables import CLAIMS, FLOWS, ICMP_EVENTS, KINDS, STATES, AddressBook, Field, Schema, Table
from analyzer.tabular import is_word, packed

if TYPE_CHECKING:
    import duckdb

TABLES: dict[str, Schema] = {"flows": FLOWS, "claims": CLAIMS, "icmp": ICMP_EVENTS}
TYPES = {"address id": "address", "path id": "path", "KINDS": "kind", "STATES": "state"}


def is_folder(path: str | Path) -> bool:
    """Whether this is to be read as a folder of flow tables."""
    return Path(path).is_dir()


def read_folder(path: str | Path, mapping: Mapping = EMPTY, spill: str = "") -> Read:
    """What was read of the captures once; in the folder ``spill`` the columns are mapped files, and take no memory.

    ``NotACapture`` where the folder holds something else, tables of another
    schema, or not all of them; ``CaptureUnreadable`` where one is damaged.
    """
    import duckdb  # noqa: PLC0415 - a tenth of a second

    files = files_of(Path(path))
    con: duckdb.DuckDBPyConnection = duckdb.connect(config={"threads": 2})
    try:
        return _read(con, files, mapping, spill)
    except duckdb.Error as error:
        raise CaptureUnreadable(f"{path}: a table cannot be read: {str(error).splitlines()[0]}") from None
    finally:
        con.close()


def _read(con: duckdb.DuckDBPyConnection, files: dict[str, list[Path]], mapping: Mapping, spill: str) -> Read:
    book, tunnels = AddressBook(), [""]
    for kind, text in con.execute(f"SELECT kind, text FROM {_source(files['numbers'])} ORDER BY kind, id").fetchall():  # noqa: S608
        if kind == "address":
            book.intern(packed(text))
        else:
            tunnels.append(text)
    for name, words in (("address", [book.text(n) for n in range(1, len(book.packed))]), ("path", tunnels[1:]),
                        ("kind", list(KINDS)), ("state", list(STATES))):
        con.register("words", {"id": np.arange(len(words)), "word": np.array(words, dtype=object)})
        made = "(SELECT word FROM words ORDER BY id)" if words else "('')"
        con.execute(f"CREATE TYPE {name} AS ENUM {made}")
        con.unregister("words")
    read = Read(Observed([], [], [], book, mapping), tunnels=tunnels)
    _captures(con, files["captures"], read)
    tables: dict[str, list[Table]] = {}
    for name, schema in TABLES.items():
        tables[name] = _room(con, files[name], schema, len(read.captures), spill)
        _fill(tables[name], _parts(con, files[name], schema))
    read.observed = replace(read.observed, flows=tables["flows"], claims=tables["claims"], icmp=tables["icmp"],
                            vantages=read.observed.vantages)
    return read


def _source(files: Sequence[Path]) -> str:
    paths = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
    return f"read_parquet([{paths}], hive_partitioning = false)"


def _parts(con: duckdb.DuckDBPyConnection, files: Sequence[Path], schema: Schema) -> Iterator[Table]:
    """The parts of one table with numbers for text."""
    bits: dict[str, int] = {}
    if "history" in schema:
        bits = {text or "": history_bits(text or "") for (text,) in
                con.execute(f"SELECT DISTINCT history FROM {_source(files)}").fetchall()}  # noqa: S608 - paths, quoted
        con.register("words", {"word": np.array([*bits, ""], dtype=object)})
        con.execute("CREATE TYPE history AS ENUM (SELECT DISTINCT word FROM words)")
        order = [row[0] for row in con.execute("SELECT unnest(enum_range(NULL::history))").fetchall()]
    wanted = ", ".join(f"{_number(column, field)} AS {column}" for column, field in schema.items())
    for file in files:
        found = con.execute(f"SELECT {wanted} FROM {_source([file])}").fetchnumpy()  # noqa: S608 - names of tables.py
        made: Table = {}
        for column, field in schema.items():
            values = np.ma.filled(found.pop(column), 0)
            if column == "history":
                values = np.array([bits.get(word, 0) for word in order] or [0], dtype=np.uint32)[values]
            made[column] = values.astype(field.dtype)
        yield made


def _number(column: str, field: Field) -> str:
    """SQL for a column as the number that it was."""
    if column == "history":
        return "enum_code(coalesce(history, '')::history)"
    if is_word(column, field):
        first = 1 if field.unit in {"address id", "path id"} else 0     # 0 is "none", which is NULL
        return f"coalesce(enum_code({column}::{TYPES[field.unit]}) + {first}, 0)"
    return column


def history_bits(text: str) -> int:
    """``flow.states.history_text`` backwards."""
    bits = FLIPPED if text.startswith("^") else 0
    for letter in text.lstrip("^"):
        bits |= 1 << 2 * LETTERS.index(letter.upper()) + letter.islower()
    return bits


def _room(
    con: duckdb.DuckDBPyConnection, files: Sequence[Path], schema: Schema, points: int, spill: str,
) -> list[Table]:
    """The tables of the capture points, with as many rows as their parts have, all zero."""
    counts = dict(con.execute(f"SELECT capture, count(*) FROM {_source(files)} GROUP BY ALL").fetchall())  # noqa: S608
    if strange := sorted(set(counts) - set(range(points))):
        raise CaptureUnreadable(f"{files[0]}: there are rows of the capture point {strange[0]}, which captures.parquet "
                                "does not name: the files are not of one run; write them again with replypath flows")
    rows = [counts.get(number, 0) for number in range(points)]
    return [{name: _column(field.dtype, count, spill) for name, field in schema.items()} for count in rows]


def _column(dtype: str, rows: int, spill: str) -> NDArray[Any]:
    if not (spill and rows):
        return np.zeros(rows, dtype)
    with tempfile.TemporaryFile(dir=spill) as file:      # the mapping keeps it
        file.truncate(rows * np.dtype(dtype).itemsize)
        return np.asarray(np.memmap(file, dtype, mode="r+", shape=(rows,)))


def _fill(tables: Sequence[Table], parts: Iterable[Table]) -> None:
    """The rows of the parts, each point's one after the other."""
    taken = [0] * len(tables)
    for part in parts:
        for number in np.unique(part["capture"]).tolist():
            mine = part["capture"] == number
            begin, taken[number] = taken[number], taken[number] + int(mine.sum())
            for name, column in part.items():
                tables[number][name][begin : taken[number]] = column[mine]


def _captures(con: duckdb.DuckDBPyConnection, files: Sequence[Path], read: Read) -> None:
    columns = ("capture", "path", "vantage", "role", "named", "frames", "frames_before", "first_ns", "last_ns", "timed",
               "packets", "warnings", "compiled")
    names: dict[int, str] = {}
    for row in con.execute(f"SELECT {', '.join(columns)} FROM {_source(files)}").fetchall():  # noqa: S608
        said = dict(zip(columns, row, strict=True))
        summary = CaptureRead(said["path"], said["vantage"], said["frames"], said["first_ns"], said["last_ns"],
                              json.loads(said["packets"]), json.loads(said["warnings"]), said["role"])
        read.files.append(CaptureFile(said["capture"], summary, said["frames_before"], bool(said["timed"])))
        read.compiled &= bool(said["compiled"])
        names[said["capture"]] = said["vantage"] if said["named"] else ""
    read.captures = [whole_point([file for file in read.files if file.point == number]) for number in sorted(names)]
    read.observed.vantages = [names[number] for number in sorted(names)]


def merged(reads: Sequence[Read]) -> Read:
    """Several readings as one: their capture points side by side.

    ``ConfigError`` where two hold a point of one name: a connection that reaches
    from one into the other would be two, which only the captures can mend.
    """
    book, tunnels = AddressBook(), [""]
    whole = Read(Observed([], [], [], book), tunnels=tunnels)
    flows: list[Table] = []
    claims: list[Table] = []
    icmp: list[Table] = []
    vantages: list[str] = []
    for read in reads:
        twice = {name for name in read.observed.vantages if name and name in vantages}
        if twice:
            raise ConfigError(
                f"{', '.join(sorted(twice))}: two of the folders hold a capture point of this name; connections that "
                "reach from one into the other can only be joined from the captures: give all of that point's files "
                "to one replypath flows")
        shift = len(whole.captures)
        addresses = np.array([book.intern(octets) for octets in read.observed.book.packed], dtype=np.uint32)
        tunnels += [path for path in read.tunnels if path not in tunnels]
        paths = np.array([tunnels.index(path) for path in read.tunnels], dtype=np.uint32)
        for into, tables, schema in ((flows, read.observed.flows, FLOWS), (claims, read.observed.claims, CLAIMS),
                                     (icmp, read.observed.icmp, ICMP_EVENTS)):
            into += [_renumbered(table, schema, addresses, paths, shift) for table in tables]
        vantages += list(read.observed.vantages)
        whole.files += [replace(file, point=file.point + shift) for file in read.files]
        whole.captures += read.captures
        whole.compiled &= read.compiled
    whole.observed = replace(whole.observed, flows=flows, claims=claims, icmp=icmp, vantages=vantages)
    return whole


def _renumbered(
    table: Table, schema: Schema, addresses: NDArray[np.uint32], paths: NDArray[np.uint32], shift: int,
) -> Table:
    made = dict(table)
    for name, field in schema.items():
        if field.unit == "address id":
            made[name] = addresses[table[name]]
        elif field.unit == "path id":
            made[name] = paths[table[name]]
    made["capture"] = (table["capture"].astype(np.int64) + shift).astype(np.uint16)
    return made


def read_folders(paths: Iterable[str | Path], mapping: Mapping = EMPTY, memory: int = 0) -> Read:
    """Folders of flow tables in place of captures: one, or several side by side.

    With ``memory`` (octets) what does not fit goes to files.
    """
    spill = private_folder() if memory else ""
    reads = [read_folder(path, mapping, spill) for path in paths]
    whole = reads[0] if len(reads) == 1 else merged(reads)
    whole.observed.mapping = mapping
    if memory:
        whole.observed = replace(whole.observed, memory_bytes=max(64 * MIB, memory - 2 * PROCESS_BYTES),
                                 spill_folder=str(Path(spill) / "spill"))
    return whole
