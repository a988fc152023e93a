"""Windows, ``route.exe`` (with ``netsh`` for IPv6 and for redirects), effective at once and until the next reboot.

Grammar: ``ROUTE [-p] [-4|-6] ADD destination MASK netmask gateway [METRIC n] [IF n]``
(Microsoft's page on the route command).  Written for an elevated cmd.exe.
``-p`` is left out on purpose: the trial ends with a reboot.  No command here was
run by us on Windows.
"""

from __future__ import annotations

from ipaddress import IPv4Network

from analyzer.network.host import OnLink, System, Via
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import Change, RouteChange, RouteRemoval, SwitchChange
from analyzer.remedy.situation import Situation

NAME = "windows-route"
TITLE = "Windows (route)"
SYSTEM = System.WINDOWS
AT_BALANCER = False
PERSISTENT = False
LEADS: tuple[type, ...] = ()
EXECUTED = False

METRIC = 1
"""Added to the interface's metric; the connected route carries 256 of its own, so this one wins (not run here)."""


def speaks(change: Change) -> bool:
    """Routes through a gateway in the one table that Windows has, and its switch for redirects."""
    match change:
        case RouteChange():
            return change.table is None and change.how != "replace"
        case RouteRemoval():
            return isinstance(change.next_hop, Via)
        case SwitchChange():
            return change.switch == "accept_redirects"
        case _:
            return False


def commands(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Apply every change; said twice, the second is refused (the object already exists)."""
    return tuple(line for c in alternative.changes for line in _say(c, situation, persistent=False))


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Take every change back, in reverse, naming the gateway."""
    del situation
    return tuple(line for c in reversed(alternative.changes) for line in _take_back(c))


def _take_back(change: Change) -> tuple[str, ...]:
    match change:
        case RouteChange(next_hop=OnLink()):
            return ()     # nothing was added: see _say
        case RouteChange(next_hop=Via() as hop):
            return (_delete(change, hop),)
        case RouteRemoval(next_hop=Via() as hop):
            return (_add(change, hop, persistent=False),)
        case SwitchChange():
            return (f"netsh interface ipv{change.version} set global icmpredirects=enabled",
                    "rem only if the check showed them enabled before; that is how Windows is delivered")
        case _:
            raise ValueError(f"{NAME} cannot say {type(change).__name__}")


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The right host, its table, its redirect switch, and the source and next hop for the client today."""
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
    if situation.virtual is not None and situation.virtual.port and situation.protocol.value == "tcp":
        service = f"{situation.virtual.address} {situation.virtual.port}"
        lines.append(f"rem then, on {situation.clients[0]}: nc -vz {service}, or Test-NetConnection -ComputerName "
                     f"{situation.virtual.address} -Port {situation.virtual.port}")
    return tuple(lines)


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The same with ``-p``, once it is verified: first take the trial's routes away."""
    routes = [c for c in alternative.changes if isinstance(c, RouteChange) and isinstance(c.next_hop, Via)]
    lines = [line for c in routes for line in (*_take_back(c), *_say(c, situation, persistent=True))]
    return tuple(lines)


def dead_man(undo: tuple[str, ...]) -> str:
    """A shell of its own that waits two minutes; closing its window keeps the change."""
    said = " & ".join(line for line in undo if not line.startswith("rem "))
    return f'start "undo in two minutes" cmd /c "timeout /t 120 & {said}"   - and if all is well: close that window'


def _say(change: Change, situation: Situation, *, persistent: bool) -> tuple[str, ...]:
    match change:
        case RouteChange(next_hop=OnLink()):
            return ()     # needs the interface's number, and Windows reaches a gateway on a connected subnet without it
        case RouteChange(next_hop=Via() as hop):
            return (_add(change, hop, persistent=persistent),)
        case RouteRemoval(next_hop=Via() as hop):
            return (_delete(change, hop),)
        case SwitchChange():
            return (f"netsh interface ipv{situation.version} set global icmpredirects=disabled",)
        case _:
            raise ValueError(f"{NAME} cannot say {type(change).__name__}")


def _add(change: RouteChange | RouteRemoval, hop: Via, *, persistent: bool) -> str:
    keep = "-p " if persistent else ""
    metric = change.metric or METRIC
    net = change.destination
    if isinstance(net, IPv4Network):
        return f"route {keep}add {net.network_address} mask {net.netmask} {hop.gateway} metric {metric}"
    return f"route {keep}-6 add {net} {hop.gateway} metric {metric}"


def _delete(change: RouteChange | RouteRemoval, hop: Via) -> str:
    net = change.destination
    if isinstance(net, IPv4Network):
        return f"route delete {net.network_address} mask {net.netmask} {hop.gateway}"
    return f"route -6 delete {net} {hop.gateway}"


def _asked(situation: Situation) -> tuple[str, ...]:
    ask = 'powershell -Command "Find-NetRoute -RemoteIPAddress {} | Select-Object NextHop,InterfaceAlias"'
    return tuple(ask.format(client) for client in situation.clients[:3])


