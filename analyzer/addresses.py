"""Addresses and MACs as small numbers, so that columns stay narrow and IPv6 is never a special case."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address


@dataclass(slots=True)
class AddressBook:
    """Addresses and MACs as small numbers.  Ids begin at 1; 0 is "none".

    ``packed`` holds the octets of each id: 4 for IPv4, 16 for IPv6, 6 for a MAC.
    The length is part of the identity, so kinds never mix.  One book serves all
    captures of a run; the compiled kernel keeps its own hash table (seeded, so
    that a crafted capture cannot choose its collisions) and appends new entries
    here when a batch ends.
    """

    packed: list[bytes] = field(default_factory=lambda: [b""])
    ids: dict[bytes, int] = field(default_factory=lambda: {b"": 0})

    def intern(self, octets: bytes) -> int:
        """The id of an address given as its octets."""
        found = self.ids.get(octets)
        if found is None:
            found = self.ids[octets] = len(self.packed)
            self.packed.append(octets)
        return found

    def ip(self, number: int) -> IPv4Address | IPv6Address:
        """The IP address with this id; ``ValueError`` where the id is a MAC or none."""
        octets = self.packed[number]
        if len(octets) == 4:
            return IPv4Address(octets)
        if len(octets) == 16:
            return IPv6Address(octets)
        raise ValueError(f"id {number} is not an IP address")

    def text(self, number: int) -> str:
        """The address as people write it; empty for 0."""
        octets = self.packed[number]
        match len(octets):
            case 4:
                return str(IPv4Address(octets))
            case 16:
                return str(IPv6Address(octets))
            case 0:
                return ""
            case _:
                return octets.hex(":")
