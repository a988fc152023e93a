"""All that a remedy is planned from: who is served, through which balancer, and what is known of the hosts.

The diagnosis fills this in.  Every value that can reach a command is checked
here once more (``ValueError``), so a capture or a configuration cannot write
into a shell; what is not known is ``None``, empty or ``System.UNKNOWN``, and
then nothing that would need it is printed as a command.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analyzer.balance.mapping import Endpoint, Forwarding, Protocol
from analyzer.diagnose.finding import Cause
from analyzer.network.host import Host, IPAddress, IPNetwork, Route, System
from analyzer.remedy.checks import (
    INTERFACE_NAME,
    UNKNOWN_INTERFACE,
    checked,
    checked_interface,
    checked_macs,
    checked_name,
    checked_network,
    checked_number,
    checked_word,
)


def interface_or_unknown(name: str) -> str:
    """``name`` where it can go into a command, else "unknown": a pcapng file may name its interface as it likes."""
    return name if INTERFACE_NAME.match(name) else UNKNOWN_INTERFACE


@dataclass(frozen=True, slots=True)
class Situation:
    """One fault at one real server.

    ``clients`` are those that the fault hits (never empty); ``real`` is the real
    server that must answer through the balancer.  ``balancer_inside`` is the
    balancer's address on the servers' link - the floating one, where a pair
    shares one (VRRP, HSRP, CARP); ``balancer_macs`` are all link-layer addresses
    from which the balancer sends to the servers, virtual ones included.
    ``balancer_host`` names the balancer in the report and defaults to the inside
    address, then to the virtual service.  ``wrong_next_hop`` is the router the
    server used instead; ``lan`` is the servers' subnet.  ``server`` and
    ``balancer`` are what their own commands printed.  ``system`` and
    ``system_doubt`` say whose commands to print and how sure that is ("" = given).
    ``direct_connections_seen`` counts connections to the real server that did
    not come through the balancer: a wide fix may break them.
    """

    cause: Cause
    protocol: Protocol
    clients: tuple[IPAddress, ...]
    real: Endpoint
    virtual: Endpoint | None = None
    forwarding: Forwarding = Forwarding.NAT
    balancer_inside: IPAddress | None = None
    balancer_macs: tuple[str, ...] = ()
    balancer_host: IPAddress | None = None
    balancer_product: str = ""           # by the name of the importer that read its configuration
    balancer_service: str = ""           # the balancer's own name of the virtual service (an ARN, for AWS)
    balancer_real: str = ""              # how its commands address the real server ("service/web1")
    wrong_next_hop: IPAddress | None = None
    wrong_next_hop_mac: str = ""
    lan: IPNetwork | None = None
    lan_origin: Literal["given", "inferred", ""] = ""
    interface: str = UNKNOWN_INTERFACE   # the server's, towards the balancer
    balancer_interface: str = UNKNOWN_INTERFACE
    server: Host | None = None
    balancer: Host | None = None
    system: System = System.UNKNOWN
    system_doubt: str = ""
    other_reals: tuple[IPAddress, ...] = ()
    direct_connections_seen: int = 0
    offending_route: Route | None = None    # the more specific one, where the server's table shows it
    duplicate: IPAddress | None = None      # the address that two hosts claim
    duplicate_mac: str = ""                 # of the host that must give it up
    path_mtu: int | None = None
    path_mtu_origin: str = ""            # who told it, as half a sentence

    def __post_init__(self) -> None:
        if not self.clients:
            raise ValueError("a situation needs at least one client")
        addresses = (*self.clients, self.real.address, *self.other_reals)
        optional = (self.balancer_inside, self.balancer_host, self.wrong_next_hop, self.duplicate)
        for address in (*addresses, *(a for a in optional if a is not None)):
            checked(address)
        checked_word(self.protocol, tuple(Protocol))
        checked_number(self.real.port, 0, 65535, "a port")
        if self.virtual is not None:
            checked(self.virtual.address)
            checked_number(self.virtual.port, 0, 65535, "a port")
        if self.lan is not None:
            checked_network(self.lan)
        checked_name(self.balancer_product)
        checked_name(self.balancer_service)
        checked_name(self.balancer_real)
        if self.path_mtu is not None:
            checked_number(self.path_mtu, 576 if self.version == 4 else 1280, 65535, "a path MTU")
        checked_interface(self.interface)
        checked_interface(self.balancer_interface)
        checked_macs((*self.balancer_macs, *(m for m in (self.wrong_next_hop_mac, self.duplicate_mac) if m)))
        if any(c.version != self.version for c in self.clients):
            raise ValueError(f"clients and the real server {self.real.address} must speak one IP version")

    @property
    def version(self) -> Literal[4, 6]:
        """The IP version of the whole situation."""
        return self.real.address.version

    @property
    def balancer_on(self) -> str:
        """How the report names the balancer: its own address, or else the virtual service's."""
        address = self.balancer_host or self.balancer_inside or (self.virtual.address if self.virtual else None)
        return str(address) if address is not None else "the balancer"

    @property
    def clients_on_link(self) -> tuple[IPAddress, ...]:
        """The clients inside the servers' subnet (none where that is not known)."""
        return tuple(c for c in self.clients if self.lan is not None and c in self.lan)

    def connected_metric(self) -> int | None:
        """The metric of the server's connected route for its subnet, or ``None`` where its table was not given."""
        if self.server is None or self.lan is None:
            return None
        metrics = [r.metric for r in self.server.routes if r.destination == self.lan and not _gateways(r)]
        return min(metrics, default=None)

    def switch(self, key: str) -> str | None:
        """A kernel switch of the server as its ``sysctl`` printed it, e.g. ``net.ipv4.conf.all.rp_filter``."""
        return self.server.sysctls.get(key) if self.server is not None else None


def _gateways(route: Route) -> list[IPAddress]:
    return [hop.gateway for hop in route.next_hops if hasattr(hop, "gateway")]
