"""Cisco NX-OS: static routes with a prefix length, for a host that is a router or a switch.

No command here was run by us on NX-OS.
"""

from __future__ import annotations

from analyzer.diagnose.finding import DeadMan
from analyzer.dialects import _plain
from analyzer.network.host import System
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import Change, RouteChange, RouteRemoval, SwitchChange
from analyzer.remedy.situation import Situation

NAME = "cisco-nxos"
TITLE = "Cisco NX-OS"
SYSTEM = System.IOS
AT_BALANCER = False
PERSISTENT = False
LEADS: tuple[type, ...] = (RouteChange, RouteRemoval)
EXECUTED = False


def speaks(change: Change) -> bool:
    """Static routes; a router that routes ignores redirects, so that switch needs no word."""
    return _plain.routes_only(change) or (isinstance(change, SwitchChange) and change.switch == "accept_redirects")


def commands(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Apply every change, after a checkpoint; said twice it is the same."""
    del situation
    lines = [line for c in alternative.changes for line in _line(c, undo=False)]
    return ("checkpoint replypath", "configure terminal", *lines, "end") if lines else ()


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Take every change back, in reverse."""
    del situation
    lines = [line for c in reversed(alternative.changes) for line in _line(c, undo=True)]
    return ("configure terminal", *lines, "end", "no checkpoint replypath") if lines else ()


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The right host, and today's way."""
    del alternative
    return (f"show ip interface brief | include {situation.real.address}", *_asked(situation))


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The route to the client."""
    del alternative
    wanted = f"! must contain: {situation.balancer_inside}"
    lines = [line for question in _asked(situation) for line in (question, wanted)]
    return (*lines, *_plain.then_dial("!", situation))


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Save the running configuration."""
    del alternative, situation
    return ("copy running-config startup-config",)


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """None that counts by itself: ``rollback running-config checkpoint replypath`` is the way back."""
    del undo
    return None


def _line(change: Change, *, undo: bool) -> tuple[str, ...]:
    if not isinstance(change, RouteChange | RouteRemoval):
        return ()
    family = "ipv6" if change.destination.version == 6 else "ip"
    no = "no " if undo is isinstance(change, RouteChange) else ""
    return (f"{no}{family} route {change.destination} {_plain.gateway(change)}",)


def _asked(s: Situation) -> tuple[str, ...]:
    family = "ipv6" if s.version == 6 else "ip"
    return tuple(f"show {family} route {client}" for client in s.clients[:3])
