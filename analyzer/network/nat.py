"""What a host does to packets besides routing them: rules at the five hooks, in nftables' words.

A virtual service of any product is a ``Dnat`` rule at prerouting here; full NAT
adds a ``Snat`` rule at postrouting; direct server return is ``ToMac``.  A
balancer without connection tracking is a ``Firewall`` with ``stateful`` off:
it rewrites replies by rule instead of by memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from analyzer.balance.mapping import Endpoint, Forwarding
from analyzer.network.datagram import Datagram
from analyzer.network.host import IPAddress
from analyzer.network.match import EVERY_BIT, Match, State, alone


class Hook(StrEnum):
    """Where a packet is looked at (nft(8), "Address families")."""

    PREROUTING = "prerouting"
    INPUT = "input"
    FORWARD = "forward"
    OUTPUT = "output"
    POSTROUTING = "postrouting"


@dataclass(frozen=True, slots=True)
class Accept:
    """No further rule of this chain; chains of later priority are still asked."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Gone, silently unless ``reject``: then the sender is told (RST or ICMP)."""

    reject: bool = False


@dataclass(frozen=True, slots=True)
class Dnat:
    """A virtual service: another destination, one of ``reals`` (port 0 keeps the port)."""

    reals: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True)
class Snat:
    """Another source: ``address``, or None for the address of the outgoing interface (masquerade)."""

    address: IPAddress | None = None


@dataclass(frozen=True, slots=True)
class ToMac:
    """Direct server return, tunnels: the packet goes on to one of ``reals`` as it is."""

    reals: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True)
class Terminate:
    """A full proxy: this host itself is the end of the connection."""


@dataclass(frozen=True, slots=True)
class SetMark:
    """Mark the packet, or (``connection``) its connection; the next rule is read.

    The bits of ``keep`` stay as they are, those of ``mark`` are turned over; with
    ``copied`` it is the other one's mark that this is done to (packet and connection).
    """

    mark: int
    connection: bool = False
    keep: int = 0
    copied: bool = False

    def of(self, own: int, other: int) -> int:
        """The mark after it, from what both were."""
        return ((other if self.copied else own) & self.keep) ^ self.mark & EVERY_BIT


@dataclass(frozen=True, slots=True)
class ClampMss:
    """Lower the MSS that a SYN announces, with 0 to what the path takes both ways; the next rule is read."""

    mss: int


@dataclass(frozen=True, slots=True)
class Jump:
    """Ask another chain of the same table; with ``back`` go on behind this rule where that one decides nothing."""

    chain: str
    back: bool = True


@dataclass(frozen=True, slots=True)
class Return:
    """No further rule of this chain: back to where it was called from, in a base chain to its policy."""


Action = Accept | Drop | Dnat | Snat | ToMac | Terminate | SetMark | ClampMss | Jump | Return


@dataclass(frozen=True, slots=True)
class Rule:
    """A match and what follows from it; with ``chance`` for some connections only (every second, at random).

    Such rules choose a real server: one is followed where it leads to the one that
    the capture shows, else to the first.
    """

    match: Match
    action: Action
    chance: bool = False


@dataclass(frozen=True, slots=True)
class Chain:
    """Rules at one hook; ``kind`` is filter, nat (asked once a connection) or route (output: looks up again).

    A chain without a hook is asked only where another one sends packets to it.
    """

    hook: Hook | None
    priority: int = 0
    kind: str = "filter"
    rules: tuple[Rule, ...] = ()
    policy: Accept | Drop = field(default_factory=Accept)
    table: str = ""
    name: str = ""

    def sees(self, packet: Datagram) -> bool:
        """Whether the table's family holds the packet (nft(8), "Address families")."""
        family = self.table.partition(" ")[0]
        return family not in FAMILIES or FAMILIES[family] == packet.source.version


FAMILIES = {"ip": 4, "ip6": 6}


@dataclass(frozen=True, slots=True)
class NamedSet:
    """A set or map that rules name (nft(8), "Sets", "Maps"): words of keys and of what they lead to."""

    table: str
    name: str
    elements: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Firewall:
    """All chains of a host, and the sets that commands yet to come may name.

    ``stateful``: connections are tracked (any host with a nat chain or a rule
    that asks for a state).  ``invalid_known`` is False where nobody told what
    becomes of packets that belong to no connection: the engine then forwards
    them, and a proof that depends on it names the fact that is missing.
    """

    chains: tuple[Chain, ...] = ()
    stateful: bool = True
    invalid_known: bool = True
    sets: tuple[NamedSet, ...] = ()

    def at(self, hook: Hook, kind: str) -> list[Chain]:
        """The chains of a hook, in the order in which they are asked."""
        return sorted((c for c in self.chains if c.hook is hook and c.kind == kind), key=lambda chain: chain.priority)

    def called(self, table: str, name: str) -> Chain | None:
        """A chain by its name."""
        return next((chain for chain in self.chains if (chain.table, chain.name) == (table, name)), None)

    def with_chains(self, chains: Iterable[Chain]) -> Firewall:
        """The same and more chains."""
        return replace(self, chains=(*self.chains, *chains))

    def without_table(self, table: str) -> Firewall:
        """The same without the chains of one table."""
        return replace(self, chains=tuple(chain for chain in self.chains if chain.table != table))


NO_FIREWALL = Firewall(stateful=False)

DROP_INVALID = Chain(Hook.FORWARD, 0, "filter", (Rule(Match(states=frozenset({State.INVALID})), Drop()),))
"""``ct state invalid drop``: what stateful firewalls do by default."""


def service(
    virtual: Endpoint, protocol: int, reals: tuple[Endpoint, ...], forwarding: Forwarding, snat: IPAddress | None = None
) -> tuple[Chain, ...]:
    """The chains of one virtual service, by the way it forwards; ``snat`` is the address that full NAT puts in."""
    ports = ((virtual.port, virtual.port),) if virtual.port else None
    only = frozenset({protocol})
    asked = Match(destination=alone(virtual.address), protocols=only, destination_ports=ports)
    match forwarding:
        case Forwarding.NAT | Forwarding.FULL_NAT:
            action: Action = Dnat(reals)
        case Forwarding.DIRECT | Forwarding.TUNNEL:
            action = ToMac(reals)
        case Forwarding.PROXY:
            action = Terminate()
    chains = (Chain(Hook.PREROUTING, -100, "nat", (Rule(asked, action),)),)
    if forwarding is not Forwarding.FULL_NAT:
        return chains
    rules = tuple(
        Rule(Match(destination=alone(real.address), protocols=only, dnatted=True), Snat(snat))
        for real in reals
    )
    return (*chains, Chain(Hook.POSTROUTING, 100, "nat", rules))
