"""``--jobs`` and its kin: how much of the machine, or how many machines, a reading of captures may use."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from analyzer.balance.mapping import Mapping
    from analyzer.reading import Read

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


@dataclass(frozen=True, slots=True)
class Work:
    """What the user allows.  ``memory`` is in octets, 0 = not stated; ``progress`` None = where a terminal is."""

    jobs: int = 1
    memory: int = 0
    progress: bool | None = None

    @property
    def plain(self) -> bool:
        """One process, with nothing asked of it."""
        return self.jobs == 1 and not self.memory


def octets(text: str | None) -> int:
    """``800M`` or ``2g`` in octets; binary units (``MiB``) are taken at their word."""
    if text is None:
        return 0
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", text.strip().lower())
    if match is None or float(match[1]) <= 0:
        raise click.BadParameter(f"{text!r} is no amount of memory; expected for example 800M or 2G",
                                 param_hint="--memory")
    exponent = list(UNITS).index(match[2])
    return int(float(match[1]) * (1024**exponent if match[3] else UNITS[match[2]]))


def options(command: Callable[..., object]) -> Callable[..., object]:
    """The options, handed to the command as one argument ``work``."""

    @wraps(command)
    def with_work(*, jobs: int, memory: str | None, progress: bool | None, **others: Any) -> object:  # noqa: ANN401 - click's
        return command(work=Work(jobs, octets(memory), progress), **others)

    for option in (
        click.option("--progress/--no-progress", default=None,
                     help="How far the reading is, on standard error (default: where that is a terminal)."),
        click.option("--memory", metavar="SIZE",
                     help="Stay below so much memory in all processes together, such as 800M or 2G; what does not "
                          "fit goes to disk."),
        click.option("--jobs", type=click.IntRange(1, 1024), default=1, metavar="N", show_default=True,
                     help="Read with so many processes: by file, and inside a large pcap file by octets.  The answer "
                          "is the same."),
    ):
        with_work = option(with_work)
    return with_work


def read(captures: tuple[str, ...], mapping: Mapping, work: Work, *, quiet: bool) -> Read:
    """The captures, read in the way that the user asks for."""
    if work.plain:
        from analyzer.reading import read_captures  # noqa: PLC0415 - NumPy is not loaded for --version

        return read_captures(captures, mapping)
    from analyzer.scale.local import read_locally  # noqa: PLC0415

    del quiet
    return read_locally(captures, mapping, work.jobs)
