"""The table of executions in docs/fuzzing.md, made from the ledger: ``python -m fuzz.page``."""

from __future__ import annotations

import csv

from fuzz.run import LEDGER
from fuzz.targets import ROOT

PAGE = ROOT / "docs" / "fuzzing.md"
BEGIN, END = "<!-- executions -->\n", "<!-- end -->\n"


def table() -> str:
    """One row for each target, and their sum."""
    with LEDGER.open(newline="") as file:
        rows = [(row["target"], *(int(row[name]) for name in ("seeds", "executions", "seconds"))) for row in csv.DictReader(file)]
    sums = [sum(row[column] for row in rows) for column in (1, 2, 3)]
    lines = ["| target | seeds | executions | seconds |", "|---|---:|---:|---:|"]
    lines += [f"| {name} | {seeds:,} | {executions:,} | {seconds:,} |" for name, seeds, executions, seconds in (*rows, ("together", *sums))]
    return "\n".join(lines) + "\n"


def filled(page: str) -> str:
    """The page with the table as the ledger has it."""
    before, rest = page.split(BEGIN)
    return before + BEGIN + table() + END + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
