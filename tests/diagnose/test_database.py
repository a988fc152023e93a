"""Tables made when they are needed, and statements that are not planned for nothing."""

from __future__ import annotations

import _duckdb
import numpy as np
import pytest

from analyzer.diagnose.database import SMALL, Database

MANY = SMALL + 1


@pytest.fixture
def database():
    made = Database()
    made.show("frame", {"number": np.arange(1, MANY + 1, dtype="u4"), "kind": np.zeros(MANY, dtype="u1")})
    made.fill("point", "capture USMALLINT, role VARCHAR", [(0, "server"), (1, "")])
    yield made
    made.close()


def planned(database):
    """What DuckDB was asked to make."""
    return {row["table_name"] for row in database.asked("SELECT table_name FROM duckdb_tables()")}


def test_columns_and_rows_are_asked_alike(database):
    assert database.rows("SELECT max(number) AS last FROM frame") == [{"last": MANY}]
    assert database.rows("SELECT capture FROM point WHERE role = ?", ["server"]) == [{"capture": 0}]


def test_a_table_that_would_be_empty_is_made_when_it_is_named(database):
    database.run("CREATE TABLE echo AS SELECT number, kind::BIGINT AS kind FROM frame WHERE kind = 3", spare=True)
    database.run("CREATE TABLE reply AS SELECT echo.number FROM echo JOIN frame USING (number)", spare=True)
    assert database.is_empty("echo")
    assert database.is_empty("reply")
    assert planned(database) == {"point"}
    assert database.rows("SELECT number FROM reply") == []
    assert planned(database) == {"point"}
    assert database.asked("SELECT count(*) AS n FROM frame LEFT JOIN reply USING (number) WHERE reply.number IS NULL") \
        == [{"n": MANY}]
    assert planned(database) == {"point", "echo", "reply"}
    assert [row["column_type"] for row in database.asked("DESCRIBE echo")] == ["UINTEGER", "BIGINT"]


@pytest.mark.parametrize("first", ["echo", "reply"])
def test_empty_tables_that_rest_on_each_other_are_made_once(database, first):
    database.run("CREATE TABLE echo AS SELECT number FROM frame WHERE kind = 3", spare=True)
    database.run("CREATE TABLE reply AS SELECT number FROM echo JOIN frame USING (number)", spare=True)
    database.run("CREATE TABLE late AS SELECT number FROM reply JOIN echo USING (number)", spare=True)
    other = {"echo": "reply", "reply": "echo"}[first]
    assert database.asked(f"SELECT (SELECT count(*) FROM {first}) + (SELECT count(*) FROM late) "
                          f"+ (SELECT count(*) FROM {other}) AS n") == [{"n": 0}]
    assert planned(database) == {"point", "echo", "reply", "late"}


def test_what_is_added_and_changed_is_seen(database):
    database.run("CREATE TABLE leg (number UINTEGER, done BOOLEAN)")
    assert database.is_empty("leg")
    assert database.gives_nothing("SELECT number FROM leg WHERE done")
    database.run("INSERT INTO leg SELECT number, FALSE FROM frame WHERE number <= 2")
    assert not database.is_empty("leg")
    assert database.gives_nothing("SELECT number FROM leg WHERE done")
    database.run("UPDATE leg SET done = TRUE WHERE number = 2")
    assert database.rows("SELECT number FROM leg WHERE done") == [{"number": 2}]
    database.run("INSERT INTO leg SELECT number, TRUE FROM frame WHERE kind = 1", spare=True)
    assert len(database.rows("SELECT * FROM leg")) == 2


def test_a_large_table_is_not_looked_at(database):
    database.run("CREATE TABLE copy AS SELECT * FROM frame")
    assert not database.gives_nothing("SELECT number FROM copy WHERE kind = 1")
    assert database.gives_nothing("SELECT number FROM frame WHERE kind = 1")      # NumPy's own columns are
    assert database.rows("SELECT number FROM copy WHERE kind = 1") == []


def test_the_database_reads_no_files_and_stays_as_it_is(database, tmp_path):
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with pytest.raises(_duckdb.PermissionException):
        database.asked(f"SELECT * FROM '{tmp_path}/secret.csv'")
    database.lock()
    with pytest.raises(_duckdb.InvalidInputException):
        database.asked("SET enable_external_access = true")


def test_what_is_wrong_with_a_statement_is_said(database):
    with pytest.raises(_duckdb.BinderException):
        database.asked("SELECT nonsense FROM point WHERE role = 'none'")
