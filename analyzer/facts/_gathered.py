"""What one text tells of a host: a part of a Host, and how parts become one.

ip addr -> interfaces, ip route -> routes, sysctl -a -> switches: Facts + Facts + ... -> Host
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from analyzer.network.host import Interface, IPInterface, Neighbor, Route, Rule, System, TrackedConnection

ALL_TABLES = 0
"""Stands for every table of a family in ``Facts.listed``."""

_Row = TypeVar("_Row", bound=Route | Rule | Neighbor | TrackedConnection)


@dataclass(frozen=True, slots=True)
class Facts:
    """A part of a Host.

    ``complete`` holds ``"interfaces" "rules" "neighbors" "sysctls" "ruleset"`` where
    a listing was whole.  ``listed`` holds (family, table) of each routing table
    that was printed whole, with ``ALL_TABLES`` for every one of the family.
    ``partial`` holds the kinds of which something was left out: no other
    listing makes those complete.  ``ruleset`` is the text of nft, ``iptables`` that
    of iptables-save; ``saved`` holds the families whose tables were saved whole.
    """

    system: System = System.UNKNOWN
    interfaces: tuple[Interface, ...] = ()
    routes: tuple[Route, ...] = ()
    rules: tuple[Rule, ...] = ()
    neighbors: tuple[Neighbor, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    complete: frozenset[str] = frozenset()
    listed: frozenset[tuple[int, int]] = frozenset()
    partial: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()
    ruleset: str = ""
    iptables: str = ""
    tracked: tuple[TrackedConnection, ...] = ()
    saved: frozenset[int] = frozenset()

    def __add__(self, other: Facts) -> Facts:
        """Both together; of a switch that both tell, the later one holds, and a difference is a warning."""
        notes = [
            f"{key} was given as {self.sysctls[key]} and as {value}: the later one is taken"
            for key, value in other.sysctls.items() if self.sysctls.get(key, value) != value
        ]
        systems = {self.system, other.system} - {System.UNKNOWN}
        if len(systems) > 1:
            notes.append(f"outputs of {self.system} and of {other.system} were given for one host")
        twice = "" not in {self.ruleset, other.ruleset} and self.ruleset != other.ruleset
        if twice:
            notes.append("two different rulesets of nft were given for one host: give one whole 'nft list ruleset'")
        return Facts(
            other.system if self.system is System.UNKNOWN else self.system,
            united(self.interfaces, other.interfaces),
            _once(self.routes, other.routes),
            _once(self.rules, other.rules),
            _once(self.neighbors, other.neighbors),
            {**self.sysctls, **other.sysctls},
            self.complete | other.complete,
            self.listed | other.listed,
            self.partial | other.partial | (frozenset({"ruleset"}) if twice else frozenset()),
            (*self.warnings, *other.warnings, *notes),
            _texts(self.ruleset, other.ruleset),
            _texts(self.iptables, other.iptables),
            _once(self.tracked, other.tracked),
            self.saved | other.saved,
        )


def united(first: Iterable[Interface], second: Iterable[Interface]) -> tuple[Interface, ...]:
    """Interfaces of one name become one, with the addresses of both in the order in which they were told."""
    found = {each.name: each for each in first}
    for each in second:
        found[each.name] = joined(found[each.name], each) if each.name in found else each
    return tuple(found.values())


def joined(one: Interface, other: Interface) -> Interface:
    """Two views of one interface; ``one`` gives the name, and what it does not say comes from ``other``."""
    return replace(
        one,
        mac=one.mac or other.mac,
        addresses=_addresses((*one.addresses, *other.addresses)),
        mtu=one.mtu if one.mtu != Interface.__dataclass_fields__["mtu"].default else other.mtu,
        up=one.up and other.up,
        index=one.index or other.index,
        metric=other.metric if one.metric is None else one.metric,
        origin=one.origin or other.origin,
    )


def distinct(routes: Iterable[Route]) -> tuple[Route, ...]:
    """Two commands tell one route with more and with fewer words: once is enough, with more words."""
    found: dict[object, Route] = {}
    for route in routes:
        same = (route.destination, route.next_hops, route.metric, route.table, route.type, route.tos)
        if same not in found or (route.protocol and not found[same].protocol):
            found[same] = route
    return tuple(found.values())


def _texts(first: str, second: str) -> str:
    """Both texts, and one that was given twice once."""
    return first + second if first != second else first


def _addresses(told: Iterable[IPInterface]) -> tuple[IPInterface, ...]:
    return tuple(dict.fromkeys(told))


def _once(first: tuple[_Row, ...], second: tuple[_Row, ...]) -> tuple[_Row, ...]:
    """Rows that differ only in where they were read are one row."""
    seen: set[object] = set()
    kept: list[_Row] = []
    for row in (*first, *second):
        told = replace(row, origin=None)
        if told not in seen:
            seen.add(told)
            kept.append(row)
    return tuple(kept)
