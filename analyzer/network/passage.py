"""One packet at one host's hooks: filters, marks and translation, in the kernel's order (nft(8), "Priorities")."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace

from analyzer.balance.mapping import Endpoint
from analyzer.network.datagram import Datagram
from analyzer.network.host import IPAddress
from analyzer.network.match import Context, State, nobodys
from analyzer.network.nat import (
    Accept,
    Action,
    Chain,
    ClampMss,
    Dnat,
    Drop,
    Firewall,
    Hook,
    Jump,
    Return,
    Rule,
    SetMark,
    Snat,
    Terminate,
    ToMac,
)
from analyzer.network.tracking import Seen, Tracker, away, toward

UNTRACKED = Seen(None, State.UNTRACKED)
EVERY = (float("-inf"), float("inf"))
DSTNAT, SRCNAT = -100, 100
"""Priorities at which destinations and sources are translated; filters before and behind see other addresses."""

MOST_CALLS = 16
"""The kernel refuses rulesets whose chains call each other more deeply (NFT_JUMP_STACK_SIZE)."""

HEADERS = {4: 40, 6: 60}
"""Octets of a packet that are no data, by which a segment is smaller than the packet."""

Verdict = Accept | Drop | Dnat | Snat | ToMac | Terminate


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
    owns: Callable[[IPAddress], bool] = nobodys
    takes: Callable[[], int] | None = None      # octets that the path takes, both ways

    @classmethod
    def begin(
        cls, firewall: Firewall, tracker: Tracker | None, packet: Datagram, incoming: str = "", mac: str = "",
        owns: Callable[[IPAddress], bool] = nobodys,
    ) -> Passage:
        """Look the packet's connection up (or begin it), where the host tracks connections.

        ``owns`` says which addresses are the host's own.
        """
        seen = tracker.see(packet) if tracker is not None else UNTRACKED
        return cls(firewall, packet, seen, incoming, mac, owns=owns)

    def context(self, outgoing: str = "") -> Context:
        """The packet as rules see it now."""
        entry = self.seen.entry
        return Context(
            self.packet, self.incoming, outgoing, self.source_mac, self.seen.state,
            entry.dnatted if entry else False, self.mark, entry.mark if entry else 0, self.seen.backwards, self.owns,
        )

    def filtered(
        self, hook: Hook, kind: str = "filter", outgoing: str = "", *, span: tuple[float, float] = EVERY
    ) -> Drop | None:
        """Ask the filter (or route) chains of a hook with a priority in ``span``; a Drop where one ends the packet."""
        for chain in self.firewall.at(hook, kind):
            if span[0] <= chain.priority < span[1] and chain.sees(self.packet):
                verdict = self._asked(chain, outgoing) or chain.policy
                if isinstance(verdict, Drop):
                    return verdict
        return None

    def _asked(self, chain: Chain, outgoing: str, depth: int = 0) -> Verdict | None:
        """What a chain decides; None where it decides nothing (the end, or a return)."""
        seen = self.context(outgoing)
        for rule in chain.rules:
            if not rule.match.holds(seen) or (rule.chance and not self._by_chance(rule, chain, outgoing, depth)):
                continue
            match rule.action:
                case SetMark() as marking:
                    self._set(marking)
                    seen = self.context(outgoing)
                case ClampMss(mss):
                    self._clamp(mss)
                case Return():
                    return None
                case Jump(name, back):
                    target = self.firewall.called(chain.table, name)
                    found = self._asked(target, outgoing, depth + 1) if target and depth < MOST_CALLS else None
                    if found is not None or not back:
                        return found
                    seen = self.context(outgoing)
                case Accept() | Drop() | Dnat() | Snat() | ToMac() | Terminate() as verdict:
                    return verdict
        return None

    def _set(self, marking: SetMark) -> None:
        entry = self.seen.entry
        if not marking.connection:
            self.mark = marking.of(self.mark, entry.mark if entry is not None else 0)
        elif entry is not None:
            entry.mark = marking.of(entry.mark, self.mark)

    def _clamp(self, mss: int) -> None:
        if not mss and self.takes is not None:
            mss = self.takes() - HEADERS[self.packet.source.version]
        if mss:
            self.packet = replace(self.packet, mss=min(self.packet.mss or mss, mss))

    def _by_chance(self, rule: Rule, chain: Chain, outgoing: str, depth: int) -> bool:
        """Whether a rule for some connections only is this one's: where it leads to the real server that was chosen."""
        tried = replace(self, seen=replace(self.seen, entry=copy(self.seen.entry)))
        found = tried._asked(replace(chain, rules=(replace(rule, chance=False),)), outgoing, depth)  # noqa: SLF001 - its own kind
        return isinstance(found, Dnat) and (self.chosen is None or any(map(self._is_chosen, found.reals)))

    def arrive(self) -> Action | None:
        """Translate the destination; the action where a rule sends the packet another way than routing would."""
        if not self.firewall.stateful:
            return self._rewrite_by_rule()
        action = self._translation(Hook.PREROUTING)
        if isinstance(action, ToMac | Terminate):
            return action                # these keep tables of their own: the other direction never comes by
        self._send_to(action)
        return None

    def _send_to(self, action: Action | None) -> None:
        """Give a new connection its other destination, and the packet that of its connection."""
        entry = self.seen.entry
        if entry is not None and self.seen.state is State.NEW and not entry.translated and isinstance(action, Dnat):
            real = self._choose(action.reals)
            entry.rewrite_destination(real.address, real.port)
        self.packet = toward(self.packet, self.seen)

    def arrive_here(self) -> None:
        """An answer to the host itself gets back the address that was asked (nft's nat input hook)."""
        if self.firewall.stateful and self.seen.backwards:
            self.packet = away(self.packet, self.seen)

    def readdress(self) -> None:
        """An own packet goes where its connection says, or a rule for the host's own packets."""
        if self.firewall.stateful:
            self._send_to(self._translation(Hook.OUTPUT))

    def _choose(self, reals: tuple[Endpoint, ...]) -> Endpoint:
        """The real server that the capture shows, if it is one of them; else the first."""
        return next(filter(self._is_chosen, reals), reals[0])

    def _is_chosen(self, real: Endpoint) -> bool:
        chosen = self.chosen
        return chosen is not None and real.address == chosen.address and real.port in (0, chosen.port)

    def leave(self, outgoing: str, own: IPAddress | None) -> None:
        """Translate the source; ``own`` is the address that masquerading puts in."""
        if not self.firewall.stateful:
            self._restore_by_rule()
            return
        entry = self.seen.entry
        if entry is not None and self.seen.state is State.NEW and not entry.snatted and not self.seen.backwards:
            action = self._translation(Hook.POSTROUTING, outgoing)
            if isinstance(action, Snat):
                address = action.address or own
                if address is not None:
                    entry.rewrite_source(address)
        self.packet = away(self.packet, self.seen)

    def _translation(self, hook: Hook, outgoing: str = "") -> Action | None:
        """What the nat chains of a hook decide; one that accepts leaves it to the next."""
        for chain in self.firewall.at(hook, "nat"):
            found = self._asked(chain, outgoing) if chain.sees(self.packet) else None
            if found is not None and not isinstance(found, Accept):
                return found
        return None

    def _rewrite_by_rule(self) -> Action | None:
        action = self._translation(Hook.PREROUTING)
        if isinstance(action, Dnat):
            real = self._choose(action.reals)
            port = real.port or self.packet.destination_port
            self.packet = replace(self.packet, destination=real.address, destination_port=port)
            return None
        return action

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
                    (low, high), *_ = rule.match.destination_ports or ((0, 1),)
                    port = low if low == high else packet.source_port
                    virtual = rule.match.destination.prefixes[0].network_address
                    self.packet = replace(packet, source=virtual, source_port=port)
                    return
