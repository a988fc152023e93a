"""Who answers for an address on a link (ARP: RFC 826, RFC 1122 §2.3.2; neighbour discovery: RFC 4861 §7.2.4).

A Linux host answers ARP on any interface for any address that it has anywhere
(weak host model) unless ``arp_ignore`` forbids; neighbour discovery answers
for the interface's own addresses only.
"""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.network.host import LOCAL_TABLE, IPAddress
from analyzer.network.link import Network
from analyzer.network.route import Dropped, arriving
from analyzer.network.routing.lookup import Query
from analyzer.network.stack import LOOPBACK, Stack


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
    if known is not None and known.mac and known.state not in ("FAILED", "INCOMPLETE"):
        for other, port in network.others(host, interface):
            if network.stacks[other].ports[port].mac == known.mac:
                return Answer(other, port, known.mac, cached=True)
        return None
    found = [
        (not _has(network.stacks[other], port, address), other, port)
        for other, port in network.others(host, interface)
        if _answers(network.stacks[other], port, address, asker)
    ]
    if not found:
        return None
    found.sort(key=lambda each: each[0])      # the interface that has the address before one that answers for it
    _, other, port = found[0]
    mac = network.stacks[other].ports[port].mac
    return Answer(other, port, mac, tuple(name for _, name, _ in found[1:]))


def _has(stack: Stack, port: str, address: IPAddress) -> bool:
    return any(own.ip == address for own in stack.ports[port].addresses)


def _answers(stack: Stack, port: str, address: IPAddress, asker: IPAddress | None) -> bool:
    if address.version == 6:
        return _has(stack, port, address)
    if asker is not None and isinstance(arriving(stack, Query(address, asker, port)), Dropped):
        return False
    if _has(stack, port, address):
        return stack.switches.larger("arp_ignore", port) != 8
    rows = stack.tables.get((4, LOCAL_TABLE))
    local = rows is not None and any(
        entry.type == "local" and entry.destination.prefixlen == 32 for entry in rows.matching(address)
    )
    on_loopback = _has(stack, LOOPBACK, address) and address.is_loopback
    return local and not on_loopback and stack.switches.larger("arp_ignore", port) == 0
