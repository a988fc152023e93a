"""Windows, PowerShell's NetTCPIP module (Windows 8, Server 2012 and later), elevated.

The trial goes to the active store only: without ``-PolicyStore`` New-NetRoute
writes the persistent store as well (Microsoft's page on New-NetRoute).  No
command here was run by us on Windows.
"""

from __future__ import annotations

from analyzer.diagnose.finding import DeadMan
from analyzer.dialects import _windows
from analyzer.network.host import OnLink, System, Via
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import AddressRemoval, Change, NeighborFlush, RouteChange, RouteRemoval, SwitchChange
from analyzer.remedy.situation import Situation

NAME = "windows-powershell"
TITLE = "Windows (PowerShell)"
SYSTEM = System.WINDOWS
AT_BALANCER = False
PERSISTENT = False
LEADS: tuple[type, ...] = ()
EXECUTED = False

ADDRESS = "(Join-Path $env:TEMP replypath-address.xml)"
MEMORY = "(Join-Path $env:TEMP replypath-ipv{}-redirects.txt)"
"""Where the setting from before is kept until undo; without quotes, so that it can stand inside some."""


def speaks(change: Change) -> bool:
    """Routes of the one table, the switch for redirects, a neighbour, an address to take away."""
    return _windows.speaks(change) or isinstance(change, NeighborFlush | AddressRemoval)


def commands(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Apply every change to the active store; said twice, a route is refused the second time."""
    return tuple(line for c in alternative.changes for line in _apply(c, situation, "ActiveStore"))


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Take every change back, in reverse."""
    return tuple(line for c in reversed(alternative.changes) for line in _take_back(c, situation))


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The right host, today's next hop, today's setting for redirects."""
    lines = [f"Get-NetIPAddress -IPAddress {situation.real.address}", "# must print it: then this is the right host"]
    lines += [*_windows.asked(situation), "# today's NextHop"]
    if any(isinstance(c, SwitchChange) for c in alternative.changes):
        lines.append(f"Get-NetIPv{situation.version}Protocol | Select-Object IcmpRedirects")
    if alternative.missing and situation.balancer_macs:
        mac = situation.balancer_macs[0].replace(":", "-").upper()
        lines.append(f"Get-NetNeighbor -LinkLayerAddress {mac}")
    return tuple(lines)


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Which next hop Windows would use now; sends nothing."""
    wanted = f"# must contain: {situation.balancer_inside}"
    routed = any(isinstance(c, RouteChange) for c in alternative.changes) and situation.balancer_inside is not None
    lines = [line for question in _windows.asked(situation) for line in (question, *((wanted,) if routed else ()))]
    return (*lines, *_windows.reach_the_service("#", situation))


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The same routes in the persistent store, which the next start reads."""
    routes = [c for c in alternative.changes if isinstance(c, RouteChange)]
    return tuple(line for c in routes for line in _apply(c, situation, "PersistentStore"))


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """A hidden shell that undoes everything in two minutes unless its mark is gone by then."""
    mark = "(Join-Path $env:TEMP replypath-armed)"
    script = f"Start-Sleep {_windows.TRIAL_SECONDS}; if (Test-Path {mark}) {{ {'; '.join(undo)} }}"
    return DeadMan(f"New-Item -Force {mark}; Start-Process powershell -WindowStyle Hidden -ArgumentList "
                   f"'-NoProfile','-Command','{script}'", f"Remove-Item {mark}")


def _index(s: Situation) -> str:
    return f"(Get-NetIPAddress -IPAddress {s.real.address}).InterfaceIndex"


def _apply(change: Change, s: Situation, store: str) -> tuple[str, ...]:
    match change:
        case RouteChange():
            return (f"New-NetRoute {_route(change, s)} -RouteMetric {_windows.metric(change)} -PolicyStore {store}",)
        case RouteRemoval():
            return (f"Remove-NetRoute {_route(change, s)} -PolicyStore ActiveStore -Confirm:$false",)
        case SwitchChange():
            memory = MEMORY.format(change.version)
            protocol = f"NetIPv{change.version}Protocol"
            return (f"if (-not (Test-Path {memory})) {{ (Get-{protocol}).IcmpRedirects | Set-Content {memory} }}",
                    f"Set-{protocol} -IcmpRedirects Disabled")
        case NeighborFlush():
            return (f"Remove-NetNeighbor -IPAddress {change.address} -Confirm:$false",)
        case AddressRemoval():
            return (f"Get-NetIPAddress -IPAddress {change.address} | Export-Clixml {ADDRESS}",
                    f"Remove-NetIPAddress -IPAddress {change.address} -PolicyStore ActiveStore -Confirm:$false")
        case _:
            raise ValueError(f"{NAME} cannot say {type(change).__name__}")


def _take_back(change: Change, s: Situation) -> tuple[str, ...]:
    match change:
        case RouteChange():
            return (f"Remove-NetRoute {_route(change, s)} -PolicyStore ActiveStore -Confirm:$false",)
        case RouteRemoval():
            metric = _windows.metric(change)
            return (f"New-NetRoute {_route(change, s)} -RouteMetric {metric} -PolicyStore ActiveStore",)
        case SwitchChange():
            memory = MEMORY.format(change.version)
            setting = f"Set-NetIPv{change.version}Protocol -IcmpRedirects (Get-Content {memory})"
            return (setting, f"Remove-Item {memory}")
        case NeighborFlush():
            return ()    # nothing is configured: the address is asked for again with the next packet
        case AddressRemoval():
            kept = f"(Import-Clixml {ADDRESS})"
            back = f"New-NetIPAddress -IPAddress {change.address} -PrefixLength {kept}.PrefixLength"
            return (f"{back} -InterfaceIndex {kept}.InterfaceIndex", f"Remove-Item {ADDRESS}")
        case _:
            raise ValueError(f"{NAME} cannot say {type(change).__name__}")


def _route(change: RouteChange | RouteRemoval, s: Situation) -> str:
    match change.next_hop:
        case Via(gateway=gateway):
            hop = str(gateway)
        case OnLink():
            hop = "0.0.0.0" if s.version == 4 else "::"    # noqa: S104 - Windows' word for on-link
    return f"-DestinationPrefix {change.destination} -InterfaceIndex {_index(s)} -NextHop {hop}"
