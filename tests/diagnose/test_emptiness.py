"""What is said to give nothing gives nothing: DuckDB is asked the same."""

from __future__ import annotations

import _duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyzer.diagnose.emptiness import gives_nothing, understood, words

TABLES = {
    "one": {"a": "INTEGER", "b": "INTEGER", "flag": "BOOLEAN", "word": "VARCHAR"},
    "two": {"a": "INTEGER", "c": "UINTEGER", "flag": "BOOLEAN"},
}
WORDS = ["nat", "full-nat", "seen", "two words"]
VALUES = {"INTEGER": st.integers(-2, 3), "UINTEGER": st.integers(0, 3), "BOOLEAN": st.booleans(),
          "VARCHAR": st.sampled_from(WORDS)}


@pytest.fixture(scope="module")
def database():
    connection = _duckdb.connect(config={"threads": 1})
    for table, columns in TABLES.items():
        connection.execute(f"CREATE TABLE {table} ({', '.join(f'{n} {t}' for n, t in columns.items())})")
    yield connection
    connection.close()


@st.composite
def filled(draw):
    return {
        table: draw(st.lists(st.tuples(*(st.none() | VALUES[kind] for kind in columns.values())), max_size=2))
        for table, columns in TABLES.items()
    }


def column(alias, table, kinds):
    return st.sampled_from([f"{alias}.{name}" for name, kind in TABLES[table].items() if kind in kinds])


@st.composite
def condition(draw, alias, table, other=""):
    number = draw(column(alias, table, ("INTEGER", "UINTEGER")))
    how = draw(st.sampled_from(["=", "<>", "<", "<=", ">", ">="]))
    simple = f"{number} {how} {draw(st.integers(0, 3))}"
    choices = [
        simple, f"NOT {simple}", f"{alias}.flag", f"NOT {alias}.flag", f"{number} IS NULL", f"{number} IS NOT NULL",
        f"NOT {number} IS NULL", f"({simple} OR {alias}.flag)", f"{number} BETWEEN 0 AND {alias}.a",
        f"{number} > CASE WHEN {alias}.a = 1 AND {alias}.a = 2 AND {alias}.flag THEN 1 ELSE 0 END",
        f"{simple} -- OR nothing\n", f"{alias}.a IN (SELECT t.a FROM two AS t WHERE t.flag)",
        f"{alias}.a NOT IN (SELECT t.a FROM two AS t WHERE t.flag)", f"coalesce({alias}.flag, TRUE)",
        f"EXISTS (SELECT 1 FROM two AS t WHERE t.c >= 1 AND t.a = {alias}.a)",
        "NOT EXISTS (SELECT 1 FROM two AS t WHERE t.c >= 1)", "EXISTS (SELECT count(*) FROM two AS t)",
        f"NOT {alias}.a IN (SELECT t.a FROM two AS t)", f"{alias}.flag = ({alias}.a IN (SELECT t.a FROM two AS t))",
        f"{simple} OR {alias}.flag",
    ]
    if table == "one":
        choices += [f"{alias}.word {how} '{draw(st.sampled_from(WORDS))}'", f"{alias}.word LIKE '%'"]
    if other:
        choices += [f"{alias}.a = {other}.a", f"{other}.flag IS NULL"]
    return draw(st.sampled_from(choices))


@st.composite
def select(draw, depth=0):
    first = draw(st.sampled_from(["one", "two"] + (["(inner)"] if depth < 2 else [])))
    shape = table = first
    if first == "(inner)":
        shape, table = f"({draw(select(depth=depth + 1))})", "two"
    join = draw(st.sampled_from(["", "", " JOIN two AS y ON y.a = x.a", " LEFT JOIN two AS y ON y.a = x.a",
                                 " CROSS JOIN two AS y", ", two AS y", " JOIN two AS y USING (a)",
                                 " FULL JOIN two AS y ON y.a = x.a", " LEFT JOIN LATERAL (SELECT * FROM two) AS y ON TRUE"]))
    if first == "(inner)":
        join = ""
    conditions = draw(st.lists(condition("x", table, "y" if join and "USING" not in join else ""), max_size=3))
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    chosen, end = "x.a AS a, 1 AS c, TRUE AS flag", ""
    if first != "(inner)" and "USING" not in join:
        chosen, end = draw(st.sampled_from([
            (chosen, ""), (chosen, " LIMIT 2"), ("max(x.a) AS a, 1 AS c, TRUE AS flag", ""),
            ("x.a AS a, count(*) AS c, TRUE AS flag", " GROUP BY x.a"),
            ("(SELECT max(t.a) FROM two AS t) AS a, 1 AS c, TRUE AS flag", ""),
            ("row_number() OVER (ORDER BY x.a) AS a, 1 AS c, TRUE AS flag", " QUALIFY row_number() OVER (ORDER BY x.a) = 1"),
            ("sum(x.a) + 1 AS a, 1 AS c, TRUE AS flag", " HAVING TRUE"),
        ]))
    return f"SELECT {chosen} FROM {shape} AS x{join}{where}{end}"


@st.composite
def statement(draw):
    branches = [draw(select()) for _ in range(draw(st.integers(1, 2)))]
    whole = draw(st.sampled_from([" UNION ALL ", " UNION ", " EXCEPT "])).join(f"({each})" for each in branches)
    if draw(st.booleans()):
        return f"WITH two AS ({draw(select(depth=2))}) {whole}" if draw(st.booleans()) else f"WITH z AS ({whole}) SELECT * FROM z"
    return whole


@settings(max_examples=200, deadline=None, derandomize=True, database=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(statement(), filled())
def test_what_gives_nothing_has_no_row(database, sql, rows):
    for table, columns in TABLES.items():
        database.execute(f"DELETE FROM {table}")
        for row in rows[table]:
            database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", row)
    columns = {table: database.execute(f"SELECT * FROM {table}").fetchnumpy() for table in TABLES}
    if gives_nothing(understood(sql), columns.get):
        assert not database.execute(sql).fetchall()


SOME = {
    "one": {"a": np.array([1, 2]), "flag": np.ma.array([True, False], mask=[False, True]),
            "word": np.array(["nat", "direct"], dtype=object)},
    "none": {"a": np.zeros(0)},
}


@pytest.mark.parametrize(("sql", "nothing"), [
    ("SELECT x.a FROM none AS x", True),
    ("SELECT x.a FROM one AS x", False),
    ("SELECT x.a FROM unheard AS x", False),
    ("SELECT x.a FROM one AS x WHERE x.a = 1 AND x.a > 1", True),
    ("SELECT x.a FROM one AS x WHERE x.a > 1 AND x.flag", True),
    ("SELECT x.a FROM one AS x WHERE x.a > 1 AND NOT x.flag", True),          # NULL is neither
    ("SELECT x.a FROM one AS x WHERE x.a > 1 AND x.flag IS NULL", False),
    ("SELECT a FROM one WHERE a = 7    -- a remark: OR TRUE\n", True),
    ("SELECT x.a FROM one AS x WHERE EXISTS (SELECT 1 FROM none AS y WHERE y.a = x.a)", True),
    ("SELECT x.a FROM one AS x WHERE NOT EXISTS (SELECT 1 FROM none AS y WHERE y.a = x.a)", False),
    ("SELECT x.a FROM one AS x LEFT JOIN none AS y USING (a)", False),
    ("SELECT count(*) FROM none AS x", False),
    ("SELECT x.a, count(*) FROM none AS x GROUP BY x.a", True),
    ("WITH w AS (SELECT * FROM one WHERE a = 9) SELECT * FROM one JOIN w USING (a)", True),
    ("WITH none AS (SELECT * FROM one) SELECT * FROM none", False),           # hides the table of that name
    ("SELECT a FROM one WHERE a = '7'", False),                               # SQL would cast
    ("SELECT a FROM one WHERE word = 7", False),
    ("SELECT a FROM one WHERE word", False),
    ("SELECT a FROM one WHERE word = 'nat'", False),
    ("SELECT a FROM one WHERE word = 'full-nat'", True),
    ("SELECT a FROM one WHERE word < 'a'", False),                            # texts have an order in SQL only
    ("SELECT a FROM one WHERE word = 'not a word'", False),                   # not looked at
    ("SELECT a FROM none UNION ALL SELECT a FROM one", False),
    ("SELECT x.a FROM one AS x FULL JOIN none AS y USING (a)", False),
    ("SELECT x.a FROM one AS x WHERE x.a = 9 OR x.a = 1", False),
    ("SELECT x.a FROM one AS x WHERE (x.a = 9 OR x.a = 1)", False),
    ("SELECT x.a FROM one AS x WHERE x.a BETWEEN 0 AND x.flag", False),       # no condition of its own
    ("SELECT x.a FROM one AS x WHERE x.a > CASE WHEN x.a = 1 AND x.a = 9 AND x.flag THEN 1 ELSE 0 END", False),
    ("SELECT x.a FROM one AS x WHERE x.a NOT IN (SELECT a FROM none)", False),
    ("SELECT x.a FROM one AS x WHERE x.a IN (SELECT a FROM none)", True),
    ("SELECT x.a FROM one AS x WHERE x.a > 1 AND x.flag IS NOT NULL", True),
    ("SELECT x.a FROM one AS x, none AS y", True),
    ("SELECT sum(x.a) + 1 AS a FROM none AS x HAVING TRUE", False),
    ("SELECT a FROM none EXCEPT SELECT a FROM one", False),                   # true, but not looked at
    ("CREATE TABLE t AS SELECT a FROM none UNION SELECT a FROM one WHERE a = 3", True),
])
def test_what_is_understood(sql, nothing):
    assert gives_nothing(understood(sql), SOME.get) == nothing


def test_the_words_of_a_statement():
    assert words("SELECT j.attempt FROM judged AS j") >= {"judged", "attempt"}
