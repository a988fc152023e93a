"""One packet at one host's hooks: filters, marks and translation, in the kernel's order (nft(8), "Priorities")."""

from __future__ import annotations

from dataclasses import dataclass, replace

from analyzer.balance.mapping import Endpoint
from analyzer.network.datagram import Datagram
from analyzer.network.host import IPAddress
from analyzer.network.nat import (
    Accept,
    Action,
    Chain,
    ClampMss,
    Context,
    Dnat,
    Drop,
    Firewall,
    Hook,
    Rule,
    SetMark,
    Snat,
    State,
    Terminate,
    ToMac,
)
from analyzer.network.tracking import Seen, Tracker, away, toward

UNTRACKED = Seen(None, State.UNTRACKED)


@dataclass(slots=True)
class Passage:
    """The packet between coming in and leaving; ``packet`` changes on the way, ``mark`` may."""

    firewall: Firewall
    packet: Datagram
    seen: Seen = UNTRACKED
    incoming: str = ""
    source_mac: str = ""
    mark: int = 0
    chosen: Endpoint | None = None

    @classmethod
    def begin(
        cls, firewall: Firewall, tracker: Tracker | None, packet: Datagram, incoming: str = "", mac: str = ""
    ) -> Passage:
        """Look the packet's connection up (or begin it), where the host tracks connections."""
        seen = tracker.see(packet) if tracker is not None else UNTRACKED
        return cls(firewall, packet, seen, incoming, mac)

    def context(self, outgoing: str = "") -> Context:
        """The packet as rules see it now."""
        entry = self.seen.entry
        return Context(
            self.packet, self.incoming, outgoing, self.source_mac, self.seen.state,
            entry.dnatted if entry else False, self.mark, entry.mark if entry else 0, self.seen.backwards,
        )

    def filtered(self, hook: Hook, kind: str = "filter", outgoing: str = "") -> Drop | None:
        """Ask the filter (or route) chains of a hook; a Drop where one of them ends the packet."""
        for chain in self.firewall.at(hook, kind):
            verdict = self._ask(chain, outgoing)
            if isinstance(verdict, Drop):
                return verdict
        return None

    def _ask(self, chain: Chain, outgoing: str) -> Accept | Drop:
        for rule in chain.rules:
            if not rule.match.holds(self.context(outgoing)):
                continue
            match rule.action:
                case SetMark(mark, connection):
                    self._set(mark, connection=connection)
                case Accept() | Drop() as verdict:
                    return verdict
                case ClampMss(mss):
                    self.packet = replace(self.packet, mss=min(self.packet.mss or mss, mss))
                case Dnat() | Snat() | ToMac() | Terminate():
                    pass
        return chain.policy

    def _set(self, mark: int, *, connection: bool) -> None:
        if not connection:
            self.mark = mark
        elif self.seen.entry is not None:
            self.seen.entry.mark = mark

    def arrive(self) -> Action | None:
        """Translate the destination; the action where a rule sends the packet another way than routing would."""
        if not self.firewall.stateful:
            return self._rewrite_by_rule()
        entry = self.seen.entry
        rule = self._first(Hook.PREROUTING)
        if rule is not None and isinstance(rule.action, ToMac | Terminate):
            return rule.action           # these keep tables of their own: the other direction never comes by
        begins = entry is not None and self.seen.state is State.NEW and not entry.translated
        if begins and entry is not None and rule is not None and isinstance(rule.action, Dnat):
            real = self._choose(rule.action.reals)
            entry.rewrite_destination(real.address, real.port)
        self.packet = toward(self.packet, self.seen)
        return None

    def readdress(self) -> None:
        """An own packet that belongs to a translated connection goes where that connection says."""
        if self.firewall.stateful:
            self.packet = toward(self.packet, self.seen)

    def _choose(self, reals: tuple[Endpoint, ...]) -> Endpoint:
        """The real server that the capture shows, if it is one of them; else the first."""
        if self.chosen is not None:
            for real in reals:
                if real.address == self.chosen.address and real.port in (0, self.chosen.port):
                    return real
        return reals[0]

    def leave(self, outgoing: str, own: IPAddress | None) -> None:
        """Translate the source; ``own`` is the address that masquerading puts in."""
        if not self.firewall.stateful:
            self._restore_by_rule()
            return
        entry = self.seen.entry
        if entry is not None and self.seen.state is State.NEW and not entry.snatted and not self.seen.backwards:
            rule = self._first(Hook.POSTROUTING, outgoing)
            if rule is not None and isinstance(rule.action, Snat):
                address = rule.action.address or own
                if address is not None:
                    entry.rewrite_source(address)
        self.packet = away(self.packet, self.seen)

    def _first(self, hook: Hook, outgoing: str = "") -> Rule | None:
        """The first nat rule of a hook that applies."""
        seen = self.context(outgoing)
        return next(
            (rule for chain in self.firewall.at(hook, "nat") for rule in chain.rules if rule.match.holds(seen)), None
        )

    def _rewrite_by_rule(self) -> Action | None:
        rule = self._first(Hook.PREROUTING)
        if rule is None:
            return None
        if isinstance(rule.action, Dnat):
            real = self._choose(rule.action.reals)
            port = real.port or self.packet.destination_port
            self.packet = replace(self.packet, destination=real.address, destination_port=port)
            return None
        return rule.action

    def _restore_by_rule(self) -> None:
        """Without memory: what comes from a real server's port gets the virtual service's address."""
        packet = self.packet
        if packet.about is not None:
            return
        for chain in self.firewall.at(Hook.PREROUTING, "nat"):
            for rule in chain.rules:
                if not isinstance(rule.action, Dnat) or rule.match.destination is None:
                    continue
                reals = [real for real in rule.action.reals if real.address == packet.source]
                if any(real.port in (0, packet.source_port) for real in reals):
                    ports = rule.match.destination_ports
                    port = ports[0] if ports and ports[0] == ports[1] else packet.source_port
                    virtual = rule.match.destination.network_address
                    self.packet = replace(packet, source=virtual, source_port=port)
                    return
