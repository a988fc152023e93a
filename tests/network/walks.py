"""Delivered or not: random small networks with a balancer, the same connections on the model and on the kernel.

    python tests/network/walks.py 200         # prints the share and the seed of every disagreement
    python tests/network/walks.py --seed 17   # one network in full

The hosts are network namespaces with the kernel's own TCP, routing and
translation (``analyzer.kernel``); compared is what the client's program sees.
"""

from __future__ import annotations

import argparse
import random
import sys
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_interface

from analyzer.balance.mapping import Endpoint
from analyzer.kernel.bench import Bench
from analyzer.kernel.connection import Probe
from analyzer.kernel.networks import SERVER6, VIP6, one_arm, two_arm, two_arm_ipv6
from analyzer.kernel.topology import Topology, mac_of
from analyzer.network.building import stack_of
from analyzer.network.commands import execute, script
from analyzer.network.commands.nft import read
from analyzer.network.connect import connect
from analyzer.network.host import Host, Interface, System
from analyzer.network.link import Network
from analyzer.network.nat import NO_FIREWALL

SAME = {"answered": "established", "silent": "no answer", "timeout": "no answer", "refused": "refused", "unreachable": "no answer", "broken": "no answer",
        "failed": "no answer"}
"""Whether silence becomes "timeout" or "unreachable" is a race between ARP and the program's patience."""
PROTOCOLS = {"tcp": 6, "udp": 17}


@dataclass
class Case:
    """A network, what is typed on its hosts, and who dials what (``packets.py`` has probes of its own)."""

    seed: int
    topology: Topology
    commands: list[tuple[str, str]]
    probes: list


def case(seed: int) -> Case:
    """The case of a seed."""
    rng = random.Random(seed)
    if seed % 5 == 4:
        return _case6(rng, seed)
    arm = rng.random() < 0.5
    topology = one_arm() if arm else two_arm()
    vip, inside = ("10.0.2.200", "10.0.2.5") if arm else ("203.0.113.10", "10.0.2.1")
    topology = _varied(rng, topology, inside)
    commands = [("server1", line) for line in rng.sample(_fixes(inside), rng.choice((0, 1, 1, 2)))]
    commands += [("balancer", line) for line in rng.sample(_at_balancer(), rng.choice((0, 0, 1)))]
    dialled = [("client", vip, 80), ("outside", vip, 80), ("server2", vip, 80), ("server1", vip, 80), ("client", vip, 81),
               ("client", "10.0.2.11", 8080), ("client", "10.0.2.11", 22), ("client", "10.0.2.11", 9999),
               ("server1", "10.0.2.12", 22), ("server2", "10.0.2.11", 22), ("client", "10.0.2.99", 22),
               ("server1", "10.0.2.50", 9), ("server1", inside, 9), ("outside", "198.51.100.1", 9)]
    probes = [_probe(*each) for each in dialled]
    return Case(seed, topology, commands, probes)


def _case6(rng: random.Random, seed: int) -> Case:
    topology = two_arm_ipv6()
    if rng.random() < 0.3:
        topology = topology.with_host("balancer", nft=topology.host("balancer").nft + FORWARDING.format("policy accept; ct state invalid drop;").replace("ip fire", "ip6 fire"))
    commands = [("server1", line) for line in rng.sample(FIXES6, rng.choice((0, 1, 1, 2)))]
    if rng.random() < 0.5:
        commands.insert(0, ("server1", "sysctl -qw net.ipv6.conf.eth0.accept_redirects=0"))
    dialled = [("client", VIP6, 80), ("outside", VIP6, 80), ("client", VIP6, 81), ("client", SERVER6, 8080), ("client", SERVER6, 22),
               ("client", SERVER6, 9999), ("server1", "2001:db8:2::50", 9), ("client", "2001:db8:2::99", 22)]
    return Case(seed, topology, commands, [_probe(*each) for each in dialled])


FIXES6 = [
    "ip -6 route add 2001:db8:2::50/128 via 2001:db8:2::1", "ip -6 route add 2001:db8:2::/64 via 2001:db8:2::1",
    "ip -6 route add 2001:db8:2::/64 via 2001:db8:2::1 metric 1", "ip -6 route replace 2001:db8:2::/64 via 2001:db8:2::1 metric 256",
    "ip -6 route del default", "ip -6 route add unreachable 2001:db8:2::50/128", "ip -6 route add 2001:db8:51::/64 via 2001:db8:2::1",
    "ip -6 route add 2001:db8:2::1/128 dev eth0; ip -6 route add 2001:db8:2::/65 via 2001:db8:2::1",
    "ip -6 rule add ipproto tcp sport 8080 lookup 77; ip -6 route add default via 2001:db8:2::1 table 77",
]


def _probe(client: str, address: str, port: int) -> Probe:
    if port == 22:
        return Probe(client, address, port, send=b"\n", expect=1)
    return Probe(client, address, port, send=b"GET / HTTP/1.0\r\n\r\n", expect=5)


def _varied(rng: random.Random, topology: Topology, inside: str) -> Topology:
    balancer = topology.host("balancer")
    if rng.random() < 0.35:
        balancer = replace(balancer, nft=balancer.nft + FORWARDING.format("policy accept; ct state invalid drop;"))
    elif rng.random() < 0.15:
        balancer = replace(balancer, nft=balancer.nft + FORWARDING.format("policy drop; ct status dnat accept;"))
    if rng.random() < 0.2:
        balancer = replace(balancer, nft=balancer.nft + MASQUERADE)
    if rng.random() < 0.25:
        balancer = replace(balancer, sysctls={**balancer.sysctls, "net.ipv4.conf.all.rp_filter": rng.choice((1, 2))})
    if rng.random() < 0.08:
        balancer = replace(balancer, sysctls={"net.ipv4.ip_forward": 0})
    topology = _with(topology, balancer)
    if rng.random() < 0.3:
        other = rng.choice(("10.0.2.1", "10.0.2.5", "10.0.2.12", "10.0.2.77", inside))
        topology = topology.with_host("server1", routes=(f"default via {other}",))
    if rng.random() < 0.2:
        topology = topology.with_host("server1", listeners=())
    return topology


def _with(topology: Topology, host) -> Topology:
    return Topology(tuple(host if each.name == host.name else each for each in topology.hosts))


FORWARDING = """
table ip firewall {{
  chain forwarding {{
    type filter hook forward priority filter; {}
  }}
}}
"""
MASQUERADE = """
table ip hairpin {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr 10.0.2.0/24 ip daddr 10.0.2.11 tcp dport 8080 ct status dnat masquerade
  }
}
"""


def _fixes(inside: str) -> list[str]:
    return [
        f"ip route add 10.0.2.50/32 via {inside}", f"ip route add 10.0.2.0/24 via {inside}", f"ip route prepend 10.0.2.0/24 via {inside}",
        f"ip route replace 10.0.2.0/24 via {inside}", f"ip route append 10.0.2.0/24 via {inside}",
        f"route add -net 10.0.2.0 netmask 255.255.255.0 gw {inside}", f"ip route add 10.0.2.0/25 via {inside}",
        f"ip route replace default via {inside}", "ip route del default", f"ip route add 10.0.2.12/32 via {inside}",
        f"ip rule add ipproto tcp sport 8080 lookup 77; ip route add default via {inside} table 77",
        "ip route add blackhole 10.0.2.50/32", "ip route add unreachable 10.0.2.12/32", f"ip route add 198.51.100.0/24 via {inside}",
        "ip addr add 10.0.2.99/24 dev eth0", "sysctl -qw net.ipv4.conf.all.rp_filter=1", "ip route add 10.0.2.50/32 via 10.0.2.12",
    ]


def _at_balancer() -> list[str]:
    return ["ip route add blackhole 10.0.2.50/32", "ip route add prohibit 10.0.2.11/32", "ip route del default",
            "ip route add 10.0.2.11/32 via 10.0.2.12", "ip addr add 10.0.2.99/24 dev eth0"]


def modelled(made: Case) -> Network:
    """The same network as a model: its hosts' commands executed, its rules read."""
    stacks, links = {}, {}
    listening = set()
    for number, host in enumerate(made.topology.hosts, start=1):
        interfaces = tuple(
            Interface(each.name, mac_of(each, number, index), tuple(ip_interface(own) for own in each.addresses), each.mtu)
            for index, each in enumerate(host.interfaces)
        )
        stack = stacks[host.name] = stack_of(Host(host.name, System.LINUX, interfaces))
        for key, value in host.sysctls.items():
            execute(stack, f"sysctl -w {key}={value}")
        for route in host.routes:
            execute(stack, f"ip {'-6 ' if ':' in route else ''}route add {route}")
        if host.nft:
            stack.firewall = read(NO_FIREWALL, host.nft)
        for each in host.interfaces:
            links.setdefault(each.link, []).append((host.name, each.name))
        listening |= {(host.name, Endpoint(ip_address(each.address), each.port), PROTOCOLS[each.protocol]) for each in host.listeners}
    network = Network(stacks, {name: tuple(ports) for name, ports in links.items()}, frozenset(listening))
    for host, line in made.commands:
        script(network.stacks[host], line)
    return network


def predictions(made: Case) -> list[tuple[str, bool]]:
    """What every dialling program sees, by the model; True where it says itself that a redirect may change that."""
    network = modelled(made)
    exchanges = [connect(network, each.client, Endpoint(ip_address(each.address), each.port), PROTOCOLS[each.protocol])
                 for each in made.probes]
    learned = {(told.to, told.destination) for exchange in exchanges for told in exchange.redirects
               if told.obeyed and not (told.by_service and told.destination.version == 6)}      # those the model obeys itself
    return [(SAME.get(str(exchange.outcome), str(exchange.outcome)), _touched(exchange, learned)) for exchange in exchanges]


def _touched(exchange, learned) -> bool:
    """Whether a host of the exchange sends to an address that a redirect may have taught it another way for."""
    return any((step.host, step.packet.destination) in learned for _, trace in exchange.traces for step in trace.steps)


def observations(made: Case) -> list[str]:
    """The same by the kernel."""
    with Bench(made.topology) as bench:
        for host, line in made.commands:
            bench.shell(host, line)
        outcomes = bench.try_all(made.probes, timeout_s=2.5, answer_s=1.5)
    return [SAME.get(str(each.result), str(each.result)) for each in outcomes]


def disagreements(made: Case) -> list[str]:
    """The connections that fare otherwise, a line each."""
    triples = zip(made.probes, observations(made), predictions(made), strict=True)
    return [f"{each.client} > {each.address}:{each.port}: kernel {seen}, model {said}" for each, seen, (said, open_) in triples
            if seen != said and not open_]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", nargs="?", type=int, default=50)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int)
    args = parser.parse_args()
    seeds = [args.seed] if args.seed is not None else range(args.first, args.first + args.count)
    bad, probes = [], 0
    for seed in seeds:
        made = case(seed)
        probes += len(made.probes)
        if args.seed is not None:
            network = modelled(made)
            print(*made.commands, sep="\n")
            for each in made.probes:
                print("---", each.client, each.address, each.port)
                print(*connect(network, each.client, Endpoint(ip_address(each.address), each.port)).lines(), sep="\n")
        found = disagreements(made)
        if found:
            bad.append(seed)
            print(f"seed {seed}: {'; '.join(line for _, line in made.commands)}", *found, sep="\n  ")
    print(f"{len(seeds) - len(bad)} of {len(seeds)} random networks agree ({probes} connections); seeds that disagree: {bad or 'none'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
