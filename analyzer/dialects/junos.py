"""Junos: static routes, for a host that is a router; ``commit confirmed`` is the way back by itself.

No command here was run by us on Junos.
"""

from __future__ import annotations

from analyzer.diagnose.finding import DeadMan
from analyzer.dialects import _plain
from analyzer.network.host import System
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import Change, RouteChange, RouteRemoval, SwitchChange
from analyzer.remedy.situation import Situation

NAME = "junos"
TITLE = "Junos"
SYSTEM = System.UNKNOWN
AT_BALANCER = False
PERSISTENT = False
LEADS: tuple[type, ...] = (RouteChange, RouteRemoval)
EXECUTED = False


def speaks(change: Change) -> bool:
    """Static routes; a router that routes ignores redirects, so that switch needs no word."""
    return _plain.routes_only(change) or (isinstance(change, SwitchChange) and change.switch == "accept_redirects")


def commands(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Apply every change for two minutes."""
    del situation
    return ("configure", *(line for c in alternative.changes for line in _line(c, undo=False)), "commit confirmed 2")


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Take every change back, in reverse."""
    del situation
    return ("configure", *(line for c in reversed(alternative.changes) for line in _line(c, undo=True)), "commit")


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The right host, and today's way."""
    del alternative
    return (f"show interfaces terse | match {situation.real.address}", *_asked(situation))


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The route to the client."""
    del alternative
    wanted = f"# must contain: {situation.balancer_inside}"
    lines = [line for question in _asked(situation) for line in (question, wanted)]
    return (*lines, *_plain.then_dial("#", situation))


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Confirm within the two minutes; otherwise it rolls back."""
    del alternative, situation
    return ("commit",)


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """``commit confirmed`` is one itself."""
    del undo
    return None


def _line(change: Change, *, undo: bool) -> tuple[str, ...]:
    if not isinstance(change, RouteChange | RouteRemoval):
        return ()
    verb = "delete" if undo is isinstance(change, RouteChange) else "set"
    rib = "rib inet6.0 " if change.destination.version == 6 else ""
    return (f"{verb} routing-options {rib}static route {change.destination} next-hop {_plain.gateway(change)}",)


def _asked(s: Situation) -> tuple[str, ...]:
    return tuple(f"show route forwarding-table destination {client}" for client in s.clients[:3])
