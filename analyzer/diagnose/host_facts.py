"""What the hosts' own facts say about a request: whether the real server would even accept it.

The forwarding engine answers (``network.route.arriving``), on the routing tables
and switches that the user gave; a host that gave none is not judged.
"""

from __future__ import annotations

from collections.abc import Iterable

from analyzer.network.building import stack_of
from analyzer.network.host import Host, IPAddress
from analyzer.network.route import Drop, Dropped, arriving
from analyzer.network.routing.lookup import Query
from analyzer.tables import TCP, UDP

TRANSLATED = {6: TCP, 17: UDP}
"""IP protocols whose tracked connections are compared with the captures, and their kinds."""

Tracked = tuple[int, IPAddress, int, IPAddress, int, IPAddress, int, bool]
"""Kind, client, its port, what it dialled, port, who was to answer, port, and whether an answer passed the balancer."""


def translated_connections(hosts: Iterable[Host]) -> list[Tracked]:
    """What the hosts' connection tracking gave to another destination than was dialled, entry by entry.

    ``[UNREPLIED]`` goes for good with the first packet of the answer that the host sees (KERNEL facts, section 7).
    """
    return [
        (TRANSLATED[entry.protocol], entry.original.source, entry.original.source_port,
         entry.original.destination, entry.original.destination_port,
         entry.reply.source, entry.reply.source_port, "UNREPLIED" not in entry.flags)
        for host in hosts for entry in host.tracked
        if entry.protocol in TRANSLATED
        and (entry.original.destination, entry.original.destination_port)
        != (entry.reply.source, entry.reply.source_port)
    ]


def _told(host: Host, interface: str) -> bool:
    """Whether the facts were given that decide: the whole routing table, and both keys of the filter."""
    keys = {f"net.ipv4.conf.{name}.rp_filter" for name in ("all", interface)}
    return "routes" in host.complete and keys <= host.sysctls.keys()


def refused_by_reverse_path(
    hosts: Iterable[Host], asked: Iterable[tuple[IPAddress, IPAddress]],
) -> list[tuple[IPAddress, IPAddress]]:
    """Of some (real server, client) pairs those whose packets the real server drops by its reverse path filter."""
    owners = {
        own.ip: (host, interface.name)
        for host in hosts
        for interface in host.interfaces if _told(host, interface.name)
        for own in interface.addresses
    }
    stacks = {host.name: stack_of(host) for host, _ in owners.values()}
    refused = []
    for real, client in asked:
        if real not in owners:
            continue
        host, interface = owners[real]
        arrival = arriving(stacks[host.name], Query(real, client, incoming=interface))
        if isinstance(arrival, Dropped) and arrival.why is Drop.RP_FILTER:
            refused.append((real, client))
    return refused
