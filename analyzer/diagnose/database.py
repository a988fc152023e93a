"""The database in the process: NumPy columns and tables made of them, and no statement planned for nothing.

DuckDB, in memory, with no access to files.  How many rows each table has is
remembered as it is made; a statement that is known to find no row
(``emptiness``) is answered here, and a table that would be empty is made when a
statement first names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from analyzer.diagnose.emptiness import NO_ROWS, Columns, gives_nothing, understood, words
from analyzer.tables import Table

if TYPE_CHECKING:
    import duckdb

Row = dict[str, Any]

SMALL = 500
"""Tables of so many rows are looked at here before a statement is planned for them."""

_TARGET = re.compile(r"\s*(CREATE TABLE|INSERT INTO) (\w+)")


def _connect(config: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    """A database in memory, of the extension alone: the Python around it is half of its import and not used here."""
    try:
        import _duckdb  # noqa: PLC0415 - not for --version
    except ImportError:          # an extension of another name (before DuckDB 1.4)
        import duckdb  # noqa: PLC0415

        return duckdb.connect(config=config)
    connection: duckdb.DuckDBPyConnection = _duckdb.connect(config=config)
    return connection


class Database:
    """Tables by name.  ``memory_bytes`` is what they may take in memory (0 = DuckDB's own choice)."""

    def __init__(self, memory_bytes: int = 0, spill_folder: str = "", threads: int = 1) -> None:
        config: dict[str, Any] = {"threads": threads}
        if memory_bytes:
            config |= {"memory_limit": f"{memory_bytes}B", "temp_directory": spill_folder}
        self._con = _connect(config)
        self._con.execute("SET enable_external_access = false")
        self._arrays: dict[str, Table] = {}
        self._sizes: dict[str, int] = {}
        self._small: dict[str, Columns] = {}
        self._unmade: dict[str, str] = {}

    def lock(self) -> None:
        """From here on nobody changes the configuration."""
        self._con.execute("SET lock_configuration = true")

    def show(self, name: str, table: Table) -> None:
        """Columns as a table, scanned where they are: they are kept alive here, and must not change."""
        self._arrays[name] = table
        self._con.register(name, table)

    def fill(self, name: str, columns: str, rows: Sequence[Sequence[Any]]) -> None:
        """A new table with some rows."""
        self._con.execute(f"CREATE TABLE {name} ({columns})")
        if rows:
            self._con.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(rows[0]))})", rows)
        self._sizes[name] = len(rows)

    def run(self, statement: str, *, spare: bool = False) -> None:
        """A CREATE, INSERT or UPDATE of ours; ``spare``: first see whether it would find anything."""
        match = _TARGET.match(statement)
        if match is None:
            self._con.execute(statement)
            self._small.clear()      # what an UPDATE changed
            return
        what, table = match.groups()
        if spare and self.gives_nothing(statement):
            if what == "CREATE TABLE":
                self._sizes[table], self._unmade[table] = 0, statement
            return
        self._make_what_is_named(statement)
        added = self._con.execute(statement).fetchall()
        self._sizes[table] = self._sizes.get(table, 0) + (int(added[0][0]) if added else 0)
        self._small.pop(table, None)

    def rows(self, sql: str, parameters: Iterable[Any] = ()) -> list[Row]:
        """The answer to one SELECT, a dict a row."""
        return [] if self.gives_nothing(sql) else self.asked(sql, parameters)

    def asked(self, sql: str, parameters: Iterable[Any] = ()) -> list[Row]:
        """The same from DuckDB itself, which says what is wrong with a statement."""
        self._make_what_is_named(sql)
        cursor = self._con.execute(sql, list(parameters))
        names = [d[0] for d in cursor.description or ()]
        return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]

    def gives_nothing(self, sql: str) -> bool:
        """Whether a statement is known to find no row, whatever its parameters are."""
        return gives_nothing(understood(sql), self._columns)

    def is_empty(self, table: str) -> bool:
        """Whether a table is known to have no row."""
        return self._sizes.get(table) == 0

    def _columns(self, table: str) -> Columns | None:
        """The columns of a table that is empty, small, or not DuckDB's own."""
        if table in self._arrays:
            return self._arrays[table]
        size = self._sizes.get(table)
        if size == 0:
            return NO_ROWS
        if size is None or size > SMALL:
            return None
        if table not in self._small:
            self._small[table] = self._con.execute(f"SELECT * FROM {table}").fetchnumpy()
        return self._small[table]

    def _make_what_is_named(self, sql: str) -> None:
        """Empty tables, with their columns."""
        for table in [each for each in self._unmade if each in words(sql)]:
            statement = self._unmade.pop(table, "")      # already made where one before it named it
            if statement:
                self._make_what_is_named(statement)
                self._con.execute(f"{statement} WITH NO DATA")

    def interrupt(self) -> None:
        """Stop the statement that is running, from another thread."""
        self._con.interrupt()

    def close(self) -> None:
        """Give the memory back."""
        self._con.close()
        self._arrays.clear()
