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
    """One host.  ``addresses`` by MAC; ``sends`` holds destination -> (own MAC, next hop's MAC), the latest seen."""

    name: str
    macs: list[str] = field(default_factory=list)
    addresses: dict[str, list[IPAddress]] = field(default_factory=dict)
    given: Host | None = None
    balancer: bool = False
    router: bool = False
    sends: dict[IPAddress, tuple[str, str]] = field(default_factory=dict)

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
    _join_given(owners, given)
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
    _watch(found, owners, seen)
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
        found = {owners.hosts.find(mac) for mac, address in owners.claimed if address in wanted}
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


def _watch(found: dict[str, Draft], owners: Owners, seen: Iterable[Sighting]) -> None:
    """To whom each host sent what; a packet that it did not write itself makes it a router."""
    for each in seen:
        if not usable(each.source_mac):
            continue
        draft = found.get(owners.hosts.find(each.source_mac))
        if draft is None:
            continue
        if not draft.has(each.source) and not each.original:
            draft.router = True
        if usable(each.destination_mac):
            draft.sends[each.destination] = (each.source_mac, each.destination_mac)
