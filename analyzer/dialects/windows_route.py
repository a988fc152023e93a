"""Windows, ``route.exe`` (with ``netsh`` for redirects), effective at once and until the next reboot.

Grammar: ``ROUTE [-f] [-p] [-4|-6] command [destination] [MASK netmask] [gateway]
[METRIC metric] [IF interface]`` (its own help).  Written for an elevated cmd.exe.
``-p`` is left out on purpose: the trial ends with a reboot.  A host route to the
balancer is left out as well: it would need the interface's number, and Windows
reaches a gateway on a connected subnet without it.  No command here was run by
us on Windows.
"""

from __future__ import annotations

from ipaddress import IPv4Network

from analyzer.diagnose.finding import DeadMan
from analyzer.dialects import _windows
from analyzer.network.host import OnLink, System, Via
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import Change, RouteChange, RouteRemoval, SwitchChange
from analyzer.remedy.situation import Situation

NAME = "windows-route"
TITLE = "Windows (route)"
SYSTEM = System.WINDOWS
AT_BALANCER = False
PERSISTENT = False
LEADS: tuple[type, ...] = (RouteChange, RouteRemoval)
EXECUTED = False

REDIRECTS = "netsh interface ipv{} set global icmpredirects={}"


def speaks(change: Change) -> bool:
    """Routes in the one table that Windows has, and its one switch for redirects."""
    return _windows.speaks(change) and not (isinstance(change, RouteRemoval) and isinstance(change.next_hop, OnLink))


def commands(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Apply every change; said twice, the second is refused (the object already exists)."""
    del situation
    return tuple(line for c in alternative.changes for line in _apply(c, ""))


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Take every change back, in reverse, naming the gateway."""
    del situation
    return tuple(line for c in reversed(alternative.changes) for line in _take_back(c))


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The right host, its table, its redirect switch, and the next hop for the client today."""
    lines = [f'ipconfig | findstr /l /c:"{situation.real.address}"',
             "rem must print a line: then this is the right host",
             f"route print -{situation.version}", f"netsh interface ipv{situation.version} show global"]
    if alternative.missing and situation.balancer_macs:
        mac = situation.balancer_macs[0].replace(":", "-")
        lines.append(f"arp -a | findstr /i {mac}")
    return (*lines, *_asked(situation), "rem today's NextHop")


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Which next hop Windows would use now; sends nothing."""
    del alternative
    said = (f"rem must contain: {situation.balancer_inside}",) if situation.balancer_inside is not None else ()
    lines = [line for question in _asked(situation) for line in (question, *said)]
    return (*lines, *_windows.reach_the_service("rem", situation))


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The same with ``-p``, once it is verified: first take the trial's routes away."""
    del situation
    routes = [c for c in alternative.changes if isinstance(c, RouteChange)]
    return tuple(line for c in routes for line in (*_take_back(c), *_apply(c, "-p ")))


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """A shell of its own that waits two minutes; closing its window keeps the change."""
    said = " & ".join(line for line in undo if not line.startswith("rem "))
    wait = f"timeout /t {_windows.TRIAL_SECONDS}"
    return DeadMan(f'start "undo in two minutes" cmd /c "{wait} & {said}"', "rem close that window")


def _apply(change: Change, keep: str) -> tuple[str, ...]:
    match change:
        case RouteChange(next_hop=Via() as hop):
            return (_add(change, hop, keep),)
        case RouteRemoval(next_hop=Via() as hop):
            return (_delete(change, hop),)
        case SwitchChange():
            return (REDIRECTS.format(change.version, "disabled"),)
        case _:
            return ()    # on-link: see above


def _take_back(change: Change) -> tuple[str, ...]:
    match change:
        case RouteChange(next_hop=Via() as hop):
            return (_delete(change, hop),)
        case RouteRemoval(next_hop=Via() as hop):
            return (_add(change, hop, ""),)
        case SwitchChange():
            return (REDIRECTS.format(change.version, "enabled"),
                    "rem only if the check showed them enabled before; that is how Windows is delivered")
        case _:
            return ()


def _add(change: RouteChange | RouteRemoval, hop: Via, keep: str) -> str:
    net, metric = change.destination, _windows.metric(change)
    if isinstance(net, IPv4Network):
        return f"route {keep}add {net.network_address} mask {net.netmask} {hop.gateway} metric {metric}"
    return f"route {keep}-6 add {net} {hop.gateway} metric {metric}"


def _delete(change: RouteChange | RouteRemoval, hop: Via) -> str:
    net = change.destination
    if isinstance(net, IPv4Network):
        return f"route delete {net.network_address} mask {net.netmask} {hop.gateway}"
    return f"route -6 delete {net} {hop.gateway}"


def _asked(situation: Situation) -> tuple[str, ...]:
    return tuple(f'powershell -Command "{question}"' for question in _windows.asked(situation))
