"""How far a long reading is: a line on standard error that moves where that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from analyzer.clean import clean

if TYPE_CHECKING:
    from rich.progress import TaskID

Told = Callable[[str, int, int], None]
LEAST_OCTETS = 100_000
"""A total above this is octets, below it steps: no capture is worth a line that is smaller."""


def _silent(what: str, done: int, total: int) -> None:
    del what, done, total


def _lines() -> Told:
    """For a log: a line for every tenth."""
    tenths: dict[str, int] = {}

    def told(what: str, done: int, total: int) -> None:
        tenth = 10 * done // max(1, total)
        if tenth > tenths.get(what, 0):
            tenths[what] = tenth
            click.echo(f"replypath: {clean(what)}: {amount(done, total)}", err=True)

    return told


def amount(done: int, total: int) -> str:
    """``3.1 of 8.3 GB``, or ``3 of 8`` for steps."""
    if total < LEAST_OCTETS:
        return f"{done} of {total}"
    unit, size = ("GB", 1e9) if total >= 1e9 else ("MB", 1e6)
    return f"{done / size:.1f} of {total / size:.1f} {unit}"


@contextmanager
def shown(*, wanted: bool | None, quiet: bool) -> Iterator[Told]:
    """Yields what is to be told: what is done, so many octets (or steps) of how many.

    Octets are those on disk: of a compressed file the compressed ones, so the
    time left is honest where a file expands.
    """
    if wanted is False or quiet or (wanted is None and not sys.stderr.isatty()):
        yield _silent
        return
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console  # noqa: PLC0415 - rich is not loaded for --version
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[amount]}"),
               TextColumn("{task.fields[rate]}"), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        tasks: dict[str, TaskID] = {}

        def told(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total, amount="", rate="")
            speed = progress.tasks[tasks[what]].speed or 0
            rate = f"{speed / 1e6:.0f} MB/s" if total >= LEAST_OCTETS and speed else ""
            progress.update(tasks[what], completed=done, amount=amount(done, total), rate=rate)

        yield told
