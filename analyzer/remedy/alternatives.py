"""The ways out by routes on the real server: one function per kind, a situation in, an alternative out.

A function returns ``None`` where its kind makes no sense here (no ports, no
halves of a /32), and an alternative with ``missing`` where only a fact is
missing.  What the commands do on a real kernel is recorded with the tests.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, collapse_addresses, ip_network

from analyzer.network.host import IPAddress, IPNetwork, OnLink, Via
from analyzer.remedy import caveats
from analyzer.remedy.alternative import Alternative, Kind
from analyzer.remedy.change import Change, RouteChange, SwitchChange
from analyzer.remedy.situation import Situation

Builder = Callable[[Situation], Alternative | None]

NO_BALANCER_ADDRESS = "the balancer's address on the servers' link"
NO_SUBNET = "the servers' subnet and its prefix length"

MOST_HOST_ROUTES = 64
"""More host routes than this are no remedy but a burden: the wider alternatives remain."""


def exactly(addresses: tuple[IPAddress, ...]) -> tuple[IPNetwork, ...]:
    """The fewest prefixes that hold these addresses and no other."""
    v4 = [IPv4Network(a) for a in addresses if isinstance(a, IPv4Address)]
    v6 = [IPv6Network(a) for a in addresses if isinstance(a, IPv6Address)]
    return (*collapse_addresses(v4), *collapse_addresses(v6))


def host_route_per_client(s: Situation) -> Alternative | None:
    """A host route through the balancer for each client that the fault hits."""
    clients = tuple(c for c in s.clients if c not in (s.real.address, s.balancer_inside))
    prefixes = exactly(clients)
    if not prefixes or len(prefixes) > MOST_HOST_ROUTES:
        return None
    hop = via_balancer(s)
    changes = tuple(RouteChange(p, hop) for p in prefixes) if hop else ()
    one = f"to {clients[0]}" if len(clients) == 1 else f"to each of the {len(clients)} clients"
    return Alternative(
        Kind.HOST_ROUTE_PER_CLIENT, f"Route {one} through the balancer", str(s.real.address),
        (*changes, *without_redirects(s)) if hop else (),
        why=f"A host route is longer than the connected route{_lan(s)} and wins whatever its metric. "
            + caveats.refused_form(s),
        caveats=(*caveats.for_destination_routes(s), "Every further client needs its own route."),
        blast=40 + min(len(prefixes), 9), missing=missing_facts(s),
    )


def two_halves(s: Situation) -> Alternative | None:
    """The servers' subnet as its two halves through the balancer; its connected route stays as it is."""
    if s.lan is not None and s.lan.prefixlen > s.lan.max_prefixlen - 2:
        return None
    hop = via_balancer(s)
    changes: tuple[Change, ...] = ()
    if hop and s.lan is not None:
        halves = tuple(RouteChange(half, hop) for half in s.lan.subnets())
        changes = (*_stay_direct(s), *halves, *without_redirects(s))
    return Alternative(
        Kind.TWO_HALVES, "Route the servers' subnet through the balancer, as two halves", str(s.real.address), changes,
        why="The halves are longer than the connected route and win whatever its metric, on every system; "
            "the connected route stays, so the balancer remains reachable as next hop. " + caveats.refused_form(s),
        caveats=(*caveats.for_destination_routes(s), *caveats.inferred_subnet(s)),
        blast=60, missing=missing_facts(s, subnet=True),
    )


def vendor_pair(s: Situation) -> Alternative | None:
    """The balancer vendors' recipe: host route to the balancer, then the subnet itself through it."""
    hop = via_balancer(s)
    changes: tuple[Change, ...] = ()
    if hop and s.lan is not None:
        # IPv6 has no list order to prepend to: metric 1 beats the connected route's 256
        subnet = RouteChange(s.lan, hop, how="prepend") if s.version == 4 else RouteChange(s.lan, hop, metric=1)
        changes = (RouteChange(ip_network(hop.gateway), OnLink(s.interface)), subnet, *without_redirects(s))
    return Alternative(
        Kind.VENDOR_PAIR, "The vendors' pair: host route to the balancer, subnet route through it",
        str(s.real.address), changes,
        why=caveats.pair_form(s),
        caveats=(*caveats.for_destination_routes(s), *caveats.inferred_subnet(s)),
        blast=65, missing=missing_facts(s, subnet=True),
    )


def default_gateway(s: Situation) -> Alternative | None:
    """Everything that leaves the link goes through the balancer; the old default route stays below."""
    hop = via_balancer(s)
    changes: tuple[Change, ...] = ()
    if hop:
        whole = ip_network("0.0.0.0/0" if s.version == 4 else "::/0")
        changes = (*(RouteChange(half, hop) for half in whole.subnets()), *without_redirects(s))
    return Alternative(
        Kind.DEFAULT_GATEWAY, "Make the balancer the way out for everything off the link", str(s.real.address), changes,
        why="Two half-default routes are longer than the default route and win whatever its metric, "
            "also after a DHCP renewal; the old default stays in the table, so undoing needs no memory of it. "
            "To keep it for good, set the default gateway itself.",
        caveats=(caveats.ALL_EGRESS, *caveats.common(s), caveats.GONE_AFTER_LINK_DOWN),
        blast=80, missing=missing_facts(s),
    )


def redirects_off(s: Situation) -> Alternative | None:
    """The server no longer learns short cuts from ICMP or ND redirects, and forgets those it has."""
    return Alternative(
        Kind.REDIRECTS_OFF, "Ignore redirects on the server", str(s.real.address),
        (SwitchChange("accept_redirects", 0, s.interface, s.version),),
        why="A redirect has taught the server the direct way to the client. Turning them off later does not clear what "
            "was learnt, so the cache is flushed as well" + (
                "; the kernel obeys if either the interface's or the 'all' key allows it, so both are set."
                if s.version == 4 else "; for IPv6 the interface's key alone decides."),
        caveats=("Routes that the server knows only from redirects of other routers are forgotten too.",
                 *caveats.common(s)),
        blast=10,
    )


def rp_filter(s: Situation) -> Alternative | None:
    """The reverse path filter accepts any source that has a route at all."""
    if s.version == 6:
        return None   # Linux has no rp_filter switch for IPv6
    return Alternative(
        Kind.RP_FILTER, "Loosen the reverse path filter on the server", str(s.real.address),
        (SwitchChange("rp_filter", 2, s.interface, 4),),
        why="Effective is the larger of the interface's and the 'all' value; 2 accepts a packet whose source has a "
            "route through any interface, 1 only through the interface that it came in on.",
        caveats=("The packet is let in, its reply still takes the other way: send it back by a source rule as well.",
                 *caveats.common(s)),
        blast=15,
    )


def via_balancer(s: Situation) -> Via | None:
    """The balancer as next hop; a link-local one needs its interface (RFC 4007 §6)."""
    gateway = s.balancer_inside
    if gateway is None or gateway.version != s.version:
        return None
    needs_device = isinstance(gateway, IPv6Address) and gateway.is_link_local
    return Via(gateway, s.interface if needs_device else "")


def without_redirects(s: Situation) -> tuple[Change, ...]:
    """Part of every remedy by routes: one redirect undoes it for five minutes, in IPv6 during the first connection.

    The last change, because it also flushes what was learnt so far.
    """
    keys = [f"net.ipv{s.version}.conf.{s.interface}.accept_redirects"]
    if s.version == 4:
        keys.append("net.ipv4.conf.all.accept_redirects")
    if s.interface and all(s.switch(key) == "0" for key in keys):
        return ()
    return (SwitchChange("accept_redirects", 0, s.interface, s.version),)


def _stay_direct(s: Situation) -> tuple[Change, ...]:
    """Host routes for those who must stay reachable without the detour: the balancer, its sibling servers."""
    assert s.balancer_inside is not None
    neighbors = (s.balancer_inside, *(a for a in s.other_reals if a not in s.clients and a != s.real.address))
    on_link = (a for a in neighbors if a.version == s.version and s.lan is not None and a in s.lan)
    return tuple(RouteChange(ip_network(a), OnLink(s.interface)) for a in dict.fromkeys(on_link))


def missing_facts(s: Situation, *, subnet: bool = False) -> tuple[str, ...]:
    """The facts that no route can be said without; ``subnet`` where the servers' subnet is one of them."""
    missing = [] if via_balancer(s) else [NO_BALANCER_ADDRESS]
    if subnet and s.lan is None:
        missing.append(NO_SUBNET)
    return tuple(missing)


def _lan(s: Situation) -> str:
    return f" {s.lan}" if s.lan is not None else ""
