"""A route that somebody asks for, and the checks that the kernel makes before it lets it in.

The order of the checks is the kernel's, because the first one that fails is the
message that the user reads: prefix, type, next hop, preferred source, and only
then whether such a route exists already (KERNEL facts, sections 2, 3, 9).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_network

from analyzer.network.host import LOCAL_TABLE, MAIN_TABLE, IPAddress, RouteType
from analyzer.network.routing.fib import DROPPING, Entry, Errno, Hop, Refusal, Scope, Verb
from analyzer.network.routing.lookup import Match, Query, in_table, look_up
from analyzer.network.routing.tables import insert
from analyzer.network.stack import LOOPBACK, Stack

DEFAULT_METRIC6 = 1024


@dataclass(frozen=True, slots=True)
class AskedHop:
    """A next hop as typed; empty and None mean "not said"."""

    gateway: IPAddress | None = None
    interface: str = ""
    onlink: bool = False
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Asked:
    """A route as typed.  ``address`` keeps its host bits: IPv4 refuses them.  ``scope`` None is the tool's default."""

    address: IPAddress
    length: int
    hops: tuple[AskedHop, ...] = ()
    metric: int = 0
    type: RouteType | None = None
    protocol: str = ""
    scope: Scope | None = None
    source: IPAddress | None = None
    tos: int = 0
    table: int | None = None
    mtu: int | None = None

    @property
    def family(self) -> int:
        """4 or 6."""
        return self.address.version

    @property
    def host_bits(self) -> bool:
        """Whether the address has bits set behind the prefix: IPv4 refuses that, IPv6 masks them."""
        return int(self.address) & ((1 << (self.address.max_prefixlen - self.length)) - 1) != 0

    @property
    def number(self) -> int:
        """The table that the route goes to where none was named."""
        local = self.type in (RouteType.LOCAL, RouteType.BROADCAST, RouteType.ANYCAST)
        return self.table or (LOCAL_TABLE if local else MAIN_TABLE)


BAD_PREFIX = Refusal(Errno.EINVAL, "Invalid prefix for given prefix length")
BAD_GATEWAY = Refusal(Errno.EINVAL, "Nexthop has invalid gateway")
NOT_UP = Refusal(Errno.ENETDOWN, "Device for nexthop is not up")


def install(stack: Stack, asked: Asked, verb: Verb) -> Refusal | None:
    """Insert what was asked for, or say in the kernel's words why not."""
    if asked.family == 6:
        return _install6(stack, asked, verb)
    if asked.host_bits:
        return BAD_PREFIX
    table = stack.table(4, asked.number)      # the table comes into being even if the route is refused
    entry = _entry4(stack, asked)
    if isinstance(entry, Refusal):
        return entry
    refused = insert(table, entry, verb)
    if refused is None and entry.type is RouteType.LOCAL:
        stack.custom_local = True
    return refused


def _entry4(stack: Stack, asked: Asked) -> Entry | Refusal:
    kind = asked.type or RouteType.UNICAST
    scope = asked.scope if asked.scope is not None else _default_scope(asked, kind)
    entry = Entry(
        ip_network((asked.address, asked.length)), (), asked.metric, kind, asked.protocol or "boot", scope,
        asked.source, asked.tos, asked.mtu,
    )
    if asked.tos & 0x03:
        return Refusal(Errno.EINVAL, "Invalid dsfield (tos): ECN bits must be 0")
    nearest = {RouteType.LOCAL: Scope.HOST, RouteType.BROADCAST: Scope.LINK, RouteType.ANYCAST: Scope.LINK}
    if scope < nearest.get(kind, Scope.UNIVERSE):
        return Refusal(Errno.EINVAL, "Invalid scope")
    if kind in DROPPING:
        if asked.hops:
            return Refusal(Errno.EINVAL, "Gateway, device and multipath can not be specified for this route type")
        return entry
    hops: list[Hop] = []
    for each in asked.hops or (AskedHop(),):
        hop = _host_scope_hop(stack, each) if scope == Scope.HOST else _hop4(stack, each, asked.table or 0, scope)
        if isinstance(hop, Refusal):
            return hop
        hops.append(hop)
    of_itself = kind is RouteType.LOCAL and asked.source == asked.address
    if asked.source is not None and not of_itself and not stack.owns(asked.source):
        return Refusal(Errno.EINVAL, "Invalid prefsrc address")
    return replace(entry, hops=tuple(hops))


def _default_scope(asked: Asked, kind: RouteType) -> Scope:
    """What ip-route(8) fills in: the nearest scope that the type and the next hop allow."""
    if kind is RouteType.LOCAL:
        return Scope.HOST
    if kind in (RouteType.BROADCAST, RouteType.MULTICAST, RouteType.ANYCAST):
        return Scope.LINK
    if kind is RouteType.UNICAST and len(asked.hops) < 2 and not any(hop.gateway is not None for hop in asked.hops):
        return Scope.LINK
    return Scope.UNIVERSE


def _host_scope_hop(stack: Stack, asked: AskedHop) -> Hop | Refusal:
    if asked.gateway is not None:
        return Refusal(Errno.EINVAL, "Route with host scope can not have a gateway")
    if asked.interface not in stack.ports:
        return Refusal(Errno.ENODEV)
    return Hop(asked.interface, scope=Scope.NOWHERE)


def _hop4(
    stack: Stack, asked: AskedHop, table: int, scope: Scope
) -> Hop | Refusal:
    if asked.gateway is None or int(asked.gateway) == 0:
        return _device_hop(stack, asked)
    if scope >= Scope.HOST:
        return Refusal(Errno.EINVAL, "Nexthop has invalid scope")
    if asked.onlink:
        return _onlink_hop(stack, asked)
    nearer = Scope.HOST if scope == Scope.LINK else Scope.LINK
    query = Query(asked.gateway, outgoing=asked.interface, scope=nearer)
    found = in_table(stack, table, query) if table not in (0, MAIN_TABLE) else None
    if not isinstance(found, Match):
        found = look_up(stack, query)
    if isinstance(found, Errno):
        return replace(BAD_GATEWAY, errno=found)
    if found.entry.type not in (RouteType.UNICAST, RouteType.LOCAL):
        return BAD_GATEWAY
    port = stack.ports.get(found.hop.interface)
    if port is None or not port.up:
        return Refusal(Errno.ENETDOWN)
    return Hop(port.name, asked.gateway, found.entry.scope, weight=asked.weight)


def _device_hop(stack: Stack, asked: AskedHop) -> Hop | Refusal:
    port = stack.ports.get(asked.interface)
    if asked.onlink:
        return Refusal(Errno.EINVAL, "Invalid flags for nexthop - PERVASIVE and ONLINK can not be set")
    if port is None:
        return Refusal(Errno.ENODEV)
    return Hop(port.name, weight=asked.weight) if port.up else NOT_UP


def _onlink_hop(stack: Stack, asked: AskedHop) -> Hop | Refusal:
    assert isinstance(asked.gateway, IPv4Address)
    port = stack.ports.get(asked.interface)
    if port is None:
        return Refusal(Errno.ENODEV, "Nexthop device required for onlink")
    if not port.up:
        return Refusal(Errno.ENETDOWN, "Nexthop device is not up")
    found = in_table(stack, LOCAL_TABLE, Query(asked.gateway))
    if isinstance(found, Match) or asked.gateway.is_multicast:
        return BAD_GATEWAY
    return Hop(port.name, asked.gateway, Scope.LINK, onlink=True, weight=asked.weight)


def _install6(stack: Stack, asked: Asked, verb: Verb) -> Refusal | None:
    """IPv6 installs a multipath route hop by hop: the first by ``verb``, the others behind it."""
    table = stack.table(6, asked.number)
    kind = asked.type or RouteType.UNICAST
    net = ip_network((asked.address, asked.length), strict=False)
    hops: list[Hop] = []
    for each in asked.hops or (AskedHop(),):
        hop = Hop(LOOPBACK) if kind in DROPPING else _hop6(stack, each, asked.number)
        if isinstance(hop, Refusal):
            return hop
        hops.append(hop)
    if asked.source is not None and not stack.owns(asked.source):
        return Refusal(Errno.EINVAL, "Invalid source address")
    for index, hop in enumerate(hops):
        entry = Entry(
            net, (hop,), asked.metric or DEFAULT_METRIC6, kind, asked.protocol or "boot", Scope.UNIVERSE,
            asked.source, 0, asked.mtu,
        )
        refused = insert(table, entry, verb if index == 0 else Verb.APPEND)
        if refused is not None:
            return refused
    return None


def _hop6(stack: Stack, asked: AskedHop, table: int) -> Hop | Refusal:  # noqa: C901 - checks in their order
    port = stack.ports.get(asked.interface) if asked.interface else None
    if asked.gateway is None:
        if port is None:
            return Refusal(Errno.ENODEV)
        return Hop(port.name) if port.up else Refusal(Errno.ENETDOWN, "Nexthop device is not up")
    gateway = asked.gateway
    assert isinstance(gateway, IPv6Address)
    if asked.onlink and port is None:
        return Refusal(Errno.ENODEV, "Nexthop device required for onlink")
    if asked.onlink and port is not None and not port.up:
        return Refusal(Errno.ENETDOWN, "Nexthop device is not up")
    own = stack.port_of(gateway)
    local = Refusal(Errno.EINVAL, "Gateway can not be a local address")
    if port is not None and own is not None and (own is port or not gateway.is_link_local):
        return local
    name = asked.interface
    if not gateway.is_link_local:
        if gateway.is_multicast:
            return Refusal(Errno.EINVAL, "Invalid gateway address")
        resolved = _onlink6(stack, gateway, name) if asked.onlink else _gateway_interface6(stack, gateway, name, table)
        if isinstance(resolved, Refusal):
            return resolved
        name = resolved
    if not name:
        return Refusal(Errno.EINVAL, "Egress device not specified")
    if name == LOOPBACK:
        return Refusal(Errno.EINVAL, "Egress device can not be loopback device for this route")
    if own is not None and not gateway.is_link_local:
        return local
    if not stack.ports[name].up:
        return Refusal(Errno.ENETDOWN, "Nexthop device is not up")
    return Hop(name, gateway, Scope.LINK, onlink=asked.onlink)


def _onlink6(stack: Stack, gateway: IPv6Address, interface: str) -> str | Refusal:
    """``onlink`` is refused where the main table knows the gateway on another interface (default routes aside)."""
    found = in_table(stack, MAIN_TABLE, Query(gateway))
    here = in_table(stack, MAIN_TABLE, Query(gateway, outgoing=interface))
    if isinstance(found, Match) and isinstance(here, Match) and found.entry.metric == here.entry.metric:
        found = here
    if isinstance(found, Match) and found.entry.destination.prefixlen and found.hop.interface != interface:
        return Refusal(Errno.EINVAL, "Nexthop has invalid gateway or device mismatch")
    return interface


def _gateway_interface6(stack: Stack, gateway: IPv6Address, interface: str, table: int) -> str | Refusal:
    """The interface on which the gateway is a neighbour by the *best* matching row (IPv4 looks at all of them)."""
    query = Query(gateway, outgoing=interface)
    found = in_table(stack, table, query) if table else None
    if not isinstance(found, Match) or found.hop.gateway is not None:
        found = look_up(stack, query)
    if isinstance(found, Errno) or found.hop.gateway is not None or (interface and found.hop.interface != interface):
        return Refusal(Errno.EHOSTUNREACH)
    return LOOPBACK if found.entry.type is RouteType.LOCAL and gateway.is_loopback else found.hop.interface
