"""Which MAC has which address, which MACs are one host, and which hosts share a link.

* An address belongs to a MAC that claims it (ARP, neighbour discovery) or that
  sent a packet from it whose time to live is still a start value.
* Two MACs are one host where a packet went in at one and came out at the other
  one hop later (same connection, ttl one less).
* Two MACs are on one link where a frame went from one to the other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from analyzer.network.host import IPAddress
from analyzer.network.inference.captured import Attempt
from analyzer.network.inference.sightings import Claim, Sighting

NO_MAC = frozenset({"", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"})


def usable(mac: str) -> bool:
    """Whether ``mac`` is that of one interface: not unknown, not broadcast or multicast."""
    return mac not in NO_MAC and not int(mac[:2], 16) & 1


@dataclass(slots=True)
class Groups:
    """Things that belong together, by union-find; ``find`` names a group by one of its members."""

    parent: dict[str, str] = field(default_factory=dict)

    def find(self, member: str) -> str:
        """The group's name."""
        root = member
        while (above := self.parent.setdefault(root, root)) != root:
            root = above
        self.parent[member] = root
        return root

    def join(self, one: str, other: str) -> None:
        """Make one group of two; the smaller name stays, so that the result does not depend on the order."""
        first, second = sorted((self.find(one), self.find(other)))
        self.parent[second] = first

    def members(self) -> dict[str, set[str]]:
        """Every group by its name."""
        found: dict[str, set[str]] = defaultdict(set)
        for member in list(self.parent):
            found[self.find(member)].add(member)
        return found


@dataclass(slots=True)
class Owners:
    """``addresses``: MAC -> addresses with the (capture, frame) that shows it; ``claimed`` by ARP or ND."""

    addresses: dict[str, dict[IPAddress, tuple[int, int]]] = field(default_factory=lambda: defaultdict(dict))
    claimed: set[tuple[str, IPAddress]] = field(default_factory=set)
    hosts: Groups = field(default_factory=Groups)
    links: Groups = field(default_factory=Groups)

    def macs_of(self, address: IPAddress) -> list[str]:
        """Every MAC that has ``address``."""
        return [mac for mac, own in self.addresses.items() if address in own]


def owners(
    seen: Iterable[Sighting], said: Iterable[Claim], tried: Iterable[Attempt], reals: frozenset[IPAddress]
) -> Owners:
    """Read the owners, hosts and links off everything that was seen.

    A real server (``reals``) that never spoke is at the MAC that its requests were sent to.
    """
    seen = list(seen)
    found = Owners()
    said = list(said)
    spoken_for = {claim.address for claim in said}
    for claim in said:
        if usable(claim.mac):
            found.addresses[claim.mac].setdefault(claim.address, (claim.capture, claim.frame))
            found.claimed.add((claim.mac, claim.address))
            found.links.find(claim.mac)
    taken: set[IPAddress] = set()
    for each in seen:
        macs = [mac for mac in (each.source_mac, each.destination_mac) if usable(mac)]
        for mac in macs:
            found.links.find(mac)
        if len(macs) == 2:
            found.links.join(*macs)
        new = each.source not in spoken_for and each.source not in taken
        if usable(each.source_mac) and each.original and (new or each.source in found.addresses[each.source_mac]):
            found.addresses[each.source_mac].setdefault(each.source, (each.capture, each.frame))
            taken.add(each.source)
    for each in seen:
        silent = each.destination in reals and not found.macs_of(each.destination)
        if silent and usable(each.destination_mac) and not found.addresses.get(each.destination_mac):
            found.addresses[each.destination_mac][each.destination] = (each.capture, each.frame)
    _neighbours(found, said)
    for attempt in tried:
        _one_host(found, attempt)
    return found


def _neighbours(found: Owners, said: list[Claim]) -> None:
    """Who asks for an address is on the link of the host that has it."""
    for claim in said:
        if claim.sought is not None and usable(claim.mac):
            macs = [mac for mac in found.macs_of(claim.sought) if (mac, claim.sought) in found.claimed]
            if len(macs) == 1:           # two that claim it may be on two links
                found.links.join(claim.mac, macs[0])


def _one_host(found: Owners, attempt: Attempt) -> None:
    """A request that went to one MAC and came from another one hop later passed one host with two interfaces."""
    copies = sorted(attempt.copies, key=lambda copy: -copy.ttl)
    for before, after in pairwise(copies):
        into, out = before.destination_mac, after.source_mac
        if before.ttl - after.ttl == 1 and usable(into) and usable(out):
            found.hosts.join(into, out)
