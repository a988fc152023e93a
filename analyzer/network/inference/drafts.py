"""Hosts in the making: which MACs and addresses each has, and to whom it was seen to send."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from analyzer.balance.mapping import Mapping
from analyzer.network.host import Host, IPAddress
from analyzer.network.inference.captured import Attempt
from analyzer.network.inference.owners import Owners, usable
from analyzer.network.inference.sightings import Sighting


@dataclass(slots=True)
class Draft:
    """One host.  ``addresses`` by MAC; ``sends`` holds destination -> (own MAC, next hop's MAC), the latest seen.

    ``changed_ns``: destination -> when the host last sent to another next hop than that.
    """

    name: str
    macs: list[str] = field(default_factory=list)
    addresses: dict[str, list[IPAddress]] = field(default_factory=dict)
    given: Host | None = None
    balancer: bool = False
    router: bool = False
    sends: dict[IPAddress, tuple[str, str]] = field(default_factory=dict)
    changed_ns: dict[IPAddress, int] = field(default_factory=dict)

    def answers_on(self, mac: str, address: IPAddress) -> bool:
        """Whether the interface with ``mac`` itself has ``address``."""
        told = self.given.interfaces if self.given is not None else ()
        return address in self.addresses.get(mac, ()) or any(
            address == each.ip for interface in told if interface.mac == mac for each in interface.addresses)

    def has(self, address: IPAddress) -> bool:
        """Whether any of its interfaces has ``address``."""
        own = any(address in each for each in self.addresses.values())
        told = self.given.interfaces if self.given is not None else ()
        return own or any(address == each.ip for interface in told for each in interface.addresses)


def drafts(
    owners: Owners, seen: Iterable[Sighting], tried: Iterable[Attempt], mapping: Mapping, given: Iterable[Host]
) -> list[Draft]:
    """Every host that the captures or the facts know, the balancer marked."""
    tried = list(tried)
    given = list(given)
    _join_given(owners, given)
    _join_declared(owners, mapping)
    _join_shared(owners)
    translators = _translators(owners, tried, mapping)
    found: dict[str, Draft] = {}
    groups: dict[str, list[str]] = {}
    for mac in sorted(set(owners.addresses) | set(owners.links.parent)):
        groups.setdefault(owners.hosts.find(mac), []).append(mac)
    for group, macs in groups.items():
        addresses = {mac: sorted(owners.addresses.get(mac, {}), key=int) for mac in macs}
        found[group] = Draft("", macs, addresses, balancer=group in translators)
    for host in given:
        _adopt(host, found, owners)
    for draft in found.values():
        draft.name = _name(draft)
    _number_alike(list(found.values()))
    _watch(found, owners, seen, {service.virtual.address for service in mapping.services})
    return list(found.values())


def _join_given(owners: Owners, given: Iterable[Host]) -> None:
    """A host that describes itself tells which MACs are its own."""
    for host in given:
        macs = [each.mac for each in host.interfaces if usable(each.mac)]
        if not macs:
            own = {address.ip for each in host.interfaces for address in each.addresses if not address.ip.is_loopback}
            macs = [mac for mac, addresses in owners.addresses.items() if own & set(addresses)]
        for mac in macs:
            owners.links.find(mac)
        for one, other in pairwise(macs):
            owners.hosts.join(one, other)


def _join_declared(owners: Owners, mapping: Mapping) -> None:
    """Addresses that the mapping calls the balancer's own, on different links, are one host's."""
    wanted = {service.virtual.address for service in mapping.services} | set(mapping.balancers)
    macs = sorted({mac for mac, address in owners.claimed if address in wanted})
    links = [owners.links.find(mac) for mac in macs]
    if len(set(links)) == len(links):     # two claimants on one link are two hosts, and which is which is open
        for one, other in pairwise(macs):
            owners.hosts.join(one, other)


def _join_shared(owners: Owners) -> None:
    """One address at MACs on different links: a host that also sends by its other interface keeps it at the first."""
    by_address: dict[IPAddress, list[tuple[tuple[int, int], str]]] = {}
    for mac, own in owners.addresses.items():
        for address, frame in own.items():
            if not address.is_link_local:
                by_address.setdefault(address, []).append((frame, mac))
    for address, places in by_address.items():
        (_, first), *others = sorted(places)
        for _, other in others:
            if owners.links.find(first) != owners.links.find(other):
                owners.hosts.join(first, other)
                del owners.addresses[other][address]


def _translators(owners: Owners, tried: list[Attempt], mapping: Mapping) -> set[str]:
    """The groups that translate: a request went in to one address and came out to another."""
    virtual = {service.virtual for service in mapping.services}
    found: set[str] = set()
    for attempt in tried:
        copies = sorted(attempt.copies, key=lambda copy: -copy.ttl)
        for before, after in pairwise(copies):
            if before.server != after.server and usable(after.source_mac):
                found.add(owners.hosts.find(after.source_mac))
    if not found:
        wanted = {end.address for end in virtual} | set(mapping.balancers)
        reals = {real.endpoint.address for service in mapping.services for real in service.reals}
        found = {owners.hosts.find(mac) for mac, address in owners.claimed
                 if address in wanted and not reals & set(owners.addresses[mac])}
    return found or _next_hops(owners, tried, mapping)


def _next_hops(owners: Owners, tried: list[Attempt], mapping: Mapping) -> set[str]:
    """Nobody was seen to translate: who hands requests to a real server, or takes those to a virtual service."""
    virtual = {service.virtual for service in mapping.services}
    reals = {real.endpoint for service in mapping.services for real in service.reals}
    handed = {copy.source_mac for attempt in tried for copy in attempt.copies
              if copy.server in reals and usable(copy.source_mac) and attempt.client.address not in
              owners.addresses.get(copy.source_mac, {})}
    taken = {copy.destination_mac for attempt in tried for copy in attempt.copies
             if copy.server in virtual and usable(copy.destination_mac)}
    return {owners.hosts.find(mac) for mac in handed or taken}


def _adopt(host: Host, found: dict[str, Draft], owners: Owners) -> None:
    """Give the facts to the draft that they describe; a host that nobody saw gets a draft of its own."""
    own = {address.ip for each in host.interfaces for address in each.addresses if not address.ip.is_loopback}
    macs = {each.mac for each in host.interfaces if usable(each.mac)}
    for draft in found.values():
        if macs & set(draft.macs) or (not macs and any(own & set(each) for each in draft.addresses.values())):
            draft.given = host
            return
    name = min(macs, default=host.name)
    found[name] = Draft(host.name, sorted(macs), {mac: [] for mac in macs}, host)
    for mac in macs:
        owners.links.find(mac)


def _name(draft: Draft) -> str:
    if draft.given is not None:
        return draft.given.name
    if draft.balancer:
        return "balancer"
    own = [address for each in draft.addresses.values() for address in each if not address.is_link_local]
    return str(own[0]) if own else f"host {draft.macs[0]}"


def _number_alike(made: list[Draft]) -> None:
    """No two hosts with one name (two balancers; an address that two hosts claim)."""
    used: dict[str, int] = {}
    for draft in made:
        used[draft.name] = used.get(draft.name, 0) + 1
        if used[draft.name] > 1:
            draft.name = f"{draft.name} ({draft.macs[0] if draft.macs else used[draft.name]})"


def _watch(
    found: dict[str, Draft], owners: Owners, seen: Iterable[Sighting], virtual: set[IPAddress]
) -> None:
    """To whom each host sent what; a packet that it did not write itself makes it a router."""
    latest: dict[tuple[str, IPAddress, tuple[str, str]], int] = {}
    for each in sorted(seen, key=lambda sighting: sighting.last_ns):
        if not usable(each.source_mac):
            continue
        draft = found.get(owners.hosts.find(each.source_mac))
        if draft is None:
            continue
        if not draft.has(each.source) and not each.original:
            draft.router = True
        if usable(each.destination_mac):
            hop = (each.source_mac, each.destination_mac)
            before = draft.sends.get(each.destination, hop)
            balances = draft.balancer and each.destination in virtual      # direct return: to each server in turn
            if before != hop and not balances:
                draft.changed_ns[each.destination] = max(latest.get((draft.name, each.destination, before), 0), 1)
            draft.sends[each.destination] = hop
            latest[draft.name, each.destination, hop] = each.last_ns
