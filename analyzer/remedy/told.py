"""What hosts' facts and routers' messages tell of a fault: the route that draws replies away, the path's MTU."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as Dict

from analyzer.diagnose.evidence import Evidence
from analyzer.diagnose.finding import Cause
from analyzer.network.host import MAIN_TABLE, Host, IPAddress, Route, RouteType, Via

LEAST_MTU = {4: 576, 6: 1280}
"""Octets that every link carries (RFC 791 §3.1 for what every host takes, RFC 8200 §5); less is a mistake."""

USUAL_MTU = 1500
"""Of Ethernet: only a narrower link is one that packets may not fit through."""


def offending_route(
    cause: Cause, server: Host | None, clients: Iterable[IPAddress], balancer: IPAddress | None,
) -> Route | None:
    """The server's route that the replies take where they should not; ``None`` where its table was not given.

    For a more specific route: the best one for a client, if it leads past the
    balancer and is no default route.  For replies that are bent through the
    balancer: the best one, if it leads there.
    """
    if server is None or cause not in (Cause.MORE_SPECIFIC_ROUTE, Cause.DETOUR_DROPPED):
        return None
    for client in clients:
        best = _best(server, client)
        hop = best.next_hops[0] if best is not None and len(best.next_hops) == 1 else None
        if best is not None and isinstance(hop, Via):
            through_balancer = hop.gateway == balancer
            if through_balancer is (cause is Cause.DETOUR_DROPPED) and (through_balancer or best.destination.prefixlen):
                return best
    return None


def _best(host: Host, address: IPAddress) -> Route | None:
    """Longest prefix, then lowest metric, then the first (KERNEL 2)."""
    matching = (r for r in host.routes
                if r.table == MAIN_TABLE and r.type is RouteType.UNICAST and address in r.destination)
    return min(matching, key=lambda r: (-r.destination.prefixlen, r.metric), default=None)


def path_mtu(
    cause: Cause, clients: tuple[IPAddress, ...], server: Host | None, hosts: Dict[str, Host], evidence: Evidence,
) -> tuple[int | None, str]:
    """The MTU of the path to the clients and who told it: a router's message, or the facts of a host in between."""
    if cause is not Cause.MTU:
        return None, ""
    ids = [evidence.book.intern(client.packed) for client in clients]
    told = evidence.rows(
        "SELECT mtu, src FROM icmp WHERE mtu >= ? AND (quote_dst IN (SELECT unnest(?::UINTEGER[])) "
        "OR quote_src IN (SELECT unnest(?::UINTEGER[]))) ORDER BY mtu, src LIMIT 1",
        [LEAST_MTU[clients[0].version], ids, ids],
    )
    if told:
        return int(told[0]["mtu"]), f"what {evidence.book.text(int(told[0]['src']))} said in an ICMP message"
    narrow = [(each.mtu, name) for name, host in sorted(hosts.items()) if host is not server
              for each in host.interfaces if LEAST_MTU[clients[0].version] <= each.mtu < USUAL_MTU]
    if narrow:
        return min(narrow)[0], "the narrowest interface in the facts of the hosts that were given"
    return None, ""
