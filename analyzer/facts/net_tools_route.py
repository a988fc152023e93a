"""Linux: what ``route -n``, ``netstat -rn`` and their ``-6`` print (route(8), netstat(8)).

Kernel IP routing table
Destination     Gateway         Genmask         Flags Metric Ref    Use Iface
0.0.0.0         10.0.2.1        0.0.0.0         UG    100    0        0 eth0
10.0.2.0        0.0.0.0         255.255.255.0   U     0      0        0 eth0

They print the main table only, no type and the first hop of several, so they
are not taken for the whole where a row shows that something is hidden.
"""

from __future__ import annotations

import re

from analyzer.clean import shown
from analyzer.facts._command import command_of
from analyzer.facts._gathered import Facts
from analyzer.facts._problems import Expected, Problems
from analyzer.facts._values import ANY, address, network, number, with_mask
from analyzer.network.host import MAIN_TABLE, IPNetwork, OnLink, Route, RouteType, System, Via
from analyzer.units import Origin

NAME = "net-tools-route"
DESCRIPTION = "route -n or netstat -rn (Linux)"

START = re.compile(r"Kernel IP(?:v6)? routing table|Destination\s+Gateway\s+Genmask\s+Flags"
                   r"|Destination\s+Next Hop\s+Flags?\s+Met")
_ROW4 = re.compile(r"(?P<dst>\S+)\s+(?P<via>\S+)\s+(?P<mask>\S+)\s+(?P<flags>[A-Z!][A-Za-z!]*)\s+(?P<one>-?\d+)\s+"
                   r"(?:-?\d+|-)\s+-?\d+\s+(?P<dev>\S+)\s*$")
_ROW6 = re.compile(r"(?P<dst>\S+/\d+|default)\s+(?P<via>\S+)\s+(?P<flags>[A-Z!][A-Za-z!]*)\s+"
                   r"(?P<metric>-?\d+)\s+\d+\s+\d+\s+(?P<dev>\S+)\s*$")


class _Hidden(Exception):
    """A row whose meaning this output does not show."""


def sniff(text: str) -> bool:
    """The heading of the table."""
    return any(START.match(line) for line in text.split("\n"))


def read(text: str, source: str, first_line: int = 1) -> Facts:
    """Routes of the main table."""
    problems = Problems(source)
    routes: list[Route] = []
    notes: list[str] = []
    families: set[int] = set()
    metrics = True
    for line_number, line in enumerate(text.split("\n"), first_line):
        if START.match(line):
            metrics = metrics if line.startswith("Kernel") else "Met" in line
            families.add(6 if "IPv6" in line or "Next Hop" in line else 4)
            continue
        if not line.strip() or command_of(line):
            continue
        match4, match6 = _ROW4.match(line), _ROW6.match(line)
        origin = Origin(source, line_number)
        try:
            if match6 or match4:
                row = _route6(match6, origin) if match6 else _route4(match4, origin, metrics=metrics)
                routes += [row] if row else []
            else:
                notes.append(f"{origin}: left out: not understood as a route: {shown(line.strip())}")
        except Expected as wrong:
            problems.add(line_number, wrong)
        except _Hidden as reason:
            notes.append(f"{origin}: left out: {reason}")
    problems.raise_if_any()
    hidden = bool(notes)
    if not metrics and (twice := _twice(routes)):
        hidden = True
        notes.append(f"{source}: this output shows no metrics, and {twice} stands in it more than once: "
                     "give the output of 'ip route'")
    return Facts(
        System.LINUX, routes=tuple(routes), listed=frozenset((family, MAIN_TABLE) for family in families),
        partial=frozenset({"routes"} if hidden else ()), warnings=tuple(notes),
    )


def _twice(routes: list[Route]) -> IPNetwork | None:
    seen: set[IPNetwork] = set()
    for route in routes:
        if route.destination in seen:
            return route.destination
        seen.add(route.destination)
    return None


def _route4(match: re.Match[str] | None, origin: Origin, *, metrics: bool) -> Route:
    assert match is not None
    default = match["dst"] == "default"
    destination = ANY[4] if default else with_mask(match["dst"], match["mask"]).network
    metric = number(match["one"], "the metric") if metrics else 0
    if "!" in match["flags"]:
        return Route(destination, (), metric, type=RouteType.UNREACHABLE, origin=origin)
    if match["dev"] == "*":
        raise _Hidden(f"{destination} has no interface here: give the output of 'ip route', which shows its type")
    via = match["via"]
    if "G" not in match["flags"]:
        return Route(destination, (OnLink(match["dev"]),), metric, origin=origin)
    if via.strip("0.*") == "":
        raise _Hidden(f"{destination} has a gateway that is not shown here: give the output of 'ip route'")
    return Route(destination, (Via(address(via, " as gateway"), match["dev"]),), metric, origin=origin)


def _route6(match: re.Match[str], origin: Origin) -> Route | None:
    """Rows of the local table ('Un') and the kernel's own last row ('!n') are not of the main table."""
    flags = match["flags"]
    if "n" in flags or match["metric"].startswith("-"):
        return None
    destination = ANY[6] if match["dst"] == "default" else network(match["dst"])
    metric = number(match["metric"], "the metric")
    if destination.is_multicast:
        return None    # ff00::/8 stands in the local table
    if "!" in flags:
        return Route(destination, (), metric, type=RouteType.UNREACHABLE, origin=origin)
    if "G" in flags:
        return Route(destination, (Via(address(match["via"], " as next hop"), match["dev"]),), metric, origin=origin)
    return Route(destination, (OnLink(match["dev"]),), metric, origin=origin)
