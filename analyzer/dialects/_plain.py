"""What dialects without a shell of their own share: networks in the words of routers and appliances."""

from __future__ import annotations

from ipaddress import IPv4Network

from analyzer.network.host import IPNetwork, OnLink, Via
from analyzer.remedy.change import Change, HairpinSnat, RouteChange, RouteRemoval
from analyzer.remedy.situation import Situation


def routes_only(change: Change) -> bool:
    """A route of the one table through a gateway: a router takes no on-link host route without its interface."""
    if isinstance(change, RouteChange):
        return change.table is None and change.how == "add" and isinstance(change.next_hop, Via)
    return isinstance(change, RouteRemoval) and isinstance(change.next_hop, Via)


def gateway(change: RouteChange | RouteRemoval) -> str:
    """The next hop's address."""
    match change.next_hop:
        case Via(gateway=address):
            return str(address)
        case OnLink():
            raise ValueError(f"{change.destination} has no gateway")


def address_and_mask(network: IPNetwork) -> str:
    """``10.0.2.0 255.255.255.0``, or the IPv6 prefix as it is."""
    return f"{network.network_address} {network.netmask}" if isinstance(network, IPv4Network) else str(network)


def address_and_wildcard(network: IPNetwork) -> str:
    """``10.0.2.0 0.0.0.255``."""
    return f"{network.network_address} {network.hostmask}"


def everyone(change: Change) -> bool:
    """Whether a translation is for every client: what an appliance sets for a whole service."""
    return isinstance(change, HairpinSnat) and change.clients.prefixlen == 0


def translation_name(change: HairpinSnat) -> str:
    """A name for a translation, in letters, digits and underscores."""
    return "replypath_" + "".join(c if c.isalnum() else "_" for c in f"{change.clients}")


def then_dial(comment: str, s: Situation) -> tuple[str, ...]:
    """The test that counts, from a client, as a comment."""
    if s.virtual is None or not s.virtual.port or s.protocol.value != "tcp":
        return ()
    return (f"{comment} then, on {s.clients[0]}: nc -vz {s.virtual.address} {s.virtual.port}",)
