"""FreeBSD: route(8), sysctl(8), kept by rc.conf (sysrc(8)).  No command here was run by us on FreeBSD."""

from __future__ import annotations

from analyzer.diagnose.finding import DeadMan
from analyzer.dialects import _bsd
from analyzer.network.host import System
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import (
    AddressAddition,
    AddressRemoval,
    Change,
    NeighborFlush,
    RouteChange,
    RouteRemoval,
    SwitchChange,
)
from analyzer.remedy.situation import Situation

NAME = "freebsd"
TITLE = "FreeBSD"
SYSTEM = System.FREEBSD
AT_BALANCER = False
PERSISTENT = False
LEADS: tuple[type, ...] = ()
EXECUTED = False

REDIRECTS = {4: ("net.inet.icmp.drop_redirect", 1), 6: ("net.inet6.icmp6.rediraccept", 0)}
"""The switch and the value that ignores redirects (icmp(4), icmp6(4))."""


def speaks(change: Change) -> bool:
    """Routes of the one table, the redirect switch, a neighbour, an address on an interface that is known."""
    if isinstance(change, AddressRemoval | AddressAddition):
        return bool(change.interface) and change.prefix_length is not None
    return _bsd.speaks(change)


def commands(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Apply every change; said twice, a route is refused the second time (route already in table)."""
    return tuple(line for c in alternative.changes for line in _apply(c, situation))


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Take every change back, in reverse."""
    return tuple(line for c in reversed(alternative.changes) for line in _take_back(c, situation))


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The right host, today's next hop, today's switch."""
    lines = [f"ifconfig | grep -F -w {situation.real.address}", "# must print one line: then this is the right host"]
    lines += [*_bsd.asked(situation), "# today's gateway"]
    if any(isinstance(c, SwitchChange) for c in alternative.changes):
        lines.append(f"sysctl {REDIRECTS[situation.version][0]}")
    if alternative.missing and situation.balancer_macs:
        lines.append(f"arp -an | grep -i {situation.balancer_macs[0]}")
    return tuple(lines)


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The next hop now; sends nothing."""
    routed = any(isinstance(c, RouteChange) for c in alternative.changes) and situation.balancer_inside is not None
    wanted = (f"# must contain: {situation.balancer_inside}",) if routed else ()
    return tuple(line for question in _bsd.asked(situation) for line in (question, *wanted))


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """rc.conf: every route under a name of its own, added to the list of names; the switch in sysctl.conf."""
    lines = []
    for number, change in enumerate(c for c in alternative.changes if isinstance(c, RouteChange)):
        words = _bsd.route("add", change, situation).removeprefix("route add ").replace("-inet6 ", "")
        six = "ipv6_" if situation.version == 6 else ""
        route = f"{six}route_replypath{number}"
        look_up = _bsd.holder(situation)
        if not situation.interface and look_up in words:    # made now, and written down only where it finds one name
            asked = f'dev={look_up.strip(chr(34))}; [ "$(echo "$dev" | wc -w)" -eq 1 ]'
            refused = f"{{ echo 'refused: not exactly one interface has {situation.real.address}' >&2; false; }}"
            lines.append(f'{asked} && sysrc {route}="{words.replace(look_up, "$dev")}" || {refused}')
        else:
            lines.append(f"sysrc {route}='{words}'")
        lines.append(f"sysrc {six}static_routes+=' replypath{number}'")
    if any(isinstance(c, SwitchChange) for c in alternative.changes):
        key, value = REDIRECTS[situation.version]
        lines.append(f"sysrc -f /etc/sysctl.conf {key}={value}")
    return tuple(lines)


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """A job that undoes everything in two minutes unless it is removed (at(1))."""
    said = "; ".join(undo)
    return DeadMan(f"echo {_quoted(said)} | at now + 2 minutes", "# the job's number is in atq: atrm NUMBER")


def _quoted(script: str) -> str:
    return "'" + script.replace("'", "'\\''") + "'"


def _apply(change: Change, s: Situation) -> tuple[str, ...]:
    match change:
        case RouteChange():
            return (_bsd.route("add", change, s),)
        case RouteRemoval():
            return (_bsd.route("delete", change, s),)
        case SwitchChange():
            key, value = REDIRECTS[change.version]
            memory = f"/var/run/replypath-{key}"
            return (f"test -s {memory} || sysctl -e {key} > {memory}", f"sysctl {key}={value}")
        case NeighborFlush():
            return (_bsd.forget(change),)
        case AddressAddition() | AddressRemoval():
            verb = "alias" if isinstance(change, AddressAddition) else "-alias"
            return (f"ifconfig {_name(change)} {_address(change)} {verb}",)
        case _:
            raise ValueError(f"{NAME} cannot say {type(change).__name__}")


def _take_back(change: Change, s: Situation) -> tuple[str, ...]:
    match change:
        case RouteChange():
            return (_bsd.route("delete", change, s),)
        case RouteRemoval():
            return (_bsd.route("add", change, s),)
        case SwitchChange():
            memory = f"/var/run/replypath-{REDIRECTS[change.version][0]}"
            return (f'sysctl "$(cat {memory})" && rm {memory}',)
        case NeighborFlush():
            return ()    # nothing is configured: the address is asked for again with the next packet
        case AddressAddition() | AddressRemoval():
            verb = "-alias" if isinstance(change, AddressAddition) else "alias"
            return (f"ifconfig {_name(change)} {_address(change)} {verb}",)
        case _:
            raise ValueError(f"{NAME} cannot say {type(change).__name__}")


def _name(change: AddressAddition | AddressRemoval) -> str:
    return "lo0" if change.interface == "lo" else change.interface


def _address(change: AddressAddition | AddressRemoval) -> str:
    if change.address.version == 6:
        return f"inet6 {change.address}/{change.prefix_length}"
    return f"inet {change.address}/{change.prefix_length}"


