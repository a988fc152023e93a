"""A ladder of text lines to evidence, through the real decoder and the real tracker: how rule examples run.

Lines that begin with ``map`` declare a service:

    map 203.0.113.10:80 > 10.0.2.11:8080 nat balancer 10.0.2.1

and ``facts`` says what a host's own tables and switches lead to:

    facts 10.0.2.11 drops 10.0.9.50

``tracked`` is a line of the balancer's connection table: who dialled what, who was to answer, and has it:

    tracked 10.0.9.50:40000 > 203.0.113.10:80 10.0.2.11:8080 unreplied
"""

from __future__ import annotations

from ipaddress import ip_address

from analyzer.balance.mapping import Endpoint, Forwarding, IPAddress, Mapping, Protocol, RealServer, VirtualService
from analyzer.diagnose.evidence import Evidence, Observed
from analyzer.errors import RuleError
from analyzer.flow.events import EventCollector
from analyzer.flow.tracker import FlowTracker
from analyzer.network.host import Host, PacketTuple, TrackedConnection
from analyzer.tables import AddressBook
from analyzer.units import Origin
from analyzer.wire.build import batches
from analyzer.wire.decode import Decoder


def evidence_of(ladder: str, source: str = "example") -> Evidence:
    """The evidence that a ladder gives: each vantage point of it is one capture."""
    packets, mapping = [], Mapping()
    refused: list[tuple[IPAddress, IPAddress]] = []
    tracked: list[TrackedConnection] = []
    for number, line in enumerate(ladder.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "map":
            mapping = mapping + _service(words, f"{source}:{number}")
        elif words[0] == "tracked":
            tracked.append(_tracked(words))
        elif words[0] == "facts":
            refused.append((ip_address(words[1]), ip_address(words[3])))
        else:
            packets.append(line)
    book = AddressBook()
    decoder = Decoder(book)
    observed = Observed([], [], [], book, mapping)
    flows, claims, icmp = [], [], []
    roles = []
    for capture, (vantage, batch) in enumerate(batches("\n".join(packets)).items()):
        tracker, events = FlowTracker(capture, book), EventCollector(capture)
        table = decoder.decode(batch)
        tracker.feed(table)
        events.feed(table)
        flows.append(tracker.finish())
        claims.append(events.claims())
        icmp.append(events.icmp())
        roles.append(vantage)
    observed.flows, observed.claims, observed.icmp = flows, claims, icmp
    observed.vantages = roles
    observed.refused = refused
    observed.hosts = [Host("balancer", tracked=tuple(tracked))] if tracked else []
    return Evidence(observed)


def _tracked(words: list[str]) -> TrackedConnection:
    """``tracked CLIENT:PORT > VIP:PORT REAL:PORT [unreplied]``."""
    client, virtual, real = (_endpoint(words[place]) for place in (1, 3, 4))
    return TrackedConnection(
        6, "SYN_SENT" if "unreplied" in words else "SYN_RECV",
        PacketTuple(client.address, virtual.address, client.port, virtual.port),
        PacketTuple(real.address, client.address, real.port, client.port),
        ("UNREPLIED",) if "unreplied" in words else (),
    )


def _service(words: list[str], where: str) -> Mapping:
    """``map VIP:PORT > REAL:PORT MODE [balancer ADDRESS] [udp|icmp]``."""
    try:
        virtual, real, mode = _endpoint(words[1]), _endpoint(words[3]), Forwarding(words[4])
        balancers = tuple(ip_address(w) for w in words[words.index("balancer") + 1 : words.index("balancer") + 2]) \
            if "balancer" in words else ()
    except (IndexError, ValueError) as error:
        got = " ".join(words)
        raise RuleError(f"{where}: expected 'map VIP:PORT > REAL:PORT MODE', got {got!r}: {error}") from error
    origin = Origin(where)
    protocol = next((word for word in Protocol if word in words), Protocol.TCP)
    return Mapping((VirtualService(virtual, protocol, (RealServer(real, mode, origin),), origin),), balancers)


def _endpoint(text: str) -> Endpoint:
    address, _, port = text.rpartition(":")
    return Endpoint(ip_address(address.strip("[]")), int(port))
