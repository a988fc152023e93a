"""The proof of each fix: the network that the captures show, replayed with the fix's commands executed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from collections.abc import Mapping as Dict
from dataclasses import replace

from analyzer import dialects
from analyzer.balance.mapping import Endpoint, Forwarding, Mapping, RealServer, VirtualService
from analyzer.diagnose.evidence import KIND_OF, Evidence
from analyzer.diagnose.finding import Proof
from analyzer.errors import ModelError
from analyzer.network.commands import iptables
from analyzer.network.host import Host
from analyzer.network.infer import Inference, infer
from analyzer.network.inference.captured import Key
from analyzer.reading import Read
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.prove import Judge, prover
from analyzer.remedy.situation import Situation
from analyzer.units import Origin

MOST_FLOWS = 20_000
"""More flows than this are not replayed by default: the model follows every packet in plain Python."""

SAID_BY = ("linux-iproute2", "linux-nftables", "linux-iptables", "linux-net-tools")
"""Dialects whose commands the model executes, in the order in which they are asked."""

NAMES_INTERFACES = re.compile(r"\b[io]if(?:name)?\b|^(?:\[[\d:]+\] )?-A .* -[io] ", re.MULTILINE)

LEARNED = Origin("learned from the packets")


class Prover:
    """Infers the network once, when the first fix asks for a proof; of a larger capture than ``most`` not at all."""

    def __init__(
        self, read: Read, evidence: Evidence, mapping: Mapping, hosts: Dict[str, Host], most: int | None = MOST_FLOWS
    ) -> None:
        self._read, self._evidence, self._mapping, self._hosts = read, evidence, mapping, hosts
        self._most = most
        self._judge: Judge | None = None
        self._reason = ""

    def for_situation(self, situation: Situation) -> Callable[[Alternative], Proof]:
        """What a plan asks: an alternative in, its proof out; never an exception."""
        try:
            judge = self.judge()
        except ModelError as error:
            missing = (str(error),)
            return lambda _: Proof(missing_facts=missing)
        ask = prover(judge, lambda alternative: say(alternative, situation), situation.clients, situation.virtual)

        def safely(alternative: Alternative) -> Proof:
            try:
                return ask(alternative)
            except ModelError as error:
                return Proof(missing_facts=(str(error),))

        return safely

    def judge(self) -> Judge:
        """The network and how well it reproduces the capture; ``ModelError`` where there is none."""
        if self._judge is not None:
            return self._judge
        if not self._reason:
            flows = sum(len(table["flow"]) for table in self._read.observed.flows)
            if self._most is not None and flows > self._most:
                self._reason = f"a capture of at most {self._most} flows (here: {flows}); cut out the clients concerned"
        if not self._reason:
            try:
                self._judge = Judge(inferred(self._read, self._evidence, self._mapping, self._hosts))
            except ModelError as error:
                self._reason = str(error)
        if self._judge is None:
            raise ModelError(self._reason)
        return self._judge


def inferred(read: Read, evidence: Evidence, mapping: Mapping, hosts: Dict[str, Host]) -> Inference:
    """The network that captures show; without a declared mapping, with what the packets taught of it."""
    observed = read.observed
    services = completed(mapping, learned(evidence))
    rulesets = {host.name: host.ruleset for host in hosts.values() if _filters(host, services)}
    return infer(
        observed.flows, observed.claims, observed.icmp, observed.book, services, hosts.values(), rulesets,
        broken=_broken(evidence), names=[each.vantage for each in read.captures],
    )


def completed(declared: Mapping, taught: Mapping) -> Mapping:
    """What is declared, and besides it the services and real servers that only the packets show."""
    shown = {(each.virtual, each.protocol): each for each in taught.services}
    services = []
    for each in declared.services:
        more = shown.pop((each.virtual, each.protocol), None)
        known = {real.endpoint for real in each.reals}
        reals = tuple(real for real in more.reals if real.endpoint not in known) if more is not None else ()
        services.append(replace(each, reals=(*each.reals, *reals)))
    return replace(declared, services=(*services, *shown.values()))


def _broken(evidence: Evidence) -> frozenset[Key]:
    """Connections whose handshake was complete and whose data then took another way or stayed away."""
    rows = evidence.rows(
        "SELECT DISTINCT a.client, a.client_port, a.isn FROM attempt AS a "
        "WHERE a.attempt IN (SELECT attempt FROM flip UNION SELECT attempt FROM stalled)"
    )
    return frozenset((evidence.book.ip(int(row["client"])), int(row["client_port"]), int(row["isn"])) for row in rows)


def _filters(host: Host, services: Mapping) -> bool:
    """Whether the model can take the host's own ruleset instead of what the mapping says it does.

    Names of interfaces mean nothing where the host did not tell them.  A balancer
    whose rules translate nothing balances by other means (IPVS, a proxy): the
    ruleset alone would take its services away.  What iptables saved of one family
    says nothing of the other.
    """
    if "ruleset" not in host.complete or (NAMES_INTERFACES.search(host.ruleset) and not host.interfaces):
        return False
    own = {address.ip for each in host.interfaces for address in each.addresses}
    virtual = {each.virtual.address for each in services.services}
    if not iptables.families(host.ruleset) >= {address.version for address in virtual}:
        return False
    return not own & virtual or "dnat" in host.ruleset.lower()


def say(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The commands of an alternative in the first dialect that has words for all of it."""
    spoken = dialects.available()
    for name in SAID_BY:
        dialect = spoken.get(name)
        if dialect is not None and all(dialect.speaks(change) for change in alternative.changes):
            return commands_only(dialect.commands(alternative, situation))
    return ()


def commands_only(lines: Iterable[str]) -> tuple[str, ...]:
    """Lines to paste without those that only comment."""
    return tuple(line for line in lines if not line.lstrip().startswith("#"))


def learned(evidence: Evidence) -> Mapping:
    """What the packets taught, in the shape of a declared mapping."""
    protocols = {number: protocol for protocol, number in KIND_OF.items()}
    services: dict[tuple[int, int, int], list[RealServer]] = {}
    for row in evidence.rows(
        "SELECT * FROM nat WHERE origin = 'inferred' ORDER BY vip, vport, kind, rip, rport, forwarding DESC"
    ):
        real = Endpoint(evidence.book.ip(int(row["rip"])), int(row["rport"]))
        key = (int(row["kind"]), int(row["vip"]), int(row["vport"]))
        services.setdefault(key, []).append(RealServer(real, Forwarding(row["forwarding"]), LEARNED))
    return Mapping(tuple(
        VirtualService(Endpoint(evidence.book.ip(vip), vport), protocols[kind], tuple(reals), LEARNED)
        for (kind, vip, vport), reals in services.items()
    ))
