"""How a fix is kept over a restart: one whole way for each program that may manage the host's network.

Every way is complete in itself - the switches, the packet filter's rules and the
manager's own share - because a host has one manager, and half of a fix would be
worse than none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from analyzer.diagnose.finding import Permanent
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import AddressAddition, AddressRemoval, Change, ConntrackSwitch, SwitchChange
from analyzer.remedy.dialect import TAKE_OUT, Dialect, says
from analyzer.remedy.situation import Situation


def permanent(
    alternative: Alternative, dialect: Dialect, s: Situation, dialects: Mapping[str, Dialect],
) -> tuple[Permanent, ...]:
    """The ways to keep what ``dialect`` has applied; none where what it says is permanent as it stands."""
    if dialect.PERSISTENT:
        return ()
    keepers = [d for d in dialects.values() if _keeps(d, dialect, alternative)]
    switches = [(d, d.persist(part, s)) for d in keepers for part in _parts(d, alternative, switches=True)]
    managers = [(d, d.persist(part, s)) for d in keepers for part in _parts(d, alternative, switches=False)]
    beside = [*switches, (dialect, dialect.persist(alternative, s))]
    common = [lines for _, lines in beside if lines] + [_left_to_others(alternative)]
    ways = [_way(d.NAME, d, dialect, [*common, lines]) for d, lines in managers if lines]
    if ways:
        return tuple(ways)
    first = next((d for d, lines in beside if lines), dialect)
    return tuple(way for way in (_way("", first, dialect, common),) if way.commands)


def as_lines(
    alternative: Alternative, dialect: Dialect, s: Situation, dialects: Mapping[str, Dialect],
) -> tuple[str, ...]:
    """All ways as one list of lines: the dialect's own, then each keeper's share under its title as a remark."""
    if dialect.PERSISTENT:
        return ()
    lines = list(dialect.persist(alternative, s))
    for keeper in (d for d in dialects.values() if _keeps(d, dialect, alternative)):
        for switches in (True, False):
            for part in _parts(keeper, alternative, switches=switches):
                said = keeper.persist(part, s)
                lines += [f"# {keeper.TITLE}", *said] if said else []
    return (*lines, *_left_to_others(alternative))


def _keeps(keeper: Dialect, dialect: Dialect, alternative: Alternative) -> bool:
    here = not alternative.at_balancer or keeper.AT_BALANCER
    return keeper.PERSISTENT and keeper.SYSTEM is dialect.SYSTEM and keeper is not dialect and here


def _parts(keeper: Dialect, alternative: Alternative, *, switches: bool) -> Iterator[Alternative]:
    """The changes of one sort, if the keeper can say all of them.

    A route without its rule would be worse than nothing: a manager keeps all of
    one sort, or none.
    """
    part = tuple(c for c in alternative.changes if isinstance(c, SwitchChange | ConntrackSwitch) is switches)
    if part and says(keeper, replace(alternative, changes=part)):
        yield replace(alternative, changes=part)


def _way(name: str, keeper: Dialect, dialect: Dialect, parts: list[tuple[str, ...]]) -> Permanent:
    """One way from its parts, in order; its undo from their ways back, in reverse."""
    title = keeper.TITLE.partition("(")[2].rstrip(")") if keeper.PERSISTENT else keeper.TITLE
    commands = tuple(line for lines in parts for line in lines if not line.startswith(TAKE_OUT))
    back = [line.removeprefix(TAKE_OUT) for lines in parts for line in lines if line.startswith(TAKE_OUT)]
    return Permanent(name, title, commands, tuple(reversed(back)), keeper.EXECUTED and dialect.EXECUTED)


def _left_to_others(alternative: Alternative) -> tuple[str, ...]:
    """Remarks for what no keeper of ours can write down."""
    return tuple(remark for change in alternative.changes for remark in _unkept(change))


def _unkept(change: Change) -> tuple[str, ...]:
    match change:
        case AddressAddition(address=address, prefix_length=length, interface=name):
            where = f" on {name}" if name else ""
            return (f"# by hand, in this host's network configuration: the address {address}/{length}{where}",)
        case AddressRemoval(address=address, prefix_length=length):
            whole = address if length is None else f"{address}/{length}"
            return (f"# by hand, in this host's network configuration: take {whole} out",)
        case _:
            return ()
