"""The ways out by policy on the real server: what the main table says stays as it is, replies ask another one.

A rule by port or source cannot tell a direct connection from a balanced one; a
mark by the balancer's MAC can (KERNEL 1).
"""

from __future__ import annotations

from ipaddress import ip_network

from analyzer.balance.mapping import Protocol
from analyzer.diagnose.finding import Cause
from analyzer.network.host import IPNetwork, OnLink, Via
from analyzer.remedy import caveats
from analyzer.remedy.alternative import Alternative, Kind
from analyzer.remedy.alternatives import missing_facts, via_balancer, without_redirects
from analyzer.remedy.change import Change, MarkByMac, RouteChange, RuleChange
from analyzer.remedy.numbering import Numbers, numbers_for
from analyzer.remedy.situation import Situation

NO_BALANCER_MAC = "the balancer's MAC address on the servers' link"


def port_rule(s: Situation) -> Alternative | None:
    """Replies of this service, known by their source port, take a routing table of their own."""
    port = s.real.port or (s.virtual.port if s.virtual is not None else 0)
    if s.protocol is Protocol.ICMP or not port:
        return None
    n = numbers_for(s)
    rule = RuleChange(s.real.address, n.table, n.priority, "tcp" if s.protocol is Protocol.TCP else "udp", port)
    return Alternative(
        Kind.PORT_RULE, f"Send the replies of {s.protocol}/{port} through the balancer, by their source port",
        str(s.real.address), _ruled(s, rule, n),
        why="A policy rule comes before the main table, so neither the connected route nor the default route is asked; "
            "other services of this server keep their way.",
        caveats=(f"Direct connections to port {port} of this server, past the balancer, are answered through it too: "
                 "a balancer that drops what it has not seen (conntrack state INVALID) cuts them." + caveats.seen(s),
                 *caveats.common(s), caveats.GONE_AFTER_LINK_DOWN),
        blast=30, missing=missing_facts(s),
    )


def source_rule(s: Situation) -> Alternative | None:
    """All that leaves with the real server's address takes a routing table of its own."""
    n = numbers_for(s)
    return Alternative(
        Kind.SOURCE_RULE, f"Send all that {s.real.address} answers through the balancer, by its source address",
        str(s.real.address), _ruled(s, RuleChange(s.real.address, n.table, n.priority), n),
        why="What came in to this address goes out by the way that belongs to it, whatever the main table says; "
            "this also satisfies a strict reverse path filter.",
        caveats=(f"Every service on {s.real.address} answers through the balancer, ssh included; one that drops what "
                 "it has not seen (conntrack state INVALID) cuts direct connections." + caveats.seen(s),
                 *caveats.common(s), caveats.GONE_AFTER_LINK_DOWN),
        blast=50, missing=missing_facts(s),
    )


def connection_mark(s: Situation) -> Alternative | None:
    """Connections whose first packet came from the balancer's MAC are answered through the balancer, no others."""
    n = numbers_for(s)
    missing = (*missing_facts(s), *((NO_BALANCER_MAC,) if not s.balancer_macs else ()))
    hop = via_balancer(s)
    changes: tuple[Change, ...] = ()
    if hop and not missing:
        changes = (
            *_on_link_first(s, hop),
            RouteChange(_everything(s), hop, table=n.table),
            MarkByMac(s.interface, s.balancer_macs, n.mark, n.table, n.priority),
            *without_redirects(s),
        )
    return Alternative(
        Kind.CONNECTION_MARK, "Answer through the balancer what came through the balancer, by connection mark",
        str(s.real.address), changes,
        why="The first packet of a connection shows by its source MAC whether the balancer sent it; only those "
            "connections are routed back through it. The clients' addresses stay visible, direct connections stay "
            "direct.",
        caveats=(*caveats.for_marks(s), *caveats.common(s), caveats.GONE_AFTER_LINK_DOWN),
        blast=20, missing=missing,
    )


def _everything(s: Situation) -> IPNetwork:
    return ip_network("0.0.0.0/0" if s.version == 4 else "::/0")


def _ruled(s: Situation, rule: RuleChange, n: Numbers) -> tuple[Change, ...]:
    hop = via_balancer(s)
    if hop is None:
        return ()
    return (*_on_link_first(s, hop), RouteChange(_everything(s), hop, table=n.table), rule, *without_redirects(s))


def _on_link_first(s: Situation, hop: Via) -> tuple[Change, ...]:
    """A host route to the balancer, where one through it is there already that may cover the balancer itself.

    IPv6 refuses a next hop whose best route has a next hop ("No route to host");
    IPv4 looks at all routes that match, and takes it.
    """
    bent = s.cause in (Cause.ICMP_REDIRECT, Cause.DETOUR_DROPPED)
    if s.version == 4 or not bent or hop.gateway.is_link_local:
        return ()
    return (RouteChange(ip_network(hop.gateway), OnLink(s.interface)),)
