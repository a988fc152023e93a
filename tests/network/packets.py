"""Every packet of every connection, hop by hop: random small networks on the model and on the kernel.

    python tests/network/packets.py 200         # prints the share and the seed of every disagreement
    python tests/network/packets.py --seed 17   # one network in full

TCP, UDP and ICMP connections through translation, filters, wrong gateways, small
links and short times to live.  Compared is what each interface of each host sees
of each connection: addresses, ports, flags, time to live, MACs, and the ICMP
errors with the packet that they quote; so also who answers, and what.
"""

from __future__ import annotations

import argparse
import random
import socket
import struct
import sys
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address

try:
    import network_walks as walks
    from network_hosts import Hosts
except ModuleNotFoundError:      # run as a script, beside them
    import walks
    from hosts import Hosts

from analyzer.kernel.networks import OUTSIDE, SERVER1, SERVER6, VIP, two_arm
from analyzer.kernel.topology import Listener, Topology
from analyzer.network.connect import EPHEMERAL, Conversation, Exchange, _largest
from analyzer.network.datagram import ICMP, ICMP6, TCP, UDP, Datagram
from analyzer.network.link import Network
from analyzer.network.predicted import predicted
from analyzer.network.route import outgoing
from analyzer.network.routing.fib import Refusal
from analyzer.network.routing.lookup import Query
from analyzer.network.session import Session
from analyzer.network.trace import Disposition
from analyzer.wire.packet import Echo, IcmpError, Packet, Tcp, Udp

QUIET_S = (0.25, 1.0, 4.0)
"""So long after the first packet everything has happened, on an idle machine; where something differs it is tried again with more."""

NUMBERS = {"tcp": TCP, "udp": UDP, "icmp": ICMP}
Line = tuple[object, ...]


@dataclass(frozen=True)
class Probe:
    """Who dials what, from which port (echo: identifier), with which time to live."""

    client: str
    address: str
    port: int
    protocol: str
    source: int
    ttl: int = 64


def case(seed: int) -> walks.Case:
    """The case of a seed: one of ``walks.py``, with more services, smaller links and shorter lives."""
    rng = random.Random(seed * 7919 + 1)
    made = walks.case(seed)
    six = ":" in made.topology.host("server1").interfaces[0].addresses[0]
    real = SERVER6 if six else SERVER1
    topology = _served(rng, made.topology, real, six)
    if rng.random() < 0.4:
        topology = _narrowed(rng, topology)
    for host in topology.hosts:
        topology = topology.with_host(host.name, sysctls={**host.sysctls, **_deaf(host, six)})
    dialled = [(each.client, each.address, each.port, each.protocol) for each in made.probes]
    vip = made.probes[0].address
    far = [("client", "outside", "server2")[rng.randrange(2 if six else 3)] for _ in range(3)]
    dialled += [(far[0], vip, 53, "udp"), ("client", vip, 53, "udp"), (far[1], vip, 54, "udp"), ("client", real, 5353, "udp"),
                ("client", real, 9, "udp"), ("outside", vip, 0, "icmp"), ("client", vip, 0, "icmp"), ("client", real, 0, "icmp"),
                ("outside", real, 0, "icmp"), (far[2], vip, 80, "tcp")]
    dialled = [each for each in dialled if each[0] in {host.name for host in topology.hosts}]
    probes = [Probe(*each, source=EPHEMERAL + number, ttl=rng.choice((64, 64, 64, 64, 64, 3, 2, 1)))
              for number, each in enumerate(dialled)]
    return walks.Case(seed, topology, [each for each in made.commands if "accept_redirects" not in each[1]], probes)


def plain_case(commands: list[tuple[str, str]], narrow: bool = False) -> walks.Case:
    """The two-armed network with a service of each protocol, and everybody's connections."""
    topology = _served(random.Random(1), two_arm(), SERVER1, six=False)
    topology = _narrowed(random.Random(1), topology) if narrow else topology
    for host in topology.hosts:
        topology = topology.with_host(host.name, sysctls={**host.sysctls, **_deaf(host, six=False)})
    dialled = [
        (client, address, port, protocol) for client in ("client", "outside", "server2", "balancer")
        for address, port, protocol in (
            (VIP, 80, "tcp"), (VIP, 81, "tcp"), (VIP, 53, "udp"), (VIP, 54, "udp"), (VIP, 0, "icmp"), (SERVER1, 0, "icmp"),
            (SERVER1, 22, "tcp"), (SERVER1, 8080, "tcp"), (SERVER1, 5353, "udp"))
    ] + [("server1", OUTSIDE, 9, "udp")]
    return walks.Case(0, topology, commands, [Probe(*each, source=EPHEMERAL + number) for number, each in enumerate(dialled)])


def _deaf(host, six: bool) -> dict[str, int]:
    """No connection may teach the next one a redirect (``walks.py`` has those)."""
    names = ("all", *(each.name for each in host.interfaces))
    if six:
        return {f"net.ipv6.conf.{name}.accept_redirects": 0 for name in names}
    # those that are sent use up what the sender may be told of other errors (net/ipv4/route.c counts both in one place)
    return {f"net.ipv4.conf.{name}.{which}_redirects": 0 for name in names for which in ("accept", "send")}


def _served(rng: random.Random, topology: Topology, real: str, six: bool) -> Topology:
    """A datagram service and sometimes echo through the balancer as well."""
    balancer = topology.host("balancer")
    word = "ip6" if six else "ip"
    vip = balancer.nft.split(f"{word} daddr ")[1].split()[0]
    target = f"[{real}]:5353" if six else f"{real}:5353"
    rules = f"{word} daddr {vip} udp dport 53 dnat to {target}\n"
    if rng.random() < 0.5:
        rules += f"{word} daddr {vip} meta l4proto {'icmpv6' if six else 'icmp'} dnat to {real}\n"
    nft = balancer.nft + f"table {word} more {{\nchain prerouting {{\ntype nat hook prerouting priority dstnat; policy accept;\n{rules}}}\n}}\n"
    topology = topology.with_host("balancer", nft=nft)
    server = topology.host("server1")
    return topology.with_host("server1", listeners=(*server.listeners, Listener(real, 5353, "udp")) if server.listeners else ())


def _narrowed(rng: random.Random, topology: Topology) -> Topology:
    """The link in the middle takes smaller packets than the ends know."""
    for name in ("router", "balancer"):
        host = topology.host(name)
        interfaces = tuple(replace(each, mtu=1300) if each.link == "front" else each for each in host.interfaces)
        topology = topology.with_host(name, interfaces=interfaces)
    return topology


# the kernel ---------------------------------------------------------------------------------------------------


def observed(made: walks.Case, patience_s: float) -> dict[tuple[str, str], list[bytes]]:
    """Every frame at every interface."""
    with Hosts(made.topology) as hosts:
        for host, line in made.commands:
            hosts.spaces[host].shell(line, check=line.startswith("nft"))
        hosts.seen()
        for probe in made.probes:
            _dial(hosts, probe)
        hosts.serve(patience_s, bytes(6000))
        return hosts.seen()


def _dial(hosts: Hosts, probe: Probe) -> None:
    six = ":" in probe.address
    family = socket.AF_INET6 if six else socket.AF_INET
    if probe.protocol == "icmp":
        made = hosts.open(probe.client, socket.SOCK_RAW, family, socket.getprotobyname("ipv6-icmp" if six else "icmp"))
    else:
        made = hosts.open(probe.client, socket.SOCK_STREAM if probe.protocol == "tcp" else socket.SOCK_DGRAM, family)
        made.bind(("::" if six else "", probe.source))
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    level, option = (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS) if six else (socket.IPPROTO_IP, socket.IP_TTL)
    made.setsockopt(level, option, probe.ttl)
    try:
        if probe.protocol == "icmp":
            made.sendto(_echo(six, probe.source), (probe.address, 0))
        else:
            made.connect((probe.address, probe.port))
            made.send(b"hello")
    except OSError:
        return                                # under way, or no way at all: the packets tell


def _echo(six: bool, identifier: int) -> bytes:
    octets = struct.pack("!BBHHH", 128 if six else 8, 0, 0, identifier, 1) + b"hell"
    total = sum(struct.unpack("!6H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return octets if six else octets[:2] + struct.pack("!H", ~total & 0xFFFF) + octets[4:]    # ICMPv6: the kernel sums


def line_of_frame(octets: bytes) -> Line | None:
    """What of a frame is compared; None for ARP, neighbour discovery, redirects and what the system says by itself."""
    kind = int.from_bytes(octets[12:14], "big")
    if kind not in (0x0800, 0x86DD):
        return None
    packet = octets[14:]
    protocol, ttl, source, destination, rest = _ip(packet)
    said = _said(protocol, source, destination, rest)
    return (*said, ttl, octets[6:12].hex(":"), octets[:6].hex(":")) if said is not None else None


def _ip(packet: bytes) -> tuple[int, int, object, object, bytes]:
    if packet[0] >> 4 == 4:
        return packet[9], packet[8], IPv4Address(packet[12:16]), IPv4Address(packet[16:20]), packet[(packet[0] & 15) * 4:]
    return packet[6], packet[7], IPv6Address(packet[8:24]), IPv6Address(packet[24:40]), packet[40:]


ERRORS = {(3, 0), (3, 1), (3, 3), (3, 4), (3, 13), (11, 0)}
ERRORS6 = {(1, 0), (1, 1), (1, 3), (1, 4), (2, 0), (3, 0)}
FLAGS = {0x02: "S", 0x12: "S.", 0x10: ".", 0x18: ".", 0x04: "R", 0x14: "R."}


def _said(protocol: int, source, destination, rest: bytes) -> Line | None:
    if protocol in (TCP, UDP):
        ports = struct.unpack("!HH", rest[:4])
        if protocol == UDP:
            return ("udp", source, ports[0], destination, ports[1])
        data = len(rest) > (rest[12] >> 4) * 4 and not rest[13] & 0x02
        return ("tcp", source, ports[0], destination, ports[1], "data" if data else FLAGS.get(rest[13] & 0x17 if rest[13] & 6 else 0x10))
    number, code = rest[0], rest[1]
    if (protocol, number) in ((ICMP, 8), (ICMP, 0), (ICMP6, 128), (ICMP6, 129)):
        return ("echo", source, destination, number in (0, 129), int.from_bytes(rest[4:6], "big"))
    if (number, code) in (ERRORS if protocol == ICMP else ERRORS6):
        inner, _, quoted_source, quoted_destination, quoted = _ip(rest[8:])
        ports = struct.unpack("!HH", quoted[:4]) if inner in (TCP, UDP) else struct.unpack("!4xHxx", quoted[:8]) * 2
        return ("error", source, destination, number, code, inner, quoted_source, ports[0], quoted_destination, ports[1])
    return None


# the model ----------------------------------------------------------------------------------------------------


def predictions(made: walks.Case, network: Network) -> list[tuple[Probe, dict[tuple[str, str], set[Line]], bool]]:
    """Of every probe what each interface sees; True where the model says itself that it had to choose."""
    found = []
    for probe in made.probes:
        exchange = _exchange(network, probe)
        lines = {port: {line_of_packet(each) for each in packets} for port, packets in predicted(network, exchange).items()} if exchange else {}
        found.append((probe, lines, bool(exchange and (exchange.assumed or _shy(network, exchange)))))
    return found


def _shy(network: Network, exchange: Exchange) -> bool:
    """Whether a next hop refuses to answer ARP: who waits for it may learn its MAC from a request of its own all the same."""
    lost = [trace for _, trace in exchange.traces if trace.disposition is Disposition.NEIGHBOR_UNREACHABLE]
    return any(network.owner(trace.steps[-1].gateway or trace.steps[-1].packet.destination) is not None for trace in lost if trace.steps)


def _exchange(network: Network, probe: Probe):
    destination = ip_address(probe.address)
    path = outgoing(network.stacks[probe.client], Query(destination))
    if isinstance(path, Refusal) or path.source is None:
        return None
    protocol = ICMP6 if probe.protocol == "icmp" and destination.version == 6 else NUMBERS[probe.protocol]
    port = probe.source if probe.protocol == "icmp" else probe.port
    request = Datagram(path.source, probe.source, destination, port, protocol, {"tcp": "S", "udp": "", "icmp": "request"}[probe.protocol])
    request = replace(request, ttl=probe.ttl)
    if protocol == TCP:
        request = replace(request, mss=_largest(network, probe.client, request) - (40 if destination.version == 4 else 60))
    session = Session(probe.client)
    session.sockets.add((probe.client, protocol, request.tuple))
    return Conversation(network, session).opened(request)


def line_of_packet(packet: Packet) -> Line:
    """The same of a predicted packet."""
    body = packet.body
    match body:
        case Tcp():
            flags = "data" if body.payload_bytes else FLAGS[body.flags]
            said: Line = ("tcp", body.src, body.src_port, body.dst, body.dst_port, flags)
        case Udp():
            said = ("udp", body.src, body.src_port, body.dst, body.dst_port)
        case Echo():
            said = ("echo", body.src, body.dst, body.reply, body.identifier)
        case IcmpError():
            quote = body.quote
            said = ("error", body.src, body.dst, body.type, body.code, quote.protocol, quote.src, quote.src_port, quote.dst, quote.dst_port)
    return (*said, packet.ttl, *packet.macs)


# both ---------------------------------------------------------------------------------------------------------


def disagreements(made: walks.Case, show: bool = False) -> list[str]:
    """What one side sees and the other does not, a line each."""
    wrong: list[str] = []
    for patience_s in QUIET_S:
        wrong = _compared(made, patience_s, show)
        if not wrong:
            break
    return wrong


def _compared(made: walks.Case, patience_s: float, show: bool) -> list[str]:
    network = walks.modelled(made)
    frames = {port: {line for each in octets if (line := line_of_frame(each)) is not None}
              for port, octets in observed(made, patience_s).items()}
    wrong = []
    for probe, lines, chosen in predictions(made, network):
        if show:
            exchange = _exchange(network, probe)
            print("---", probe, *(exchange.lines() if exchange else ["no route"]), sep="\n")
        if chosen:
            continue
        for port, seen in frames.items():
            mine = {line for line in seen if _about(line, probe.source)}
            for line in sorted(mine ^ lines.get(port, set()), key=str):
                who = "kernel only" if line in mine else "model only"
                if line not in mine and (_known_from_another(line, seen) or _limited(line, seen)):
                    continue
                wrong.append(f"{probe.client} > {probe.address}:{probe.port}/{probe.protocol} ttl {probe.ttl}, at {port[0]} {port[1]}, {who}: "
                             f"{' '.join(map(str, line))}")
    return wrong


def _known_from_another(line: Line, seen: set[Line]) -> bool:
    """A sender that was told of the small link by one connection keeps to it in the next."""
    return line[0] == "error" and line[3:5] in ((3, 4), (2, 0)) and any(
        each[:5] == line[:5] and each[6:9:2] == line[6:9:2] for each in seen)


ERROR_BURST = 5


def _limited(line: Line, seen: set[Line]) -> bool:
    """A router without a way tells a sender so five times in a row (net.ipv4.route.error_burst), and no switch lifts that."""
    return line[0] == "error" and line[3] == 3 and sum(each[0] == "error" and each[2:4] == line[2:4] for each in seen) >= ERROR_BURST


def _about(line: Line, source: int) -> bool:
    """Whether a line belongs to the probe with this port or identifier: no other number of a case is that large."""
    numbers = {"tcp": line[2:5:2], "udp": line[2:5:2], "echo": line[4:5], "error": (line[7], line[9]) if len(line) > 9 else ()}
    return source in numbers[line[0]]


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
        found = disagreements(made, show=args.seed is not None)
        if found:
            bad.append(seed)
            print(f"seed {seed}: {'; '.join(f'{host}: {line}' for host, line in made.commands)}", *found, sep="\n  ", flush=True)
    print(f"{len(seeds) - len(bad)} of {len(seeds)} random networks agree in every packet ({probes} connections); seeds that disagree: {bad or 'none'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
