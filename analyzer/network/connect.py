"""A whole connection: request, answer, and what the client's program gets to see.

exchange = connect(network, "client", Endpoint(vip, 80))
exchange.outcome      # Outcome.TIMEOUT
exchange.lines()      # the traces of SYN, SYN-ACK, ACK (or RST), one line a step
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from analyzer.balance.mapping import Endpoint
from analyzer.network.datagram import ICMP, ICMP6, TCP, UDP, Complaint, Datagram
from analyzer.network.host import IPAddress
from analyzer.network.link import Network
from analyzer.network.route import outgoing, takes
from analyzer.network.routing.fib import Refusal
from analyzer.network.routing.lookup import Query
from analyzer.network.session import Session
from analyzer.network.stack import LOOPBACK
from analyzer.network.trace import Disposition, Redirect, Step, Trace, first_difference
from analyzer.network.walk import walk

EPHEMERAL = 40000
HEADERS = {4: 40, 6: 60}
"""Octets of IP and TCP headers without options: what a segment size leaves out (RFC 9293 §3.7.1)."""

MOST_TRIES = 4
"""A sender that is told of a smaller next link tries again; each try passes at least one more link."""


class Outcome(StrEnum):
    """What the client's program sees."""

    ESTABLISHED = "established"     # UDP, echo: answered
    BROKEN = "broken"               # connected, and then nothing more arrives
    REFUSED = "refused"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Exchange:
    """How a connection went: each packet's name and trace, in order."""

    outcome: Outcome
    traces: tuple[tuple[str, Trace], ...]

    @property
    def works(self) -> bool:
        """The client gets its answer."""
        return self.outcome is Outcome.ESTABLISHED

    @property
    def redirects(self) -> tuple[Redirect, ...]:
        """Redirects that any of the packets provokes."""
        return tuple(dict.fromkeys(told for _, trace in self.traces for told in trace.redirects))

    @property
    def hosts(self) -> frozenset[str]:
        """Every host that any of the packets passed."""
        return frozenset(name for _, trace in self.traces for name in (*trace.hosts, trace.at))

    @property
    def assumed(self) -> frozenset[str]:
        """What had to be taken for granted on any of the ways."""
        return frozenset().union(*(trace.assumed for _, trace in self.traces))

    @property
    def last(self) -> Trace:
        """The packet that decided it: the first that was lost or met no connection, else the last one."""
        fine = (Disposition.ACCEPTED, Disposition.NO_SERVICE)
        lost = next((trace for _, trace in self.traces if trace.disposition not in fine), None)
        return lost or self.traces[-1][1]

    def lines(self) -> tuple[str, ...]:
        """All traces as text; each begins with the packet's name."""
        return tuple(line for name, trace in self.traces for line in (f"{name}:", *(f"  {x}" for x in trace.lines())))

    def differs(self, other: Exchange) -> tuple[str, Step] | None:
        """The first packet and step of ``other`` that go another way."""
        for (name, mine), (_, theirs) in zip(self.traces, other.traces, strict=False):
            step = first_difference(mine, theirs)
            if step is not None:
                return name, step
        extra = other.traces[len(self.traces):]
        return (extra[0][0], extra[0][1].steps[0]) if extra and extra[0][1].steps else None


def connect(
    network: Network, client: str, dialled: Endpoint, protocol: int = TCP, *,
    source: Endpoint | None = None, real: Endpoint | None = None,
) -> Exchange:
    """Open a connection from ``client``; ``source`` and ``real`` are what the capture shows, if it does."""
    session = Session(client, real)
    address = source.address if source else own_address(network, client, dialled.address)
    port = source.port if source and source.port else EPHEMERAL
    asked = dialled.port or (port if protocol in (ICMP, ICMP6) else 0)
    if address is None:
        nowhere = Datagram(dialled.address, port, dialled.address, asked, protocol, _first(protocol))
        lost = Trace((), Disposition.NO_ROUTE, client, "", nowhere, reports="its own program: network is unreachable")
        return Exchange(Outcome.UNREACHABLE, ((NAMES[_first(protocol)], lost),))
    request = Datagram(address, port, dialled.address, asked, protocol, _first(protocol))
    if protocol == TCP:
        request = replace(request, mss=_largest(network, client, request) - HEADERS[address.version])
    session.sockets.add((client, protocol, request.tuple))
    return Conversation(network, session).opened(request)


def own_address(network: Network, client: str, destination: IPAddress) -> IPAddress | None:
    """The source address that the client picks."""
    path = outgoing(network.stacks[client], Query(destination))
    return None if isinstance(path, Refusal) else path.source


def _first(protocol: int) -> str:
    return {TCP: "S", ICMP: "request", ICMP6: "request"}.get(protocol, "")


NAMES = {
    "S": "SYN", "S.": "SYN-ACK", ".": "ACK", "R.": "RST", "R": "RST", "P.": "data", "": "datagram",
    "request": "echo request", "reply": "echo reply",
}


def _name(packet: Datagram) -> str:
    return f"ICMP {packet.flags}" if packet.about is not None else NAMES[packet.flags]


@dataclass(slots=True)
class Conversation:
    """The packets of one connection in their order, and what comes of each."""

    network: Network
    session: Session
    traces: list[tuple[str, Trace]] = field(default_factory=list)

    def opened(self, request: Datagram) -> Exchange:
        """From the request to the first data, or to where it ends."""
        outcome = self._ask(request)
        return Exchange(outcome, tuple(self.traces))

    def _send(self, packet: Datagram, host: str, name: str = "") -> Trace:
        """One packet's way; an end that is sent what belongs to no connection of its own answers RST."""
        trace = walk(self.network, packet, host, self.session)
        self.traces.append((name or _name(packet), trace))
        stray = trace.disposition is Disposition.NO_SUCH_CONNECTION and packet.protocol == TCP
        if stray and "R" not in packet.flags and trace.packet is not None:
            self._send(trace.packet.answered("R", 40), trace.at)
        return trace

    def _heard(self, lost: Trace, host: str) -> Complaint | None:
        """Send the ICMP error about a lost packet; what it says where ``host`` takes it."""
        if lost.complaint is None:
            return None
        told = self._send(lost.complaint, lost.at)
        taken = told.disposition is Disposition.ACCEPTED and told.at == host
        return Complaint(lost.complaint.flags) if taken else None

    def _reached(self, trace: Trace, host: str) -> bool:
        return trace.disposition is Disposition.ACCEPTED and trace.at == host

    def _ask(self, request: Datagram) -> Outcome:
        client = self.session.client
        asked = self._send(request, client)
        if asked.disposition is Disposition.NO_SERVICE and request.protocol == TCP and asked.packet is not None:
            refused = self._send(asked.packet.answered("R.", 40), asked.at)
            if self._reached(refused, client):
                return Outcome.REFUSED
            self._heard(refused, asked.at)
            return Outcome.TIMEOUT
        if asked.disposition is not Disposition.ACCEPTED or asked.packet is None:
            return _lost(asked, self._heard(asked, client), request.protocol)
        server = asked.at
        answer = {"S": "S.", "request": "reply"}.get(request.flags, "")
        replied = self._send(asked.packet.answered(answer), server, "" if answer else "reply")
        if not self._reached(replied, client) or replied.packet is None:
            self._heard(replied, server)
            return Outcome.UNKNOWN if replied.disposition is Disposition.UNKNOWN else Outcome.TIMEOUT
        if request.protocol != TCP:
            return Outcome.ESTABLISHED
        return self._talk(replace(replied.packet.answered(".", 52), ttl=request.ttl), server, asked.packet.mss)

    def _talk(self, acknowledgment: Datagram, server: str, mss: int) -> Outcome:
        """The handshake's third segment, and as much data as the server may send in one packet."""
        third = self._send(acknowledgment, self.session.client)
        if not self._reached(third, server) or third.packet is None:
            self._heard(third, self.session.client)
            return Outcome.BROKEN
        data = third.packet.answered("P.")
        size = min(_largest(self.network, server, data), mss + HEADERS[data.source.version])
        for _ in range(MOST_TRIES):
            sent = self._send(replace(data, octets=size), server)
            if self._reached(sent, self.session.client):
                return Outcome.ESTABLISHED
            told = self._heard(sent, server)
            if told not in (Complaint.SIZE, Complaint.BIG) or sent.complaint is None:
                return Outcome.BROKEN
            size = sent.complaint.mtu
        return Outcome.BROKEN


def _largest(network: Network, host: str, packet: Datagram) -> int:
    """Octets of the largest packet that ``host`` itself may send on the way of ``packet``."""
    path = outgoing(network.stacks[host], packet.query(LOOPBACK))
    return 1500 if isinstance(path, Refusal) else min(takes(network.stacks[host], path), 65535)


def _lost(asked: Trace, heard: Complaint | None, protocol: int) -> Outcome:
    """What the client sees of a request that nobody takes.

    A connected UDP socket is told of a closed port and of a prohibition, of no
    other ICMP error (RFC 1122 §4.1.3.3 leaves it to the host; Linux: icmp(7)).
    """
    if asked.disposition is Disposition.UNKNOWN:
        return Outcome.UNKNOWN
    if heard is None:
        own = asked.complaint is None and bool(asked.reports)
        return Outcome.UNREACHABLE if own and asked.disposition in OWN_ERRORS else Outcome.TIMEOUT
    if heard is Complaint.PORT:
        return Outcome.REFUSED
    return Outcome.TIMEOUT if protocol == UDP and heard is not Complaint.PROHIBITED else Outcome.UNREACHABLE


OWN_ERRORS = (Disposition.NO_ROUTE, Disposition.NEIGHBOR_UNREACHABLE)
"""Ends at the client itself that its program is told of."""
