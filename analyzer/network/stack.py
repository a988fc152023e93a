"""One host's network stack as it changes: interfaces, tables, rules, switches, learned redirects.

A ``Host`` is a set of facts and never changes; a ``Stack`` is made from it,
takes commands and answers look-ups.  Everything is copied by ``copy()``, so the
network before a fix and the network after it live side by side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_interface
from typing import TYPE_CHECKING

from analyzer.network.host import (
    DEFAULT_TABLE,
    LOCAL_TABLE,
    MAIN_TABLE,
    Interface,
    IPAddress,
    IPInterface,
    Neighbor,
    Rule,
    System,
)
from analyzer.network.routing.fib import Entry, Hop, Scope
from analyzer.network.routing.tables import Table
from analyzer.network.switches import Switches

if TYPE_CHECKING:
    from analyzer.network.nat import Firewall  # which itself asks routing questions of a stack

LOOPBACK = "lo"


@dataclass(frozen=True, slots=True)
class Address:
    """An address on an interface; a ``secondary`` one is in the subnet of an earlier one of equal prefix length."""

    interface: IPInterface
    secondary: bool = False
    prefix_route: bool = True
    metric: int = 0
    scope: Scope = Scope.UNIVERSE

    @property
    def ip(self) -> IPAddress:
        """The address without its prefix length."""
        return self.interface.ip


@dataclass(slots=True)
class Port:
    """One interface as it is now; ``addresses`` in the order in which the kernel lists them."""

    name: str
    mac: str = ""
    mtu: int = 1500
    up: bool = True
    addresses: list[Address] = field(default_factory=list)

    def copy(self) -> Port:
        """An independent interface with the same addresses."""
        return replace(self, addresses=list(self.addresses))


DEFAULT_RULES = {
    4: (Rule(0, LOCAL_TABLE), Rule(32766, MAIN_TABLE), Rule(32767, DEFAULT_TABLE)),
    6: (Rule(0, LOCAL_TABLE), Rule(32766, MAIN_TABLE)),
}


@dataclass(slots=True)
class Stack:
    """A host that takes commands.  ``learned`` holds redirects: (row, next hop, destination) -> better next hop."""

    name: str
    system: System = System.LINUX
    ports: dict[str, Port] = field(default_factory=dict)
    tables: dict[tuple[int, int], Table] = field(default_factory=dict)
    rules: dict[int, list[Rule]] = field(default_factory=lambda: {4: list(DEFAULT_RULES[4]), 6: list(DEFAULT_RULES[6])})
    switches: Switches = field(default_factory=Switches)
    neighbors: dict[tuple[str, IPAddress], Neighbor] = field(default_factory=dict)
    learned: dict[tuple[Entry, Hop, IPAddress], IPAddress] = field(default_factory=dict)
    split: bool = False            # a policy rule was ever added: IPv4 no longer searches local and main as one table
    split6: bool = False           # the same for IPv6, where only adding counts: without it, rules are not even asked
    custom_local: bool = False     # a local route was added by hand: source checks look closer
    firewall: Firewall | None = None
    files: dict[str, str] = field(default_factory=dict)     # what our commands keep for their undo
    complete: frozenset[str] = frozenset()

    def table(self, family: int, number: int) -> Table:
        """The table, created where it did not exist."""
        return self.tables.setdefault((family, number), Table())

    def local_addresses(self, family: int) -> Iterator[tuple[Port, Address]]:
        """Every address with its interface, in interface order."""
        for port in self.ports.values():
            for address in port.addresses:
                if address.interface.version == family:
                    yield port, address

    def port_of(self, address: IPAddress) -> Port | None:
        """The interface that has ``address``."""
        return next((port for port, own in self.local_addresses(address.version) if own.ip == address), None)

    def owns(self, address: IPAddress) -> bool:
        """Whether ``address`` is one of the host's own (the local table decides, as in the kernel)."""
        rows = self.tables.get((address.version, LOCAL_TABLE))
        return rows is not None and any(entry.type == "local" for entry in rows.matching(address))

    def forget(self, entry: Entry) -> None:
        """Redirects learned for a row go when the row goes."""
        for key in [key for key in self.learned if key[0] == entry]:
            del self.learned[key]

    def copy(self) -> Stack:
        """An independent stack: commands executed on it leave this one alone."""
        return replace(
            self,
            ports={name: port.copy() for name, port in self.ports.items()},
            tables={key: table.copy() for key, table in self.tables.items()},
            rules={family: list(rules) for family, rules in self.rules.items()},
            switches=self.switches.copy(),
            neighbors=dict(self.neighbors),
            learned=dict(self.learned),
            files=dict(self.files),
        )


def loopback() -> Interface:
    """The interface that every host has."""
    return Interface(LOOPBACK, "00:00:00:00:00:00", (ip_interface("127.0.0.1/8"), ip_interface("::1/128")), 65536)


LOOPBACK_ADDRESSES = (ip_address("127.0.0.1"), ip_address("::1"))
