"""Replay: every captured connection on the network as it is, and on the network with some commands executed.

    done = replay(network, connections, "server1", ["ip route add 10.0.2.50/32 via 10.0.2.1"])
    done.answers     # what the host said to the commands
    done.rows        # per connection: repaired, unchanged, newly broken, and the first hop that differs

Connections that no rule, route or address tells apart are walked once: ten
thousand clients behind one router cost as much as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from analyzer.network.commands import Answer, script
from analyzer.network.connect import Exchange, Outcome, connect
from analyzer.network.host import IPAddress, IPNetwork
from analyzer.network.inference.captured import Captured
from analyzer.network.inference.outside import NAME as OUTSIDE
from analyzer.network.link import Network
from analyzer.network.redirect import learn
from analyzer.network.trace import Redirect, Step

RANK = {Outcome.ESTABLISHED: 2, Outcome.REFUSED: 1}
"""A refusal that reaches the client is an answer: the path is mended, the service is what it is."""


class Verdict(StrEnum):
    """What the commands do to one connection."""

    REPAIRED = "repaired"
    UNCHANGED = "unchanged"
    NEWLY_BROKEN = "newly-broken"


@dataclass(frozen=True, slots=True)
class Row:
    """One connection before and after; ``differs`` is the first packet and hop that goes another way."""

    connection: Captured
    before: Exchange
    after: Exchange

    @property
    def verdict(self) -> Verdict:
        """Repaired, unchanged or newly broken, by what the client's program sees."""
        before, after = (RANK.get(each.outcome, 0) for each in (self.before, self.after))
        if before == after:
            return Verdict.UNCHANGED
        return Verdict.REPAIRED if after > before else Verdict.NEWLY_BROKEN

    @property
    def differs(self) -> tuple[str, Step] | None:
        """The first packet and step that go another way afterwards."""
        return self.before.differs(self.after)


@dataclass(frozen=True, slots=True)
class Replay:
    """The answers to the commands, and every connection before and after."""

    answers: tuple[tuple[str, Answer], ...]
    rows: tuple[Row, ...]
    network: Network

    def of(self, verdict: Verdict) -> list[Row]:
        """The rows with one verdict."""
        return [row for row in self.rows if row.verdict is verdict]

    @property
    def refused(self) -> list[tuple[str, Answer]]:
        """The commands that failed."""
        return [(command, answer) for command, answer in self.answers if not answer.ok]

    @property
    def redirects(self) -> tuple[Redirect, ...]:
        """Redirects that the changed network provokes and that a host may learn."""
        told = dict.fromkeys(told for row in self.rows for told in row.after.redirects if told.obeyed)
        before = {told for row in self.rows for told in row.before.redirects}
        return tuple(each for each in told if each not in before)


def replay(
    network: Network, connections: Sequence[Captured], host: str, commands: Iterable[str]
) -> Replay:
    """Run ``commands`` on a copy of ``host`` and every connection on both networks."""
    changed = network.copy()
    answers = script(changed.stacks[host], "\n".join(commands))
    before, after = Runner(network, changed), Runner(changed, network)
    rows = tuple(Row(each, before.run(each), after.run(each)) for each in connections)
    return Replay(tuple(answers), rows, changed)


def undone_by(done: Replay, told: Redirect) -> list[Captured]:
    """The repaired connections that break again once ``told.to`` has learned the redirect."""
    network = done.network.copy()
    if not learn(network.stacks[told.to], told.destination, told.gateway):
        return []
    runner = Runner(network, network)
    return [row.connection for row in done.of(Verdict.REPAIRED) if not runner.run(row.connection).works]


class Runner:
    """Connections on one network, each class of them walked once.

    ``twin`` is the other network of a comparison: classes are cut finely enough for both.
    """

    def __init__(self, network: Network, twin: Network) -> None:
        self.network = network
        self._prefixes = _prefixes(network) | _prefixes(twin)
        self._spans = _spans(network) | _spans(twin)
        self._owners = {own.ip: name for name in reversed(list(network.stacks))
                        for port in network.stacks[name].ports.values() for own in port.addresses}
        self._classes: dict[IPAddress, tuple[object, ...]] = {}
        self._done: dict[tuple[object, ...], Exchange] = {}

    def origin(self, address: IPAddress) -> str | None:
        """The host that has ``address``."""
        return self._owners.get(address)

    def run(self, connection: Captured) -> Exchange:
        """The exchange of a connection, or of one that the network cannot tell from it."""
        origin = self.origin(connection.client)
        if origin is None:
            return Exchange(Outcome.UNKNOWN, ())
        key = (self._class(connection.client, origin), self._port(connection.client_port), connection.dialled,
               connection.protocol, connection.real)
        found = self._done.get(key)
        if found is None:
            source = type(connection.dialled)(connection.client, connection.client_port)
            found = self._done[key] = connect(
                self.network, origin, connection.dialled, connection.protocol, source=source, real=connection.real
            )
        return found

    def _class(self, address: IPAddress, origin: str) -> tuple[object, ...]:
        """Far addresses are alike where the same prefixes hold them; a host on a link is like itself only."""
        if not origin.startswith(OUTSIDE):
            return (origin, address)
        known = self._classes.get(address)
        if known is None:
            number, version = int(address), address.version
            inside = tuple(each for each in self._prefixes
                           if each[0] == version and number >> each[1] == each[2])
            known = self._classes[address] = (origin, *inside)
        return known

    def _port(self, port: int) -> tuple[bool, ...]:
        return tuple(low <= port <= high for low, high in self._spans)


Prefix = tuple[int, int, int]
"""(version, bits to shift off, what is left): a prefix that tells addresses apart."""


def _prefixes(network: Network) -> set[Prefix]:
    """Every prefix of routes, rules and filters, the outside hosts' own addresses aside."""
    nets: set[IPNetwork] = set()
    for name, stack in network.stacks.items():
        if not name.startswith(OUTSIDE):
            nets |= {entry.destination for table in stack.tables.values() for entry in table}
        rules = [rule for family in stack.rules.values() for rule in family]
        nets |= {net for rule in rules for net in (rule.source, rule.destination) if net}
        for chain in network.firewall(name).chains:
            asked = (each for rule in chain.rules for each in (rule.match.source, rule.match.destination) if each)
            nets |= {net for each in asked for net in each.prefixes}
    return {(net.version, net.max_prefixlen - net.prefixlen,
             int(net.network_address) >> (net.max_prefixlen - net.prefixlen)) for net in nets}


def _spans(network: Network) -> set[tuple[int, int]]:
    """Every range of ports that a rule or a filter asks for."""
    found: set[tuple[int, int] | None] = set()
    for name, stack in network.stacks.items():
        for rules in stack.rules.values():
            found |= {span for rule in rules for span in (rule.source_ports, rule.destination_ports)}
        for chain in network.firewall(name).chains:
            asked = (each for rule in chain.rules for each in (rule.match.source_ports, rule.match.destination_ports))
            found |= {span for each in asked for span in each or ()}
    return {span for span in found if span is not None}
