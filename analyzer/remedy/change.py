"""A change of one host, said once and in no system's syntax.

Dialects turn these into commands; the engine applies them to the model; the
kernel bench runs the commands.  Values are checked here, so that nothing
unvalidated can reach a shell: addresses are ``ipaddress`` objects without a
scope, interface names match ``INTERFACE_NAME``, MACs are canonical.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Literal

from analyzer.network.host import IPAddress, IPNetwork, OnLink, Via

INTERFACE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,14}\Z")
"""What we print as an interface name without quoting, in any shell (Linux: IFNAMSIZ - 1 octets).

Not beginning with ``-`` (an option) or ``.`` (``..`` climbs out of a sysctl's folder).
"""

MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\Z")

UNKNOWN_INTERFACE = ""
"""The capture does not show the interface's name: dialects print a placeholder that no shell accepts."""


def checked(address: IPAddress) -> IPAddress:
    """``address``, or ``ValueError`` where it carries a scope: ``ipaddress`` takes ``fe80::1%$(reboot)``."""
    if not isinstance(address, IPv4Address | IPv6Address):
        raise ValueError(f"not an address, but {address!r}")  # noqa: TRY004 - one exception for all bad values
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        raise ValueError(f"an address with a scope cannot go into a command: {str(address)!r}")
    return address


def checked_network(network: IPNetwork) -> IPNetwork:
    """``network``, or ``ValueError``: a network made from a scoped address keeps the scope when it is printed."""
    if not isinstance(network, IPv4Network | IPv6Network):
        raise ValueError(f"not a network, but {network!r}")  # noqa: TRY004 - one exception for all bad values
    checked(network.network_address)
    return network


def checked_number(number: int, low: int, high: int, what: str) -> int:
    """``number``, or ``ValueError`` where it is no whole number in ``[low, high]``."""
    if not isinstance(number, int) or isinstance(number, bool) or not low <= number <= high:
        raise ValueError(f"{what} must be a whole number from {low} to {high}, not {number!r}")
    return number


def checked_interface(name: str) -> str:
    """``name``, or ``ValueError`` where a shell could read more than a name."""
    if not isinstance(name, str) or (name != UNKNOWN_INTERFACE and not INTERFACE_NAME.match(name)):
        raise ValueError(f"not an interface name that we print into a command: {name!r}")
    return name


def checked_macs(macs: tuple[str, ...]) -> tuple[str, ...]:
    """``macs``, or ``ValueError`` where one is not written as ``02:00:5e:10:00:01``."""
    for mac in macs:
        if not isinstance(mac, str) or not MAC.match(mac):
            raise ValueError(f"not a MAC address in canonical form: {mac!r}")
    return macs


def checked_next_hop(next_hop: OnLink | Via) -> OnLink | Via:
    """``next_hop`` with its gateway and its interface checked."""
    checked_interface(next_hop.interface)
    if isinstance(next_hop, Via):
        checked(next_hop.gateway)
    return next_hop


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
        _checked_place(self.metric, self.table)


@dataclass(frozen=True, slots=True)
class RouteRemoval:
    """Remove one route, naming its next hop so that no other of the same prefix is hit."""

    destination: IPNetwork
    next_hop: OnLink | Via
    metric: int | None = None

    def __post_init__(self) -> None:
        checked_network(self.destination)
        checked_next_hop(self.next_hop)
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
        if self.ip_protocol not in (None, "tcp", "udp"):
            raise ValueError(f"not a protocol with ports: {self.ip_protocol!r}")


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
        if self.ip_protocol not in ("tcp", "udp"):
            raise ValueError(f"not a protocol with ports: {self.ip_protocol!r}")


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
        if not re.fullmatch(r"[a-z_]{1,40}", self.switch):
            raise ValueError(f"not a kernel switch: {self.switch!r}")


@dataclass(frozen=True, slots=True)
class AddressRemoval:
    """Take an address off an interface (a duplicate, a VIP in the wrong place)."""

    address: IPAddress
    prefix_length: int
    interface: str

    def __post_init__(self) -> None:
        checked(self.address)
        checked_number(self.prefix_length, 0, self.address.max_prefixlen, "a prefix length")
        checked_interface(self.interface)


@dataclass(frozen=True, slots=True)
class MtuChange:
    """Clamp what a server announces towards ``destination`` (route MTU), or an interface's MTU where it is ``None``."""

    mtu: int
    interface: str
    destination: IPNetwork | None = None

    def __post_init__(self) -> None:
        checked_number(self.mtu, 68, 65535, "an MTU")
        checked_interface(self.interface)
        if self.destination is not None:
            checked_network(self.destination)


Change = (
    RouteChange
    | RouteRemoval
    | RuleChange
    | MarkByMac
    | HairpinSnat
    | SwitchChange
    | AddressRemoval
    | MtuChange
)

