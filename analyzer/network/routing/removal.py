"""Which route a deletion hits: the first one that agrees with all that was said, and nothing warns of a second."""

from __future__ import annotations

from functools import partial
from ipaddress import ip_network

from analyzer.network.routing.fib import Entry, Errno, Hop, Refusal
from analyzer.network.routing.request import BAD_PREFIX, Asked, AskedHop
from analyzer.network.stack import Stack


def remove(stack: Stack, asked: Asked) -> Refusal | None:
    """Delete the first route that agrees with all that was said (KERNEL facts, section 1, "Undo")."""
    if asked.family == 4 and asked.host_bits:
        return BAD_PREFIX
    table = stack.tables.get((asked.family, asked.number))
    if table is None:
        return Refusal(Errno.ESRCH, "FIB table does not exist")
    prefix = Entry(ip_network((asked.address, asked.length), strict=False))
    gone = table.remove(prefix, lambda entry: agrees(entry, asked))
    if gone is None:
        bare = asked == Asked(asked.address, asked.length, type=asked.type, table=asked.table)
        empty_root = asked.family == 6 and asked.length == 0 and bare and not table.row(prefix)
        return Refusal(Errno.ENOENT if empty_root else Errno.ESRCH)
    stack.forget(gone)
    if asked.family == 6 and gone.hops[0].gateway is not None and not any(hop.gateway for hop in asked.hops):
        while sibling := table.remove(prefix, partial(_sibling, gone.metric)):
            stack.forget(sibling)
    return None


def _sibling(metric: int, entry: Entry) -> bool:
    return entry.metric == metric and entry.hops[0].gateway is not None


def agrees(entry: Entry, asked: Asked) -> bool:
    """Whether a deletion that says ``asked`` means ``entry``; only the first next hop is compared, as in the kernel."""
    first = entry.hops[0] if entry.hops else None
    wanted = asked.hops[0] if len(asked.hops) == 1 else None
    return (
        (asked.family == 6 or entry.tos == asked.tos)
        and (not asked.metric or entry.metric == asked.metric)
        and (asked.type in (None, entry.type) or asked.family == 6)     # IPv6 does not compare types (seen)
        and (asked.scope is None or asked.family == 6 or entry.scope == asked.scope)
        and asked.source in (None, entry.source)
        and asked.protocol in ("", entry.protocol)
        and (wanted is None or _first_hop_agrees(first, wanted))
        and (len(asked.hops) < 2 or _same_paths(entry, asked))
    )


def _first_hop_agrees(first: Hop | None, wanted: AskedHop) -> bool:
    gateway = wanted.gateway if wanted.gateway is not None and int(wanted.gateway) else None
    if first is None:
        return not wanted.interface and gateway is None
    return wanted.interface in ("", first.interface) and gateway in (None, first.gateway)


def _same_paths(entry: Entry, asked: Asked) -> bool:
    return len(entry.hops) == len(asked.hops) and all(
        each.gateway in (None, hop.gateway) and each.interface in ("", hop.interface)
        for hop, each in zip(entry.hops, asked.hops, strict=True)
    )
