"""What the Windows dialects share: what can be said there, and how Windows is asked for a next hop."""

from __future__ import annotations

from analyzer.remedy.change import Change, RouteChange, RouteRemoval, SwitchChange
from analyzer.remedy.situation import Situation

METRIC = 1
"""Added to the interface's metric; the connected route carries 256 of its own, so this one wins (not run here)."""

TRIAL_SECONDS = 120
MOST_CLIENTS_SHOWN = 3


def speaks(change: Change) -> bool:
    """Routes in the one table that Windows has, and its one switch for redirects.

    There is no policy routing by port or mark.
    """
    match change:
        case RouteChange():
            return change.table is None and change.how != "replace"
        case RouteRemoval():
            return True
        case SwitchChange():
            return change.switch == "accept_redirects"
        case _:
            return False


def metric(change: RouteChange | RouteRemoval) -> int:
    """The metric that is said: Linux's none and zero are Windows' one."""
    return change.metric or METRIC


def asked(s: Situation) -> tuple[str, ...]:
    """Source and next hop as Windows would choose them; ``route`` itself cannot be asked."""
    ask = "Find-NetRoute -RemoteIPAddress {} | Select-Object 'NextHop', 'InterfaceAlias'"
    return tuple(ask.format(client) for client in s.clients[:MOST_CLIENTS_SHOWN])


def reach_the_service(comment: str, s: Situation) -> tuple[str, ...]:
    """The test that counts, from a client, as a comment."""
    if s.virtual is None or not s.virtual.port or s.protocol.value != "tcp":
        return ()
    there = f"{s.virtual.address} {s.virtual.port}"
    test = f"Test-NetConnection -ComputerName {s.virtual.address} -Port {s.virtual.port}"
    return (f"{comment} then, on {s.clients[0]}: nc -vz {there}, or {test}",)
