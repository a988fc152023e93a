"""Cisco IOS: what ``show ip route`` and ``show ip arp`` print.

Codes: L - local, C - connected, S - static, R - RIP, M - mobile, B - BGP
Gateway of last resort is 10.0.2.1 to network 0.0.0.0

S*    0.0.0.0/0 [1/0] via 10.0.2.1
      10.0.0.0/8 is variably subnetted, 2 subnets, 2 masks
C        10.0.2.0/24 is directly connected, GigabitEthernet0/0
S        10.9.0.0/16 [1/0] via 10.0.2.3
                     [1/0] via 10.0.2.2
"""

from __future__ import annotations

import re
from dataclasses import replace

from analyzer.clean import shown
from analyzer.facts._gathered import Facts
from analyzer.facts._problems import Expected, Problems
from analyzer.facts._values import address, mac, network, number
from analyzer.network.host import (
    LOCAL_TABLE,
    MAIN_TABLE,
    Neighbor,
    NextHop,
    OnLink,
    Route,
    RouteType,
    System,
    Via,
)
from analyzer.units import Origin

NAME = "cisco-ios"
DESCRIPTION = "show ip route, show ip arp (Cisco IOS)"

START = re.compile(r"Codes: .*\bconnected\b|Routing Table: \S+|Gateway of last resort is "
                   r"|Protocol\s+Address\s+Age ?\(min\)\s+Hardware Addr")
_SUBNETTED = re.compile(r"\s+[\d.]+/(?P<length>\d+) is (?P<how>subnetted|variably subnetted)")
_ROW = re.compile(r"(?P<code>[A-Za-z](?:[A-Za-z0-9*%+ ]{0,6}[A-Za-z0-9*%+])?)\s+(?P<dst>\d+\.\d+\.\d+\.\d+)"
                  r"(?:/(?P<length>\d+))?\s*(?P<rest>(?:\[|is |via ).*)?$")
_PATH = re.compile(r"\[(?P<distance>\d+)/(?P<metric>\d+)\](?: via (?P<via>[\d.]+)(?: \([^)]*\))?)?(?P<rest>.*)$")
_TIME = re.compile(r"[\d:.]+|(?:\d+[ywdhms])+")
_ARP = re.compile(r"Internet\s+(?P<address>[\d.]+)\s+(?:\d+|-)\s+(?P<mac>[0-9a-fA-F.]{14}|Incomplete)\s+\S+"
                  r"(?:\s+(?P<dev>\S+))?")


def sniff(text: str) -> bool:
    """Its list of codes, or the heading of its ARP table."""
    return any(START.match(line) for line in text.split("\n"))


def read(text: str, source: str, first_line: int = 1) -> Facts:
    """Routes of the first table that holds any; other tables (VRFs) are left out, with a warning."""
    reader = _Reader(source)
    for line_number, line in enumerate(text.split("\n"), first_line):
        try:
            reader.line(line.rstrip(), Origin(source, line_number))
        except Expected as wrong:
            reader.problems.add(line_number, wrong)
    reader.problems.raise_if_any()
    routes = tuple(route for route in reader.routes if route.next_hops or route.type is RouteType.BLACKHOLE)
    whole = reader.codes and not reader.notes
    return Facts(System.IOS, routes=routes, neighbors=tuple(reader.neighbors),
                 listed=frozenset({(4, MAIN_TABLE)} if whole else ()),
                 partial=frozenset({"routes"} if reader.notes else ()), warnings=tuple(reader.notes))


class _Reader:
    """Lines to rows; a row without a length has that of the heading above."""

    def __init__(self, source: str) -> None:
        self.problems = Problems(source)
        self.routes: list[Route] = []
        self.neighbors: list[Neighbor] = []
        self.notes: list[str] = []
        self.codes = False
        self.length = ""
        self.table = self.taken = ""

    def line(self, line: str, origin: Origin) -> None:
        """One line of the output."""
        if line.startswith("Routing Table: "):
            self.table, self.length = line.partition(": ")[2].strip(), ""
        elif line.startswith("Codes: "):
            self.codes = True
        elif arp := _ARP.match(line):
            self.neighbors.append(Neighbor(address(arp["address"]), mac(arp["mac"]), arp["dev"] or "",
                                           "INCOMPLETE" if arp["mac"] == "Incomplete" else "", origin))
        elif subnetted := _SUBNETTED.match(line):
            self.length = subnetted["length"] if subnetted["how"] == "subnetted" else ""
        elif row := _ROW.match(line):
            self._row(row, origin)
        elif self.routes and (path := _PATH.match(line.strip())) and self.table == self.taken:
            self.routes[-1] = _with(self.routes[-1], path)

    def _row(self, row: re.Match[str], origin: Origin) -> None:
        length = row["length"] or self.length
        if not self.routes:
            self.taken = self.table
        if self.table != self.taken:
            note = f"{origin}: left out: the routes of the table {shown(self.table)}: one table of a router is read"
            if not any(shown(self.table) in each for each in self.notes):
                self.notes.append(note)
            return
        if not length:
            raise Expected("the length of a network behind '/', or '... is subnetted' above", row["dst"])
        code = " ".join(row["code"].replace("*", " ").split())
        route = Route(network(f"{row['dst']}/{length}"), (), protocol=code, origin=origin)
        rest = row["rest"] or ""
        if rest.startswith("is "):
            route = _to(route, None, rest)
        elif path := _PATH.match(rest):
            route = _with(route, path)
        if code == "L":
            route = replace(route, type=RouteType.LOCAL, table=LOCAL_TABLE)
        self.routes.append(route)


def _with(route: Route, path: re.Match[str]) -> Route:
    """The route with one more way; the metric is that of the best."""
    route = replace(route, metric=number(path["metric"], "the metric"))
    return _to(route, path["via"], path["rest"])


def _to(route: Route, via: str | None, rest: str) -> Route:
    """``, 01:02:03, GigabitEthernet0/0`` names the interface last, where it names one."""
    words = [word.strip() for word in rest.split(",")]
    interface = next((word for word in words[1:] if word and not _TIME.fullmatch(word)), "")
    if interface == "Null0":
        return replace(route, type=RouteType.BLACKHOLE, next_hops=())
    hop: NextHop | None = OnLink(interface) if interface else None
    if via:
        hop = Via(address(via, " behind 'via'"), interface)
    return route if hop is None else replace(route, next_hops=(*route.next_hops, hop))
