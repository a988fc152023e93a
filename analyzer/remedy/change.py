"""A change of one host, said once and in no system's syntax.

Dialects turn these into commands; the engine applies them to the model; the
kernel bench runs the commands.  Values are checked here (``checks.py``), so that
nothing unvalidated can reach a shell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analyzer.network.host import IPAddress, IPNetwork, OnLink, Via
from analyzer.remedy.checks import (
    checked,
    checked_interface,
    checked_macs,
    checked_network,
    checked_next_hop,
    checked_number,
    checked_word,
)

SWITCHES = (
    "accept_redirects", "send_redirects", "secure_redirects", "shared_media", "rp_filter", "src_valid_mark",
    "arp_ignore", "arp_announce", "arp_accept", "accept_local", "forwarding", "proxy_arp",
)
"""What may be set by interface (kernel documentation, ip-sysctl)."""

CONNTRACK_SWITCHES = ("tcp_be_liberal",)


ROUTE_PROTOCOLS = (
    "kernel", "boot", "static", "ra", "dhcp", "zebra", "bird", "babel", "bgp", "isis", "ospf", "rip", "eigrp",
    "keepalived",
)
"""Who may have put a route there (iproute2's rt_protos)."""


def _checked_place(metric: int | None, table: int | None) -> None:
    if metric is not None:
        checked_number(metric, 0, 0xFFFFFFFF, "a metric")
    if table is not None:
        checked_number(table, 1, 0xFFFFFFFF, "a routing table")


@dataclass(frozen=True, slots=True)
class RouteChange:
    """Add one route.  ``table`` is ``None`` for the main table."""

    destination: IPNetwork
    next_hop: OnLink | Via
    how: Literal["add", "prepend", "replace"] = "add"
    metric: int | None = None
    table: int | None = None

    def __post_init__(self) -> None:
        checked_network(self.destination)
        checked_next_hop(self.next_hop)
        checked_word(self.how, ("add", "prepend", "replace"))
        _checked_place(self.metric, self.table)


@dataclass(frozen=True, slots=True)
class RouteRemoval:
    """Remove one route, naming its next hop so that no other of the same prefix is hit.

    ``protocol`` and ``source`` are what the route carries besides, so that undo
    puts back the same route.
    """

    destination: IPNetwork
    next_hop: OnLink | Via
    metric: int | None = None
    protocol: str = ""
    source: IPAddress | None = None

    def __post_init__(self) -> None:
        checked_network(self.destination)
        checked_next_hop(self.next_hop)
        if self.protocol:
            checked_word(self.protocol, ROUTE_PROTOCOLS)
        if self.source is not None:
            checked(self.source)
        _checked_place(self.metric, None)


@dataclass(frozen=True, slots=True)
class RuleChange:
    """Send what leaves from ``source`` (if given, from this protocol and port only) to routing table ``table``."""

    source: IPAddress
    table: int
    priority: int
    ip_protocol: Literal["tcp", "udp"] | None = None
    source_port: int | None = None

    def __post_init__(self) -> None:
        checked(self.source)
        checked_number(self.table, 1, 0xFFFFFFFF, "a routing table")
        checked_number(self.priority, 1, 32765, "a rule's priority")
        if self.source_port is not None:
            checked_number(self.source_port, 1, 65535, "a port")
        if self.ip_protocol is not None:
            checked_word(self.ip_protocol, ("tcp", "udp"))


@dataclass(frozen=True, slots=True)
class MarkByMac:
    """Mark connections whose first packet came from the balancer's MAC, and route the marked ones by ``table``."""

    interface: str
    macs: tuple[str, ...]
    mark: int
    table: int
    priority: int

    def __post_init__(self) -> None:
        checked_interface(self.interface)
        checked_macs(self.macs)
        checked_number(self.mark, 1, 0xFFFFFFFF, "a mark")
        checked_number(self.table, 1, 0xFFFFFFFF, "a routing table")
        checked_number(self.priority, 1, 32765, "a rule's priority")


@dataclass(frozen=True, slots=True)
class HairpinSnat:
    """At the balancer: clients in ``clients`` appear to ``real`` with the balancer's own address.

    ``real_port`` 0 means every port.
    """

    clients: IPNetwork
    real: IPAddress
    real_port: int
    ip_protocol: Literal["tcp", "udp"]

    def __post_init__(self) -> None:
        checked_network(self.clients)
        checked(self.real)
        checked_number(self.real_port, 0, 65535, "a port")
        checked_word(self.ip_protocol, ("tcp", "udp"))


@dataclass(frozen=True, slots=True)
class SwitchChange:
    """Set a kernel switch: ``accept_redirects``, ``rp_filter``, ``arp_ignore``, ``arp_announce`` ...

    Where Linux combines ``all`` and the interface, dialects print both keys.
    """

    switch: str
    value: int
    interface: str
    version: Literal[4, 6] = 4

    def __post_init__(self) -> None:
        checked_interface(self.interface)
        checked_number(self.value, 0, 0x7FFFFFFF, "a switch")
        checked_number(self.version, 4, 6, "an IP version")
        checked_word(self.switch, SWITCHES)


@dataclass(frozen=True, slots=True)
class AddressRemoval:
    """Take an address off an interface (a duplicate, a VIP in the wrong place).

    ``prefix_length`` is ``None`` where only the host itself knows it.
    """

    address: IPAddress
    prefix_length: int | None
    interface: str

    def __post_init__(self) -> None:
        checked(self.address)
        if self.prefix_length is not None:
            checked_number(self.prefix_length, 0, self.address.max_prefixlen, "a prefix length")
        checked_interface(self.interface)


@dataclass(frozen=True, slots=True)
class AddressAddition:
    """Put an address on an interface (the virtual address on ``lo`` for direct return, a corrected prefix length)."""

    address: IPAddress
    prefix_length: int
    interface: str

    def __post_init__(self) -> None:
        checked(self.address)
        checked_number(self.prefix_length, 0, self.address.max_prefixlen, "a prefix length")
        checked_interface(self.interface)


@dataclass(frozen=True, slots=True)
class NeighborFlush:
    """Forget the MAC address of ``address``: it is asked for again with the next packet."""

    address: IPAddress
    interface: str

    def __post_init__(self) -> None:
        checked(self.address)
        checked_interface(self.interface)


@dataclass(frozen=True, slots=True)
class MssClamp:
    """At the balancer: handshakes with ``real`` announce at most ``mss`` octets, both ways (RFC 9293 §3.7.1)."""

    real: IPAddress
    real_port: int
    mss: int

    def __post_init__(self) -> None:
        checked(self.real)
        checked_number(self.real_port, 0, 65535, "a port")
        checked_number(self.mss, 88, 65495, "a maximum segment size")


@dataclass(frozen=True, slots=True)
class ConntrackSwitch:
    """Set a switch of the balancer's connection tracking, ``tcp_be_liberal``."""

    switch: str
    value: int

    def __post_init__(self) -> None:
        checked_word(self.switch, CONNTRACK_SWITCHES)
        checked_number(self.value, 0, 0x7FFFFFFF, "a switch")


Change = (
    RouteChange
    | RouteRemoval
    | RuleChange
    | MarkByMac
    | HairpinSnat
    | SwitchChange
    | AddressAddition
    | AddressRemoval
    | NeighborFlush
    | MssClamp
    | ConntrackSwitch
)
