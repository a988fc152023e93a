"""Everything beyond the routers that the captures show: one host with all far addresses, one link to the routers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address, ip_interface, ip_network
from itertools import pairwise

from analyzer.network.host import Host, Interface, IPAddress, OnLink, Route, System, Via
from analyzer.network.inference.captured import Attempt
from analyzer.network.inference.drafts import Draft
from analyzer.network.inference.sightings import Sighting
from analyzer.network.link import BEYOND

NAME = BEYOND
PORT = "out"
WAYS: dict[int, IPAddress] = {4: IPv4Address("169.254.254.0"), 6: IPv6Address("fe80::feed:0")}
"""Routers get made-up addresses on the outside link, from here up; no command and no report names them."""


@dataclass(slots=True)
class Outside:
    """``behind``: far address -> the router through which its packets came in; ``routers`` have a port outside.

    ``reached``: an address on a link -> the router that leads to it across hops that nobody captured.
    """

    behind: dict[IPAddress, str] = field(default_factory=dict)
    routers: list[str] = field(default_factory=list)
    reached: dict[IPAddress, str] = field(default_factory=dict)

    def attach(self, hosts: dict[str, Host], links: dict[str, tuple[tuple[str, str], ...]]) -> None:
        """Add the outside hosts (one for each router that far packets came through) and their link."""
        if not self.routers:
            return
        ports: list[tuple[str, str]] = []
        ways: dict[str, dict[int, IPAddress]] = {}
        for number, name in enumerate(self.routers, 1):
            ways[name] = {version: base + number for version, base in WAYS.items()}
            hosts[name] = _with_port(hosts[name], number, ways[name])
            ports.append((name, PORT))
        for name in self.routers:
            across = [(each, ways[router][each.version]) for each, router in self.reached.items()
                      if router != name and router in ways]
            more = tuple(Route(ip_network(each), (Via(way, PORT, onlink=True),)) for each, way in across
                         if not any(own.ip == each for port in hosts[name].interfaces for own in port.addresses))
            hosts[name] = replace(hosts[name], routes=(*hosts[name].routes, *more))
        for number, name in enumerate(dict.fromkeys(self.behind.values()), 1):
            far = [address for address, router in self.behind.items() if router == name]
            host = _far_host(self.name_behind(name), number, far, ways[name])
            hosts[host.name] = host
            ports.append((host.name, PORT))
        links[NAME] = tuple(ports)

    def name_behind(self, router: str) -> str:
        """The outside host behind a router."""
        first = next(iter(self.behind.values()), router)
        return NAME if router == first else f"{NAME} ({router})"


def outside(made: list[Draft], seen: Iterable[Sighting], addresses: Iterable[IPAddress]) -> Outside:
    """Where each far address comes in: the router nearest to it (the highest ttl), else the one it is sent to."""
    found = Outside()
    by_mac = {mac: draft for draft in made for mac in draft.macs}
    far = {address for address in addresses if not any(draft.has(address) for draft in made)}
    nearest: dict[IPAddress, tuple[int, str]] = {}
    toward: dict[IPAddress, str] = {}
    for each in seen:
        source, target = by_mac.get(each.source_mac), by_mac.get(each.destination_mac)
        if each.source in far and source is not None and each.ttl > nearest.get(each.source, (0, ""))[0]:
            nearest[each.source] = (each.ttl, source.name)
        if each.destination in far and target is not None:
            toward[each.destination] = target.name
            if target.name not in found.routers:
                found.routers.append(target.name)
                target.router = True
    for address in sorted(far, key=lambda each: (each.version, int(each))):
        router = nearest[address][1] if address in nearest else toward.get(address)
        if router is not None:
            found.behind[address] = router
            if router not in found.routers:
                found.routers.append(router)
    return found


def bridge(found: Outside, made: list[Draft], tried: Iterable[Attempt]) -> None:
    """Hops between two sightings of one request that nobody captured: both ends get a door to the outside."""
    by_mac = {mac: draft for draft in made for mac in draft.macs}
    for attempt in sorted(tried, key=lambda each: each.began_ns):        # the last one tells how it is now
        copies = sorted(attempt.copies, key=lambda copy: -copy.ttl)
        for before, after in pairwise(copies):
            into, out = by_mac.get(before.destination_mac), by_mac.get(after.source_mac)
            if into is None or out is None or before.ttl == after.ttl:
                continue
            if into is out:
                for address in (attempt.client.address, before.server.address):
                    found.reached.pop(address, None)
                continue
            for draft in (into, out):
                draft.router = True
                if draft.name not in found.routers:
                    found.routers.append(draft.name)
            found.reached[attempt.client.address] = into.name
            found.reached[before.server.address] = out.name


def _with_port(host: Host, number: int, own: dict[int, IPAddress]) -> Host:
    """A router's door to the outside; without a default route of its own it leads there."""
    addresses = tuple(ip_interface(f"{address}/{address.max_prefixlen}") for address in own.values())
    port = Interface(PORT, f"02:fe:00:00:00:{number:02x}", addresses)
    known = {route.destination for route in host.routes}
    doors = [Route(ip_network(net), (OnLink(PORT),), 0 if "." in net else 1024) for net in ("0.0.0.0/0", "::/0")]
    more = tuple(route for route in doors if route.destination not in known)
    return replace(host, interfaces=(*host.interfaces, port), routes=(*host.routes, *more))


def _far_host(name: str, number: int, far: list[IPAddress], ways: dict[int, IPAddress]) -> Host:
    own = tuple(ip_interface(f"{address}/{address.max_prefixlen}") for address in far)
    routes = tuple(
        Route(ip_network(net), (Via(ways[version], PORT, onlink=True),), 0 if version == 4 else 1024)
        for version, net in ((4, "0.0.0.0/0"), (6, "::/0"))
    )
    port = Interface(PORT, f"02:fe:00:00:01:{number:02x}", own)
    return Host(name, System.LINUX, (port,), routes, complete=frozenset({"routes"}))
