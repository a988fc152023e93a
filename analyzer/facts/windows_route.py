r"""Windows: what ``route print`` prints (route.exe).

Interface List
 12...02 00 0a 00 02 0b ......Intel(R) 82574L Gigabit Network Connection

Active Routes:
Network Destination        Netmask          Gateway       Interface  Metric
          0.0.0.0          0.0.0.0         10.0.2.1        10.0.2.11    281
         10.0.2.0    255.255.255.0         On-link         10.0.2.11    281

 If Metric Network Destination      Gateway
 12    281 ::/0                     fe80::1

The rows are read by their shape, so the language of Windows does not matter.
"""

from __future__ import annotations

import re
from dataclasses import replace

from analyzer.facts._command import asked
from analyzer.facts._gathered import Facts
from analyzer.facts._problems import Expected, Problems
from analyzer.facts._values import address, interface_address, mac, network, number, with_mask
from analyzer.facts._windows import by_index
from analyzer.network.host import (
    LOCAL_TABLE,
    MAIN_TABLE,
    Interface,
    IPNetwork,
    NextHop,
    OnLink,
    Route,
    RouteType,
    System,
    Via,
)
from analyzer.units import Origin

NAME = "windows-route"
DESCRIPTION = "route print (Windows)"

_LISTED = re.compile(r"\s*(?P<index>\d+)\s?\.{3}(?P<mac>(?:[0-9a-fA-F]{2} ){6}|\.*)\s?\.*(?P<name>\S.*)$")
_ROW4 = re.compile(r"\s+(?P<dst>[\d.]+)\s+(?P<mask>[\d.]+)\s+(?P<via>[\d.]+|[^\W\d][\w -]*?)\s+(?P<own>[\d.]+)\s+"
                   r"(?P<metric>\d+)\s*$")
_ROW6 = re.compile(r"\s+(?P<index>\d+)\s+(?P<metric>\d+)\s+"
                   r"(?P<dst>[0-9a-fA-F:.]*:[0-9a-fA-F:.]*/\d+)(?:\s+(?P<via>\S.*))?$")
_BROADCAST = network("255.255.255.255/32")
START = re.compile("|".join((
    r"(?:Interface List|IPv[46] Route Table|Active Routes:|Persistent Routes:)\s*$",
    r"\s+If +Metric +Network Destination",
    r"\s*\d+\s?\.\.\.(?:[0-9a-f]{2} ){6}", *(re.sub(r"\?P<\w+>", "?:", row.pattern) for row in (_ROW4, _ROW6)),
)))


def sniff(text: str) -> bool:
    """One of its headings, or a row with mask, gateway and the interface's address."""
    return any(START.match(line) for line in text.split("\n"))


def read(text: str, source: str, first_line: int = 1) -> Facts:
    """Interfaces, and the active routes; what is only persistent is not in use."""
    problems = Problems(source)
    interfaces: dict[str, Interface] = {}
    routes: list[Route] = []
    waiting: re.Match[str] | None = None
    for line_number, line in enumerate(text.split("\n"), first_line):
        origin = Origin(source, line_number)
        try:
            if waiting is not None:
                routes.append(_route6(waiting, line.strip(), origin))
                waiting = None
            elif row4 := _ROW4.match(line):
                routes.append(_route4(row4, origin))
            elif row6 := _ROW6.match(line):
                if row6["via"] is None:
                    waiting = row6    # a long destination: the gateway stands on the next line
                else:
                    routes.append(_route6(row6, row6["via"].strip(), origin))
            elif listed := _LISTED.match(line):
                name = listed["name"].strip()
                interfaces[name] = Interface(name, mac(listed["mac"].strip().replace(" ", ":")),
                                             index=number(listed["index"], "the index"), origin=origin)
        except Expected as wrong:
            problems.add(line_number, wrong)
            waiting = None
    problems.raise_if_any()
    whole = not asked(text)[2:] or asked(text)[2] in {"-4", "-6"}
    families = {route.destination.version for route in routes} if whole else set()
    found = (*interfaces.values(), *_owners(routes))
    return Facts(System.WINDOWS, found, tuple(routes),
                 listed=frozenset((family, MAIN_TABLE) for family in families))


def _route4(row: re.Match[str], origin: Origin) -> Route:
    destination = with_mask(row["dst"], row["mask"]).network
    own = str(address(row["own"], " as interface"))
    metric = number(row["metric"], "the metric")
    if row["via"][0].isdecimal() and row["via"] != own:
        return Route(destination, (Via(address(row["via"], " as gateway"), own),), metric, origin=origin)
    return _on_link(Route(destination, (OnLink(own),), metric, origin=origin), own)


def _on_link(route: Route, own: str) -> Route:
    """The host's own addresses and broadcasts are of the local table, as Linux calls it."""
    net = route.destination
    if net.prefixlen == net.max_prefixlen and (str(net.network_address) == own or net.is_loopback):
        return replace(route, type=RouteType.LOCAL, table=LOCAL_TABLE)
    if net == _BROADCAST:
        return replace(route, type=RouteType.BROADCAST, table=LOCAL_TABLE)
    return replace(route, type=RouteType.MULTICAST) if net.is_multicast else route


def _route6(row: re.Match[str], via: str, origin: Origin) -> Route:
    name = by_index(number(row["index"], "the index of an interface"))
    hop: NextHop = Via(address(via, " as gateway"), name) if ":" in via else OnLink(name)
    route = Route(network(row["dst"]), (hop,), number(row["metric"], "the metric"), origin=origin)
    return _on_link(route, "") if isinstance(hop, OnLink) else route


def _owners(routes: list[Route]) -> list[Interface]:
    """Interfaces as the rows name them: by address (with the smallest net on the link around it) or by index."""
    nets: dict[str, list[IPNetwork]] = {}
    origins: dict[str, Origin | None] = {}
    for route in routes:
        hop = route.next_hops[0]
        origins.setdefault(hop.interface, route.origin)
        if isinstance(hop, OnLink):
            nets.setdefault(hop.interface, []).append(route.destination)
    return [_owner(name, nets.get(name, []), origin) for name, origin in origins.items()]


def _owner(name: str, nets: list[IPNetwork], origin: Origin | None) -> Interface:
    if name.startswith(by_index(0)[:-1]):
        return Interface(name, index=int(name.rpartition(" ")[2]), origin=origin)
    around = [net.prefixlen for net in nets if address(name) in net and net.prefixlen < net.max_prefixlen]
    return Interface(name, addresses=(interface_address(f"{name}/{max(around, default=32)}"),), origin=origin)
