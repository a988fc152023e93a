"""What a host does to packets besides routing them: rules at the five hooks, in nftables' words.

A virtual service of any product is a ``Dnat`` rule at prerouting here; full NAT
adds a ``Snat`` rule at postrouting; direct server return is ``ToMac``.  A
balancer without connection tracking is a ``Firewall`` with ``stateful`` off:
it rewrites replies by rule instead of by memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_network

from analyzer.balance.mapping import Endpoint, Forwarding
from analyzer.network.datagram import ICMP, ICMP6, Complaint, Datagram
from analyzer.network.host import IPAddress, IPNetwork


class Hook(StrEnum):
    """Where a packet is looked at (nft(8), "Address families")."""

    PREROUTING = "prerouting"
    INPUT = "input"
    FORWARD = "forward"
    OUTPUT = "output"
    POSTROUTING = "postrouting"


class State(StrEnum):
    """What connection tracking thinks of a packet."""

    NEW = "new"
    ESTABLISHED = "established"
    RELATED = "related"
    INVALID = "invalid"
    UNTRACKED = "untracked"


@dataclass(frozen=True, slots=True)
class Context:
    """A packet as a rule sees it."""

    datagram: Datagram
    incoming: str = ""
    outgoing: str = ""
    source_mac: str = ""
    state: State = State.UNTRACKED
    dnatted: bool = False
    mark: int = 0
    connection_mark: int = 0
    reply: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """The conditions of a rule; what is None or empty is not asked.  ``inverted`` names conditions to be false."""

    incoming: str = ""
    outgoing: str = ""
    macs: frozenset[str] = frozenset()
    source: IPNetwork | None = None
    destination: IPNetwork | None = None
    protocol: int = 0
    source_ports: tuple[int, int] | None = None
    destination_ports: tuple[int, int] | None = None
    states: frozenset[State] = frozenset()
    dnatted: bool | None = None
    mark: int | None = None
    connection_mark: int | None = None
    syn: bool = False
    icmp: frozenset[str] = frozenset()      # nft's words for types
    version: int = 0
    inverted: frozenset[str] = frozenset()

    def holds(self, seen: Context) -> bool:
        """Whether every condition holds."""
        packet = seen.datagram
        if any(net is not None and net.version != packet.source.version for net in (self.source, self.destination)):
            return False                 # ``ip saddr != 10.0.0.0/8`` says nothing of IPv6
        answers = {
            "incoming": _named(self.incoming, seen.incoming),
            "outgoing": _named(self.outgoing, seen.outgoing),
            "macs": not self.macs or seen.source_mac in self.macs,
            "source": _inside(packet.source, self.source),
            "destination": _inside(packet.destination, self.destination),
            "protocol": self.protocol in (0, packet.protocol),
            "source_ports": _between(packet.source_port, self.source_ports),
            "destination_ports": _between(packet.destination_port, self.destination_ports),
            "states": not self.states or seen.state in self.states,
            "dnatted": self.dnatted in (None, seen.dnatted),
            "mark": self.mark in (None, seen.mark),
            "connection_mark": self.connection_mark in (None, seen.connection_mark),
            "syn": not self.syn or packet.flags in ("S", "S."),
            "icmp": not self.icmp or icmp_word(packet) in self.icmp,
            "version": self.version in (0, packet.source.version),
        }
        return all(answer is not (name in self.inverted) for name, answer in answers.items())


ICMP_WORDS = {
    "request": "echo-request", "reply": "echo-reply", Complaint.TIME: "time-exceeded", Complaint.BIG: "packet-too-big",
}


def icmp_word(packet: Datagram) -> str:
    """The ICMP type of a packet in nft's words; empty where it is none."""
    if packet.protocol not in (ICMP, ICMP6):
        return ""
    return ICMP_WORDS.get(packet.flags, "destination-unreachable")


def _named(pattern: str, name: str) -> bool:
    """An interface by its name, or by how its name begins (``eth*``)."""
    if pattern.endswith("*"):
        return name.startswith(pattern[:-1])
    return pattern in ("", name)


def _inside(address: IPAddress, net: IPNetwork | None) -> bool:
    return net is None or address in net


def _between(port: int, span: tuple[int, int] | None) -> bool:
    return span is None or span[0] <= port <= span[1]


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
    """Mark the packet, or (``connection``) its connection; the next rule is read."""

    mark: int
    connection: bool = False


@dataclass(frozen=True, slots=True)
class ClampMss:
    """Lower the MSS that a SYN announces; the next rule is read."""

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
    """A match and what follows from it."""

    match: Match
    action: Action


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
class Firewall:
    """All chains of a host.

    ``stateful``: connections are tracked (any host with a nat chain or a rule
    that asks for a state).  ``invalid_known`` is False where nobody told what
    becomes of packets that belong to no connection: the engine then forwards
    them, and a proof that depends on it names the fact that is missing.
    """

    chains: tuple[Chain, ...] = ()
    stateful: bool = True
    invalid_known: bool = True

    def at(self, hook: Hook, kind: str) -> list[Chain]:
        """The chains of a hook, in the order in which they are asked."""
        return sorted((c for c in self.chains if c.hook is hook and c.kind == kind), key=lambda chain: chain.priority)

    def called(self, table: str, name: str) -> Chain | None:
        """A chain by its name."""
        return next((chain for chain in self.chains if (chain.table, chain.name) == (table, name)), None)

    def with_chains(self, chains: Iterable[Chain]) -> Firewall:
        """The same and more chains."""
        return Firewall((*self.chains, *chains), self.stateful, self.invalid_known)

    def without_table(self, table: str) -> Firewall:
        """The same without the chains of one table."""
        left = tuple(chain for chain in self.chains if chain.table != table)
        return Firewall(left, self.stateful, self.invalid_known)


NO_FIREWALL = Firewall(stateful=False)

DROP_INVALID = Chain(Hook.FORWARD, 0, "filter", (Rule(Match(states=frozenset({State.INVALID})), Drop()),))
"""``ct state invalid drop``: what stateful firewalls do by default."""


def service(
    virtual: Endpoint, protocol: int, reals: tuple[Endpoint, ...], forwarding: Forwarding, snat: IPAddress | None = None
) -> tuple[Chain, ...]:
    """The chains of one virtual service, by the way it forwards; ``snat`` is the address that full NAT puts in."""
    net = alone(virtual.address)
    ports = (virtual.port, virtual.port) if virtual.port else None
    asked = Match(destination=net, protocol=protocol, destination_ports=ports)
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
        Rule(Match(destination=alone(real.address), protocol=protocol, dnatted=True), Snat(snat))
        for real in reals
    )
    return (*chains, Chain(Hook.POSTROUTING, 100, "nat", rules))


def alone(address: IPAddress) -> IPNetwork:
    """The network that holds this one address."""
    return ip_network(address)
