"""Objects of PowerShell's network cmdlets, by the names of their properties, to facts.

{"DestinationPrefix": "0.0.0.0/0", "NextHop": "10.0.2.1", "ifIndex": 12, "RouteMetric": 256, "InterfaceMetric": 25}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from analyzer.facts._gathered import Facts, united
from analyzer.facts._problems import Expected, Problems
from analyzer.facts._values import address, interface_address, mac, network, number
from analyzer.facts._windows import by_index
from analyzer.network.host import (
    LOCAL_TABLE,
    MAIN_TABLE,
    Interface,
    Neighbor,
    NextHop,
    OnLink,
    Route,
    RouteType,
    System,
    Via,
)
from analyzer.units import Origin

Record = Mapping[str, object]


def facts_of(records: Iterable[tuple[int, Record]], source: str, *, whole: bool) -> Facts:
    """``records`` are objects with the line of each; ``whole`` where no filter was given."""
    problems = Problems(source)
    interfaces: list[Interface] = []
    routes: list[Route] = []
    neighbors: list[Neighbor] = []
    notes: list[str] = []
    owned = False
    for line, raw in records:
        record = {key.lower(): value for key, value in raw.items()}
        origin = Origin(source, line)
        try:
            interface = _interface(record, origin)
            interfaces.append(interface)
            if "destinationprefix" in record:
                if "interfacemetric" not in record and "ifmetric" not in record:
                    notes.append(f"{origin}: no metric of the interface is shown, and Windows adds it to the route's: "
                                 "give the output of 'Get-NetRoute' without a selection")
                routes.append(_route(record, interface.name, origin))
            elif "linklayeraddress" in record:
                neighbors.append(Neighbor(address(record.get("ipaddress")), mac(record["linklayeraddress"]),
                                          interface.name, str(record.get("state", "")), origin))
            owned = owned or bool(interface.addresses)
        except Expected as wrong:
            problems.add(line, wrong)
    problems.raise_if_any()
    # Every Windows has these; without them it was a selection.
    ends = {route.destination.version for route in routes
            if route.destination.is_loopback or route.destination.is_multicast or route.table == LOCAL_TABLE}
    listed = frozenset((family, MAIN_TABLE) for family in ends if whole)
    return Facts(System.WINDOWS, united((), interfaces), tuple(routes), neighbors=tuple(neighbors),
                 complete=frozenset({"interfaces"} if owned and whole else ()), listed=listed,
                 partial=frozenset({"routes"} if notes else ()), warnings=tuple(notes[:1]))


def _interface(record: Record, origin: Origin) -> Interface:
    index = number(record.get("ifindex", record.get("interfaceindex", 0)), "the index of an interface")
    name = str(record.get("interfacealias") or by_index(index))
    addresses = ()
    if "prefixlength" in record and "ipaddress" in record:
        own = interface_address(f"{str(record['ipaddress']).partition('%')[0]}/{record['prefixlength']}")
        return Interface(name, addresses=(own,), index=index, origin=origin)
    return Interface(name, addresses=addresses, index=index, origin=origin)


def _route(record: Record, name: str, origin: Origin) -> Route:
    destination = network(record["destinationprefix"])
    via = address(record.get("nexthop"), " as NextHop")
    metric = number(record.get("routemetric", 0), "RouteMetric") + number(
        record.get("ifmetric", record.get("interfacemetric", 0)), "the metric of the interface")
    hop: NextHop = OnLink(name) if via.is_unspecified else Via(via, name)
    kind, table = RouteType.UNICAST, MAIN_TABLE
    if isinstance(hop, OnLink) and destination.is_multicast:
        kind = RouteType.MULTICAST
    elif isinstance(hop, OnLink) and str(destination) == "255.255.255.255/32":
        kind, table = RouteType.BROADCAST, LOCAL_TABLE
    return Route(destination, (hop,), metric, table, kind, origin=origin)
