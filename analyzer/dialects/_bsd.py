"""What FreeBSD's and macOS's ``route`` share: ``route [-n] add|delete [-inet|-inet6] [-net|-host] ...`` (route(8)).

Both reject a second route for the connected prefix, so the vendors' pair cannot
be said; halves and host routes can.
"""

from __future__ import annotations

from analyzer.diagnose.finding import DeadMan
from analyzer.network.host import OnLink, Via
from analyzer.remedy.change import Change, NeighborFlush, RouteChange, RouteRemoval, SwitchChange
from analyzer.remedy.situation import Situation

MOST_CLIENTS_SHOWN = 3
TRIAL_SECONDS = 120


def speaks(change: Change) -> bool:
    """Routes of the one table that are longer than the connected one, the redirect switch, a neighbour."""
    match change:
        case RouteChange():
            return change.table is None and change.how == "add" and change.metric is None
        case RouteRemoval():
            return isinstance(change.next_hop, Via)
        case SwitchChange():
            return change.switch == "accept_redirects"
        case NeighborFlush():
            return True
        case _:
            return False


def holder(s: Situation) -> str:
    """The interface that holds the server's address: its name, or its look-up."""
    if s.interface:
        return s.interface
    family = "inet6" if s.version == 6 else "inet"
    found = f'/^[a-z]/{{sub(":","",$1); name=$1}} $1=="{family}" && $2=="{s.real.address}"{{print name}}'
    return f"\"$(ifconfig | awk '{found}')\""


def route(verb: str, change: RouteChange | RouteRemoval, s: Situation) -> str:
    """Add or delete one route, in the manual page's words."""
    net = change.destination
    family = "-inet6 " if net.version == 6 else ""
    what = f"-host {net.network_address}" if net.prefixlen == net.max_prefixlen else f"-net {net}"
    match change.next_hop:
        case Via(gateway=gateway):
            zone = f"%{holder(s)}" if gateway.is_link_local else ""
            way = f"{gateway}{zone}"
        case OnLink():
            way = f"-interface {holder(s)}"
    return f"route {verb} {family}{what} {way}"


def asked(s: Situation) -> tuple[str, ...]:
    """The next hop for each client."""
    family = "-inet6 " if s.version == 6 else ""
    return tuple(f"route -n get {family}{client}" for client in s.clients[:MOST_CLIENTS_SHOWN])


def forget(change: NeighborFlush) -> str:
    """Delete one entry of the neighbour cache (arp(8), ndp(8))."""
    return f"ndp -d {change.address}" if change.address.version == 6 else f"arp -d {change.address}"


PID = "/var/run/replypath-undo.pid"


def in_two_minutes(undo: tuple[str, ...], sudo: str = "") -> DeadMan:
    """A background shell takes the change back unless it is killed; it outlives the terminal (no at, no timer)."""
    said = "; ".join(undo).replace("'", "'\\''")
    waiting = f'(trap "" HUP; sleep {TRIAL_SECONDS}; {said})'
    return DeadMan(f"{sudo}sh -c '{waiting} > /dev/null 2>&1 & echo $! > {PID}'", f'{sudo}kill "$(cat {PID})"')
