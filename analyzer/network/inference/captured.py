"""The captured connections: who dialled what, which real server it went to, and what came of it.

All packets of one attempt share the client's address, port and initial sequence
number, whatever the balancer does to the destination (RFC 9293 §3.4.1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from analyzer.balance.mapping import Endpoint, Mapping
from analyzer.network.connect import Outcome
from analyzer.network.host import IPAddress
from analyzer.tables import ACK, ICMP_ECHO, TCP, UDP, AddressBook, Table

PROTOCOLS = {TCP: 6, UDP: 17, ICMP_ECHO: 1}
TCP_NUMBER = 6
Key = tuple[IPAddress, int, int]
"""The client's address and port, and its initial sequence number."""


@dataclass(frozen=True, slots=True)
class Captured:
    """One connection as the captures show it.

    ``outcome`` is what was observed (established, broken later, refused, or timeout
    for anything unfinished); ``certain`` is False where the client's side was not
    captured, so that an unfinished handshake may have ended well elsewhere.
    ``asked`` and ``answers`` are its requests and answers wherever they were captured.
    """

    client: IPAddress
    client_port: int
    dialled: Endpoint
    protocol: int
    outcome: Outcome
    capture: int
    frame: int
    real: Endpoint | None = None
    certain: bool = True
    began_ns: int = 0
    asked: tuple[Copy, ...] = field(default=(), compare=False)
    answers: tuple[Copy, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        word = {6: "tcp", 17: "udp"}.get(self.protocol, "icmp")
        return f"{word} {Endpoint(self.client, self.client_port)} > {self.dialled}"


@dataclass(frozen=True, slots=True)
class Copy:
    """A request or an answer at one hop: the server's end, which ttl, from which MAC to which."""

    capture: int
    frame: int
    server: Endpoint
    ttl: int
    source_mac: str
    destination_mac: str


@dataclass(slots=True)
class Attempt:
    """All that belongs to one client's address, port and sequence number.

    ``answered`` and ``refused`` are the ends that answered with SYN-ACK or RST,
    ``finished`` those that completed a handshake; ``answers`` are those answers hop by hop.
    """

    client: Endpoint
    protocol: int
    isn: int
    copies: list[Copy] = field(default_factory=list)
    answered: dict[Endpoint, int] = field(default_factory=dict)
    refused: set[Endpoint] = field(default_factory=set)
    finished: set[Endpoint] = field(default_factory=set)
    rejected: set[Endpoint] = field(default_factory=set)
    answers: list[Copy] = field(default_factory=list)
    capture: int = 0
    frame: int = 0
    began_ns: int = 0

    @property
    def key(self) -> Key:
        """What all its packets share."""
        return self.client.address, self.client.port, self.isn

    def servers(self) -> list[Endpoint]:
        """Every end that was asked or answered, in the order of their first packets, the highest ttl first."""
        asked = sorted(self.copies, key=lambda copy: (-copy.ttl, copy.capture, copy.frame))
        return list(dict.fromkeys([*(copy.server for copy in asked), *self.answered, *self.refused]))


def attempts(tables: Iterable[Table], book: AddressBook) -> list[Attempt]:
    """Every attempt of the flow tables, in the order of their first frames."""
    found: dict[tuple[int, int, int, int], Attempt] = {}
    names = _Names(book)
    for flows in tables:
        wanted = np.flatnonzero(np.isin(flows["kind"], tuple(PROTOCOLS)))
        columns = {name: flows[name][wanted].tolist() for name in _NEEDED}
        for values in zip(*columns.values(), strict=True):
            _read(dict(zip(columns, values, strict=True)), found, names)
    return sorted(found.values(), key=lambda each: (each.capture, each.frame))


_HOPS = ("syn", "syn2", "synack", "synack2", "rst_r", "data_i", "data_r")
"""Packets whose hop is kept: requests and answers."""

_NEEDED = (
    "capture", "kind", "initiator", "initiator_port", "responder", "responder_port", "syn_seq", "synack_ack",
    "estab_frame", "rst_i_frame", "rst_i_seq", "rst_i_flags", "rst_r_ack", "rst_r_flags", "data_i_seq", "packets_i",
    "packets_r", "first_ns",
    *(f"{prefix}_{column}" for prefix in _HOPS for column in ("frame", "ttl", "src_mac", "dst_mac")),
)


class _Names:
    """Addresses and MACs of the book, each made once."""

    def __init__(self, book: AddressBook) -> None:
        self.ip = cache(book.ip)
        self.text = cache(book.text)


def _read(row: dict[str, int], found: dict[tuple[int, int, int, int], Attempt], book: _Names) -> None:
    tcp = row["kind"] == TCP
    isn = _sequence(row) if tcp else row["data_i_seq"]
    if isn is None:
        return
    # UDP has no sequence number: the first octets of its payload tell an attempt, where it has any.
    key = (row["kind"], row["initiator"], row["initiator_port"], isn or -row["responder"])
    client = Endpoint(book.ip(row["initiator"]), row["initiator_port"])
    server = Endpoint(book.ip(row["responder"]), row["responder_port"] if row["kind"] != ICMP_ECHO else 0)
    attempt = found.setdefault(key, Attempt(client, PROTOCOLS[row["kind"]], isn if tcp else 0))
    first = min((row[name] for name in _FRAMES if row[name]), default=0)
    began = row["first_ns"]
    attempt.began_ns = min(attempt.began_ns, began) if attempt.began_ns else began
    if not attempt.frame or (row["capture"], first) < (attempt.capture, attempt.frame):
        attempt.capture, attempt.frame = row["capture"], first
    attempt.copies += _copies(row, server, ("syn", "syn2") if tcp else ("data_i",), book)
    _answers(row, attempt, server, book, tcp=tcp)


def _copies(row: dict[str, int], server: Endpoint, prefixes: tuple[str, ...], book: _Names) -> Iterator[Copy]:
    for prefix in prefixes:
        if row[f"{prefix}_frame"]:
            macs = (book.text(row[f"{prefix}_{end}_mac"]) for end in ("src", "dst"))
            yield Copy(row["capture"], row[f"{prefix}_frame"], server, row[f"{prefix}_ttl"], *macs)


def _answers(row: dict[str, int], attempt: Attempt, server: Endpoint, book: _Names, *, tcp: bool) -> None:
    if not tcp:
        if row["data_r_frame"]:
            attempt.answered[server] = row["data_r_frame"]
            attempt.answers += _copies(row, server, ("data_r",), book)
            attempt.finished.add(server)
        return
    if row["synack_frame"] and (row["synack_ack"] - 1) & 0xFFFFFFFF == attempt.isn:
        attempt.answered[server] = row["synack_frame"]
        attempt.answers += _copies(row, server, ("synack", "synack2"), book)
        if row["estab_frame"]:
            attempt.finished.add(server)
        elif row["rst_i_frame"]:
            attempt.rejected.add(server)
    elif row["rst_r_frame"] and row["rst_r_flags"] & ACK:
        attempt.refused.add(server)
        attempt.answers += _copies(row, server, ("rst_r",), book)


def _sequence(row: dict[str, int]) -> int | None:
    """The client's initial sequence number, from whatever packet of the handshake was seen."""
    if row["syn_frame"]:
        return row["syn_seq"]
    if row["synack_frame"]:
        return (row["synack_ack"] - 1) & 0xFFFFFFFF
    if row["rst_r_frame"] and row["rst_r_flags"] & ACK and not row["packets_i"]:
        return (row["rst_r_ack"] - 1) & 0xFFFFFFFF
    if row["rst_i_frame"] and not row["packets_r"] and not row["rst_i_flags"] & ACK:
        return (row["rst_i_seq"] - 1) & 0xFFFFFFFF
    return None


_FRAMES = tuple(name for name in _NEEDED if name.endswith("_frame"))


def captured(
    attempt: Attempt, mapping: Mapping, balancer_macs: frozenset[str], heard: frozenset[IPAddress],
    broken: frozenset[Key] = frozenset(),
) -> Captured:
    """What the attempt was: dialled service, real server, outcome.

    ``heard`` are the clients that some capture shows both sending and being sent
    to: what they did not get was not sent, and not merely out of sight.
    ``broken`` are those that began well and were lost later.
    """
    servers = attempt.servers()
    virtual = {service.virtual: service for service in mapping.services}
    dialled = next((end for end in servers if end in virtual), None)
    others = [end for end in servers if end != dialled]
    real = others[-1] if others else None
    if dialled is None:
        dialled, real = _behind(attempt, servers, mapping, balancer_macs)
    done = dialled in attempt.finished
    translated = real is not None and real in attempt.finished and real not in attempt.rejected
    if attempt.protocol != TCP_NUMBER and any(copy.server == dialled for copy in attempt.copies):
        translated = False                # a datagram back from the real server says nothing of its arrival
    refused = dialled in attempt.refused and not done
    outcome = Outcome.ESTABLISHED if done or translated else Outcome.REFUSED if refused else Outcome.TIMEOUT
    if outcome is Outcome.ESTABLISHED and attempt.key in broken:
        outcome = Outcome.BROKEN
    seen = attempt.client.address in heard or bool(attempt.rejected)
    return Captured(
        attempt.client.address, attempt.client.port, dialled, attempt.protocol, outcome,
        attempt.capture, attempt.frame, real, seen or outcome is not Outcome.TIMEOUT, attempt.began_ns,
        tuple(attempt.copies), tuple(attempt.answers),
    )


def _behind(
    attempt: Attempt, servers: list[Endpoint], mapping: Mapping, balancer_macs: frozenset[str]
) -> tuple[Endpoint, Endpoint | None]:
    """Only the servers' side was captured: it came from the balancer, or else the real server itself was dialled."""
    if len(servers) > 1:
        return servers[0], servers[-1]
    only = servers[0]
    from_balancer = any(copy.server == only and copy.source_mac in balancer_macs for copy in attempt.copies)
    for service in mapping.services:
        for real in service.reals:
            same = real.endpoint.address == only.address and real.endpoint.port in (0, only.port)
            if same and from_balancer:
                port = service.virtual.port or only.port
                return Endpoint(service.virtual.address, port), only
    return only, None
