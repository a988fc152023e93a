"""Windows: one interface has many names - alias, description, index, address - and each command prints another.

route print     10.0.2.11 and "12...02 00 0a 00 02 0b ......Intel(R) 82574L"
ipconfig /all   Ethernet0, its description, MAC and address
arp -a          10.0.2.11 --- 0xc
Get-NetRoute    12
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from analyzer.facts._gathered import Facts, joined, united
from analyzer.facts._values import is_address
from analyzer.network.host import Interface, Neighbor, NextHop, OnLink, Via

NUMBERED = "interface "
"""Begins the name of an interface of which only the index is known."""


def by_index(index: int) -> str:
    """The provisional name of interface ``index``."""
    return f"{NUMBERED}{index}"


def _rank(interface: Interface) -> int:
    """Aliases come with addresses; then descriptions, then numbers, then addresses as names."""
    if is_address(interface.name):
        return 3
    if interface.name.startswith(NUMBERED):
        return 2
    return 0 if interface.addresses else 1


def settle(facts: Facts) -> Facts:
    """The same facts with one name for each interface, the best that was told."""
    ordered = sorted(facts.interfaces, key=_rank)
    names = {each.name: each.name for each in ordered}
    macs = Counter(each.mac for each in ordered if each.mac)
    kept: list[Interface] = []
    for each in ordered:
        twin = next((i for i, other in enumerate(kept) if _same(other, each, macs)), None)
        if twin is None and _rank(each) == 3:
            twin = _only_one_left(kept, each, ordered)
        if twin is None:
            kept.append(each)
            continue
        one = kept[twin]
        own = {address.ip for address in one.addresses}
        fresh = tuple(address for address in each.addresses if address.ip not in own)
        kept[twin] = joined(one, replace(each, addresses=fresh))
        names[each.name] = one.name
    best = united((), kept)
    return replace(
        facts, interfaces=best,
        routes=tuple(replace(row, next_hops=tuple(_hop(hop, names) for hop in row.next_hops))
                     for row in facts.routes),
        neighbors=tuple(_neighbors(replace(row, interface=names.get(row.interface, row.interface))
                                   for row in facts.neighbors)),
    )


def _same(one: Interface, other: Interface, macs: Counter[str]) -> bool:
    if one.index and other.index:
        return one.index == other.index
    owned = {str(address.ip) for address in one.addresses}
    if other.name in owned or owned & {str(address.ip) for address in other.addresses}:
        return True
    return bool(one.mac) and one.mac == other.mac and macs[one.mac] == 2  # a team shares the MAC of its members


def _only_one_left(kept: list[Interface], each: Interface, every: Iterable[Interface]) -> int | None:
    """Where the host has one adapter and one address, they belong together; so do the loopbacks."""
    looped = each.name.startswith("127.") or each.name == "::1"
    mine = [i for i, other in enumerate(kept) if ("loopback" in other.name.lower()) == looped]
    addresses = [other for other in every if is_address(other.name)
                 and (other.name.startswith("127.") or other.name == "::1") == looped]
    fits = len(mine) == 1 and len(addresses) == 1 and not kept[mine[0]].addresses
    return mine[0] if fits else None


def _hop(hop: NextHop, names: dict[str, str]) -> NextHop:
    match hop:
        case OnLink(name):
            return OnLink(names.get(name, name))
        case Via():
            return replace(hop, interface=names.get(hop.interface, hop.interface))


def _neighbors(rows: Iterable[Neighbor]) -> Iterable[Neighbor]:
    found: dict[Neighbor, Neighbor] = {}
    for row in rows:
        found.setdefault(replace(row, origin=None, state=""), row)
    return found.values()
