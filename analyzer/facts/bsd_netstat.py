"""FreeBSD and macOS: what ``netstat -rn`` prints (netstat(1)).

Internet:
Destination        Gateway            Flags     Netif Expire
default            10.0.2.1           UGS         em0
10.0.2.0/24        link#1             U           em0
10.0.2.11          link#1             UHS         lo0

Internet6:
default            fe80::1%em0        UGS         em0

macOS leaves zeros out of a destination: ``10.0.2/24``, ``127``, ``169.254``.
"""

from __future__ import annotations

import re

from analyzer.clean import shown
from analyzer.facts._command import asked
from analyzer.facts._gathered import Facts
from analyzer.facts._problems import Expected, Problems
from analyzer.facts._values import ANY, address, mac, network
from analyzer.network.host import (
    LOCAL_TABLE,
    MAIN_TABLE,
    IPNetwork,
    Neighbor,
    NextHop,
    OnLink,
    Route,
    RouteType,
    System,
    Via,
)
from analyzer.units import Origin

NAME = "bsd-netstat"
DESCRIPTION = "netstat -rn (FreeBSD, macOS)"

START = re.compile(r"Routing tables\b.*$|Internet6?:\s*$|Destination\s+Gateway\s+Flags\s+(?!.*Iface)")
_MAC_OS = re.compile(r"\s(?:en|utun|awdl|llw|bridge10)\d+(?:\s|$)")
_NATURAL = ((128, 1), (192, 2), (224, 3))


class _LeftOut(Exception):
    """A row that decides nothing for an ordinary packet, or that our model has no place for."""


def sniff(text: str) -> bool:
    """A heading with flags, but without a mask."""
    return any(START.match(line) for line in text.split("\n"))


def read(text: str, source: str, first_line: int = 1) -> Facts:
    """Routes, and the neighbours that stand between them (macOS)."""
    problems = Problems(source)
    routes: list[Route] = []
    neighbors: list[Neighbor] = []
    notes: list[str] = []
    headings: list[str] = []
    family, families = 4, set[int]()
    for line_number, line in enumerate(text.split("\n"), first_line):
        words = line.split()
        if line.startswith("Internet"):
            family = 6 if line.startswith("Internet6") else 4
        elif words[:2] == ["Destination", "Gateway"]:
            headings = words
            families.add(family)
        elif headings and words and not line.startswith("Routing"):
            origin = Origin(source, line_number)
            try:
                row = _row(dict(zip(headings, words, strict=False)), headings, family, origin)
                routes += [row] if isinstance(row, Route) else []
                neighbors += [row] if isinstance(row, Neighbor) else []
            except Expected as wrong:
                problems.add(line_number, wrong)
            except _LeftOut as reason:
                notes.append(f"{origin}: left out: {reason}")
    problems.raise_if_any()
    chosen = set(asked(text)) & {"-i", "|"}
    return Facts(_system(text, headings), routes=tuple(routes), neighbors=tuple(neighbors), warnings=tuple(notes),
                 listed=frozenset((each, MAIN_TABLE) for each in families if not chosen),
                 partial=frozenset({"routes"} if notes else ()))


def _system(text: str, headings: list[str]) -> System:
    if "Netif" not in headings:
        return System.UNKNOWN    # OpenBSD and NetBSD say Iface or Interface
    return System.MACOS if any(_MAC_OS.search(line) for line in text.split("\n")) else System.FREEBSD


def _row(cells: dict[str, str], headings: list[str], family: int, origin: Origin) -> Route | Neighbor | None:
    name, flags = cells.get("Netif", cells.get("Interface", "")), cells.get("Flags", "")
    if not name or not re.fullmatch(r"[A-Za-z0-9]+", flags):
        raise _LeftOut(f"expected {' '.join(headings)}, got {shown(' '.join(cells.values()))}")
    gateway = cells["Gateway"]
    if "I" in flags:
        return None    # macOS, "scoped": only for sockets that are bound to this interface
    if mac(gateway):
        return Neighbor(address(cells["Destination"]), mac(gateway), name, "", origin)
    destination = _destination(cells["Destination"], family)
    if "L" in flags and "link#" not in gateway:
        return None
    kind = RouteType.BLACKHOLE if "B" in flags else RouteType.UNREACHABLE if "R" in flags else RouteType.UNICAST
    hop: NextHop = OnLink(name)
    if "G" in flags:
        hop = Via(address(gateway, " as gateway"), name)
    alone = destination.prefixlen == destination.max_prefixlen
    own = alone and name.startswith("lo") and "G" not in flags and kind is RouteType.UNICAST
    if own:
        return Route(destination, (hop,), table=LOCAL_TABLE, type=RouteType.LOCAL, origin=origin)
    if destination.is_multicast or str(destination) == "255.255.255.255/32":
        kind = RouteType.MULTICAST if destination.is_multicast else RouteType.BROADCAST
    return Route(destination, (hop,) if "B" not in flags and "R" not in flags else (), type=kind, origin=origin)


def _destination(text: str, family: int) -> IPNetwork:
    if text == "default":
        return ANY[family]
    if family == 6 or ":" in text:
        return network(text)
    bare, slash, length = text.partition("/")
    octets = bare.split(".")
    if not all(part.isdecimal() for part in octets) or len(octets) > 4:
        raise Expected("a destination such as 10.0.2/24", text)
    full = ".".join([*octets, *["0"] * (4 - len(octets))])
    if not slash:
        # Without a length, fewer than four octets are a net of its class (netstat(1)).
        natural = next((size for most, size in _NATURAL if len(octets[0]) < 4 and int(octets[0]) < most), 4)
        length = "32" if len(octets) == 4 else str(8 * max(natural, len(octets)))
    return network(f"{full}/{length}")
