"""A network from what captures show, completed by facts: each conclusion with its frame, each assumption said.

known = infer(flows, claims, icmp, book, mapping, hosts)
known.network          # walk packets through it
known.connections      # every captured connection, to be replayed
known.assumptions      # sentences; known.missing: facts that nobody told
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Dict
from dataclasses import dataclass

from analyzer.balance.mapping import Mapping
from analyzer.network.building import stack_of
from analyzer.network.host import Host, IPAddress
from analyzer.network.inference.captured import Attempt, Captured, Key, attempts, captured
from analyzer.network.inference.drafts import Draft, drafts
from analyzer.network.inference.facts import Ledger, host_of
from analyzer.network.inference.outside import bridge, outside
from analyzer.network.inference.owners import Owners, owners
from analyzer.network.inference.policy import learn_redirects, settle
from analyzer.network.inference.services import give_virtual, listen, load_ruleset, translate
from analyzer.network.inference.sightings import Sighting, claims, sightings
from analyzer.network.inference.wiring import add_gateways, direct_return, wire
from analyzer.network.link import Network
from analyzer.network.trace import Disposition, Trace
from analyzer.tables import AddressBook, Table


@dataclass(frozen=True, slots=True)
class Shown:
    """A conclusion and the first frame that shows it."""

    says: str
    capture: int
    frame: int


@dataclass(frozen=True, slots=True)
class Inference:
    """What was inferred.  ``balancers`` are names of hosts in ``network``."""

    network: Network
    connections: tuple[Captured, ...]
    balancers: tuple[str, ...]
    given: frozenset[str] = frozenset()      # hosts whose routing table was given whole
    shown: tuple[Shown, ...] = ()
    assumptions: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    names: tuple[str, ...] = ()              # of the capture points

    def host_of(self, address: IPAddress) -> str | None:
        """The host that has ``address``."""
        return self.network.owner(address)

    def host_with(self, mac: str) -> str | None:
        """The host that has an interface with ``mac``."""
        return next((name for name, stack in self.network.stacks.items()
                     if any(port.mac == mac for port in stack.ports.values())), None)

    def gap(self, trace: Trace) -> str | None:
        """The fact whose lack ends a trace; None where it ends for a reason that is known."""
        packet = trace.packet
        if packet is None or trace.at in self.given:
            return None
        if trace.disposition is Disposition.NO_ROUTE:
            return f"the route of {trace.at} to {packet.destination} (there: ip route get {packet.destination})"
        last = trace.steps[-1] if trace.steps else None
        if trace.disposition is Disposition.NEIGHBOR_UNREACHABLE and last is not None:
            target = last.gateway or packet.destination
            if self.network.owner(target) is not None:
                return f"how {trace.at} reaches {target}: the captures do not show them on one link"
        return None


def infer(
    flows: Sequence[Table], said: Sequence[Table], icmp: Sequence[Table], book: AddressBook,
    mapping: Mapping, hosts: Iterable[Host] = (), rulesets: Dict[str, str] | None = None,
    *, broken: frozenset[Key] = frozenset(), names: Sequence[str] = (),
) -> Inference:
    """Infer the network from ``FLOWS``, ``CLAIMS`` and ``ICMP_EVENTS`` tables (one of each a capture).

    ``rulesets`` are whole ``nft list ruleset`` texts by the name of a given host;
    one that the model cannot read is said and left out.  ``broken`` are connections
    that began well and were lost later, ``names`` the capture points.
    """
    seen, told = sightings(flows, book), claims(said, book)
    tried, hidden = _without_snat_twins(attempts(flows, book))
    reals = frozenset(real.endpoint.address for each in mapping.services for real in each.reals)
    known = owners(seen, told, tried, reals)
    ledger = Ledger()
    made = drafts(known, seen, tried, mapping, hosts)
    give_virtual(made, tried, mapping, ledger)
    far = outside(made, seen, _addresses(tried, mapping))
    bridge(far, made, tried)
    facts = {draft.name: host_of(draft, made, known, ledger) for draft in made if draft.macs}
    links = wire(made, facts, known)
    add_gateways(made, facts, links, far)
    far.attach(facts, links)
    direct_return(facts, made, mapping)
    network = Network({name: stack_of(host) for name, host in facts.items()}, links)
    balancers = tuple(draft.name for draft in made if draft.balancer)
    translate(network, balancers, mapping, tried, hidden, made)
    for name, text in (rulesets or {}).items():
        load_ruleset(network, name, text, ledger)
    macs = frozenset(mac for draft in made if draft.balancer for mac in draft.macs)
    heard = _heard(seen)
    asked = [attempt for attempt in tried if attempt.copies or attempt.finished]   # else nobody knows what was dialled
    connections = [captured(attempt, mapping, macs, heard, broken) for attempt in asked]
    listen(network, tried, connections, mapping, ledger)
    connections = _of_the_last_state(connections, made, ledger)
    learn_redirects(network, made, icmp, book, ledger)
    settle(network, balancers, connections, ledger)
    if not any(each.source_mac and each.destination_mac for each in seen):
        ledger.miss("source and destination MACs: without them no next hop is seen (capture on an Ethernet interface)")
    if not balancers:
        ledger.miss("which host is the balancer")
    shown = tuple(_shown(made, known))
    given = frozenset(draft.name for draft in made if draft.given is not None and "routes" in draft.given.complete)
    return Inference(network, tuple(connections), balancers, given, shown, ledger.sentences(), tuple(ledger.missing),
                     tuple(names))


def _heard(seen: Iterable[Sighting]) -> frozenset[IPAddress]:
    """Addresses that one capture shows in both directions."""
    sent = {(each.capture, each.source) for each in seen}
    got = {(each.capture, each.destination) for each in seen}
    return frozenset(address for _, address in sent & got)


def _of_the_last_state(
    connections: list[Captured], made: list[Draft], ledger: Ledger
) -> list[Captured]:
    """Leave out what was captured before a host changed its next hop: the model is of the network afterwards."""
    changed: dict[IPAddress, tuple[int, str]] = {}
    for draft in made:
        for destination, at in draft.changed_ns.items():
            how = f"{draft.name} changed its next hop for {destination}"
            changed[destination] = max((at, how), changed.get(destination, (0, "")))
    for address, moved in _moved(connections, made).items():
        changed[address] = max(moved, changed.get(address, (0, "")))
    kept = [
        each for each in connections
        if all(each.began_ns > changed.get(address, (0, ""))[0] for address in (each.client, each.dialled.address))
    ]
    left_out = len(connections) - len(kept)
    for _, how in changed.values():
        ledger.assume(f"{how}: the model is of the time after that" + (
            f", and connections that began before ({left_out} in all) are not replayed" if left_out else ""))
    return kept


def _moved(connections: list[Captured], made: list[Draft]) -> dict[IPAddress, tuple[int, str]]:
    """Virtual addresses that one host served first and later only another one: since when, and how to say it."""
    by_mac = {mac: draft.name for draft in made for mac in draft.macs}
    served: dict[IPAddress, dict[str, list[int]]] = {}
    for each in connections:
        onward = next((copy.source_mac for copy in each.asked if copy.server != each.dialled), "")
        if onward in by_mac:
            served.setdefault(each.dialled.address, {}).setdefault(by_mac[onward], []).append(each.began_ns)
    found = {}
    for address, hosts in served.items():
        *earlier, (last, began) = sorted(hosts.items(), key=lambda item: max(item[1]))
        ends = [max(times) for _, times in earlier]
        if ends and max(ends) < min(began):          # else both serve it at once
            found[address] = (max(ends), f"{address} moved from {', '.join(name for name, _ in earlier)} to {last}")
    return found


def _without_snat_twins(tried: list[Attempt]) -> tuple[list[Attempt], list[tuple[Attempt, Attempt]]]:
    """Split off requests that are another's with its source rewritten (one sequence number, two clients)."""
    by_number: dict[int, list[Attempt]] = {}
    for attempt in tried:
        if attempt.isn:
            by_number.setdefault(attempt.isn, []).append(attempt)
    hidden: list[tuple[Attempt, Attempt]] = []
    for alike in by_number.values():
        if len(alike) == 2 and alike[0].client.address != alike[1].client.address:
            first, second = sorted(alike, key=lambda each: -max((copy.ttl for copy in each.copies), default=0))
            hidden.append((first, second))
    twins = {id(second) for _, second in hidden}
    for first, second in hidden:
        first.answered.update(second.answered)
    return [attempt for attempt in tried if id(attempt) not in twins], hidden


def _addresses(tried: list[Attempt], mapping: Mapping) -> set[IPAddress]:
    found = {attempt.client.address for attempt in tried}
    found |= {end.address for attempt in tried for end in attempt.servers()}
    return found - {each.virtual.address for each in mapping.services}


def _shown(made: list[Draft], known: Owners) -> Iterable[Shown]:
    for draft in made:
        for mac in draft.macs:
            for address, (capture, frame) in known.addresses.get(mac, {}).items():
                how = "claims" if (mac, address) in known.claimed else "sends from"
                yield Shown(f"{draft.name}: {mac} {how} {address}", capture, frame)
