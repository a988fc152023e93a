"""The source address that a host picks for a packet of its own (IPv4: RFC 1122 §3.3.4.3; IPv6: RFC 6724 §5)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network

from analyzer.network.host import IPAddress, IPNetwork
from analyzer.network.routing.fib import Scope
from analyzer.network.stack import Port, Stack


def preferred4(stack: Stack, interface: str, gateway: IPAddress | None, scope: Scope) -> IPv4Address | None:
    """A primary address of ``interface``: one in the gateway's subnet if there is such, else the first.

    Without any usable address there, the first one of the other interfaces.
    """
    port = stack.ports.get(interface)
    primaries = _primaries(port, scope) if port is not None else []
    if gateway is not None:
        for own, net in primaries:
            if gateway in net:
                return own
    if primaries:
        return primaries[0][0]
    for other in stack.ports.values():
        for own, _ in _primaries(other, min(scope, Scope.SITE)):
            return own
    return None


def _primaries(port: Port, scope: Scope) -> list[tuple[IPv4Address, IPNetwork]]:
    return [
        (own.ip, own.interface.network) for own in port.addresses
        if isinstance(own.ip, IPv4Address) and not own.secondary and own.scope <= scope
    ]


LABELS = (
    (IPv6Network("::1/128"), 0), (IPv6Network("::ffff:0:0/96"), 4), (IPv6Network("2002::/16"), 2),
    (IPv6Network("2001::/32"), 5), (IPv6Network("fc00::/7"), 13), (IPv6Network("::/0"), 1),
)
"""The default policy table (RFC 6724 §2.1), the rows that are still in use."""


def preferred6(stack: Stack, interface: str, destination: IPv6Address) -> IPv6Address | None:
    """The best own address for ``destination`` by the comparisons that decide on a host without temporary addresses."""
    own_link_only = destination.is_link_local or destination.is_multicast or destination.is_loopback
    best: tuple[tuple[int, ...], IPv6Address] | None = None
    for port, own in stack.local_addresses(6):
        if not port.up or (own_link_only and port.name != interface) or not isinstance(own.ip, IPv6Address):
            continue
        rank = _rank6(own.ip, own.interface.network.prefixlen, destination, same_port=port.name == interface)
        if best is None or rank > best[0]:
            best = (rank, own.ip)
    return best[1] if best else None


def _rank6(own: IPv6Address, prefix: int, destination: IPv6Address, *, same_port: bool) -> tuple[int, ...]:
    mine, theirs = _scope6(own), _scope6(destination)
    appropriate = -mine if mine >= theirs else mine - 64        # rule 2: the smallest that is large enough
    common = 128 - (int(own) ^ int(destination)).bit_length()
    return (own == destination, appropriate, same_port, _label(own) == _label(destination), min(common, prefix))


def _scope6(address: IPv6Address) -> int:
    if address.is_multicast:
        return address.packed[1] & 0x0F
    return 2 if address.is_link_local or address.is_loopback else 14


def _label(address: IPv6Address) -> int:
    return next(label for net, label in LABELS if address in net)


