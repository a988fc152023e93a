"""What the balancer does, as declared or learned - and where the packets say otherwise, as they say."""

from __future__ import annotations

from functools import cache

from analyzer.balance.mapping import Endpoint, Forwarding, Mapping, Protocol, VirtualService
from analyzer.network.commands import iptables, nft
from analyzer.network.commands.words import Misuse
from analyzer.network.inference.captured import Attempt, Captured
from analyzer.network.inference.drafts import Draft
from analyzer.network.inference.facts import Ledger
from analyzer.network.link import Network
from analyzer.network.match import Match, alone
from analyzer.network.nat import NO_FIREWALL, Chain, Firewall, Hook, Rule, Snat, service

PROTOCOLS = {Protocol.TCP: 6, Protocol.UDP: 17, Protocol.ICMP: 1}


def give_virtual(made: list[Draft], tried: list[Attempt], mapping: Mapping, ledger: Ledger) -> None:
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
        mac = next((mac for mac in draft.macs if mac in into and not _private(draft, mac)),
                   next((mac for mac in draft.macs if mac in into), draft.macs[0]))
        draft.addresses.setdefault(mac, []).append(address)
        ledger.assume(f"{draft.name} has the virtual address {address}")


def _private(draft: Draft, mac: str) -> bool:
    """Whether the interface is the balancer's inside one: a virtual address is rather on the other."""
    return len(draft.macs) > 1 and any(address.is_private for address in draft.addresses.get(mac, ()))


def translate(
    network: Network, balancers: tuple[str, ...], mapping: Mapping, tried: list[Attempt],
    hidden: list[tuple[Attempt, Attempt]], made: list[Draft],
) -> None:
    """Give the balancers their services, and the rewriting of sources that was seen."""
    chains: list[Chain] = []
    for each in mapping.services:
        for forwarding in dict.fromkeys(real.forwarding for real in each.reals):
            reals = tuple(Endpoint(real.endpoint.address, real.endpoint.port)
                          for real in each.reals if real.forwarding is forwarding)
            seen = Forwarding.NAT if _keeps_the_source(each, forwarding, tried) else forwarding
            chains += service(each.virtual, PROTOCOLS[each.protocol], reals, seen)
    own = {address for draft in made if draft.balancer for group in draft.addresses.values() for address in group}
    rules = tuple(
        Rule(Match(source=alone(first.client.address), destination=alone(end.address), dnatted=True), Snat(None))
        for first, second in hidden if second.client.address in own for end in second.servers()
    )
    if rules:
        chains.append(Chain(Hook.POSTROUTING, 100, "nat", tuple(dict.fromkeys(rules))))
    for name in balancers:
        network.stacks[name].firewall = Firewall(tuple(chains), stateful=True, invalid_known=False)


def load_ruleset(network: Network, name: str, text: str, ledger: Ledger) -> None:
    """Take a host's own packet filter, whole, instead of what the mapping says it does."""
    if name not in network.stacks:
        ledger.assume(f"the rules given for {name} belong to no host that was seen")
        return
    try:
        network.stacks[name].firewall = (iptables.read if iptables.saved(text) else nft.read)(NO_FIREWALL, text)
    except Misuse as misuse:
        ledger.assume(f"the rules given for {name} are not used: {misuse.answer.error.removeprefix('Error: ')}")


def _keeps_the_source(each: VirtualService, forwarding: Forwarding, tried: list[Attempt]) -> bool:
    """Full NAT is declared, but a client's request reached a real server with the client's own address."""
    ends = {real.endpoint for real in each.reals}
    return forwarding is Forwarding.FULL_NAT and any(
        {copy.server for copy in attempt.copies} >= {each.virtual} and ends & {copy.server for copy in attempt.copies}
        for attempt in tried
    )


def listen(
    network: Network, tried: list[Attempt], connections: list[Captured], mapping: Mapping, ledger: Ledger
) -> None:
    """Who answered listens; who refused does not; who was never heard is assumed to listen."""
    found: set[tuple[str, Endpoint, int]] = set()
    refused = {(end, attempt.protocol) for attempt in tried for end in attempt.refused}
    answered = {(end, attempt.protocol) for attempt in tried for end in attempt.answered}
    owner = cache(network.owner)
    for connection in connections:
        for end in filter(None, (connection.real, connection.dialled)):
            key = (end, connection.protocol)
            host = owner(end.address)
            if host is None or (key in refused and key not in answered):
                continue
            found.add((host, end, connection.protocol))
            if key not in answered and end == (connection.real or connection.dialled):
                ledger.assume(f"{end} listens: no answer of its own was captured")
    for each in mapping.services:
        for real in each.reals:         # direct return: the real server itself listens at the virtual address
            host = owner(real.endpoint.address)
            if host is not None and real.forwarding in (Forwarding.DIRECT, Forwarding.TUNNEL):
                found.add((host, each.virtual, PROTOCOLS[each.protocol]))
    network.listening = frozenset(found)


