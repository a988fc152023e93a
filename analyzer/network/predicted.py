"""The predicted packets of a connection, as each interface would capture them.

    for (host, interface), packets in predicted(network, exchange).items(): ...

Time is made up (a millisecond a packet, 50 microseconds a hop), and so are the
sequence numbers; addresses, ports, flags, TTL and MACs are what the model says.
"""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.network.connect import Exchange
from analyzer.network.datagram import ICMP, ICMP6, TCP, Datagram
from analyzer.network.link import Network, Port
from analyzer.network.trace import Act, Step
from analyzer.tables import ACK, PSH, RST, SYN
from analyzer.wire.packet import ERRORS_V4, ERRORS_V6, Body, Echo, IcmpError, Packet, Quote, Tcp, Udp

BETWEEN_PACKETS_NS, PER_HOP_NS = 1_000_000, 50_000
CLIENT_ISN, SERVER_ISN = 1000, 9000
HEADERS = {4: 52, 6: 72}
"""Octets of IP and TCP headers with the timestamp option."""

BITS = {"S": SYN, "S.": SYN | ACK, ".": ACK, "P.": PSH | ACK, "R.": RST | ACK, "R": RST}
ERROR_NUMBERS = {(version, word): number for version, words in ((4, ERRORS_V4), (6, ERRORS_V6))
                 for number, word in words.items()}
"""IP version and what an ICMP error says -> its type and code."""

SENT = (Act.OUT, Act.FORWARD)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Sequence and acknowledgment number of one packet of the handshake."""

    seq: int
    ack: int | None


NUMBERS = {
    "SYN": Numbers(CLIENT_ISN, None),
    "SYN-ACK": Numbers(SERVER_ISN, CLIENT_ISN + 1),
    "ACK": Numbers(CLIENT_ISN + 1, SERVER_ISN + 1),
    "data": Numbers(SERVER_ISN + 1, CLIENT_ISN + 1),
    "RST": Numbers(0, CLIENT_ISN + 1),
}
REJECTION = Numbers(CLIENT_ISN + 1, None)
"""The client's RST to an answer that it never asked for takes its number from that answer (RFC 9293 §3.5.2)."""


def predicted(network: Network, exchange: Exchange, begin_ns: int = 0) -> dict[Port, list[Packet]]:
    """Every packet at every interface that it passes, in order of time; ``begin_ns`` is when the first one is sent."""
    seen: dict[Port, list[Packet]] = {}
    for number, (name, trace) in enumerate(exchange.traces):
        time_ns = begin_ns + number * BETWEEN_PACKETS_NS
        for step in trace.steps:
            if step.act not in SENT or not step.mac:
                continue                # nobody answered for the next hop: it was never on the wire
            numbers = REJECTION if step.packet.flags == "R" else NUMBERS.get(name, Numbers(0, None))
            own = network.stacks[step.host].ports[step.interface].mac
            body = _body(step.packet, numbers)
            for port, later in ((step.host, step.interface), 0), (_receiver(network, step), PER_HOP_NS):
                if port is not None:
                    macs = (own, step.mac) if own else None       # without MACs a step names the next host
                    seen.setdefault(port, []).append(Packet(time_ns + later, body, step.packet.ttl, macs=macs))
            time_ns += PER_HOP_NS
    return seen


def _receiver(network: Network, step: Step) -> Port | None:
    """The interface on the same link that has the step's destination MAC."""
    return next((port for port in network.others(step.host, step.interface)
                 if step.mac and network.stacks[port[0]].ports[port[1]].mac == step.mac), None)


def _body(packet: Datagram, numbers: Numbers) -> Body:
    ends = packet.tuple
    if packet.about is not None:
        about = packet.about
        kind, code = ERROR_NUMBERS[packet.source.version, packet.flags]
        quote = Quote(about.source, about.destination, about.protocol, about.source_port, about.destination_port)
        return IcmpError(packet.source, packet.destination, kind, code, quote, packet.mtu)
    if packet.protocol == TCP:
        size = packet.octets - HEADERS[packet.source.version] if packet.flags == "P." else 0
        return Tcp(*ends, BITS[packet.flags], numbers.seq, numbers.ack, max(size, 0))
    if packet.protocol in (ICMP, ICMP6):
        return Echo(packet.source, packet.destination, packet.flags == "reply", packet.source_port, 1)
    return Udp(*ends, 8)
