"""A packet filter's translation rules, whoever wrote them down: chains of conditions and actions.

iptables and nftables share this model; ``_walk.py`` follows it to rows.  What
reaches a rule is a ``Scope``: the destination addresses, ports and protocols
that are left, and the conditions that we cannot decide.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple

from analyzer.balance.mapping import Endpoint, IPAddress

Block = IPAddress | IPv4Network | IPv6Network | tuple[IPAddress, IPAddress]
"""An address, a network, or a range from first to last."""

Ports = tuple[tuple[int, int], ...]
"""Ranges of ports, first to last."""


@dataclass(frozen=True, slots=True)
class Match:
    """One condition.  ``what`` is daddr, dport or proto; anything else is a condition that we cannot decide.

    Of those: ``in`` and ``out`` (interfaces), ``source``, ``mark``, ``dnat`` (the
    packet was translated before), ``other``.  A daddr without blocks is a set
    that we cannot look into: the balancer's own addresses, an ipset.
    """

    what: str
    text: str                                   # how it was written
    blocks: tuple[Block, ...] = ()              # daddr, source
    ports: Ports = ()                           # dport
    names: frozenset[str] = frozenset()         # proto
    negated: bool = False

    def complement(self) -> Match:
        """The opposite condition."""
        text = self.text.removeprefix("not ") if self.negated else f"not {self.text}"
        return Match(self.what, text, self.blocks, self.ports, self.names, not self.negated)

    def holds(self, address: IPAddress) -> bool:
        """Does a condition on an address hold for this one."""
        return any(_holds(block, address) for block in self.blocks) is not self.negated


class Target(NamedTuple):
    """Where DNAT sends: one address (None: to the balancer itself), one port (0: it stays as it is)."""

    address: IPAddress | None
    port: int = 0


Key = tuple[Match, ...]


@dataclass(frozen=True, slots=True)
class Jump:
    """On to other chains: one of them by chance or by a key, or simply the one."""

    chains: tuple[tuple[Key, str, int], ...]    # under which key, to which chain, said in which line
    final: bool = False                         # goto: what stands below does not count


@dataclass(frozen=True, slots=True)
class Dnat:
    """The destination becomes one of these, each under a key of its own (a map's)."""

    targets: tuple[tuple[Key, Target, int], ...]


@dataclass(frozen=True, slots=True)
class Snat:
    """The source is rewritten."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The packet is marked; by convention: masquerade it later."""


@dataclass(frozen=True, slots=True)
class End:
    """Accept, drop, return, reject."""


Action = Jump | Dnat | Snat | Mark | End


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule and the line that it stands on."""

    line: int
    matches: Key
    action: Action


@dataclass(slots=True)
class Ruleset:
    """The chains of one table, and those where packets come in."""

    chains: dict[str, list[Rule]] = field(default_factory=dict)
    destination: list[str] = field(default_factory=list)    # prerouting, output
    source: list[str] = field(default_factory=list)         # postrouting, input


class Scope(NamedTuple):
    """The packets that reach a rule.  The first four parts say which service they are for."""

    addresses: tuple[IPAddress, ...] | None = None          # None: not spelled out
    within: Key = ()                                        # then: what is known of them
    ports: Ports | None = None
    protos: frozenset[str] | None = None
    conditions: frozenset[tuple[str, str]] = frozenset()    # what we cannot decide: its kind and its text

    @property
    def service(self) -> tuple[object, ...]:
        """The scope without the conditions."""
        return self[:4]

    def unless(self, rule: Rule, left: Scope) -> Scope:
        """What goes on below a rule that takes the packets of ``left`` away."""
        first = rule.matches[0]
        if len(rule.matches) == 1 and first.what == "daddr" and self.addresses is None:
            return self._replace(within=(*self.within, first.complement()))
        added = left.conditions - self.conditions or {("other", f"line {rule.line}")}
        kind = "mark" if any(kind == "mark" for kind, _ in added) else "other"
        return self._replace(conditions=self.conditions | {(kind, f"unless {text}") for _, text in added})

    def reaches(self, real: Endpoint, proto: str) -> bool:
        """Can these packets be on their way to a real server."""
        if self.addresses is not None and real.address not in self.addresses:
            return False
        if not all(match.holds(real.address) for match in self.within):
            return False
        if self.protos is not None and proto not in self.protos:
            return False
        return self.ports is None or not real.port or any(a <= real.port <= b for a, b in self.ports)


def narrowed(scope: Scope, matches: Key) -> Scope | None:
    """The packets of a scope that also meet the conditions; None where none can."""
    for match in matches:
        if match.what == "daddr":
            left = _narrowed_address(scope, match)
        elif match.what == "dport" and not match.negated:
            left = _narrowed_ports(scope, match.ports)
        elif match.what == "proto" and not match.negated:
            names = match.names if scope.protos is None else scope.protos & match.names
            left = scope._replace(protos=names) if names else None
        else:
            left = scope._replace(conditions=scope.conditions | {(match.what, match.text)})
        if left is None:
            return None
        scope = left
    return scope


def _narrowed_address(scope: Scope, match: Match) -> Scope | None:
    if not match.blocks and scope.addresses is not None:
        return scope._replace(conditions=scope.conditions | {("other", match.text)})
    exact = tuple(b for b in match.blocks if not isinstance(b, tuple | IPv4Network | IPv6Network))
    if scope.addresses is not None:
        left = tuple(address for address in scope.addresses if match.holds(address))
    elif match.negated or not exact or len(exact) < len(match.blocks):
        return scope._replace(within=(*scope.within, match))
    else:
        left = tuple(address for address in exact if all(m.holds(address) or not m.blocks for m in scope.within))
    return scope._replace(addresses=left) if left else None


def _narrowed_ports(scope: Scope, ports: Ports) -> Scope | None:
    if scope.ports is not None:
        pairs = ((max(a, c), min(b, d)) for a, b in scope.ports for c, d in ports)
        ports = tuple(pair for pair in pairs if pair[0] <= pair[1])
    return scope._replace(ports=ports) if ports else None


def _holds(block: Block, address: IPAddress) -> bool:
    if isinstance(block, tuple):
        return block[0].version == address.version and int(block[0]) <= int(address) <= int(block[1])
    if isinstance(block, IPv4Network | IPv6Network):
        return address in block
    return block == address
