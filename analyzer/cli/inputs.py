"""``--map`` and ``--host``: the options that every command with captures has, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

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

    return read_mappings(maps)


def facts(hosts: tuple[str, ...]) -> dict[str, Host]:
    """NAME=FILE arguments to hosts."""
    if not hosts:
        return {}
    from analyzer.facts.reading import read_hosts  # noqa: PLC0415 - not for --version

    return read_hosts(hosts)
