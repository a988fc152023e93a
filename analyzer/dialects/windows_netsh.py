"""Windows, ``netsh interface`` (Windows Vista and later), for an elevated cmd.exe.

Grammar: ``add route [prefix=]ADDRESS/LENGTH [interface=]NAME|INDEX [[nexthop=]ADDRESS]
... [[metric=]N] ... [[store=]active|persistent]``.  It wants the interface, so its
index is looked up in the same line.  No command here was run by us on Windows.
"""

from __future__ import annotations

from analyzer.diagnose.finding import DeadMan
from analyzer.dialects import _windows, windows_route
from analyzer.network.host import OnLink, System, Via
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import Change, NeighborFlush, RouteChange, RouteRemoval, SwitchChange
from analyzer.remedy.situation import Situation

NAME = "windows-netsh"
TITLE = "Windows (netsh)"
SYSTEM = System.WINDOWS
AT_BALANCER = False
PERSISTENT = False
LEADS: tuple[type, ...] = ()
EXECUTED = False


def speaks(change: Change) -> bool:
    """Routes of the one table, the switch for redirects, a neighbour."""
    return _windows.speaks(change) or isinstance(change, NeighborFlush)


def commands(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Apply every change to the active store; said twice, a route is refused the second time."""
    return tuple(line for c in alternative.changes for line in _apply(c, situation, "active"))


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Take every change back, in reverse."""
    return tuple(line for c in reversed(alternative.changes) for line in _take_back(c, situation))


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """As for route.exe."""
    return windows_route.check(alternative, situation)


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """As for route.exe."""
    return windows_route.verify(alternative, situation)


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The same routes in the persistent store, which the next start reads."""
    routes = [c for c in alternative.changes if isinstance(c, RouteChange)]
    return tuple(line for c in routes for line in _apply(c, situation, "persistent"))


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """Not in one line: the look-up of the index needs the interactive shell."""
    del undo
    return None


def _with_index(s: Situation, words: str) -> str:
    find = f"(Get-NetIPAddress -IPAddress {s.real.address}).InterfaceIndex"
    return f"for /f %i in ('powershell -NoProfile -Command \"{find}\"') do netsh interface ipv{s.version} {words}"


def _apply(change: Change, s: Situation, store: str) -> tuple[str, ...]:
    match change:
        case RouteChange():
            metric = f"metric={_windows.metric(change)}"
            return (_with_index(s, f"add route {_route(change)} {metric} store={store}"),)
        case RouteRemoval():
            return (_with_index(s, f"delete route {_route(change)} store=active"),)
        case SwitchChange():
            return (f"netsh interface ipv{change.version} set global icmpredirects=disabled store=active",)
        case NeighborFlush():
            return (_with_index(s, f"delete neighbors %i {change.address}"),)
        case _:
            raise ValueError(f"{NAME} cannot say {type(change).__name__}")


def _take_back(change: Change, s: Situation) -> tuple[str, ...]:
    match change:
        case RouteChange():
            return (_with_index(s, f"delete route {_route(change)} store=active"),)
        case RouteRemoval():
            return (_with_index(s, f"add route {_route(change)} metric={_windows.metric(change)} store=active"),)
        case SwitchChange():
            return (f"netsh interface ipv{change.version} set global icmpredirects=enabled store=active",
                    "rem only if the check showed them enabled before; that is how Windows is delivered")
        case _:
            return ()


def _route(change: RouteChange | RouteRemoval) -> str:
    match change.next_hop:
        case Via(gateway=gateway):
            return f"prefix={change.destination} interface=%i nexthop={gateway}"
        case OnLink():
            return f"prefix={change.destination} interface=%i"
