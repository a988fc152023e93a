"""Facts about a host (``network.host.Host``) -> the same host on the bench.

What the facts say is built as they say it: addresses in their order, each route
with its metric, table, protocol and source, policy rules, neighbours, switches.
What the kernel adds by itself (connected routes, the local table, the three
standard rules) is left to it - except where a routing table that was given
whole does not have the connected route: then the address is added without one.
What cannot be built here is named, not dropped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address

from analyzer.kernel import topology
from analyzer.network.host import (
    LOCAL_TABLE,
    MAIN_TABLE,
    Host,
    Interface,
    IPInterface,
    IPNetwork,
    OnLink,
    Route,
    RouteType,
    Rule,
    Via,
)

_SWITCH = re.compile(
    r"net\.ipv[46]\.conf\.[^.]+\."
    r"(rp_filter|[a-z]*_redirects|shared_media|arp_[a-z]*|accept_local|forwarding|route_localnet|src_valid_mark)\Z"
    r"|net\.ipv4\.(ip_forward|fib_multipath_hash_policy)\Z|net\.netfilter\.nf_conntrack_tcp_(loose|be_liberal)\Z"
)
"""Switches that decide where a packet goes; others are not copied from a host to the bench."""

_STANDARD_RULES = {(0, LOCAL_TABLE), (32766, MAIN_TABLE), (32767, 253)}

_KERNEL = "kernel"


@dataclass(frozen=True, slots=True)
class Built:
    """The host for the bench, and what of the facts it does not have (one sentence each)."""

    host: topology.Host
    left_out: tuple[str, ...]


def bench_host(
    host: Host,
    links: Mapping[str, str],
    *,
    name: str = "",
    nft: str = "",
    listeners: tuple[topology.Listener, ...] = (),
) -> Built:
    """The host as the bench builds it.

    ``links`` says on which link each interface is; an interface that it does
    not name is left out, with everything that needs it.  ``name`` replaces a
    host name that the bench does not take.
    """
    kept = [i for i in host.interfaces if i.name in links]
    left_out = [f"{host.name}: {i.name} is on no link" for i in host.interfaces if i.name not in (*links, "lo")]
    routes, beside = [], []
    for route in sorted(host.routes, key=_gateways_last):
        if route.table == LOCAL_TABLE or _is_connected(route, kept):
            continue
        text = route_text(route)
        if {hop.interface for hop in route.next_hops} - {"", "lo", *(i.name for i in kept)}:
            left_out.append(f"{host.name}: the route {text} leaves by an interface that is on no link")
        elif (verb := _verb(route, host.routes)) == "add":
            routes.append(text)
        else:
            beside.append(f"ip route {verb} {text}")
    switches = {key.replace("/", "."): value.strip() for key, value in host.sysctls.items()}
    names = {"all", "default", *(i.name for i in kept)}
    built = topology.Host(
        name or host.name,
        tuple(_interface(host, i, links[i.name]) for i in kept),
        routes=tuple(routes),
        rules=tuple(map(rule_text, _own_rules(host.rules))),
        neighbors=tuple(
            f"{n.address} lladdr {n.mac} dev {n.interface} nud stale"
            for n in host.neighbors
            if n.mac and n.interface in links
        ),
        # ip_forward first: writing it sets other switches (accept_redirects), which the facts then set as they were.
        sysctls=dict(sorted(_switches(switches, names).items(), key=lambda item: ("forward" not in item[0], item[0]))),
        nft=nft,
        listeners=listeners,
        commands=(*beside, *(f"ip link set {i.name} down" for i in kept if not i.up)),
    )
    return Built(built, tuple(left_out))


def _switches(values: Mapping[str, str], names: set[str]) -> dict[str, str | int]:
    return {
        key: value
        for key, value in values.items()
        if _SWITCH.match(key) and (".conf." not in key or key.split(".")[3] in names)
    }


def _interface(host: Host, interface: Interface, link: str) -> topology.Interface:
    addresses = []
    for address in interface.addresses:
        if str(address.ip) == _own_link_local(interface.mac):
            continue                    # the kernel makes it
        plain = "routes" in host.complete and not _has_connected(host, interface, address)
        metric = f" metric {interface.metric}" if interface.metric is not None and not plain else ""
        addresses.append(f"{address}{' noprefixroute' if plain else metric}")
    return topology.Interface(interface.name, link, tuple(addresses), interface.mac, interface.mtu)


def _own_link_local(mac: str) -> str:
    """The address that the kernel makes from a MAC (RFC 4291, appendix A)."""
    if not mac:
        return ""
    octets = bytes.fromhex(mac.replace(":", ""))
    identifier = bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return str(IPv6Address(b"\xfe\x80" + bytes(6) + identifier))


def _has_connected(host: Host, interface: Interface, address: IPInterface) -> bool:
    if address.network.prefixlen == address.max_prefixlen:
        return True                     # a host address has no connected route in IPv4
    return any(
        route.destination == address.network and route.next_hops == (OnLink(interface.name),) for route in host.routes
    )


def _is_connected(route: Route, interfaces: list[Interface]) -> bool:
    """Whether the kernel makes this route from an address by itself."""
    if route.protocol != _KERNEL:
        return False
    if route.destination.version == 6 and route.destination.is_link_local:
        return True
    return any(
        route.next_hops == (OnLink(i.name),) and any(a.network == route.destination for a in i.addresses)
        for i in interfaces
    )


def _verb(route: Route, routes: tuple[Route, ...]) -> str:
    """``add``, unless the kernel's own connected route is of the same prefix, tos and metric: then before or behind it.

    (IPv4 only: IPv6 keeps no order among equals.)
    """
    same = [r for r in routes if (r.destination, r.tos, r.metric, r.table) == _identity(route)]
    connected = next((index for index, r in enumerate(same) if r.protocol == _KERNEL and r is not route), None)
    if route.destination.version == 6 or connected is None:
        return "add"
    return "prepend" if same.index(route) < connected else "append"


def _identity(route: Route) -> tuple[IPNetwork, int, int, int]:
    return route.destination, route.tos, route.metric, route.table


def _gateways_last(route: Route) -> tuple[bool, int]:
    """A gateway must be on link when its route is added, so routes without one come first; else the table's order."""
    gateway = any(isinstance(hop, Via) and not hop.onlink for hop in route.next_hops)
    return gateway, -route.destination.prefixlen if gateway else 0


def route_text(route: Route) -> str:
    """What follows ``ip route add``: the route with all that tells it from another."""
    parts = [] if route.type is RouteType.UNICAST else [str(route.type)]
    parts.append(str(route.destination))
    if len(route.next_hops) == 1:
        parts.append(_hop(route.next_hops[0]))
    else:
        parts += [f"nexthop {_hop(hop)}" for hop in route.next_hops]
    for word, value in (
        ("proto", route.protocol),
        ("scope", route.scope if route.next_hops and route.scope != "global" else ""),
        ("src", route.source),
        ("metric", route.metric or ""),
        ("tos", hex(route.tos) if route.tos else ""),
        ("mtu", route.mtu),
        ("table", "" if route.table == MAIN_TABLE else route.table),
    ):
        if value not in (None, ""):
            parts.append(f"{word} {value}")
    return " ".join(parts)


def _hop(hop: OnLink | Via) -> str:
    match hop:
        case OnLink(interface):
            return f"dev {interface}"
        case Via(gateway, interface, onlink):
            return f"via {gateway}{f' dev {interface}' if interface else ''}{' onlink' if onlink else ''}"


def _own_rules(rules: tuple[Rule, ...]) -> list[Rule]:
    return [rule for rule in rules if (rule.priority, rule.table) not in _STANDARD_RULES]


def rule_text(rule: Rule) -> str:
    """What follows ``ip rule add``."""
    parts = [f"pref {rule.priority}"] + (["not"] if rule.inverted else [])
    parts.append(f"from {rule.source if rule.source is not None else 'all'}")
    for word, value in (
        ("to", rule.destination),
        ("iif", rule.incoming),
        ("oif", rule.outgoing),
        ("fwmark", None if rule.mark is None else f"{rule.mark:#x}/{rule.mask:#x}"),
        ("ipproto", rule.ip_protocol),
        ("sport", _ports(rule.source_ports)),
        ("dport", _ports(rule.destination_ports)),
        ("tos", None if rule.tos is None else hex(rule.tos)),
    ):
        if value is not None:
            parts.append(f"{word} {value}")
    return " ".join([*parts, f"lookup {rule.table}"])


def _ports(ports: tuple[int, int] | None) -> str | None:
    if ports is None:
        return None
    first, last = ports
    return str(first) if first == last else f"{first}-{last}"
