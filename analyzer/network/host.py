"""A host as its own commands describe it: interfaces, addresses, routes, rules, neighbours, switches, filter.

These are facts with an origin, filled by ``facts/`` (what the user pasted) and
by ``network/infer.py`` (what the capture shows).  What is not known is ``None``
or absent, never a default: a fresh kernel's defaults and a distribution's
differ (rp_filter), so the engine asks instead of assuming.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)

from analyzer.units import Origin

IPAddress = IPv4Address | IPv6Address
IPInterface = IPv4Interface | IPv6Interface
IPNetwork = IPv4Network | IPv6Network

MAIN_TABLE = 254
LOCAL_TABLE = 255
DEFAULT_TABLE = 253


class System(StrEnum):
    """Whose rules of routing apply, and whose commands."""

    LINUX = "linux"
    WINDOWS = "windows"
    FREEBSD = "freebsd"
    MACOS = "macos"
    IOS = "ios"
    ROUTEROS = "routeros"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class OnLink:
    """The destination itself is the next hop: resolve it with ARP or ND (RFC 1122 §3.3.1.1, RFC 4861 §5.2)."""

    interface: str


@dataclass(frozen=True, slots=True)
class Via:
    """A gateway; ``interface`` is empty where the command did not say, ``onlink`` skips the next-hop check."""

    gateway: IPAddress
    interface: str = ""
    onlink: bool = False


NextHop = OnLink | Via


class RouteType(StrEnum):
    """ip-route(8), "TYPE"."""

    UNICAST = "unicast"
    LOCAL = "local"
    BROADCAST = "broadcast"
    MULTICAST = "multicast"
    ANYCAST = "anycast"
    BLACKHOLE = "blackhole"
    UNREACHABLE = "unreachable"
    PROHIBIT = "prohibit"
    THROW = "throw"


@dataclass(frozen=True, slots=True)
class Route:
    """One row of a routing table.  ``next_hops`` is empty for types that drop, several for multipath."""

    destination: IPNetwork
    next_hops: tuple[NextHop, ...]
    metric: int = 0
    table: int = MAIN_TABLE
    type: RouteType = RouteType.UNICAST
    protocol: str = ""
    scope: str = ""
    source: IPAddress | None = None
    tos: int = 0
    mtu: int | None = None
    origin: Origin | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Rule:
    """One policy rule (ip-rule(8)); ``None`` matches everything."""

    priority: int
    table: int
    source: IPNetwork | None = None
    destination: IPNetwork | None = None
    incoming: str | None = None
    outgoing: str | None = None
    mark: int | None = None
    mask: int = 0xFFFFFFFF
    ip_protocol: int | None = None
    source_ports: tuple[int, int] | None = None
    destination_ports: tuple[int, int] | None = None
    tos: int | None = None
    inverted: bool = False
    origin: Origin | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Neighbor:
    """One row of the ARP or neighbour cache."""

    address: IPAddress
    mac: str
    interface: str = ""
    state: str = ""
    origin: Origin | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface; ``addresses`` keep their prefix length and their order (the first is primary)."""

    name: str
    mac: str = ""
    addresses: tuple[IPInterface, ...] = ()
    mtu: int = 1500
    up: bool = True
    index: int = 0
    metric: int | None = None
    origin: Origin | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class PacketTuple:
    """One direction of a tracked connection, as packets of that direction carry it.

    Ports are 0 where the protocol has none; ``icmp`` is type, code and identifier.
    """

    source: IPAddress
    destination: IPAddress
    source_port: int = 0
    destination_port: int = 0
    icmp: tuple[int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class TrackedConnection:
    """One row of the connection tracking table (conntrack(8)).

    ``protocol`` is the number in the IP header, ``state`` the kernel's word (empty
    for protocols without states), ``flags`` are such as ``UNREPLIED`` and ``ASSURED``.
    A ``reply`` that is not ``original`` turned round shows what was translated.
    """

    protocol: int
    state: str
    original: PacketTuple
    reply: PacketTuple
    flags: tuple[str, ...] = ()
    origin: Origin | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Host:
    """All that is known of one host; ``complete`` names the kinds of fact that were given in full.

    ``complete`` holds any of ``"interfaces" "routes" "rules" "neighbors" "sysctls" "ruleset"``:
    a routing table that was pasted whole proves what it does not hold, an inferred
    one proves only what it holds.  ``ruleset`` is the packet filter as the host printed
    it: ``nft list ruleset``, else ``iptables-save`` and ``ip6tables-save``.
    """

    name: str
    system: System = System.UNKNOWN
    interfaces: tuple[Interface, ...] = ()
    routes: tuple[Route, ...] = ()
    rules: tuple[Rule, ...] = ()
    neighbors: tuple[Neighbor, ...] = ()
    sysctls: dict[str, str] = field(default_factory=dict)
    complete: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()
    ruleset: str = ""
    tracked: tuple[TrackedConnection, ...] = ()
