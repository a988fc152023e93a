"""A row of a routing table inside the kernel, and the words in which the kernel refuses one.

``host.Route`` is what a person reads; an ``Entry`` is what the kernel made of
it: every next hop with its interface and its scope resolved.  Two entries that
are equal are "the same route" in the sense of ``File exists``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from analyzer.network.host import MAIN_TABLE, IPAddress, IPNetwork, OnLink, Route, RouteType, Via


class Scope(IntEnum):
    """How far away a destination is (ip-route(8), "SCOPE"); larger is nearer."""

    UNIVERSE = 0
    SITE = 200
    LINK = 253
    HOST = 254
    NOWHERE = 255


SCOPE_WORDS = {
    "global": Scope.UNIVERSE, "universe": Scope.UNIVERSE, "site": Scope.SITE,
    "link": Scope.LINK, "host": Scope.HOST, "nowhere": Scope.NOWHERE,
}


class Errno(StrEnum):
    """The kernel's refusals that we meet, each as strerror(3) spells it."""

    EPERM = "Operation not permitted"
    ENOENT = "No such file or directory"
    ESRCH = "No such process"
    EACCES = "Permission denied"
    EEXIST = "File exists"
    ENODEV = "No such device"
    EINVAL = "Invalid argument"
    EADDRNOTAVAIL = "Cannot assign requested address"
    ENETDOWN = "Network is down"
    ENETUNREACH = "Network is unreachable"
    EHOSTUNREACH = "No route to host"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the kernel says no; ``message`` is its own sentence where it has one (netlink extended ack)."""

    errno: Errno
    message: str = ""


class Verb(StrEnum):
    """How an insertion treats a route of the same prefix, tos and metric (rtnetlink(7), NLM_F_*)."""

    ADD = "add"            # refuse
    APPEND = "append"      # behind it
    PREPEND = "prepend"    # in front of it; what the legacy ``route`` command does
    REPLACE = "replace"    # in its place, or new
    CHANGE = "change"      # in its place, or not at all


TYPE_ERRORS = {
    RouteType.BLACKHOLE: Errno.EINVAL,
    RouteType.UNREACHABLE: Errno.EHOSTUNREACH,
    RouteType.PROHIBIT: Errno.EACCES,
}
"""What a look-up answers when it meets one of these; ``throw`` goes on with the next rule."""

DROPPING = (*TYPE_ERRORS, RouteType.THROW)


@dataclass(frozen=True, slots=True)
class Hop:
    """One resolved next hop; ``scope`` LINK means that ``gateway`` is asked for by ARP or ND.

    A gateway that is one of the host's own addresses has scope HOST and is
    ignored: the destination itself is then resolved on the interface.
    """

    interface: str
    gateway: IPAddress | None = None
    scope: Scope = Scope.HOST
    onlink: bool = False
    weight: int = 1
    dead: bool = False       # its interface lost its last IPv4 address

    def resolves(self, destination: IPAddress) -> IPAddress:
        """The address whose MAC the frame gets."""
        return self.gateway if self.gateway is not None and self.scope == Scope.LINK else destination


@dataclass(frozen=True, slots=True)
class Entry:
    """One row as the kernel holds it."""

    destination: IPNetwork
    hops: tuple[Hop, ...] = ()
    metric: int = 0
    type: RouteType = RouteType.UNICAST
    protocol: str = "boot"
    scope: Scope = Scope.UNIVERSE
    source: IPAddress | None = None
    tos: int = 0
    mtu: int | None = None

    def route(self, table: int = MAIN_TABLE) -> Route:
        """The same as a fact about a host."""
        words = {value: word for word, value in SCOPE_WORDS.items() if word != "universe"}
        return Route(
            self.destination,
            tuple(
                OnLink(hop.interface) if hop.gateway is None else Via(hop.gateway, hop.interface, onlink=hop.onlink)
                for hop in self.hops
            ),
            self.metric, table, self.type, self.protocol, words[self.scope], self.source, self.tos, self.mtu,
        )


def installed(route: Route) -> Entry:
    """The entry that a route known as a fact stands for: it is there, so no check applies to it."""
    hops = tuple(
        Hop(hop.interface) if isinstance(hop, OnLink) else Hop(hop.interface, hop.gateway, Scope.LINK, hop.onlink)
        for hop in route.next_hops
    )
    if route.scope:
        scope = SCOPE_WORDS.get(route.scope, Scope.UNIVERSE)
    elif route.type is RouteType.LOCAL:
        scope = Scope.HOST
    elif route.destination.version == 4 and hops and all(hop.gateway is None for hop in hops):
        scope = Scope.LINK
    else:
        scope = Scope.UNIVERSE
    return Entry(
        route.destination, hops, route.metric, route.type, route.protocol or "boot", scope,
        route.source, route.tos, route.mtu,
    )
