"""A whole connection: request, answer, and what the client's program gets to see.

exchange = connect(network, "client", Endpoint(vip, 80))
exchange.outcome      # Outcome.TIMEOUT
exchange.lines()      # the traces of SYN, SYN-ACK, ACK (or RST), one line a step
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from analyzer.balance.mapping import Endpoint
from analyzer.network.datagram import ICMP, ICMP6, TCP, Datagram
from analyzer.network.host import IPAddress
from analyzer.network.link import Network
from analyzer.network.route import outgoing
from analyzer.network.routing.fib import Refusal
from analyzer.network.routing.lookup import Query
from analyzer.network.session import Session
from analyzer.network.trace import Disposition, Redirect, Step, Trace, first_difference
from analyzer.network.walk import walk

EPHEMERAL = 40000


class Outcome(StrEnum):
    """What the client's program sees."""

    ESTABLISHED = "established"     # UDP, echo: answered
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
        return Exchange(Outcome.UNREACHABLE, ((_name(_first(protocol)), lost),))
    request = Datagram(address, port, dialled.address, asked, protocol, _first(protocol))
    session.sockets.add((client, protocol, request.tuple))
    return _converse(network, request, session)


def own_address(network: Network, client: str, destination: IPAddress) -> IPAddress | None:
    """The source address that the client picks."""
    path = outgoing(network.stacks[client], Query(destination))
    return None if isinstance(path, Refusal) else path.source


def _first(protocol: int) -> str:
    return {TCP: "S", ICMP: "request", ICMP6: "request"}.get(protocol, "")


NAMES = {"S": "SYN", "S.": "SYN-ACK", ".": "ACK", "R.": "RST", "P.": "data", "": "datagram", "request": "echo request",
         "reply": "echo reply"}


def _name(flags: str) -> str:
    return NAMES[flags]


def _converse(network: Network, request: Datagram, session: Session) -> Exchange:
    traces: list[tuple[str, Trace]] = []

    def send(packet: Datagram, host: str, name: str) -> Trace:
        traces.append((name, walk(network, packet, host, session)))
        return traces[-1][1]

    asked = send(request, session.client, _name(request.flags))
    if asked.disposition is Disposition.NO_SERVICE and request.protocol == TCP and asked.packet is not None:
        refused = send(asked.packet.answered("R.", 40), asked.at, "RST")
        taken = refused.disposition is Disposition.ACCEPTED and refused.at == session.client
        return Exchange(Outcome.REFUSED if taken else Outcome.TIMEOUT, tuple(traces))
    if asked.disposition is not Disposition.ACCEPTED or asked.packet is None:
        return Exchange(_lost(asked), tuple(traces))
    server = asked.at
    answer = {"S": "S.", "request": "reply"}.get(request.flags, "")
    replied = send(asked.packet.answered(answer), server, _name(answer) if answer else "reply")
    if replied.disposition is not Disposition.ACCEPTED or replied.at != session.client:
        stray = replied.disposition is Disposition.NO_SUCH_CONNECTION and request.protocol == TCP
        if stray and replied.packet is not None:
            send(replied.packet.answered("R", 40), replied.at, "RST")
        return Exchange(_unanswered(replied), tuple(traces))
    if request.protocol != TCP or replied.packet is None:
        return Exchange(Outcome.ESTABLISHED, tuple(traces))
    third = send(replied.packet.answered(".", 52), session.client, "ACK")
    if third.disposition is not Disposition.ACCEPTED or third.packet is None:
        return Exchange(Outcome.TIMEOUT, tuple(traces))
    data = send(third.packet.answered("P.", 552), server, "data")
    arrived = data.disposition is Disposition.ACCEPTED and data.at == session.client
    return Exchange(Outcome.ESTABLISHED if arrived else Outcome.TIMEOUT, tuple(traces))


def _lost(asked: Trace) -> Outcome:
    """What the client sees of a request that nobody takes."""
    if asked.disposition is Disposition.UNKNOWN:
        return Outcome.UNKNOWN
    if asked.disposition is Disposition.NO_SERVICE:
        return Outcome.REFUSED
    return Outcome.UNREACHABLE if asked.reports else Outcome.TIMEOUT


def _unanswered(replied: Trace) -> Outcome:
    return Outcome.UNKNOWN if replied.disposition is Disposition.UNKNOWN else Outcome.TIMEOUT
