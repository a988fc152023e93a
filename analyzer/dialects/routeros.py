"""MikroTik RouterOS: static routes for a router, masquerade for a balancer.

Every row carries the comment "replypath", by which undo finds it.  ``safe mode``
(Ctrl-X) is the way back of a remote session.  No command here was run by us on
RouterOS.
"""

from __future__ import annotations

from analyzer.diagnose.finding import DeadMan
from analyzer.dialects import _plain
from analyzer.network.host import System
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import Change, HairpinSnat, RouteChange, SwitchChange
from analyzer.remedy.situation import Situation

NAME = "routeros"
TITLE = "MikroTik RouterOS"
SYSTEM = System.ROUTEROS
AT_BALANCER = True
PERSISTENT = False
LEADS: tuple[type, ...] = (RouteChange, HairpinSnat)
EXECUTED = False


def speaks(change: Change) -> bool:
    """Static routes, source translation; a router that routes ignores redirects, so that switch needs no word."""
    switch = isinstance(change, SwitchChange) and change.switch == "accept_redirects"
    route = isinstance(change, RouteChange) and _plain.routes_only(change)
    return route or switch or isinstance(change, HairpinSnat)


def commands(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Apply every change; it is kept at once, as everything here."""
    del situation
    rows = (_row(c) for c in alternative.changes)
    return tuple(f"{table} add {row} comment=replypath" for table, row in rows if table)


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Take every change back, in reverse."""
    del situation
    rows = (_row(c) for c in reversed(alternative.changes))
    return tuple(f"{table} remove [find comment=replypath {row}]" for table, row in rows if table)


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The right host, and that nothing of ours is there yet."""
    del alternative
    branch = _branch(situation.version)
    return (f"{branch} address print", f"{branch} route print where comment=replypath",
            f"{branch} firewall nat print where comment=replypath")


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """What is there now."""
    del alternative
    branch = _branch(situation.version)
    return (f"{branch} route print where comment=replypath", f"{branch} firewall nat print where comment=replypath",
            *_plain.then_dial("#", situation))


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """It is kept already."""
    del alternative, situation
    return ()


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """Safe mode takes back all that was done in it when the session breaks."""
    del undo
    return DeadMan("# press Ctrl-X for safe mode", "# press Ctrl-X again")


def _branch(version: int) -> str:
    return "/ipv6" if version == 6 else "/ip"


def _snat(change: HairpinSnat) -> str:
    source = "" if _plain.everyone(change) else f" src-address={change.clients}"
    port = f" dst-port={change.real_port}" if change.real_port else ""
    return f"{source} dst-address={change.real} protocol={change.ip_protocol}{port}"


def _row(change: Change) -> tuple[str, str]:
    """The table, and the row in it, of one change; empty where there is none."""
    match change:
        case RouteChange():
            row = f"dst-address={change.destination} gateway={_plain.gateway(change)}"
            return f"{_branch(change.destination.version)} route", row
        case HairpinSnat():
            return f"{_branch(change.real.version)} firewall nat", f"chain=srcnat action=masquerade{_snat(change)}"
        case _:
            return "", ""
