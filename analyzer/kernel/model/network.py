"""An inferred network (``network.infer``) -> a topology of the bench, with the captured connections to try on it.

Hosts keep their MACs, addresses and tables; links their ports.  Every captured
connection that can be dialled again becomes a probe with its own source address
and port, and where the capture shows which real server it went to, the balancer
is told to send it there again.  What cannot be built is named in ``left_out``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network

from analyzer.kernel.connection import Outcome, Probe, Protocol, Result
from analyzer.kernel.model.firewall import ruleset, to_mac_ruleset
from analyzer.kernel.model.host import bench_host
from analyzer.kernel.topology import Behaviour, Listener, Topology
from analyzer.network import connect as model
from analyzer.network.datagram import TCP, UDP
from analyzer.network.host import Host as Facts
from analyzer.network.host import Interface, IPAddress
from analyzer.network.inference.captured import Captured
from analyzer.network.link import Network
from analyzer.network.match import Match, alone
from analyzer.network.nat import Terminate, ToMac
from analyzer.network.stack import LOOPBACK, Stack

MOST = 500
"""Connections that are tried; of more, first one for each client, service, real server and outcome."""

ALL6 = ip_network("::/0")

SAYS: dict[Protocol, bytes] = {"tcp": b"5 0\n", "udp": b"hello"}
"""What a probe says to a listener of the bench to get five octets back."""

PROTOCOLS = {TCP: "tcp", UDP: "udp"}


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The network, its probes with the connections that they stand for, and the bench's names of the engine's hosts."""

    topology: Topology
    connections: tuple[tuple[Probe, Captured], ...]
    names: dict[str, str]
    left_out: tuple[str, ...]

    @property
    def probes(self) -> tuple[Probe, ...]:
        """The connections as the bench dials them."""
        return tuple(probe for probe, _ in self.connections)

    def disagreements(self, outcomes: Sequence[Outcome]) -> tuple[str, ...]:
        """Calibration: connections that did not go on the unchanged bench as they were captured, a sentence each."""
        return tuple(
            f"{captured} was {captured.outcome} in the capture and is {outcome} on the bench"
            for (_, captured), outcome in zip(self.connections, outcomes, strict=True)
            if captured.certain and not agrees(captured.outcome, outcome)
        )


def agrees(captured: model.Outcome, seen: Outcome) -> bool:
    """Whether a connection on the bench ended as the captured one did."""
    match captured:
        case model.Outcome.ESTABLISHED:
            return seen.ok
        case model.Outcome.REFUSED:
            return seen.result is Result.REFUSED
        case _:
            return not seen.ok


def rebuild(network: Network, captured: Iterable[Captured]) -> Rebuilt:
    """The network as the bench builds it, and what to dial.  Raises ``ModelError`` where a host cannot be built."""
    names = _names(network)
    links = _links(network)
    left_out: list[str] = []
    connections = _connections(network, captured, names, left_out)
    hosts = []
    for stack in network.stacks.values():
        ports = {interface: links[link] for link, all_ports in network.links.items()
                 for host, interface in all_ports if host == stack.name}
        built = bench_host(_facts(stack), ports, name=names[stack.name])
        left_out += built.left_out
        listeners = tuple(_listeners(network, stack, connections))
        commands = (*built.host.commands, *_loopback(stack))
        nft = _nft(network, stack, [each for _, each in connections])
        hosts.append(replace(built.host, nft=nft, listeners=listeners, commands=commands))
    return Rebuilt(Topology(tuple(hosts)), tuple(connections), names, tuple(left_out))


def _names(network: Network) -> dict[str, str]:
    """Names that a namespace can have: the engine's where they can be one, else made from them."""
    names: dict[str, str] = {}
    for number, name in enumerate(network.stacks, start=1):
        plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:24]
        wanted = plain if plain[:1].isalpha() else f"host-{plain}".strip("-")
        names[name] = wanted if wanted not in (*names.values(), "switch") else f"{wanted}-{number}"
    return names


def _links(network: Network) -> dict[str, str]:
    return {link: f"link{number}" for number, link in enumerate(network.links, start=1)}


def _facts(stack: Stack) -> Facts:
    """The stack as facts, as it is now."""
    interfaces = tuple(
        Interface(port.name, port.mac, tuple(own.interface for own in port.addresses), port.mtu, port.up)
        for port in stack.ports.values()
        if port.name != LOOPBACK
    )
    routes = tuple(
        entry.route(number) for (_, number), table in sorted(stack.tables.items()) for entry in table
    )
    sysctls = {key: str(value) for key, value in stack.switches.values.items()}
    # A rule of IPv6 that names no address would be taken for one of IPv4.
    rules6 = (rule if rule.source or rule.destination else replace(rule, source=ALL6) for rule in stack.rules[6])
    rules = (*stack.rules[4], *rules6)
    return Facts(stack.name, stack.system, interfaces, routes, rules, (), sysctls, frozenset({"routes"}))


def _loopback(stack: Stack) -> Iterable[str]:
    """Addresses on the loopback besides the usual ones (the virtual address of direct return)."""
    port = stack.ports.get(LOOPBACK)
    for own in port.addresses if port else ():
        if not own.ip.is_loopback:
            yield f"ip address add {own.interface} dev lo"


def _connections(
    network: Network, captured: Iterable[Captured], names: dict[str, str], left_out: list[str]
) -> list[tuple[Probe, Captured]]:
    found: dict[tuple[object, ...], tuple[Probe, Captured]] = {}
    kinds: set[tuple[object, ...]] = set()
    later: list[tuple[Probe, Captured]] = []
    for each in captured:
        client = network.owner(each.client)
        if each.protocol not in PROTOCOLS or client is None:
            why = "no host has its client" if client is None else "it is neither tcp nor udp"
            left_out.append(f"{each} is not dialled again: {why}")
            continue
        protocol: Protocol = "tcp" if each.protocol == TCP else "udp"
        source = (str(each.client), each.client_port)
        probe = Probe(names[client], str(each.dialled.address), each.dialled.port, protocol, SAYS[protocol], 5, source)
        kind = (each.client, each.dialled, each.real, each.protocol, each.outcome)
        if (probe.source, probe.address, probe.port, protocol) in found:
            continue
        if kind in kinds:
            later.append((probe, each))
            continue
        kinds.add(kind)
        found[probe.source, probe.address, probe.port, protocol] = (probe, each)
    chosen = [*found.values(), *later][:MOST]
    if len(found) + len(later) > MOST:
        left_out.append(f"{len(found) + len(later) - MOST} connections are like others and are not dialled again")
    return chosen


def _listeners(network: Network, stack: Stack, connections: list[tuple[Probe, Captured]]) -> Iterable[Listener]:
    """What the host listens on; a host that is open everywhere listens on what is dialled there."""
    wanted = {(end, protocol) for host, end, protocol in network.listening if host == stack.name}
    if stack.name in network.open_hosts:
        wanted |= {
            (end, each.protocol)
            for _, each in connections
            for end in (each.dialled, each.real)
            if end is not None and stack.owns(end.address)
        }
    behaviour: Behaviour = "speak"
    for end, protocol in sorted(wanted):
        if protocol in PROTOCOLS and end.port:
            yield Listener(str(end.address), end.port, "tcp" if protocol == TCP else "udp", behaviour)


def _nft(network: Network, stack: Stack, captured: list[Captured]) -> str:
    firewall = network.firewall(stack.name)
    direct = [rule for chain in firewall.chains for rule in chain.rules if isinstance(rule.action, ToMac)]
    plain = replace(
        firewall,
        chains=tuple(
            replace(chain, rules=tuple(r for r in chain.rules if not isinstance(r.action, ToMac | Terminate)))
            for chain in firewall.chains
        ),
    )
    text = ruleset(plain, [(_pin(each), each.real) for each in captured if each.real is not None])
    for number, rule in enumerate(direct, start=1):
        assert isinstance(rule.action, ToMac)
        device = next(name for name in stack.ports if name != LOOPBACK)
        macs = {real: _mac(network, real.address) for real in rule.action.reals}
        pins = [(_pin(each), macs[each.real]) for each in captured if each.real is not None and each.real in macs]
        text += to_mac_ruleset(rule, f"service{number}", (device, stack.ports[device].mac), macs, pins)
    return text


def _pin(each: Captured) -> Match:
    """The connection itself, as the balancer sees it."""
    return Match(
        source=alone(each.client),
        destination=alone(each.dialled.address),
        protocols=frozenset({each.protocol}),
        source_ports=((each.client_port, each.client_port),),
        destination_ports=((each.dialled.port, each.dialled.port),),
    )


def _mac(network: Network, address: IPAddress) -> str:
    for stack in network.stacks.values():
        port = stack.port_of(address)
        if port is not None and port.mac:
            return port.mac
    return "02:00:00:00:00:00"      # nobody's: the frame is lost, as it is where the real server is missing


def target(network: Network, names: dict[str, str], address: IPAddress) -> str | None:
    """The bench's name of the host that has ``address``, to run a fix's commands there."""
    owner = network.owner(address)
    return names[owner] if owner is not None else None

