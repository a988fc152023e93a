"""A packet on its way through the model: who to whom, what, how far it may still go.

It carries no sequence numbers: whether a segment is taken is decided by its
four-tuple.  The text is that of ``wire/packet.py`` as far as both know the thing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from analyzer.network.host import IPAddress
from analyzer.network.routing.lookup import Query

TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
FIRST_TTL = 64
"""What Linux starts with; others start with 128 or 255, which changes nothing here but the number printed."""

QUOTING = {4: 88, 6: 108}
"""Octets of an error about a packet with 20 octets of TCP header and options: both IP headers, ICMP, the quotation."""

FourTuple = tuple[IPAddress, int, IPAddress, int]


class Complaint(StrEnum):
    """What an ICMP error says of the packet that it quotes (RFC 792, RFC 4443 §3)."""

    NET = "unreachable net"
    HOST = "unreachable host"
    PORT = "unreachable port"
    PROHIBITED = "unreachable admin"
    TIME = "time exceeded"
    SIZE = "unreachable frag-needed"
    BIG = "packet too big"                # the same in IPv6


@dataclass(frozen=True, slots=True)
class Datagram:
    """One packet.  ``flags`` are tcpdump's letters (TCP), ``request`` or ``reply`` (echo), empty for UDP.

    Ports of an ICMP echo are its identifier, as in conntrack.  ``octets`` is the
    length of the IP packet, ``mss`` what a SYN announces.  An ICMP error has a
    ``Complaint`` as flags and quotes the packet that it is ``about``; ``mtu`` is
    what a complaint about size allows.
    """

    source: IPAddress
    source_port: int
    destination: IPAddress
    destination_port: int
    protocol: int = TCP
    flags: str = "S"
    ttl: int = FIRST_TTL
    octets: int = 60
    tos: int = 0
    about: Datagram | None = None
    mtu: int = 0
    mss: int = 0

    def __str__(self) -> str:
        if self.about is not None:
            word = "tcp" if self.about.protocol == TCP else ""
            quoted = f"{self.about}".partition(" [")[0]
            return f"{self.source} > {self.destination} icmp {self.flags} ({f'{quoted} {word}'.strip()})"
        if self.protocol in (ICMP, ICMP6):
            return f"{self.source} > {self.destination} icmp echo {self.flags}"
        ends = f"{_end(self.source, self.source_port)} > {_end(self.destination, self.destination_port)}"
        return ends + (f" [{self.flags}]" if self.protocol == TCP else " udp")

    @property
    def tuple(self) -> FourTuple:
        """Source and destination with their ports."""
        return self.source, self.source_port, self.destination, self.destination_port

    @property
    def opens(self) -> bool:
        """Whether it may begin a connection: a SYN, a datagram, an echo request."""
        return self.flags in ("S", "", "request")

    def query(self, incoming: str, mark: int = 0) -> Query:
        """The routing question that this packet is."""
        return Query(
            self.destination, self.source, incoming, "", mark, self.tos,
            self.protocol, self.source_port, self.destination_port,
        )

    def answered(self, flags: str, octets: int = 60) -> Datagram:
        """The answer to it: ends exchanged, a fresh ttl."""
        return replace(
            self, source=self.destination, source_port=self.destination_port, destination=self.source,
            destination_port=self.source_port, flags=flags, ttl=FIRST_TTL, octets=octets, mss=0,
        )

    def complained(self, what: Complaint, source: IPAddress, mtu: int = 0) -> Datagram:
        """The ICMP error about it that ``source`` sends to whoever sent it (RFC 792; quotes the first octets)."""
        version = self.source.version
        protocol = ICMP if version == 4 else ICMP6
        what = Complaint.BIG if (what, version) == (Complaint.SIZE, 6) else what
        return Datagram(source, 0, self.source, 0, protocol, what, octets=QUOTING[version], about=self, mtu=mtu)


def _end(address: IPAddress, port: int) -> str:
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
