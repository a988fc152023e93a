"""``--jobs`` and its kin: how much of the machine, or how many machines, a reading of captures may use."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analyzer.clean import clean

if TYPE_CHECKING:
    from analyzer.balance.mapping import Mapping
    from analyzer.reading import Read

CONCLUDED = {0, 1, 3}
"""Exit status of a command that came to its end (see ``analyzer.cli``)."""
UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


@dataclass(frozen=True, slots=True)
class Work:
    """What the user allows.  ``memory`` is in octets, 0 = not stated; ``progress`` None = where a terminal is."""

    jobs: int = 1
    memory: int = 0
    progress: bool | None = None
    state: str = ""
    cluster: str = ""

    @property
    def plain(self) -> bool:
        """One process, with nothing asked of it."""
        return self.jobs == 1 and not (self.memory or self.state or self.cluster)


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
    def with_work(
        *, jobs: int, memory: str | None, progress: bool | None, state: str | None, cluster: str | None,
        **others: Any,  # noqa: ANN401 - whatever the command takes
    ) -> object:
        with _kept(state):
            return command(work=Work(jobs, octets(memory), progress, state or "", cluster or ""), **others)

    for option in (
        click.option("--progress/--no-progress", default=None,
                     help="How far the reading is, on standard error (default: where that is a terminal)."),
        click.option("--cluster", metavar="ADDRESS",
                     help="Read on the workers of a dask scheduler, such as tcp://scheduler:8786; captures are paths "
                          "that the workers can open (also s3://, sftp://, http:// ...)."),
        click.option("--state", metavar="DIR",
                     help="Keep what has been read in DIR until the run is complete: interrupted and given again, it "
                          "goes on there."),
        click.option("--memory", metavar="SIZE",
                     help="Stay below so much memory in all processes together, such as 800M or 2G; what does not "
                          "fit goes to disk."),
        click.option("--jobs", type=click.IntRange(1, 1024), default=1, metavar="N", show_default=True,
                     help="Read with so many processes: by file, and inside a large pcap or pcapng file by octets (a "
                          "compressed one is read by one).  The answer is the same."),
    ):
        with_work = option(with_work)
    return with_work


@contextmanager
def _kept(state: str | None) -> Iterator[None]:
    """A state folder stays until the command has done all of its work."""
    complete = False
    try:
        yield
        complete = True
    except SystemExit as end:
        complete = end.code in CONCLUDED
        raise
    except KeyboardInterrupt:
        if state:
            click.echo(f"replypath: what was read stays in {clean(state)}: the same command goes on there", err=True)
        raise
    finally:
        if state and complete:
            from analyzer.scale.state import remove  # noqa: PLC0415 - NumPy is not loaded for --version

            remove(state)


def read(captures: tuple[str, ...], mapping: Mapping, work: Work, *, quiet: bool) -> Read:
    """The captures (or folders of flow tables in their place), read in the way that the user asks for."""
    folders = [path for path in captures if Path(path).is_dir()]
    if folders:
        from analyzer.scale.folder import read_folders  # noqa: PLC0415 - NumPy is not loaded for --version

        if len(folders) < len(captures):
            raise click.UsageError(f"{folders[0]} is a folder; give captures or folders of flow tables, "
                                   "not both (replypath flows makes a folder of captures)")
        return read_folders(folders, mapping, work.memory)
    if work.plain:
        from analyzer.reading import read_captures  # noqa: PLC0415 - NumPy is not loaded for --version

        return read_captures(captures, mapping)
    from analyzer.cli.advance import shown  # noqa: PLC0415 - rich is not loaded for --version
    from analyzer.scale.local import Wanted, read_locally, read_on_cluster  # noqa: PLC0415

    if work.state and work.cluster:
        raise click.UsageError("--state keeps parts on this machine, --cluster on its workers: choose one")
    with shown(wanted=work.progress, quiet=quiet) as told:
        if work.cluster:
            read, remarks = read_on_cluster(captures, mapping, work.cluster, told)
            for remark in remarks if not quiet else ():
                click.echo(f"replypath: {remark}", err=True)
            return read
        return read_locally(captures, mapping, Wanted(work.jobs, work.memory, work.state), told)
