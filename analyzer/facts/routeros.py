"""MikroTik RouterOS: ``/ip route print`` (plain, detail, terse), ``/ip address print``, ``/ip arp print``.

Flags: X - disabled, A - active, D - dynamic, C - connect, S - static
 #      DST-ADDRESS        PREF-SRC        GATEWAY            DISTANCE
 0 A S  0.0.0.0/0                          10.0.2.1                  1
 1 ADC  10.0.2.0/24        10.0.2.2        ether1                    0

 0 A S  dst-address=0.0.0.0/0 gateway=10.0.2.1 distance=1 scope=30
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from analyzer.clean import shown
from analyzer.facts._command import asked
from analyzer.facts._gathered import Facts, united
from analyzer.facts._problems import Expected, Problems
from analyzer.facts._values import address, interface_address, is_address, mac, network, number
from analyzer.network.host import MAIN_TABLE, Interface, Neighbor, NextHop, OnLink, Route, RouteType, System, Via
from analyzer.units import Origin

NAME = "routeros"
DESCRIPTION = "/ip route print, /ip address print, /ip arp print (RouterOS)"

_FLAGS = r"[A-Za-z]?[A-Za-z ]{0,4}[A-Za-z]?"
START = re.compile(r"Flags: [A-Z]+ ?- ?\w|Columns: [A-Z-]+,|\s*#?\s+(?:DST-)?ADDRESS\s"
                   rf"|\s*(?:\d+\s+)?(?:{_FLAGS}\s+)?(?:comment=.*\s)?(?:dst-address|address)=[0-9a-fA-F]*[.:]")
_NUMBERED = re.compile(rf"\s*(?:(?P<number>\d+)\s+|\s*)(?:(?P<flags>{_FLAGS})\s+)?"
                       r"(?P<rest>(?:[0-9a-fA-F]*[.:]|[\w-]+=).*)$")
_FULL = re.compile(r"(?P<key>[a-z][a-z0-9-]*)=(?P<value>.*?)(?=\s+[a-z][a-z0-9-]*=|$)")
_COMMENT = re.compile(r"\s*(?:\d+\s+)?(?P<flags>[A-Z ]{0,6})\s*;;;")
_LOG = re.compile(r"\d\d:\d\d:\d\d echo: ")
_HEADING = re.compile(r"[A-Z][A-Z-]+")
_KINDS = {"B": RouteType.BLACKHOLE, "U": RouteType.UNREACHABLE, "P": RouteType.PROHIBIT}


def sniff(text: str) -> bool:
    """Its legend of flags, its headings, or its pairs of name and value."""
    return any(START.match(line) for line in text.split("\n"))


def read(text: str, source: str, first_line: int = 1) -> Facts:
    """Active routes of the main table, enabled addresses, and neighbours."""
    problems = Problems(source)
    interfaces: list[Interface] = []
    routes: list[Route] = []
    neighbors: list[Neighbor] = []
    notes: list[str] = []
    kinds: set[str] = set()
    for line, flags, record in _records(text, first_line):
        origin = Origin(source, line)
        try:
            if "dst-address" in record:
                kinds.add("routes")
                other = record.get("routing-mark") or record.get("routing-table", "main")
                if other != "main":
                    notes.append(f"{origin}: left out: a route of the table {shown(other)}, which has no number here")
                elif "A" in flags:
                    routes.append(_route(record, flags, origin))
            elif "mac-address" in record:
                kinds.add("neighbors")
                neighbors.append(Neighbor(address(record.get("address")), mac(record["mac-address"]),
                                          record.get("interface", ""), record.get("status", ""), origin))
            elif "network" in record and not {"X", "I"} & set(flags) and record.get("disabled") != "yes":
                kinds.add("interfaces")
                interfaces.append(Interface(record.get("interface", ""), addresses=(
                    interface_address(record.get("address")),), origin=origin))
        except Expected as wrong:
            problems.add(line, wrong)
    problems.raise_if_any()
    families = {route.destination.version for route in routes} if "where" not in asked(text) else set()
    return Facts(System.ROUTEROS, united((), interfaces), tuple(routes), neighbors=tuple(neighbors),
                 listed=frozenset((family, MAIN_TABLE) for family in families),
                 partial=frozenset({"routes"} if notes else ()), warnings=tuple(notes))


def _records(  # noqa: C901 - one branch for each shape of line
    text: str, first_line: int
) -> Iterator[tuple[int, str, dict[str, str]]]:
    """Line, flags and values of each row; ``detail`` continues a row on lines that are set in."""
    headings: list[str] = []
    flags = ""
    waiting: tuple[int, str, str] | None = None
    for number_of, line in enumerate(text.split("\n"), first_line):
        row = _NUMBERED.match(line)
        if _LOG.match(line) or line.startswith(("Flags:", "Columns:")):
            continue
        if not row and "ADDRESS" in line:
            headings = [word.lower() for word in _HEADING.findall(line)]
        elif comment := _COMMENT.match(line):
            flags = comment["flags"]    # the row follows, its flags stand here
        elif row and "=" in row["rest"].split()[0]:
            begun = row["number"] is not None or (row["flags"] or "").strip() or waiting is None
            if begun and waiting:
                yield _pairs(*waiting)
            if waiting and not begun:
                waiting = (waiting[0], waiting[1], f"{waiting[2]} {line.strip()}")
            else:
                waiting, flags = (number_of, (row["flags"] or "") + flags, row["rest"]), ""
        elif row and headings:
            yield number_of, (row["flags"] or "") + flags, _cells(headings, row["rest"].split())
            flags = ""
        elif waiting and line.strip():
            waiting = (waiting[0], waiting[1], f"{waiting[2]} {line.strip()}")
    if waiting:
        yield _pairs(*waiting)


def _pairs(line: int, flags: str, rest: str) -> tuple[int, str, dict[str, str]]:
    return line, flags, {found["key"]: found["value"].strip().strip('"') for found in _FULL.finditer(rest)}


def _cells(headings: list[str], values: list[str]) -> dict[str, str]:
    """Values of a table whose middle columns may be empty: by what they are."""
    if "dst-address" in headings:
        record = {"dst-address": values[0]}
        rest = values[1:]
        if rest and rest[-1].isdecimal():
            record["distance"] = rest.pop()
        if "routing-table" in headings and len(rest) > 1:
            record["routing-table"] = rest.pop()
        if len(rest) > 1:
            record["pref-src"] = rest.pop(0)
        return {**record, "gateway": rest[0]} if rest else record
    if "mac-address" in headings:
        hardware = next((value for value in values if mac(value)), "")
        rest = [value for value in values[1:] if value != hardware]
        return {"address": values[0], "mac-address": hardware, **dict(zip(("interface", "status"), rest, strict=False))}
    return dict(zip(headings, values, strict=False))


def _route(record: Mapping[str, str], flags: str, origin: Origin) -> Route:
    kind = next((_KINDS[flag] for flag in flags if flag in _KINDS), RouteType.UNICAST)
    if record.get("type", "unicast") in set(RouteType):
        kind = RouteType(record.get("type", kind))
    hops = () if kind is not RouteType.UNICAST else tuple(
        _hop(each) for each in record.get("gateway", "").split(",") if each)
    if kind is RouteType.UNICAST and not hops:
        raise Expected("a gateway or an interface", record.get("gateway", ""))
    source = record.get("pref-src", "")
    return Route(network(record["dst-address"]), hops, number(record.get("distance", 0), "the distance"), type=kind,
                 source=address(source) if is_address(source) else None, origin=origin)


def _hop(text: str) -> NextHop:
    """``10.0.2.1``, ``10.0.2.1%ether1``, ``fe80::1%ether1`` or an interface."""
    bare, _, interface = text.partition("%")
    return Via(address(bare), interface) if is_address(bare) else OnLink(text)
