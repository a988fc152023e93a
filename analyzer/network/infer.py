"""A network from what captures show, completed by facts: each conclusion with its frame, each assumption said.

known = infer(flows, claims, icmp, book, mapping, hosts)
known.network          # walk packets through it
known.connections      # every captured connection, to be replayed
known.assumptions      # sentences; known.missing: facts that nobody told
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_interface, ip_network

from analyzer.balance.mapping import Endpoint, Forwarding, Mapping, Protocol
from analyzer.network.building import stack_of
from analyzer.network.host import Host, Interface, IPAddress, OnLink, Route, Via
from analyzer.network.inference.captured import Attempt, Captured, attempts, captured
from analyzer.network.inference.drafts import Draft, drafts
from analyzer.network.inference.facts import Ledger, host_of
from analyzer.network.inference.outside import Outside, outside
from analyzer.network.inference.owners import Owners, owners
from analyzer.network.inference.sightings import claims, sightings
from analyzer.network.link import Network, Port
from analyzer.network.nat import Chain, Firewall, Hook, Match, Rule, Snat, alone, service
from analyzer.network.stack import LOOPBACK
from analyzer.tables import AddressBook, Table

ROUTER = {"net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1"}
PROTOCOLS = {Protocol.TCP: 6, Protocol.UDP: 17, Protocol.ICMP: 1}


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
    shown: tuple[Shown, ...] = ()
    assumptions: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def host_of(self, address: IPAddress) -> str | None:
        """The host that has ``address``."""
        return self.network.owner(address)


def infer(  # noqa: PLR0913, PLR0917 - the tables of a capture, and what people add to them
    flows: Sequence[Table], said: Sequence[Table], icmp: Sequence[Table], book: AddressBook,
    mapping: Mapping, hosts: Iterable[Host] = (),
) -> Inference:
    """Infer the network from ``FLOWS``, ``CLAIMS`` and ``ICMP_EVENTS`` tables (one of each a capture)."""
    del icmp        # errors and redirects confirm what flows and claims say; nothing is concluded from them alone
    seen, told = sightings(flows, book), claims(said, book)
    tried, hidden = _without_snat_twins(attempts(flows, book))
    known = owners(seen, told, tried)
    ledger = Ledger()
    made = drafts(known, seen, tried, mapping, hosts)
    _give_virtual(made, tried, mapping, ledger)
    far = outside(made, seen, _addresses(tried, mapping))
    facts = {draft.name: host_of(draft, made, known, ledger) for draft in made if draft.macs}
    links = _links(made, facts, known)
    _missing_gateways(made, facts, links, far)
    far.attach(facts, links)
    _direct_return(facts, made, mapping)
    network = Network({name: stack_of(host) for name, host in facts.items()}, links)
    balancers = tuple(draft.name for draft in made if draft.balancer)
    _translate(network, balancers, mapping, hidden, made)
    macs = frozenset(mac for draft in made if draft.balancer for mac in draft.macs)
    connections = tuple(captured(attempt, mapping, macs) for attempt in tried)
    _listen(network, tried, connections, ledger)
    if not balancers:
        ledger.miss("which host is the balancer")
    shown = tuple(_shown(made, known))
    return Inference(network, connections, balancers, shown, tuple(ledger.assumed), tuple(ledger.missing))


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


def _give_virtual(made: list[Draft], tried: list[Attempt], mapping: Mapping, ledger: Ledger) -> None:
    """The balancer has its virtual addresses, on the interface where requests for them come in."""
    balancers = [draft for draft in made if draft.balancer and draft.macs]
    for each in mapping.services:
        address = each.virtual.address
        for draft in made:
            if not draft.balancer and each.reals and each.reals[0].forwarding in (Forwarding.DIRECT, Forwarding.TUNNEL):
                draft.addresses = {mac: [a for a in own if a != address] for mac, own in draft.addresses.items()}
        if not balancers or any(draft.has(address) for draft in balancers):
            continue
        into = {copy.destination_mac for attempt in tried for copy in attempt.copies if copy.server.address == address}
        draft = next((d for d in balancers if into & set(d.macs)), balancers[0])
        mac = next((mac for mac in draft.macs if mac in into), draft.macs[0])
        draft.addresses.setdefault(mac, []).append(address)
        ledger.assume(f"{draft.name} has the virtual address {address}")


def _links(made: list[Draft], facts: dict[str, Host], known: Owners) -> dict[str, tuple[Port, ...]]:
    """One link for each group of MACs that exchange frames, and for hosts whose subnets are the same."""
    groups: dict[str, list[Port]] = {}
    for draft in made:
        for interface in facts[draft.name].interfaces if draft.macs else ():
            if interface.name != LOOPBACK and interface.mac:
                groups.setdefault(known.links.find(interface.mac), []).append((draft.name, interface.name))
    names = sorted(groups, key=lambda group: groups[group][0])
    return {f"link{number}": tuple(groups[group]) for number, group in enumerate(names, 1)}


def _missing_gateways(
    made: list[Draft], facts: dict[str, Host], links: dict[str, tuple[Port, ...]], far: Outside
) -> None:
    """A gateway that a given routing table names and nobody saw is a router with a door to the outside."""
    number = 0
    for draft in [draft for draft in made if draft.given is not None and draft.macs]:
        for route in facts[draft.name].routes:
            for hop in route.next_hops:
                if not isinstance(hop, Via) or any(_has(host, hop.gateway) for host in facts.values()):
                    continue
                interface = next((i for i in facts[draft.name].interfaces if i.name == hop.interface), None)
                if interface is None:
                    continue
                number += 1
                name, length = str(hop.gateway), 24 if hop.gateway.version == 4 else 64
                port = Interface("if0", f"02:fe:00:00:02:{number:02x}", (ip_interface(f"{hop.gateway}/{length}"),))
                connected = Route(port.addresses[0].network, (OnLink("if0"),))
                facts[name] = Host(name, facts[draft.name].system, (port,), (connected,), sysctls=dict(ROUTER),
                                   complete=frozenset({"routes"}))
                link = next(key for key, ports in links.items() if (draft.name, interface.name) in ports)
                links[link] = (*links[link], (name, "if0"))
                far.routers.append(name)


def _has(host: Host, address: IPAddress) -> bool:
    return any(own.ip == address for interface in host.interfaces for own in interface.addresses)


def _direct_return(facts: dict[str, Host], made: list[Draft], mapping: Mapping) -> None:
    """Real servers of direct return have the virtual address on their loopback, and keep it to themselves."""
    for each in mapping.services:
        for real in each.reals:
            owner = next((draft.name for draft in made if draft.has(real.endpoint.address)), None)
            if real.forwarding not in (Forwarding.DIRECT, Forwarding.TUNNEL) or owner is None:
                continue
            host = facts[owner]
            if _has(host, each.virtual.address) or "interfaces" in host.complete:
                continue
            own = ip_interface(f"{each.virtual.address}/{each.virtual.address.max_prefixlen}")
            lo = Interface(LOOPBACK, "", (ip_interface("127.0.0.1/8"), ip_interface("::1/128"), own), 65536)
            rest = tuple(interface for interface in host.interfaces if interface.name != LOOPBACK)
            quiet = {"net.ipv4.conf.all.arp_ignore": "1", **host.sysctls}
            facts[owner] = replace(host, interfaces=(lo, *rest), sysctls=quiet)


def _translate(
    network: Network, balancers: tuple[str, ...], mapping: Mapping, hidden: list[tuple[Attempt, Attempt]],
    made: list[Draft],
) -> None:
    """Give the balancers their services, and the rewriting of sources that was seen."""
    chains: list[Chain] = []
    for each in mapping.services:
        for forwarding in dict.fromkeys(real.forwarding for real in each.reals):
            reals = tuple(Endpoint(real.endpoint.address, real.endpoint.port)
                          for real in each.reals if real.forwarding is forwarding)
            chains += service(each.virtual, PROTOCOLS[each.protocol], reals, forwarding)
    own = {address for draft in made if draft.balancer for group in draft.addresses.values() for address in group}
    rules = tuple(
        Rule(Match(source=alone(first.client.address), destination=ip_network(end.address), dnatted=True), Snat(None))
        for first, second in hidden if second.client.address in own for end in second.servers()
    )
    if rules:
        chains.append(Chain(Hook.POSTROUTING, 100, "nat", tuple(dict.fromkeys(rules))))
    for name in balancers:
        network.stacks[name].firewall = Firewall(tuple(chains), stateful=True, invalid_known=False)


def _listen(
    network: Network, tried: list[Attempt], connections: tuple[Captured, ...], ledger: Ledger
) -> None:
    """Who answered listens; who refused does not; who was never heard is assumed to listen."""
    found: set[tuple[str, Endpoint, int]] = set()
    refused = {(end, attempt.protocol) for attempt in tried for end in attempt.refused}
    answered = {(end, attempt.protocol) for attempt in tried for end in attempt.answered}
    for connection in connections:
        for end in filter(None, (connection.real, connection.dialled)):
            key = (end, connection.protocol)
            host = network.owner(end.address)
            if host is None or (key in refused and key not in answered):
                continue
            found.add((host, end, connection.protocol))
            if key not in answered and end == (connection.real or connection.dialled):
                ledger.assume(f"{end} listens: no answer of its own was captured")
    network.listening = frozenset(found)


def _shown(made: list[Draft], known: Owners) -> Iterable[Shown]:
    for draft in made:
        for mac in draft.macs:
            for address, (capture, frame) in known.addresses.get(mac, {}).items():
                how = "claims" if (mac, address) in known.claimed else "sends from"
                yield Shown(f"{draft.name}: {mac} {how} {address}", capture, frame)
