"""A network as values: links, hosts, their addresses, routes, packet filter, switches and listeners.

Nothing here touches the system; ``build.py`` turns these values into commands
and ``bench.py`` runs them.  Routes, rules and neighbours are written as their
own commands take them (``"default via 10.0.2.1"`` is what follows
``ip route add``), because that is how an engineer reads and checks them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_interface
from typing import Any, Literal

SWITCH = "switch"
"""The host that holds the links (one bridge each); a capture on ``(SWITCH, link)`` is a mirror port."""

NAME = re.compile(r"[a-z][a-z0-9-]{0,31}\Z")
LINK_NAME = re.compile(r"[a-z][a-z0-9-]{0,14}\Z")

Behaviour = Literal["speak", "http", "banner", "proxy"]


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface on one link; without ``mac`` it follows the address.

    ``addresses`` carry their prefix length, and after it what else ``ip address
    add`` takes (``"10.0.2.11/24 metric 100"``).
    """

    name: str
    link: str
    addresses: tuple[str, ...] = ()
    mac: str = ""
    mtu: int = 1500


@dataclass(frozen=True, slots=True)
class Listener:
    """A server that listens; what it does with a connection is said in ``resident.py``.

    ``target`` (address, port) is where a ``proxy`` connects.
    """

    address: str
    port: int
    protocol: Literal["tcp", "udp"] = "tcp"
    behaviour: Behaviour = "speak"
    target: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Host:
    """One host.

    ``sysctls`` are set before the addresses, ``nft`` is loaded with ``nft -f``,
    ``commands`` run last, as a shell would run them.
    """

    name: str
    interfaces: tuple[Interface, ...] = ()
    routes: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    neighbors: tuple[str, ...] = ()
    sysctls: Mapping[str, str | int] = field(default_factory=dict)
    nft: str = ""
    listeners: tuple[Listener, ...] = ()
    commands: tuple[str, ...] = ()

    @property
    def has_ipv6(self) -> bool:
        """Whether any address or route is one of IPv6; without one IPv6 is switched off, and the link stays quiet."""
        addresses = (address for interface in self.interfaces for address in interface.addresses)
        return any(":" in text for text in (*addresses, *self.routes))


@dataclass(frozen=True, slots=True)
class Topology:
    """Hosts on links.  Raises ``ValueError`` where two hosts or interfaces share a name, or a name could not be one."""

    hosts: tuple[Host, ...]

    def __post_init__(self) -> None:
        names = [host.name for host in self.hosts]
        if len({*names, SWITCH}) != len(names) + 1:
            raise ValueError(f"two hosts with one name (or one called {SWITCH!r}): {', '.join(sorted(names))}")
        for host in self.hosts:
            if not NAME.match(host.name):
                raise ValueError(f"not a host name for the bench: {host.name!r}")
            if len({i.name for i in host.interfaces}) != len(host.interfaces):
                raise ValueError(f"{host.name}: two interfaces with one name")
        for link in self.links:
            if not LINK_NAME.match(link):
                raise ValueError(f"not a link name for the bench: {link!r}")

    @property
    def links(self) -> tuple[str, ...]:
        """The links, in the order in which interfaces name them."""
        return tuple(dict.fromkeys(i.link for host in self.hosts for i in host.interfaces))

    def host(self, name: str) -> Host:
        """The host of that name; ``KeyError`` without one."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise KeyError(name)

    def with_host(self, host_name: str, /, **changes: Any) -> Topology:  # noqa: ANN401 - fields of Host
        """The same network with some fields of one host replaced: the twin of a story in one line."""
        changed = replace(self.host(host_name), **changes)
        return Topology(tuple(changed if h.name == host_name else h for h in self.hosts))

    def with_added(self, *hosts: Host) -> Topology:
        """The same network and more hosts."""
        return Topology(self.hosts + hosts)


def mac_of(interface: Interface, host_number: int, number: int) -> str:
    """The interface's MAC: as given, else a locally administered one that spells its first IPv4 address.

    10.0.2.11 becomes 02:00:0a:00:02:0b; without an IPv4 address the numbers of host and interface serve.
    """
    if interface.mac:
        return interface.mac
    for text in interface.addresses:
        address = ip_interface(text.split()[0]).ip
        if address.version == 4:
            return "02:00:" + ":".join(f"{octet:02x}" for octet in address.packed)
    return f"02:00:00:06:{host_number:02x}:{number:02x}"
