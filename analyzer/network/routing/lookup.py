"""Which row answers: rules by priority, then longest prefix, tos, metric, order (ip-rule(8), RFC 1812 §5.2.4.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv6Address
from typing import Literal

from analyzer.network.host import DEFAULT_TABLE, LOCAL_TABLE, MAIN_TABLE, IPAddress, IPNetwork, RouteType, Rule
from analyzer.network.routing.fib import TYPE_ERRORS, Entry, Errno, Hop, Scope
from analyzer.network.routing.tables import Table
from analyzer.network.stack import DEFAULT_RULES, LOOPBACK, Stack

DSCP = 0xFC
"""The part of the tos octet that routing looks at; the other two bits are ECN (RFC 3168 §5)."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a look-up is asked.  A locally generated packet comes in by ``lo``; 0, None and "" mean "not said"."""

    destination: IPAddress
    source: IPAddress | None = None
    incoming: str = LOOPBACK
    outgoing: str = ""
    mark: int = 0
    tos: int = 0
    protocol: int = 0
    source_port: int = 0
    destination_port: int = 0
    scope: Scope = Scope.UNIVERSE


@dataclass(frozen=True, slots=True)
class Match:
    """The row that answered, the next hop of it that fits, and the table where it stood."""

    entry: Entry
    hop: Hop
    table: int
    alternatives: tuple[tuple[Entry, Hop], ...] = ()


def look_up(stack: Stack, query: Query) -> Match | Errno:
    """The row for ``query``; an ``Errno`` where a row refuses or none matches."""
    if query.destination.version == 4 and not stack.split:
        return _merged(stack, query)
    rules = stack.rules[query.destination.version]
    if query.destination.version == 6 and not stack.split6:
        rules = list(DEFAULT_RULES[6])         # a deleted rule goes on working until the first one is added (seen)
    for rule in rules:
        if applies(rule, query):
            found = in_table(stack, rule.table, query)
            if found is not None:
                return found
    return Errno.ENETUNREACH


def _merged(stack: Stack, query: Query) -> Match | Errno:
    """IPv4 before the first policy rule: local and main are one table, so the longest prefix of both wins."""
    tables = [stack.tables.get((4, number), EMPTY) for number in (LOCAL_TABLE, MAIN_TABLE)]
    rows = sorted(
        ((-entry.destination.prefixlen, index, entry) for index, table in enumerate(tables)
         for entry in table.matching(query.destination)),
        key=lambda found: found[:2],
    )
    for _, index, entry in rows:
        found = _answer(stack, MAIN_TABLE, tables[index], entry, query)
        if found != "nothing":
            break
    else:
        found = in_table(stack, DEFAULT_TABLE, query)
    return found if isinstance(found, (Match, Errno)) else Errno.ENETUNREACH


EMPTY = Table()


def in_table(stack: Stack, number: int, query: Query) -> Match | Errno | None:
    """The same in one table; None where it has nothing to say, or says ``throw``."""
    table = stack.tables.get((query.destination.version, number))
    if table is None:
        return None
    rows = table.matching(query.destination)
    destination, sourced = query.destination, query.source is not None
    if query.outgoing and sourced and isinstance(destination, IPv6Address) and not _needs_interface(destination):
        # With a source given, IPv6 only prefers the interface: among the first rows of one metric.
        rows, query = _preferring(list(rows), query.outgoing), replace(query, outgoing="")
    for entry in rows:
        found = _answer(stack, number, table, entry, query)
        if found != "nothing":
            return found
    return None


def _needs_interface(address: IPv6Address) -> bool:
    """Addresses that mean something on one link only (RFC 4007 §6)."""
    return address.is_multicast or address.is_link_local or address.is_loopback


def _preferring(rows: list[Entry], interface: str) -> Iterator[Entry]:
    return iter(sorted(rows, key=lambda entry: (
        -entry.destination.prefixlen, entry.metric, all(hop.interface != interface for hop in entry.hops))))


def _answer(
    stack: Stack, number: int, table: Table, entry: Entry, query: Query
) -> Match | Errno | Literal["nothing"] | None:
    """What one row says: a match, an error, None for ``throw``, "nothing" where it does not apply."""
    if entry.scope < query.scope or (entry.tos and entry.tos != query.tos & DSCP):
        return "nothing"
    hop = next(usable(stack, entry, query), None)
    if hop is None and entry.hops:
        return "nothing"
    if entry.type is RouteType.THROW:
        return None
    if entry.type in TYPE_ERRORS:
        return TYPE_ERRORS[entry.type]
    if hop is None:
        return "nothing"
    return Match(entry, hop, number, tuple(_equals(stack, table.row(entry), entry, query)))


def usable(stack: Stack, entry: Entry, query: Query) -> Iterator[Hop]:
    """The next hops whose interface is up and is the one that the query insists on, if it does."""
    for hop in entry.hops:
        port = stack.ports.get(hop.interface)
        alive = hop.scope == Scope.NOWHERE or (port is not None and port.up)
        if alive and not hop.dead and query.outgoing in ("", hop.interface):
            yield hop


def _equals(stack: Stack, row: list[Entry], entry: Entry, query: Query) -> Iterator[tuple[Entry, Hop]]:
    """Next hops that the kernel may take instead: multipath, and default routes of one metric.

    Which one a hash or a neighbour's state decides, so it is not ours to know.
    """
    if len(row) == 1 and len(entry.hops) == 1:
        return
    yield from ((entry, hop) for hop in usable(stack, entry, query))
    family, default = entry.destination.version, entry.destination.prefixlen == 0
    if not any(hop.gateway is not None for hop in entry.hops) or not (default or family == 6):
        return
    for other in row:
        alike = (other.tos, other.metric, other.type) == (entry.tos, entry.metric, entry.type)
        if alike and other is not entry:
            yield from ((other, hop) for hop in usable(stack, other, query) if hop.gateway is not None)


def applies(rule: Rule, query: Query) -> bool:
    """Whether a policy rule selects this packet."""
    return _selects(rule, query) is not rule.inverted


def _selects(rule: Rule, query: Query) -> bool:
    return (
        _inside(query.source, rule.source)
        and _inside(query.destination, rule.destination)
        and rule.incoming in (None, query.incoming)
        and rule.outgoing in (None, query.outgoing)
        and (rule.mark is None or (rule.mark ^ query.mark) & rule.mask == 0)
        and (not rule.tos or rule.tos == query.tos & DSCP)
        and (not rule.ip_protocol or rule.ip_protocol == query.protocol)
        and _between(query.source_port, rule.source_ports)
        and _between(query.destination_port, rule.destination_ports)
    )


def _inside(address: IPAddress | None, wanted: IPNetwork | None) -> bool:
    if wanted is None or wanted.prefixlen == 0:
        return True
    return address is not None and address.version == wanted.version and address in wanted


def _between(port: int, wanted: tuple[int, int] | None) -> bool:
    return wanted is None or wanted[0] <= port <= wanted[1]
