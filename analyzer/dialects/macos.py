"""macOS: route(8) and sysctl(8).  No command here was run by us on macOS.

networksetup's additional routes replace each other as a whole list, so the
permanent form reads the present list first.
"""

from __future__ import annotations

from analyzer.diagnose.finding import DeadMan
from analyzer.dialects import _bsd
from analyzer.network.host import System
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import Change, NeighborFlush, RouteChange, RouteRemoval, SwitchChange
from analyzer.remedy.situation import Situation

NAME = "macos"
TITLE = "macOS"
SYSTEM = System.MACOS
AT_BALANCER = False
PERSISTENT = False
LEADS: tuple[type, ...] = ()
EXECUTED = False

REDIRECTS = {4: ("net.inet.icmp.drop_redirect", 1), 6: ("net.inet6.icmp6.rediraccept", 0)}


def speaks(change: Change) -> bool:
    """Routes of the one table, the redirect switch, a neighbour."""
    return _bsd.speaks(change)


def commands(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Apply every change; said twice, a route is refused the second time (File exists)."""
    return tuple(f"sudo {line}" for c in alternative.changes for line in _apply(c, situation))


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Take every change back, in reverse."""
    return tuple(f"sudo {line}" for c in reversed(alternative.changes) for line in _take_back(c, situation))


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The right host, today's next hop, today's switch."""
    lines = [f"ifconfig | grep -F -w {situation.real.address}", "# must print one line: then this is the right host"]
    lines += [*_bsd.asked(situation), "# today's gateway"]
    if any(isinstance(c, SwitchChange) for c in alternative.changes):
        lines.append(f"sysctl {REDIRECTS[situation.version][0]}")
    return tuple(lines)


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The next hop now; sends nothing."""
    routed = any(isinstance(c, RouteChange) for c in alternative.changes) and situation.balancer_inside is not None
    wanted = (f"# must contain: {situation.balancer_inside}",) if routed else ()
    return tuple(line for question in _bsd.asked(situation) for line in (question, *wanted))


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Nothing in one line: networksetup replaces the whole list of additional routes."""
    if not any(isinstance(c, RouteChange) for c in alternative.changes):
        return ()
    del situation
    return ("networksetup -listallnetworkservices",
            "# then, for the service that holds the address: networksetup -getadditionalroutes SERVICE",
            "# and networksetup -setadditionalroutes SERVICE, the old list, then DESTINATION MASK GATEWAY of each")


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """A background shell that undoes everything in two minutes unless it is killed."""
    return _bsd.in_two_minutes(tuple(line.removeprefix("sudo ") for line in undo), "sudo ")


def _apply(change: Change, s: Situation) -> tuple[str, ...]:
    match change:
        case RouteChange():
            return (_bsd.route("add", change, s),)
        case RouteRemoval():
            return (_bsd.route("delete", change, s),)
        case SwitchChange():
            key, value = REDIRECTS[change.version]
            return (f"sysctl -w {key}={value}",)
        case NeighborFlush():
            return (_bsd.forget(change),)
        case _:
            raise ValueError(f"{NAME} cannot say {type(change).__name__}")


def _take_back(change: Change, s: Situation) -> tuple[str, ...]:
    match change:
        case RouteChange():
            return (_bsd.route("delete", change, s),)
        case RouteRemoval():
            return (_bsd.route("add", change, s),)
        case SwitchChange():
            key, value = REDIRECTS[change.version]
            return (f"sysctl -w {key}={1 - value}",)    # the check printed it; two values there are
        case NeighborFlush():
            return ()    # nothing is configured
        case _:
            raise ValueError(f"{NAME} cannot say {type(change).__name__}")
