"""Hosts on links: the network that packets are walked through."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from analyzer.balance.mapping import Endpoint
from analyzer.network.building import stack_of
from analyzer.network.host import Host, IPAddress
from analyzer.network.nat import NO_FIREWALL, Firewall
from analyzer.network.stack import Stack

BEYOND = "outside"
"""The link that stands for hops which nobody captured; addresses and MACs on it are made up and said nowhere."""

Port = tuple[str, str]
"""(host, interface)"""


@dataclass(slots=True)
class Network:
    """Stacks, the links between their interfaces, what listens where, and what is done to packets.

    ``links`` maps a link's name to the ports on it.  ``listening`` holds
    (host, endpoint, protocol); a host in ``open_hosts`` listens on every port,
    because nobody told on which.
    """

    stacks: dict[str, Stack]
    links: dict[str, tuple[Port, ...]]
    listening: frozenset[tuple[str, Endpoint, int]] = frozenset()
    open_hosts: frozenset[str] = frozenset()

    def copy(self) -> Network:
        """An independent network: commands on its hosts leave this one alone."""
        stacks = {name: stack.copy() for name, stack in self.stacks.items()}
        return Network(stacks, dict(self.links), self.listening, self.open_hosts)

    def firewall(self, host: str) -> Firewall:
        """The rules of a host; none where none are known."""
        return self.stacks[host].firewall or NO_FIREWALL

    def link_of(self, host: str, interface: str) -> str | None:
        """The link that an interface is on."""
        return next((name for name, ports in self.links.items() if (host, interface) in ports), None)

    def others(self, host: str, interface: str) -> list[Port]:
        """The other ports on the link of an interface, those that are up."""
        link = self.link_of(host, interface)
        ports = self.links.get(link, ()) if link is not None else ()
        return [port for port in ports if port != (host, interface) and self.stacks[port[0]].ports[port[1]].up]

    def owner(self, address: IPAddress) -> str | None:
        """A host that has ``address``; the first where several do."""
        return next((name for name, stack in self.stacks.items() if stack.port_of(address) is not None), None)

    def listens(self, host: str, at: Endpoint, protocol: int) -> bool:
        """Whether ``host`` would answer a request there."""
        if host in self.open_hosts:
            return True
        return any(
            (host, Endpoint(address, at.port), protocol) in self.listening
            for address in (at.address, type(at.address)(0))
        )


def network(hosts: Iterable[Host], links: dict[str, tuple[Port, ...]], **more: object) -> Network:
    """A network of hosts given as facts."""
    return Network({host.name: stack_of(host) for host in hosts}, links, **more)  # type: ignore[arg-type]
