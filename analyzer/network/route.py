"""What a host does with a destination: the look-ups that its own packets and arriving ones go through.

``outgoing`` answers ``ip route get``, ``arriving`` answers ``ip route get ... iif``
including the source checks (martians, rp_filter) that decide whether a packet
that was delivered is also taken.  Linux semantics (KERNEL facts, sections 2, 5, 10).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address

from analyzer.network.host import LOCAL_TABLE, MAIN_TABLE, IPAddress, RouteType
from analyzer.network.routing.fib import Entry, Errno, Refusal, Scope
from analyzer.network.routing.lookup import Match, Query, look_up
from analyzer.network.routing.source import preferred4, preferred6
from analyzer.network.stack import LOOPBACK, Stack

BROADCAST = IPv4Address("255.255.255.255")
ZERO_NET = IPv4Network("0.0.0.0/8")
LOOPBACK_NET = IPv4Network("127.0.0.0/8")


@dataclass(frozen=True, slots=True)
class Path:
    """Where a packet goes: interface, the address to resolve there, and which row said so.

    ``gateway`` is None on link.  ``alternatives`` are the next hops that a hash
    or a neighbour's state might choose instead (empty for the usual single one).
    """

    type: RouteType
    interface: str
    gateway: IPAddress | None
    source: IPAddress | None
    entry: Entry | None = None
    table: int = MAIN_TABLE
    redirected: bool = False
    alternatives: tuple[tuple[str, IPAddress | None], ...] = ()
    preferred: IPAddress | None = None     # the source that the host would pick if none were given

    def next_hop(self, destination: IPAddress) -> IPAddress:
        """The address whose MAC the frame gets."""
        return destination if self.gateway is None else self.gateway


class Drop(StrEnum):
    """Why an arriving packet is dropped by routing, in the kernel's words."""

    MARTIAN_SOURCE = "martian source"
    MARTIAN_DESTINATION = "martian destination"
    RP_FILTER = "reverse path filter"
    NOT_FORWARDING = "forwarding is off"
    NO_ROUTE = "no route"


@dataclass(frozen=True, slots=True)
class Local:
    """For this host itself (RFC 1122 §3.2.1.3)."""

    type: RouteType = RouteType.LOCAL
    table: int = LOCAL_TABLE


@dataclass(frozen=True, slots=True)
class Forward:
    """For somebody else; ``onlink_source``: the sender is a neighbour on the interface it came in by."""

    path: Path
    onlink_source: bool = False


@dataclass(frozen=True, slots=True)
class Dropped:
    """Not taken; ``errno`` is what ``ip route get`` says of it."""

    why: Drop
    errno: Errno


Arrival = Local | Forward | Dropped


def outgoing(stack: Stack, query: Query) -> Path | Refusal:
    """The path of a packet of this host's own; asks what ``ip route get`` asks."""
    return _outgoing4(stack, query) if query.destination.version == 4 else _outgoing6(stack, query)


def _outgoing4(stack: Stack, query: Query) -> Path | Refusal:
    refused = _refused_source(stack, query)
    if refused is not None:
        return refused
    found = look_up(stack, query)
    if isinstance(found, Errno):
        if not query.outgoing:
            return Refusal(found)
        source = query.source or preferred4(stack, query.outgoing, None, Scope.LINK)
        return Path(RouteType.UNICAST, query.outgoing, None, source)   # assumed on link, as the kernel does
    if found.entry.type is RouteType.LOCAL:
        return Path(RouteType.LOCAL, LOOPBACK, None, query.source or found.entry.source or query.destination,
                    found.entry, found.table)
    path = _path(stack, found, query)
    if path.source is not None and path.source in LOOPBACK_NET and path.interface != LOOPBACK:
        return Refusal(Errno.EINVAL)
    return Refusal(Errno.EINVAL) if query.destination in ZERO_NET else path


def _refused_source(stack: Stack, query: Query) -> Refusal | None:
    source = query.source
    if source is not None:
        if source.is_multicast or source == BROADCAST or source in ZERO_NET:
            return Refusal(Errno.EINVAL)
        if not stack.owns(source):
            return Refusal(Errno.ENETUNREACH)
    if query.outgoing:
        port = stack.ports.get(query.outgoing)
        if port is None:
            return Refusal(Errno.ENODEV)
        if not port.up:
            return Refusal(Errno.ENETUNREACH)
    return None


def _path(stack: Stack, found: Match, query: Query) -> Path:
    entry, hop = found.entry, found.hop
    gateway = hop.gateway if hop.scope == Scope.LINK else None
    source = entry.source
    if source is None and isinstance(query.destination, IPv6Address):
        source = preferred6(stack, hop.interface, query.destination)
    elif source is None:
        source = preferred4(stack, hop.interface, hop.gateway, entry.scope)
    better = stack.learned.get((entry, hop, query.destination))
    others = tuple((hop.interface, hop.gateway if hop.scope == Scope.LINK else None) for _, hop in found.alternatives)
    return Path(entry.type, hop.interface, better or gateway, query.source or source, entry, found.table,
                better is not None, others if len(others) > 1 and not query.outgoing else (), source)


def _outgoing6(stack: Stack, query: Query) -> Path | Refusal:
    if query.outgoing and query.outgoing not in stack.ports:
        return Refusal(Errno.ENODEV)
    found = look_up(stack, query)
    if isinstance(found, Errno):
        return Refusal(found)
    path = _path(stack, found, query)
    if found.entry.type is RouteType.LOCAL:
        return replace(path, interface=LOOPBACK)
    return path


def masquerade(stack: Stack, path: Path, destination: IPAddress) -> IPAddress | None:
    """The address that masquerading puts in: the outgoing interface's, whatever ``src`` the route has (seen)."""
    if destination.version == 6:
        return preferred6(stack, path.interface, destination)
    return preferred4(stack, path.interface, path.next_hop(destination), Scope.UNIVERSE)


def takes(stack: Stack, path: Path) -> int:
    """Octets of the largest packet that the path's next link takes: the route's own word, else the interface's."""
    row = path.entry.mtu if path.entry is not None else None
    return row or stack.ports[path.interface].mtu


def arriving(stack: Stack, query: Query) -> Arrival:
    """What happens to a packet that came in by ``query.incoming``; ``query.source`` is its source address."""
    return _arriving4(stack, query) if query.destination.version == 4 else _arriving6(stack, query)


def _arriving4(stack: Stack, query: Query) -> Arrival:
    bad = _martian(stack, query)
    if bad is not None:
        return bad
    found = look_up(stack, query)
    forwards = stack.switches.forwards(4, query.incoming)
    if isinstance(found, Errno):
        return Dropped(Drop.NO_ROUTE, found) if forwards else Dropped(Drop.NOT_FORWARDING, Errno.EHOSTUNREACH)
    if found.entry.type in (RouteType.LOCAL, RouteType.BROADCAST):
        verdict = check_source(stack, query, outgoing="")
        return verdict if isinstance(verdict, Dropped) else Local(found.entry.type, found.table)
    if not forwards:
        return Dropped(Drop.NOT_FORWARDING, Errno.EHOSTUNREACH)
    if found.entry.type is not RouteType.UNICAST:
        return Dropped(Drop.MARTIAN_DESTINATION, Errno.EINVAL)
    path = _path(stack, found, query)
    verdict = check_source(stack, query, outgoing=path.interface)
    return verdict if isinstance(verdict, Dropped) else Forward(path, onlink_source=verdict)


def _martian(stack: Stack, query: Query) -> Dropped | None:
    source, destination = query.source, query.destination
    local_net_routed = stack.switches.either("route_localnet", query.incoming)
    if source is None or source.is_multicast or source == BROADCAST or source in ZERO_NET:
        return Dropped(Drop.MARTIAN_SOURCE, Errno.EINVAL)
    if destination in ZERO_NET or (destination in LOOPBACK_NET and not local_net_routed):
        return Dropped(Drop.MARTIAN_DESTINATION, Errno.EINVAL)
    if source in LOOPBACK_NET and not local_net_routed:
        return Dropped(Drop.MARTIAN_SOURCE, Errno.EINVAL)
    return None


def check_source(stack: Stack, query: Query, outgoing: str) -> Dropped | bool:
    """Ask whether a packet to the sender would leave by the interface that this one came in by (RFC 3704 §2).

    True where the sender is a neighbour on that interface; False where it is
    merely acceptable.  Own addresses as source are refused whatever rp_filter
    says (``accept_local`` off).
    """
    switches, port = stack.switches, query.incoming
    strictness = switches.larger("rp_filter", port)
    martian = Dropped(Drop.MARTIAN_SOURCE, Errno.EINVAL)
    accept_local = switches.either("accept_local", port)
    assert query.source is not None
    plain = not strictness and (outgoing != port or not switches.either("send_redirects", port))
    if plain and (accept_local or not (stack.custom_local or stack.split)):
        return martian if not accept_local and stack.port_of(query.source) is not None else False
    return _check_reverse(stack, query, outgoing, strictness, accept_local=accept_local)


def _check_reverse(
    stack: Stack, query: Query, outgoing: str, strictness: int, *, accept_local: bool
) -> Dropped | bool:
    """Do the look-up: strict wants the same interface, loose wants any route, off wants no own address."""
    lenient = Dropped(Drop.RP_FILTER, Errno.EINVAL) if strictness else False
    found = look_up(stack, _reversed(stack, query, outgoing))
    if isinstance(found, Errno):
        return lenient
    if found.entry.type is not RouteType.UNICAST and not (found.entry.type is RouteType.LOCAL and accept_local):
        return Dropped(Drop.MARTIAN_SOURCE, Errno.EINVAL)
    if any(hop.interface == query.incoming for hop in found.entry.hops):
        return found.hop.scope >= Scope.HOST
    if strictness == 1 or not any(own.interface.version == 4 for own in stack.ports[query.incoming].addresses):
        return lenient
    there = look_up(stack, replace(_reversed(stack, query, outgoing), outgoing=query.incoming))
    return isinstance(there, Match) and there.entry.type is RouteType.UNICAST and there.hop.scope >= Scope.HOST


def _reversed(stack: Stack, query: Query, outgoing: str) -> Query:
    """The question that rp_filter asks.  Ports count only where some rule looks at ports."""
    assert query.source is not None
    by_port = any(rule.ip_protocol or rule.source_ports or rule.destination_ports for rule in stack.rules[4])
    return Query(
        query.source, query.destination, outgoing or LOOPBACK, "",
        query.mark if stack.switches.either("src_valid_mark", query.incoming) else 0, query.tos,
        query.protocol if by_port else 0,
        query.destination_port if by_port else 0, query.source_port if by_port else 0,
    )


def _arriving6(stack: Stack, query: Query) -> Arrival:
    if query.source is None or query.source.is_multicast or query.source.is_loopback:
        return Dropped(Drop.MARTIAN_SOURCE, Errno.EINVAL)
    found = look_up(stack, query)
    if isinstance(found, Errno):
        return Dropped(Drop.NO_ROUTE, found)
    if found.entry.type in (RouteType.LOCAL, RouteType.MULTICAST):
        return Local()
    if not stack.switches.forwards(6, query.incoming):
        return Dropped(Drop.NOT_FORWARDING, Errno.EHOSTUNREACH)
    back = look_up(stack, Query(query.source, query.destination))
    neighbour = isinstance(back, Match) and back.hop.interface == query.incoming and back.hop.gateway is None
    return Forward(_path(stack, found, query), onlink_source=neighbour)
