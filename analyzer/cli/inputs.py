"""``--map`` and ``--host``: the options that every command with captures has, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

from analyzer.errors import ConfigSyntaxError

if TYPE_CHECKING:
    from analyzer.balance.mapping import Mapping
    from analyzer.network.host import Host

Command = TypeVar("Command", bound=Callable[..., object])


def options(command: Command) -> Command:
    """The two options, in their order."""
    command = click.option(
        "--host", "hosts", multiple=True, metavar="NAME=FILE",
        help="What a host's commands print (ip addr, ip route, route print ...); repeatable.",
    )(command)
    return click.option(
        "--map", "maps", multiple=True, metavar="FILE",
        help="What the balancer is told to do: our YAML, or a balancer's own configuration.",
    )(command)


def mapping(maps: tuple[str, ...]) -> Mapping:
    """The mapping that all the files declare together."""
    from analyzer.balance.mapping import EMPTY  # noqa: PLC0415 - not for --version

    if not maps:
        return EMPTY
    from analyzer.importers.reading import read_mappings  # noqa: PLC0415

    try:
        return read_mappings(maps)
    except ConfigSyntaxError as error:
        from analyzer.facts.reading import claimed  # noqa: PLC0415

        strangers = {path: f"{path}: this is what a host's command prints; give it as --host NAME={path}"
                     for path in maps if _told_of(error, path) and claimed(path)}
        raise _instead(error, strangers) from None


def facts(hosts: tuple[str, ...]) -> dict[str, Host]:
    """NAME=FILE arguments to hosts."""
    if not hosts:
        return {}
    from analyzer.facts.reading import read_hosts  # noqa: PLC0415 - not for --version

    try:
        return read_hosts(hosts)
    except ConfigSyntaxError as error:
        from analyzer.importers.reading import claimed  # noqa: PLC0415

        paths = [argument.partition("=")[2] for argument in hosts]
        strangers = {path: f"{path}: this is a balancer's configuration; give it as --map {path}"
                     for path in paths if _told_of(error, path) and claimed(path)}
        raise _instead(error, strangers) from None


def _told_of(error: ConfigSyntaxError, path: str) -> bool:
    """Is this file the one that was refused?  Standard input cannot be read twice."""
    return path not in {"", "-"} and any(problem.startswith(f"{path}:") for problem in error.problems)


def _instead(error: ConfigSyntaxError, strangers: dict[str, str]) -> ConfigSyntaxError:
    """The same problems; of a file that was given to the wrong option, only that."""
    kept = [p for p in error.problems if not any(p.startswith(f"{path}:") for path in strangers)]
    return ConfigSyntaxError([*strangers.values(), *kept])
