"""What the host's own table makes of our changes: the refusal that would come is foreseen, not discovered.

Two routes with one prefix and one metric are one too many (``File exists``).
Where the table that was given shows the first, it is taken away before ours is
added - or ours is left out, because it is there.  And a route that is longer
than ours wins over it: then ours is accepted and does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.network.host import MAIN_TABLE, Host, IPAddress, NextHop, OnLink, Route, RouteType, Via
from analyzer.remedy.change import ROUTE_PROTOCOLS, Change, MarkByMac, RouteChange, RouteRemoval, RuleChange
from analyzer.remedy.situation import interface_or_unknown

DEFAULT_METRIC = {4: 0, 6: 1024}
"""What ``ip route add`` gives a route without a metric (KERNEL 2 and 9)."""


def foreseen(changes: tuple[Change, ...], host: Host | None) -> tuple[Change, ...]:
    """``changes`` as they must be said on this host; the same where its table is not known."""
    if host is None:
        return changes
    return tuple(said for change in changes for said in _said(change, host))


def outweighed(changes: tuple[Change, ...], host: Host | None, clients: tuple[IPAddress, ...]) -> bool:
    """Whether the table that was given holds a better route to some client than those that ``changes`` add.

    Order: longest prefix, then lowest metric (KERNEL 2); what we put in front
    wins among equals.  Rules and marks come before the table, and are not meant.
    """
    if host is None or any(isinstance(c, RuleChange | MarkByMac) for c in changes):
        return False
    ours = [c for c in changes if isinstance(c, RouteChange) and c.table is None and isinstance(c.next_hop, Via)]
    gone = {(c.destination, c.metric or 0) for c in changes if isinstance(c, RouteRemoval)}
    theirs = [r for r in host.routes if r.table == MAIN_TABLE and (r.destination, r.metric) not in gone]
    return bool(ours) and any(_better(client, theirs, ours) for client in clients)


def _better(client: IPAddress, theirs: list[Route], ours: list[RouteChange]) -> bool:
    mine = min(((-c.destination.prefixlen, _metric(c)) for c in ours if client in c.destination), default=None)
    best = min(((-r.destination.prefixlen, r.metric) for r in theirs if client in r.destination), default=None)
    return mine is not None and best is not None and best < mine


def _metric(change: RouteChange) -> int:
    return DEFAULT_METRIC[change.destination.version] if change.metric is None else change.metric


def _said(change: Change, host: Host) -> Iterator[Change]:
    if not isinstance(change, RouteChange) or change.table is not None or change.how != "add":
        yield change
        return
    twin = _twin(change, host)
    if twin is None:
        yield change
        return
    hop = _printable(twin.next_hops[0])
    if _same(hop, change.next_hop):
        return
    yield removal(twin, hop)
    yield change


def removal(route: Route, hop: NextHop) -> RouteRemoval:
    """The removal of a route that a host printed, with what can be printed of it."""
    protocol = route.protocol if route.protocol in ROUTE_PROTOCOLS else ""
    scoped = getattr(route.source, "scope_id", None) is not None
    return RouteRemoval(route.destination, hop, route.metric or None, protocol, None if scoped else route.source)


def _twin(change: RouteChange, host: Host) -> Route | None:
    """The route of the main table that has our prefix and our metric; only with a single next hop can we replace it."""
    metric = _metric(change)
    twins = (
        r for r in host.routes
        if (r.destination, r.metric, r.table, r.tos) == (change.destination, metric, MAIN_TABLE, 0)
        and r.type is RouteType.UNICAST and len(r.next_hops) == 1
    )
    return next(twins, None)


def _printable(hop: NextHop) -> NextHop:
    match hop:
        case OnLink(interface=name):
            return OnLink(interface_or_unknown(name))
        case Via(gateway=gateway, interface=name, onlink=onlink):
            return Via(gateway, interface_or_unknown(name), onlink)


def _same(there: NextHop, ours: NextHop) -> bool:
    match there, ours:
        case Via(gateway=a), Via(gateway=b):
            return a == b
        case OnLink(interface=a), OnLink(interface=b):
            return a == b or not b
        case _:
            return False
