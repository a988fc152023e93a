"""How far a long reading is: a line on standard error that moves where that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Told = Callable[[str, int, int], None]


def _silent(what: str, done: int, total: int) -> None:
    del what, done, total


@contextmanager
def shown(*, wanted: bool | None, quiet: bool) -> Iterator[Told]:
    """Yields what is to be told: what is done, so many octets (or steps) of how many.

    Octets are those on disk: of a compressed file the compressed ones, so the
    time left is honest where a file expands.
    """
    if wanted is False or quiet or (wanted is None and not sys.stderr.isatty()):
        yield _silent
        return
    from rich.console import Console  # noqa: PLC0415 - rich is not loaded for --version
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
               TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        tasks: dict[str, object] = {}

        def told(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=done, total=total)   # type: ignore[arg-type]

        yield told
