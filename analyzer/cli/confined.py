"""``--no-sandbox`` and the confined child: a command that reads captures does so with next to no rights."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any, TypeVar

import click

Named = Callable[[dict[str, Any]], Sequence[str]]
Command = TypeVar("Command", bound=Callable[..., object])
SWITCH = "REPLYPATH_SANDBOX"
OFF = frozenset({"off", "no", "0", "false"})

in_our_own_process = False
"""Whether this process was started as the command: only then may it be left in a forked child's hands."""


def confined(
    *, reads: Sequence[str | Named] = (), writes: Sequence[str] = (), unless: Sequence[str] = (),
) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Run a command in a confined child.

    ``reads`` and ``writes`` are the names of the parameters that hold paths (or
    ``NAME=PATH``), or say which paths the parameters mean; with one of the parameters ``unless`` set, the command needs
    more rights than a child has, and runs free.
    """

    def around(command: Callable[..., object]) -> Callable[..., object]:
        @wraps(command)
        def run(*, no_sandbox: bool, **given: Any) -> object:  # noqa: ANN401 - whatever the command takes
            if wanted(no_sandbox=no_sandbox) and not any(given[name] for name in unless):
                from analyzer.confine import child  # noqa: PLC0415 - not for --version

                if child.available():
                    child.enter(_paths(given, reads), _paths(given, writes))
            return command(**given)

        return option(run)

    return around


def option(command: Command) -> Command:
    """``--no-sandbox`` itself."""
    return click.option(
        "--no-sandbox", is_flag=True,
        help="Read with all of this user's rights (replypath doctor shows which are given up otherwise).",
    )(command)


def wanted(*, no_sandbox: bool) -> bool:
    """Whether this run is to be confined."""
    return in_our_own_process and not no_sandbox and os.environ.get(SWITCH, "").lower() not in OFF


def _paths(given: dict[str, Any], names: Iterable[str | Named]) -> list[str]:
    """What the parameters hold: one path, several, or none."""
    found: list[str] = []
    for name in names:
        value = given[name] if isinstance(name, str) else name(given)
        found += [value] if isinstance(value, str) else list(value or ())
    return [path for path in found if path and path != "-"]
