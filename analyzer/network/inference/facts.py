"""Drafts to hosts: prefixes and routes, from facts where they were given, else from what was seen, else assumed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address, ip_interface, ip_network

from analyzer.network.host import (
    Host,
    Interface,
    IPAddress,
    IPInterface,
    IPNetwork,
    Neighbor,
    OnLink,
    Route,
    System,
    Via,
)
from analyzer.network.inference.drafts import Draft
from analyzer.network.inference.owners import Owners

USUAL_LENGTH = {4: 24, 6: 64}
MOST_NAMED = 8
SUBNETS = "taken as the subnet of its link, because no prefix length was given"
SEEN_METRIC = 1 << 20
"""Of routes that were concluded from single packets: a command must not be refused because of our own guess."""


@dataclass(slots=True)
class Ledger:
    """What was concluded, each with the frame that shows it; what was assumed; what nobody told."""

    shown: list[tuple[str, int, int]] = field(default_factory=list)
    assumed: dict[str, None] = field(default_factory=dict)
    missing: dict[str, None] = field(default_factory=dict)

    alike: dict[str, list[str]] = field(default_factory=dict)

    def assume(self, text: str) -> None:
        """Note something that no capture and no fact shows."""
        self.assumed[text] = None

    def assume_of(self, subject: str, what: str) -> None:
        """The same of several subjects, said in one sentence."""
        known = self.alike.setdefault(what, [])
        if subject not in known:
            known.append(subject)

    def sentences(self) -> tuple[str, ...]:
        """Every assumption, those that are alike together."""
        return (*(f"{what}: {_listed(subjects)}" for what, subjects in self.alike.items()), *self.assumed)

    def miss(self, text: str) -> None:
        """Note a fact that would be needed."""
        self.missing[text] = None


def _listed(names: list[str]) -> str:
    """``a, b and c``; many are counted."""
    if len(names) > MOST_NAMED:
        names = [*names[:MOST_NAMED], f"{len(names) - MOST_NAMED} more"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def host_of(draft: Draft, made: list[Draft], owners: Owners, ledger: Ledger) -> Host:
    """The draft as facts about a host: its own words where it has some, the captures' where not."""
    interfaces = _interfaces(draft, owners, ledger)
    names = {each.mac: each.name for each in interfaces if each.mac}
    routed = draft.given is not None and "routes" in draft.given.complete
    neighbors = _neighbors(draft, names, made)
    sysctls = dict(draft.given.sysctls) if draft.given is not None else {}
    if (draft.balancer or draft.router) and not sysctls:
        sysctls |= {"net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1"}
        ledger.assume_of(draft.name, "taken to forward packets, because nobody gave its switches")
    system = draft.given.system if draft.given is not None else System.UNKNOWN
    if system is System.UNKNOWN:
        system = System.LINUX
        ledger.assume_of(draft.name, "taken to route as Linux does, because nobody told its system")
    if routed and draft.given is not None:
        return replace(draft.given, name=draft.name, system=system, interfaces=interfaces, neighbors=neighbors,
                       sysctls=sysctls)
    routes = _routes(draft, made, interfaces, names, ledger)
    rules = draft.given.rules if draft.given is not None else ()
    complete = frozenset({"routes"}) | (draft.given.complete if draft.given is not None else frozenset())
    return Host(draft.name, system, interfaces, routes, rules, neighbors, sysctls, complete)


def _interfaces(draft: Draft, owners: Owners, ledger: Ledger) -> tuple[Interface, ...]:
    """Given interfaces, completed by the MACs that were seen; else one for each MAC."""
    told = draft.given.interfaces if draft.given is not None else ()
    found = [_with_mac(each, draft) for each in told]
    known = {each.mac for each in found}
    for number, mac in enumerate(mac for mac in draft.macs if mac not in known):
        addresses = [own for own in draft.addresses.get(mac, []) if not draft.given or not _told(draft.given, own)]
        own = tuple(_with_prefix(address, mac, owners, ledger) for address in addresses)
        found.append(Interface(f"if{number}" if told or number else "if0", mac, own))
    return tuple(found)


def _with_mac(interface: Interface, draft: Draft) -> Interface:
    if interface.mac or interface.name == "lo":
        return interface
    own = {address.ip for address in interface.addresses}
    return replace(interface, mac=next((mac for mac, seen in draft.addresses.items() if own & set(seen)), ""))


def _told(host: Host, address: IPAddress) -> bool:
    return any(address == own.ip for interface in host.interfaces for own in interface.addresses)


def _with_prefix(address: IPAddress, mac: str, owners: Owners, ledger: Ledger) -> IPInterface:
    """The smallest usual prefix that holds the address; a lone address among others of another net is a /32."""
    if address.is_link_local:
        return ip_interface(f"{address}/{64 if address.version == 6 else 16}")
    length = USUAL_LENGTH[address.version]
    net = ip_network(f"{address}/{length}", strict=False)
    link = owners.links.find(mac)
    alone = not any(
        other in net for each, own in owners.addresses.items() if each != mac and owners.links.find(each) == link
        for other in own if other.version == address.version
    )
    if alone and len(owners.addresses.get(mac, {})) > 1:
        return ip_interface(f"{address}/{address.max_prefixlen}")
    ledger.assume_of(str(net), SUBNETS)
    return ip_interface(f"{address}/{length}")


def _neighbors(draft: Draft, names: dict[str, str], made: list[Draft]) -> tuple[Neighbor, ...]:
    """Where two hosts claim one address, the one that this host was seen to send to."""
    found = []
    for destination, (own, mac) in draft.sends.items():
        target = next((each for each in made if mac in each.macs), None)
        if target is None or own not in names:
            continue
        if not any(address.version == destination.version for address in target.addresses.get(mac, ())):
            found.append(Neighbor(unnamed(mac, destination.version), mac, names[own]))
        for address in (*target.addresses.get(mac, ()), destination):
            shared = sum(each.has(address) for each in made) > 1 and target.has(address)
            found += [Neighbor(address, mac, names[own])] if shared else []
    return tuple(dict.fromkeys(found))


def _routes(
    draft: Draft, made: list[Draft], interfaces: tuple[Interface, ...], names: dict[str, str], ledger: Ledger
) -> tuple[Route, ...]:
    """Connected routes, what was seen to go another way than they say, and a default route where one was seen."""
    if draft.given is not None and draft.given.routes:
        return draft.given.routes
    routes = [_connected(each, own.network, own) for each in interfaces for own in each.addresses
              if each.name != "lo" and own.network.prefixlen < own.network.max_prefixlen]
    nets = {route.destination for route in routes}
    connected = {(hop.interface, route.destination) for route in routes for hop in route.next_hops}
    exits: dict[tuple[str, IPAddress], list[IPAddress]] = {}
    for destination, (own, mac) in draft.sends.items():
        interface = names.get(own, "")
        target = next((each for each in made if mac in each.macs), None)
        inside = any(destination.version == net.version and destination in net for net in nets)
        here = any(name == interface and destination.version == net.version and destination in net
                   for name, net in connected)
        if not interface or target is None:
            continue
        if target.answers_on(mac, destination):
            if not here:
                routes.append(_on_link(destination, interface, nets, ledger))
                connected.add((interface, routes[-1].destination))
            continue
        gateway = _gateway(target, mac, destination, nets)
        if gateway is None:
            gateway = unnamed(mac, destination.version)
            ledger.miss(f"the address of {mac} on this link, which {draft.name} sends to")
        if inside:
            routes.append(Route(ip_network(destination), (Via(gateway, interface, onlink=True),), SEEN_METRIC))
        else:
            exits.setdefault((interface, gateway), []).append(destination)
    return (*routes, *_exits(exits))


def _on_link(destination: IPAddress, interface: str, nets: set[IPNetwork], ledger: Ledger) -> Route:
    """A destination that was reached directly by an interface whose subnet nobody gave: the usual subnet around it."""
    net: IPNetwork = ip_network(f"{destination}/{USUAL_LENGTH[destination.version]}", strict=False)
    if any(net.version == other.version and net.overlaps(other) for other in nets):
        return Route(ip_network(destination), (OnLink(interface),), SEEN_METRIC, scope="link")
    ledger.assume_of(str(net), SUBNETS)
    return Route(net, (OnLink(interface),), scope="link")


def _connected(interface: Interface, net: IPNetwork, own: IPInterface) -> Route:
    source = own.ip if net.version == 4 else None
    return Route(net, (OnLink(interface.name),), 0 if net.version == 4 else 256, protocol="kernel",
                 scope="link" if net.version == 4 else "", source=source)


def _gateway(target: Draft, mac: str, destination: IPAddress, nets: set[IPNetwork]) -> IPAddress | None:
    """The router's address on this link: one that is a neighbour's first."""
    own = [address for address in target.addresses.get(mac, ()) if address.version == destination.version]
    if target.given is not None:
        own += [each.ip for interface in target.given.interfaces if interface.mac == mac
                for each in interface.addresses if each.ip.version == destination.version]
    near = [address for address in own if any(address in net for net in nets if net.version == address.version)]
    return next(iter([*near, *own]), None)


def unnamed(mac: str, version: int) -> IPAddress:
    """A link-local address to stand for a router that was seen to forward and never gave its own."""
    octets = bytes.fromhex(mac.replace(":", ""))
    if version == 4:
        return IPv4Address(bytes([169, 254]) + octets[-2:])
    return IPv6Address(bytes([0xFE, 0x80, *bytes(6), octets[0] ^ 2, *octets[1:3], 0xFF, 0xFE, *octets[3:]]))


def _exits(exits: dict[tuple[str, IPAddress], list[IPAddress]]) -> list[Route]:
    """The next hop of most destinations is the default route; the others are host routes."""
    found: list[Route] = []
    for version in (4, 6):
        mine = [(key, [d for d in to if d.version == version]) for key, to in exits.items()]
        mine = sorted(((key, to) for key, to in mine if to), key=lambda each: -len(each[1]))
        for index, ((interface, gateway), destinations) in enumerate(mine):
            hop = Via(gateway, interface, onlink=True)
            if index == 0:
                anything = "0.0.0.0/0" if version == 4 else "::/0"
                found.append(Route(ip_network(anything), (hop,), 0 if version == 4 else 1024))
            else:
                found += [Route(ip_network(each), (hop,), SEEN_METRIC) for each in destinations]
    return found
