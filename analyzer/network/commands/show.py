"""Routes and rules in the words of ip(8), so that a person can compare them with the host's own answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

from analyzer.network.host import DEFAULT_TABLE, LOCAL_TABLE, MAIN_TABLE, RouteType, Rule
from analyzer.network.route import Path
from analyzer.network.routing.fib import DROPPING, SCOPE_WORDS, Entry, Hop, Scope
from analyzer.network.routing.lookup import Query
from analyzer.network.routing.tables import Table
from analyzer.network.stack import Stack

TABLE_NAMES = {LOCAL_TABLE: "local", MAIN_TABLE: "main", DEFAULT_TABLE: "default"}
SCOPE_NAMES = {value: word for word, value in SCOPE_WORDS.items() if word != "universe"}


def table_text(stack: Stack, family: int, number: int | None) -> str:
    """One table, or all of them (``None``), a route a line."""
    numbers = [number] if number is not None else _all_numbers(stack, family)
    down = frozenset(port.name for port in stack.ports.values() if not port.up)
    return "\n".join(
        entry_text(entry, each if number is None else MAIN_TABLE, down)
        for each in numbers if (family, each) in stack.tables for entry in _grouped(stack.tables[family, each])
    )


def _grouped(table: Table) -> Iterator[Entry]:
    """IPv6 keeps the next hops of a multipath route as rows of their own and shows them as one."""
    for _, rows in groupby(table, key=lambda entry: (entry.destination, entry.metric, entry.type, _multipath6(entry))):
        first, *others = rows
        if not others or first.destination.version == 4 or first.hops[0].gateway is None:
            yield from (first, *others)
        else:
            yield replace(first, hops=(*first.hops, *(hop for entry in others for hop in entry.hops)))


def _multipath6(entry: Entry) -> bool:
    return entry.destination.version == 6 and entry.hops[0].gateway is not None


def _all_numbers(stack: Stack, family: int) -> list[int]:
    return sorted(number for version, number in stack.tables if version == family)


def entry_text(entry: Entry, table: int = MAIN_TABLE, down: frozenset[str] = frozenset()) -> str:
    """One route as ``ip route show`` prints it, without the trailing blank."""
    single = entry.hops[0] if len(entry.hops) == 1 else None
    parts = [
        "" if entry.type is RouteType.UNICAST else str(entry.type),
        _prefix(entry),
        f"tos 0x{entry.tos:02x}" if entry.tos else "",
        _hop(single) if single and entry.type not in DROPPING else "dev lo" if single else "",
        "" if table == MAIN_TABLE else f"table {TABLE_NAMES.get(table, table)}",
        "" if entry.protocol == "boot" else f"proto {entry.protocol}",
        "" if entry.scope == Scope.UNIVERSE else f"scope {SCOPE_NAMES.get(entry.scope, entry.scope)}",
        f"src {entry.source}" if entry.source else "",
        f"metric {entry.metric}" if entry.metric or entry.destination.version == 6 else "",
        f"mtu {entry.mtu}" if entry.mtu else "",
        "onlink" if single and single.onlink else "",
        "pref medium" if entry.destination.version == 6 else "",
    ]
    line = " ".join(part for part in parts if part)
    if len(entry.hops) < 2:
        return line
    dead = {hop: " dead linkdown" if hop.dead or hop.interface in down else "" for hop in entry.hops}
    return line + "".join(
        f"\n\tnexthop {_hop(hop)} weight {hop.weight}{dead[hop]}{' onlink' if hop.onlink else ''}" for hop in entry.hops
    )


def _prefix(entry: Entry) -> str:
    net = entry.destination
    if net.prefixlen == 0:
        return "default"
    return str(net.network_address) if net.prefixlen == net.max_prefixlen else str(net)


def _hop(hop: Hop) -> str:
    return f"dev {hop.interface}" if hop.gateway is None else f"via {hop.gateway} dev {hop.interface}"


def path_text(query: Query, path: Path) -> str:
    """``10.0.2.9 via 10.0.2.1 dev eth0 src 10.0.2.11``, as ``ip route get`` begins."""
    six = query.destination.version == 6
    parts = [
        "" if path.type is RouteType.UNICAST else str(path.type),
        str(query.destination),
        f"from {query.source}" if query.source else "from ::" if six else "",
        f"tos 0x{path.entry.tos:02x}" if path.entry and path.entry.tos else "",
        f"via {path.gateway}" if path.gateway else "",
        f"dev {path.interface}",
        f"table {TABLE_NAMES.get(path.table, path.table)}" if path.table != MAIN_TABLE else "",
        f"proto {path.entry.protocol}" if six and path.entry and path.entry.protocol != "boot" else "",
        f"src {path.preferred or path.source}" if path.source and (six or query.source is None) else "",
        f"mark {query.mark}" if query.mark and not six else "",
        f"metric {path.entry.metric} pref medium" if six and path.entry else "",
    ]
    line = " ".join(part for part in parts if part)
    return line + "\n    cache <redirected> expires 299sec" if path.redirected else line


def rule_text(rule: Rule) -> str:
    """One policy rule as ``ip rule show`` prints it."""
    spans = [("sport", rule.source_ports), ("dport", rule.destination_ports)]
    protocols = {6: "tcp", 17: "udp", 1: "icmp", 58: "ipv6-icmp"}
    mark = f"0x{rule.mark:x}" if rule.mark is not None else ""
    parts = [
        "not" if rule.inverted else "",
        f"from {_network(rule.source)}",
        f"to {_network(rule.destination)}" if rule.destination else "",
        f"tos 0x{rule.tos:02x}" if rule.tos else "",
        f"fwmark {mark}" + (f"/0x{rule.mask:x}" if rule.mask != 0xFFFFFFFF else "") if mark else "",
        f"iif {rule.incoming}" if rule.incoming else "",
        f"oif {rule.outgoing}" if rule.outgoing else "",
        f"ipproto {protocols.get(rule.ip_protocol, rule.ip_protocol)}" if rule.ip_protocol else "",
        *(f"{word} " + "-".join(map(str, dict.fromkeys(span))) for word, span in spans if span),
        f"lookup {TABLE_NAMES.get(rule.table, rule.table)}",
    ]
    return f"{rule.priority}:\t" + " ".join(part for part in parts if part)


def _network(net: object) -> str:
    if net is None:
        return "all"
    text = str(net)
    return text.removesuffix("/32") if "." in text else text.removesuffix("/128")
