"""Cisco IOS: static routes, for a host that is a router (configuration guide, "ip route").

Configuration mode; nothing is kept before ``write memory``.  ``reload in 2``
before it is the usual way back.  No command here was run by us on IOS.
"""

from __future__ import annotations

from analyzer.diagnose.finding import DeadMan
from analyzer.dialects import _plain
from analyzer.network.host import System
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import Change, RouteChange, RouteRemoval, SwitchChange
from analyzer.remedy.situation import Situation

NAME = "cisco-ios"
TITLE = "Cisco IOS"
SYSTEM = System.IOS
AT_BALANCER = False
PERSISTENT = False
LEADS: tuple[type, ...] = (RouteChange, RouteRemoval)
EXECUTED = False


def speaks(change: Change) -> bool:
    """Static routes; a router that routes ignores redirects, so that switch needs no word."""
    return _plain.routes_only(change) or (isinstance(change, SwitchChange) and change.switch == "accept_redirects")


def commands(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Apply every change; said twice it is the same."""
    del situation
    return _configured([_line(c, undo=False) for c in alternative.changes])


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Take every change back, in reverse."""
    del situation
    return _configured([_line(c, undo=True) for c in reversed(alternative.changes)])


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The right host, and today's way."""
    del alternative
    return (f"show ip interface brief | include {situation.real.address}", *_asked(situation))


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """What CEF does with a packet to the client."""
    del alternative
    wanted = f"! must contain: {situation.balancer_inside}"
    lines = [line for question in _asked(situation) for line in (question, wanted)]
    return (*lines, *_plain.then_dial("!", situation))


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Save the running configuration."""
    del alternative, situation
    return ("write memory",)


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """A restart in two minutes, because nothing is saved."""
    del undo
    return DeadMan("reload in 2", "reload cancel")


def _configured(lines: list[str]) -> tuple[str, ...]:
    said = [line for line in lines if line]
    return ("configure terminal", *said, "end") if said else ()


def _line(change: Change, *, undo: bool) -> str:
    if not isinstance(change, RouteChange | RouteRemoval):
        return ""
    family = "ipv6" if change.destination.version == 6 else "ip"
    no = "no " if undo is isinstance(change, RouteChange) else ""
    return f"{no}{family} route {_plain.address_and_mask(change.destination)} {_plain.gateway(change)}"


def _asked(s: Situation) -> tuple[str, ...]:
    family = "ipv6" if s.version == 6 else "ip"
    return tuple(f"show {family} cef {client}" for client in s.clients[:3])
