"""Which statements cannot give a row, told without planning them.

A capture of a hundred packets pays for the planning of each statement, not for
its rows, and most rules have nothing to look at in most captures.  A SELECT gives
nothing where a table that it joins is empty, or where no row of such a table
holds all of its plain conditions (``f.retrans_r >= 3``, ``NOT j.redirected``).

What is not understood here counts as not empty: the answer errs towards asking
the database.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

Columns = Mapping[str, Any]
"""NumPy arrays of one length by column; masked where NULL."""

_QUOTED_OR_REMARK = re.compile(r"'(?:[^']|'')*'|--[^\n]*")
_PARENTHESIS = re.compile(r"[()]")
_WITH = re.compile(r"\s*WITH\b")
_CTE = re.compile(r"\s*(\w+)\s+AS\s+(?:(?:NOT\s+)?MATERIALIZED\s+)?\((\d+)\)\s*(,?)")
_TARGET = re.compile(r"\s*(?:CREATE\s+TABLE\s+\w+\s+AS|INSERT\s+INTO\s+\w+)\b")
_SET = re.compile(r"\bUNION(?:\s+ALL)?\b")
_INSIDE = re.compile(r"\s*\((\d+)\)\s*\Z")
_BRANCH = re.compile(
    r"\s*SELECT\b(?P<chosen>.*?)\bFROM\b(?P<sources>.*?)"
    r"(?:\bWHERE\b(?P<where>.*?))?(?P<rest>\b(?:GROUP\s+BY|HAVING|QUALIFY|WINDOW|ORDER\s+BY|LIMIT)\b.*)?\Z", re.DOTALL)
_SOURCE = re.compile(
    r"(?P<how>\A|,|(?:\b(?:LEFT|CROSS|INNER|OUTER|SEMI|ANTI)\s+)*\bJOIN\b)\s*(?:LATERAL\s*)?(?P<what>\w+|\(\d+\))"
    r"(?P<called>\s*\(\d+\))?(?:\s+(?:AS\s+)?(?P<alias>(?!ON\b|USING\b|JOIN\b|LEFT\b|CROSS\b|INNER\b|SEMI\b|ANTI\b)\w+))?")
_BEYOND = re.compile(r"\b(?:RECURSIVE|EXCEPT|INTERSECT|RIGHT|FULL|POSITIONAL|ASOF|NATURAL|TABLESAMPLE|PIVOT|UNPIVOT)\b")
_GROUPED = re.compile(r"\bGROUP\s+BY\s+(?!ALL\b|ROLLUP\b|CUBE\b|GROUPING\b|\()")
_CALL = re.compile(r"\b(\w+)\s*\(")
_ONE_BY_ONE = frozenset({"coalesce", "greatest", "least", "abs", "in", "and", "or", "not", "exists", "when", "then",
                         "else", "as", "case", "exclude", "length", "row_number", "over", "unnest", "distinct"})
"""What may stand before a parenthesis in a list of columns and is no aggregate."""

_CASE = re.compile(r"\bCASE\b(?:(?!\bCASE\b).)*?\bEND\b", re.DOTALL)
_BETWEEN = re.compile(r"\bBETWEEN\b((?:(?!\bAND\b).)*)\bAND\b", re.DOTALL)
_HARD = re.compile(r"\b(?:OR|CASE|END)\b")
_ONE_OF = re.compile(r"\s*(?:EXISTS|(?:(?!\bNOT\b)[^=<>])+\bIN)\s*\((\d+)\)\s*")
_CONDITION = re.compile(
    r"\s*(?P<no>NOT\s+)?(?:(?P<alias>\w+)\.)?(?P<column>[a-z_]\w*)"
    r"(?:\s*(?:(?P<how>=|<>|>=|<=|>|<)\s*(?:(?P<number>\d+)|'(?P<text>[\w-]*)')|IS\s+(?P<some>NOT\s+)?(?P<null>NULL)))?\s*")

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq, "<>": operator.ne, ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}


NO_ROWS: Columns = {"": np.zeros(0)}
"""A table without rows, whatever its columns are."""


class Condition(NamedTuple):
    """``column how value``; ``how`` is a comparison, ``is null``, ``is not null``, ``true`` or ``false``."""

    column: str
    how: str
    value: int | str | None


class Need(NamedTuple):
    """What every row of a SELECT takes a row of: a table by its name, or another select; and what that must hold."""

    source: str | Select
    conditions: tuple[Condition, ...]


class Select(NamedTuple):
    """``branches`` of a UNION, each with all that it needs; where that is nothing, nothing is known of the branch."""

    named: tuple[tuple[str, Select], ...]
    branches: tuple[tuple[Need, ...], ...]


UNKNOWN = Select((), ((),))


@lru_cache(maxsize=1024)
def understood(sql: str) -> Select:
    """What a statement's rows come from; the same text is read once."""
    return _select(_QUOTED_OR_REMARK.sub(_plain, sql))


@lru_cache(maxsize=1024)
def words(sql: str) -> frozenset[str]:
    """Every word of a statement, names of tables among them."""
    return frozenset(re.findall(r"\w+", sql))


def _plain(match: re.Match[str]) -> str:
    """A text that is a word stays; of others, and of remarks, nothing that could be taken for SQL."""
    text = match[0]
    return " " if text[0] == "-" else text if text[1:-1].replace("-", "a").replace("_", "a").isalnum() else "'?'"


def _flat(text: str) -> tuple[str, list[str]]:
    """``text`` with what stands in parentheses replaced by ``(number)``, and those contents."""
    pieces: list[str] = []
    inside: list[str] = []
    depth = begin = 0
    for match in _PARENTHESIS.finditer(text):
        if match[0] == "(":
            if depth == 0:
                pieces.append(f"{text[begin:match.start()]}({len(inside)})")
                begin = match.end()
            depth += 1
        else:
            depth -= 1
            if depth == 0:
                inside.append(text[begin:match.start()])
                begin = match.end()
    return "".join(pieces) + text[begin:], inside


def _select(text: str) -> Select:
    flat, inside = _flat(_TARGET.sub("", text, count=1))
    if _BEYOND.search(flat):
        return UNKNOWN
    named = []
    begins = _WITH.match(flat)
    if begins:
        at, more = begins.end(), ","
        while more:
            each = _CTE.match(flat, at)
            if each is None:
                return UNKNOWN
            named.append((each[1], _select(inside[int(each[2])])))
            at, more = each.end(), each[3]
        flat = flat[at:]
    return Select(tuple(named), tuple(_branch(each, inside) for each in _SET.split(flat)))


def _called(flat: str, inside: list[str]) -> set[str]:
    """What is called in a list of columns, subqueries of it left aside."""
    found = {name.lower() for name in _CALL.findall(flat)}
    for number in re.findall(r"\((\d+)\)", flat):
        if not inside[int(number)].lstrip().startswith("SELECT"):
            found |= _called(*_flat(inside[int(number)]))
    return found


def _branch(flat: str, inside: list[str]) -> tuple[Need, ...]:
    """What one SELECT of a UNION needs; nothing where it is not understood."""
    nested = _INSIDE.match(flat)
    if nested:
        return (Need(_select(inside[int(nested[1])]), ()),)
    match = _BRANCH.match(flat)
    if match is None or _adds_up(match, inside):
        return ()
    sources: dict[str, str | Select] = {}
    for each in _SOURCE.finditer(match["sources"]):
        if each["called"] or re.search(r"\b(?:LEFT|ANTI)\b", each["how"]):
            continue
        bracket = _INSIDE.match(each["what"])
        sources[each["alias"] or each["what"]] = _select(inside[int(bracket[1])]) if bracket else each["what"]
    alone = next(iter(sources)) if len(_SOURCE.findall(match["sources"])) == 1 and sources else ""
    conditions: dict[str, list[Condition]] = {alias: [] for alias in sources}
    others = []
    for said in _all_of(match["where"] or ""):
        one_of = _ONE_OF.fullmatch(said)
        if one_of and inside[int(one_of[1])].lstrip().startswith("SELECT"):
            others.append(Need(_select(inside[int(one_of[1])]), ()))
    for alias, condition in _conditions(match["where"] or ""):
        if (alias or alone) in conditions:
            conditions[alias or alone].append(condition)
    return (*(Need(source, tuple(conditions[alias])) for alias, source in sources.items()), *others)


def _adds_up(branch: re.Match[str], inside: list[str]) -> bool:
    """Whether a SELECT may give a row where it finds none: an aggregate of nothing."""
    rest = branch["rest"] or ""
    if _GROUPED.search(rest):
        return False
    return rest.startswith(("GROUP", "HAVING")) or not _called(branch["chosen"], inside) <= _ONE_BY_ONE


def _all_of(where: str) -> list[str]:
    """The conditions that must all hold."""
    if "CASE" in where:
        where = _CASE.sub("?", where)
    if "BETWEEN" in where:
        where = _BETWEEN.sub(r"BETWEEN \1 , ", where)
    return [] if _HARD.search(where) else re.split(r"\bAND\b", where)


def _conditions(where: str) -> list[tuple[str, Condition]]:
    """The plain ones among conditions that must all hold, each with its table's alias."""
    found = []
    for each in _all_of(where):
        match = _CONDITION.fullmatch(each)
        if match is None:
            continue
        if match["null"]:
            how = ("is null", "is not null")[bool(match["some"]) != bool(match["no"])]
        elif match["how"]:
            if match["no"]:
                continue
            how = match["how"]
        else:
            how = "false" if match["no"] else "true"
        value = int(match["number"]) if match["number"] is not None else match["text"]
        found.append((match["alias"] or "", Condition(match["column"], how, value)))
    return found


def gives_nothing(select: Select, columns: Callable[[str], Columns | None]) -> bool:
    """Whether no branch can give a row.  ``columns`` are a table's, None where they are not known."""
    known: dict[str, Columns | None] = {}

    def looked_up(name: str) -> Columns | None:
        return known[name] if name in known else columns(name)

    for name, inner in select.named:
        known[name] = NO_ROWS if gives_nothing(inner, looked_up) else None
    return all(_branch_gives_nothing(needs, looked_up) for needs in select.branches)


def _branch_gives_nothing(needs: tuple[Need, ...], columns: Callable[[str], Columns | None]) -> bool:
    for source, conditions in needs:
        if isinstance(source, Select):
            if gives_nothing(source, columns):
                return True
            continue
        table = columns(source)
        if table is not None and not _some_row(table, conditions):
            return True
    return False


def _some_row(table: Columns, conditions: tuple[Condition, ...]) -> bool:
    """Whether one row of the table holds all the conditions."""
    held = np.ones(len(next(iter(table.values()))), dtype=bool)
    for column, how, value in conditions:
        if column in table and _alike(table[column], how, value):
            held &= _holds(table[column], how, value)
    return bool(held.any())


def _alike(column: Any, how: str, value: int | str | None) -> bool:  # noqa: ANN401 - arrays, masked or not
    """Whether nothing has to be cast, and NumPy compares as SQL does: texts (objects) have no order here."""
    if "null" in how:
        return True
    if column.dtype == object:
        return isinstance(value, str) and how in ("=", "<>")
    return not isinstance(value, str)


def _holds(column: Any, how: str, value: int | str | None) -> Any:  # noqa: ANN401 - arrays, masked or not
    """By row, whether SQL's WHERE would take it: a comparison with NULL is not true."""
    if how in ("is null", "is not null"):
        null = np.ma.getmaskarray(column)
        return null if how == "is null" else ~null
    if how in ("true", "false"):
        said = column.astype(bool) if how == "true" else ~column.astype(bool)
    else:
        said = _COMPARE[how](column, value)
    return np.ma.filled(said, fill_value=False)
