"""A change of one host, said once and in no system's syntax.

Dialects turn these into commands; the engine applies them to the model; the
kernel bench runs the commands.  Values are checked here, so that nothing
unvalidated can reach a shell: addresses are ``ipaddress`` objects without a
scope, interface names match ``INTERFACE_NAME``, MACs are canonical.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Literal

from analyzer.network.host import IPAddress, IPNetwork, OnLink, Via

INTERFACE_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,15}\Z")
"""What we print as an interface name without quoting, in any shell (Linux: IFNAMSIZ - 1 octets)."""

MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\Z")

UNKNOWN_INTERFACE = ""
"""The capture does not show the interface's name: dialects print a placeholder that no shell accepts."""


def checked(address: IPAddress) -> IPAddress:
    """``address``, or ``ValueError`` where it carries a scope: ``ipaddress`` takes ``fe80::1%$(reboot)``."""
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        raise ValueError(f"an address with a scope cannot go into a command: {str(address)!r}")
    return address


def checked_interface(name: str) -> str:
    """``name``, or ``ValueError`` where a shell could read more than a name."""
    if name != UNKNOWN_INTERFACE and not INTERFACE_NAME.match(name):
        raise ValueError(f"not an interface name that we print into a command: {name!r}")
    return name


@dataclass(frozen=True, slots=True)
class RouteChange:
    """Add one route.  ``table`` is ``None`` for the main table."""

    destination: IPNetwork
    next_hop: OnLink | Via
    how: Literal["add", "prepend", "replace"] = "add"
    metric: int | None = None
    table: int | None = None

    def __post_init__(self) -> None:
        checked_interface(self.next_hop.interface)
        if isinstance(self.next_hop, Via):
            checked(self.next_hop.gateway)


@dataclass(frozen=True, slots=True)
class RouteRemoval:
    """Remove one route, naming its next hop so that no other of the same prefix is hit."""

    destination: IPNetwork
    next_hop: OnLink | Via
    metric: int | None = None

    def __post_init__(self) -> None:
        checked_interface(self.next_hop.interface)
        if isinstance(self.next_hop, Via):
            checked(self.next_hop.gateway)


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
        for mac in self.macs:
            if not MAC.match(mac):
                raise ValueError(f"not a MAC address in canonical form: {mac!r}")


@dataclass(frozen=True, slots=True)
class HairpinSnat:
    """At the balancer: clients in ``clients`` appear to ``real`` with the balancer's own address."""

    clients: IPNetwork
    real: IPAddress
    real_port: int
    ip_protocol: Literal["tcp", "udp"]

    def __post_init__(self) -> None:
        checked(self.real)


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
        checked_interface(self.interface)


@dataclass(frozen=True, slots=True)
class MtuChange:
    """Clamp what a server announces towards ``destination`` (route MTU), or an interface's MTU where it is ``None``."""

    mtu: int
    interface: str
    destination: IPNetwork | None = None

    def __post_init__(self) -> None:
        checked_interface(self.interface)


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

