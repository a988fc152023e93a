"""What a rule of a packet filter asks of a packet (nft(8), "Primary expressions"; iptables-extensions(8)).

Every condition is a set of values, as large as a ruleset's own named sets:
``None`` is not asked, an empty set holds nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cached_property
from ipaddress import collapse_addresses, ip_network
from typing import Any

from analyzer.network.datagram import ICMP, ICMP6, Complaint, Datagram
from analyzer.network.host import IPAddress, IPNetwork

Span = tuple[int, int]
"""The first and the last port."""

Masked = tuple[int, int]
"""A mark and the bits of it that count."""

EVERY_BIT = 0xFFFFFFFF


class State(StrEnum):
    """What connection tracking thinks of a packet."""

    NEW = "new"
    ESTABLISHED = "established"
    RELATED = "related"
    INVALID = "invalid"
    UNTRACKED = "untracked"


def nobodys(_: IPAddress) -> bool:
    """Where it is not known which addresses are the host's own: none."""
    return False


@dataclass(frozen=True, slots=True)
class Context:
    """A packet as a rule sees it; ``owns`` says which addresses are the host's own."""

    datagram: Datagram
    incoming: str = ""
    outgoing: str = ""
    source_mac: str = ""
    state: State = State.UNTRACKED
    dnatted: bool = False
    mark: int = 0
    connection_mark: int = 0
    reply: bool = False
    owns: Callable[[IPAddress], bool] = nobodys


@dataclass(frozen=True, slots=True)
class Nets:
    """Addresses of one family: prefixes in order that do not overlap."""

    version: int
    prefixes: tuple[IPNetwork, ...]

    @classmethod
    def of(cls, version: int, nets: Iterable[IPNetwork]) -> Nets:
        """The same addresses, in order and joined; ``ValueError`` where one is of the other family."""
        found = list(nets)
        if any(net.version != version for net in found):
            raise ValueError("an address of another family")
        return cls(version, tuple(collapse_addresses(found)))  # type: ignore[type-var] # one family, as just seen

    def __contains__(self, address: IPAddress) -> bool:
        at = bisect_right(self.prefixes, int(address), key=_first) - 1
        return at >= 0 and address in self.prefixes[at]


def _first(net: IPNetwork) -> int:
    return int(net.network_address)


def alone(address: IPAddress) -> Nets:
    """This one address."""
    return Nets(address.version, (ip_network(address),))


@dataclass(frozen=True)
class Match:
    """The conditions of a rule, all of which must hold; ``inverted`` names those that must not.

    ``incoming`` and ``outgoing`` are names of interfaces or how they begin (``eth*``),
    ``icmp`` are nft's words for types, ``tcp_flags`` are bits and which of them are looked
    at, ``to_own`` asks whether the destination is an address of the host itself.
    """

    incoming: frozenset[str] | None = None
    outgoing: frozenset[str] | None = None
    macs: frozenset[str] | None = None
    source: Nets | None = None
    destination: Nets | None = None
    protocols: frozenset[int] | None = None
    source_ports: tuple[Span, ...] | None = None
    destination_ports: tuple[Span, ...] | None = None
    states: frozenset[State] | None = None
    dnatted: bool | None = None
    reply: bool | None = None
    marks: frozenset[Masked] | None = None
    connection_marks: frozenset[Masked] | None = None
    tcp_flags: Masked | None = None
    icmp: frozenset[str] | None = None
    version: int | None = None
    to_own: bool | None = None
    inverted: frozenset[str] = frozenset()

    @cached_property
    def asked(self) -> tuple[tuple[str, object], ...]:
        """The conditions that there are, by name."""
        found = ((each.name, getattr(self, each.name)) for each in fields(self) if each.name != "inverted")
        return tuple((name, value) for name, value in found if value is not None)

    def holds(self, seen: Context) -> bool:
        """Whether every condition holds."""
        version = seen.datagram.source.version
        for name, value in self.asked:
            if isinstance(value, Nets) and value.version != version:
                return False                 # ``ip saddr != 10.0.0.0/8`` says nothing of IPv6
            if HOLDS[name](value, seen) is (name in self.inverted):
                return False
        return True


def _named(patterns: Iterable[str], name: str) -> bool:
    return any(name.startswith(each[:-1]) if each.endswith("*") else name == each for each in patterns)


def _between(port: int, spans: Iterable[Span]) -> bool:
    return any(low <= port <= high for low, high in spans)


def _marked(mark: int, wanted: Iterable[Masked]) -> bool:
    return any(mark & mask == value for value, mask in wanted)


TCP_BITS = {"S": 0x02, "S.": 0x12, ".": 0x10, "P.": 0x18, "R": 0x04, "R.": 0x14, "F.": 0x11}

HOLDS: dict[str, Callable[[Any, Context], bool]] = {
    "incoming": lambda names, seen: _named(names, seen.incoming),
    "outgoing": lambda names, seen: _named(names, seen.outgoing),
    "macs": lambda macs, seen: seen.source_mac in macs,
    "source": lambda nets, seen: seen.datagram.source in nets,
    "destination": lambda nets, seen: seen.datagram.destination in nets,
    "protocols": lambda numbers, seen: seen.datagram.protocol in numbers,
    "source_ports": lambda spans, seen: _between(seen.datagram.source_port, spans),
    "destination_ports": lambda spans, seen: _between(seen.datagram.destination_port, spans),
    "states": lambda states, seen: seen.state in states,
    "dnatted": lambda wanted, seen: seen.dnatted is wanted,
    "reply": lambda wanted, seen: seen.reply is wanted,
    "marks": lambda wanted, seen: _marked(seen.mark, wanted),
    "connection_marks": lambda wanted, seen: _marked(seen.connection_mark, wanted),
    "tcp_flags": lambda wanted, seen: _marked(TCP_BITS.get(seen.datagram.flags, 0), (wanted,)),
    "icmp": lambda words, seen: icmp_word(seen.datagram) in words,
    "version": lambda wanted, seen: seen.datagram.source.version == wanted,
    "to_own": lambda wanted, seen: seen.owns(seen.datagram.destination) is wanted,
}

ICMP_WORDS = {
    "request": "echo-request", "reply": "echo-reply", Complaint.TIME: "time-exceeded", Complaint.BIG: "packet-too-big",
}


def icmp_word(packet: Datagram) -> str:
    """The ICMP type of a packet in nft's words; empty where it is none."""
    if packet.protocol not in (ICMP, ICMP6):
        return ""
    return ICMP_WORDS.get(packet.flags, "destination-unreachable")
