"""Who answers for an address on a link (ARP: RFC 826, RFC 1122 §2.3.2; neighbour discovery: RFC 4861 §7.2.4).

A Linux host answers ARP on any interface for any address that it has anywhere
(weak host model) unless ``arp_ignore`` forbids; neighbour discovery answers
for the interface's own addresses only.
"""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.network.host import LOCAL_TABLE, IPAddress, Neighbor
from analyzer.network.link import Network
from analyzer.network.route import Dropped, arriving
from analyzer.network.routing.lookup import Query
from analyzer.network.stack import Stack

NEVER = 8
"""``arp_ignore``: answer nobody."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The port that answers, its MAC; ``others`` answer as well, and who comes first is not ours to know."""

    host: str
    interface: str
    mac: str
    others: tuple[str, ...] = ()
    cached: bool = False


def resolve(
    network: Network, host: str, interface: str, address: IPAddress, asker: IPAddress | None = None
) -> Answer | None:
    """Who gets a frame that ``host`` sends to ``address`` on ``interface``; None where nobody answers.

    ``asker`` is the sender address of the ARP request: Linux answers only whom it
    would take a packet from (rp_filter counts; seen).
    """
    known = network.stacks[host].neighbors.get((interface, address))
    if known is None:
        known = network.stacks[host].neighbors.get(("", address))
    cached = _cached(network, host, interface, known) if known is not None else None
    found = [
        (not _has(network.stacks[other], port, address), other, port)
        for other, port in network.others(host, interface)
        if _answers(network.stacks[other], port, address, asker)
    ]
    if cached is not None and (not found or any(cached.host == other for _, other, _ in found)):
        return cached            # a cached neighbour that gave the address up is asked for again, and others answer
    if not found:
        return None
    found.sort(key=lambda each: each[0])      # the interface that has the address before one that answers for it
    _, other, port = found[0]
    mac = network.stacks[other].ports[port].mac
    return Answer(other, port, mac, tuple(name for _, name, _ in found[1:]))


def _cached(network: Network, host: str, interface: str, known: Neighbor) -> Answer | None:
    """The port that the neighbour cache names, where its MAC is on the link."""
    if not known.mac or known.state in ("FAILED", "INCOMPLETE"):
        return None
    for other, port in network.others(host, interface):
        if network.stacks[other].ports[port].mac == known.mac:
            return Answer(other, port, known.mac, cached=True)
    return None


def _has(stack: Stack, port: str, address: IPAddress) -> bool:
    return any(own.ip == address for own in stack.ports[port].addresses)


def _answers(stack: Stack, port: str, address: IPAddress, asker: IPAddress | None) -> bool:
    if not _has(stack, port, address) and (address.version == 6 or not _weakly(stack, port, address)):
        return False
    if address.version == 6:
        return True
    if stack.switches.larger("arp_ignore", port) == NEVER:
        return False
    return asker is None or not isinstance(arriving(stack, Query(address, asker, port)), Dropped)


def _weakly(stack: Stack, port: str, address: IPAddress) -> bool:
    """An address of another interface, which ARP gives away here too."""
    rows = stack.tables.get((4, LOCAL_TABLE))
    if rows is None or address.is_loopback:
        return False
    local = any(entry.type == "local" and entry.destination.prefixlen == 32 for entry in rows.matching(address))
    return local and stack.switches.larger("arp_ignore", port) == 0
