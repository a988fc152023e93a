"""The flow tables as files that DuckDB, Polars, Spark and spreadsheets read: Parquet and CSV.

The columns are those of ``tables.py``, with words for numbers: addresses, MACs,
kinds, states and tunnel paths are text (none is NULL).  ``SCHEMA`` names the
version; it changes when a column goes or changes its meaning, or a file its place.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analyzer.errors import OutputError
from analyzer.flow.states import history_text
from analyzer.reading import CaptureFile, Read
from analyzer.report.output import write_file
from analyzer.tables import CLAIMS, FLOWS, ICMP_EVENTS, KINDS, STATES, Column, Field, Schema, Table, empty
from analyzer.version import VERSION

if TYPE_CHECKING:
    import duckdb

SCHEMA = "replypath-flows/2"
TEXT = "text"

CAPTURES: Schema = {
    "capture": Field("u2", "index", "number of the capture point, as in the other tables"),
    "path": Field(TEXT, "", "the file"),
    "vantage": Field(TEXT, "", "the capture point's name"),
    "frames": Field("u8", "frames", "frames of this file"),
    "frames_before": Field("u8", "frames", "frames of the point's earlier files: a frame number of the other tables "
                                           "minus this is the number in this file (rotated captures)"),
    "first_ns": Field("i8", "ns since 1970", "first packet"),
    "last_ns": Field("i8", "ns since 1970", "last packet"),
    "role": Field(TEXT, "", "what the user's name for the capture point says that it is; empty = not said"),
    "named": Field("u1", "0/1", "the user named the capture point"),
    "timed": Field("u1", "0/1", "a packet of the file has a time of its own"),
    "packets": Field(TEXT, "", "packets by kind, as JSON"),
    "warnings": Field(TEXT, "", "what was skipped or is not believed, as a JSON list"),
    "compiled": Field("u1", "0/1", "the compiled kernels read it"),
}

NUMBERS: Schema = {
    "kind": Field(TEXT, "", "`address` or `tunnel`"),
    "id": Field("u4", "id", "its number, from 1, in the order of first appearance"),
    "text": Field(TEXT, "", "the address, MAC or tunnel path"),
}

TABLES: dict[str, tuple[Schema, str]] = {
    "flows": (FLOWS, "One row for each conversation at each capture point."),
    "claims": (CLAIMS, "ARP and neighbour discovery: who claims an address; alike packets are one row."),
    "icmp": (ICMP_EVENTS, "ICMP errors and redirects; alike packets are one row."),
    "captures": (CAPTURES, "The files that were read."),
    "numbers": (NUMBERS, "Every address, MAC and tunnel path, in the order in which the packets named them."),
}

SQL = {"i8": "BIGINT", "u1": "UTINYINT", "u2": "USMALLINT", "u4": "UINTEGER", "u8": "UBIGINT", TEXT: "VARCHAR"}
WORDS = {"address id": "address", "path id": "tunnel path", "KINDS": "word", "STATES": "word"}
"""Units that stand for numbers with words behind them, and what the files hold instead."""
HISTORY = ("Zeek's history letters, upper case from the initiator: S SYN, H SYN-ACK, A ACK, D payload, F FIN, R RST, "
           "T sent again, G gap, W window zero, Q flags that exclude each other; a set, not an order")
ENDINGS = (".parquet", ".csv")


def is_word(name: str, column: Field) -> bool:
    """Whether a column is text in the files."""
    return column.dtype == TEXT or column.unit in WORDS or name == "history"


def check(path: str | Path, *, force: bool) -> None:
    """What is wrong with the target is said before the work: ``OutputError``."""
    if Path(path).exists() and not force:
        raise OutputError(f"{path}: exists; give another name, or --force to replace it")


def write_flows(read: Read, path: str | Path, *, force: bool = False) -> None:
    """Write the flows alone into one ``.parquet`` or ``.csv`` file, which appears whole or not at all.

    Raises ``OutputError`` where a file is there already (unless ``force``) or the
    system refuses.
    """
    check(path, force=force)
    tables = read.observed.flows or [empty(FLOWS)]
    whole: Table = {column: np.concatenate([table[column] for table in tables]) for column in FLOWS}
    write_table("flows", Words(read).spoken("flows", whole), Path(path), force=force)


def write_table(name: str, table: Table, file: Path, *, force: bool) -> None:
    """One table (with words where the files hold words) into a file, by a database of its own.

    That of the rules may not touch files.
    """
    with tempfile.TemporaryDirectory(prefix="replypath-") as private:
        made = Path(private) / f"table{file.suffix.lower()}"
        _copy(name, table, made)
        write_file(file, partial(_pour, made), force=force)


def _pour(made: Path, out: IO[bytes]) -> None:
    with made.open("rb") as source:
        shutil.copyfileobj(source, out)


def _copy(name: str, table: Table, file: Path) -> None:
    import duckdb  # noqa: PLC0415 - a tenth of a second

    wanted = TABLES[name][0]
    columns = ", ".join(
        f'CAST("{column}" AS {SQL[TEXT if is_word(column, field) else field.dtype]}) AS "{column}"'
        for column, field in wanted.items()
    )
    literal = str(file).replace("'", "''")
    how = "FORMAT csv, HEADER" if file.suffix == ".csv" else (
        f"FORMAT parquet, COMPRESSION zstd, KV_METADATA {{replypath_schema: '{SCHEMA}', replypath_table: '{name}', "
        f"replypath_version: '{VERSION}'}}"
    )
    con: duckdb.DuckDBPyConnection = duckdb.connect(config={"threads": 2})
    try:
        con.register("source", table)
        con.execute(f"COPY (SELECT {columns} FROM source) TO '{literal}' ({how})")  # noqa: S608 - names of tables.py
    except duckdb.IOException as error:
        raise OutputError(f"{name}: cannot be written: {str(error).splitlines()[0]}") from None
    finally:
        con.close()


class Words:
    """What a reading's numbers stand for."""

    def __init__(self, read: Read) -> None:
        addresses = _texts([read.observed.book.text(number) for number in range(len(read.observed.book.packed))])
        self._words = {"address id": addresses, "path id": _texts(read.tunnels), "KINDS": _texts(KINDS),
                       "STATES": _texts(STATES)}

    def spoken(self, name: str, table: Table) -> Table:
        """Rows of FLOWS, CLAIMS or ICMP_EVENTS with text where the files hold text."""
        made: Table = {}
        for column, field in TABLES[name][0].items():
            values = table[column]
            if column == "history":
                values = _histories(values)
            elif field.unit in self._words:
                values = self._words[field.unit][values]
            made[column] = values
        return made


def _texts(words: Sequence[str]) -> NDArray[np.object_]:
    """Words by their numbers; none is NULL."""
    return np.array([word or None for word in words], dtype=object)


def _histories(bits: Column) -> Column:
    """Zeek's letters; a capture has few different ones."""
    different, which = np.unique(bits, return_inverse=True)
    return _texts([history_text(int(each)) for each in different])[which]


def captures_table(read: Read) -> Table:
    """CAPTURES: what is said of the files that were read."""
    made: Table = {}
    rows = [(file.point, file.read.path, file.read.vantage, file.read.frames, file.before, file.read.first_ns,
             file.read.last_ns, file.read.role, bool(_named(read, file)), file.timed, json.dumps(file.read.packets),
             json.dumps(file.read.warnings), read.compiled) for file in read.files]
    for number, (column, field) in enumerate(CAPTURES.items()):
        made[column] = np.array([row[number] for row in rows], dtype=object if field.dtype == TEXT else field.dtype)
    return made


def _named(read: Read, file: CaptureFile) -> str:
    names = read.observed.vantages
    return names[file.point] if file.point < len(names) else ""


def numbers_table(read: Read) -> Table:
    """NUMBERS: the words in the order of their numbers."""
    book = read.observed.book
    rows = [("address", number, book.text(number)) for number in range(1, len(book.packed))]
    rows += [("tunnel", number, path) for number, path in enumerate(read.tunnels) if number]
    return {column: np.array([row[number] for row in rows], dtype=object if field.dtype == TEXT else field.dtype)
            for number, (column, field) in enumerate(NUMBERS.items())}


def packed(text: str) -> bytes:
    """The octets of an address or MAC in the files: ``AddressBook.text`` backwards."""
    if text.count(":") == 5 and len(text) == 17:
        return bytes.fromhex(text.replace(":", ""))
    return ip_address(text).packed


def schema() -> dict[str, object]:
    """The tables and columns as the document that lies beside the files."""
    return {
        "schema": SCHEMA,
        "tables": {
            name: {"meaning": meaning, "columns": {
                column: {"type": SQL[TEXT if is_word(column, field) else field.dtype],
                         "unit": "" if is_word(column, field) else field.unit, "meaning": _meaning(column, field)}
                for column, field in columns.items()
            }}
            for name, (columns, meaning) in TABLES.items()
        },
    }


def _meaning(name: str, column: Field) -> str:
    return HISTORY if name == "history" else column.meaning


def columns_document() -> Iterator[str]:
    """``docs/columns.md``, line by line: every table and column."""
    yield from (
        "# The flow tables",
        "",
        "Made by `replypath flows --columns` from `analyzer/tables.py`; do not edit.",
        "",
        f"Schema `{SCHEMA}`: in the Parquet metadata under `replypath_schema`, and in `schema.json`.  It changes when",
        "a column goes or changes its meaning, or a file its place; a new column does not change it.  `flows`,",
        "`claims` and `icmp` are folders of parts by capture point (`flows/vantage=client/part-0000.parquet`: hive",
        "partitions, so `vantage` is one more column), `captures.parquet` and `numbers.parquet` one file each;",
        "`schema.json` lists every file, and is written last.",
        "",
        "Addresses, MACs, kinds, states and tunnel paths are text; what there is none of is NULL.  Frame numbers are",
        "those of Wireshark, counted through the files of a rotated capture (see `captures`).",
        "",
        f"Kinds: {', '.join(f'`{each}`' for each in KINDS)}.",
        "",
        f"States (Zeek's conn_state): {', '.join(f'`{each}`' for each in STATES)}.",
    )
    for name, (columns, meaning) in TABLES.items():
        yield from ("", f"## {name}", "", meaning, "", "| column | type | unit | meaning |", "|---|---|---|---|")
        for column, field in columns.items():
            word = is_word(column, field)
            unit = WORDS.get(field.unit, "Zeek's letters" if column == "history" else "") if word else field.unit
            kind = SQL[TEXT if word else field.dtype]
            yield f"| `{column}` | {kind} | {unit} | {_meaning(column, field)} |"
