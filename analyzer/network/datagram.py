"""A packet on its way through the model: who to whom, what, how far it may still go.

It carries no sequence numbers: whether a segment is taken is decided by its
four-tuple.  The text is that of ``wire/packet.py`` as far as both know the thing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from analyzer.network.host import IPAddress
from analyzer.network.routing.lookup import Query

TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
FIRST_TTL = 64
"""What Linux starts with; others start with 128 or 255, which changes nothing here but the number printed."""

FourTuple = tuple[IPAddress, int, IPAddress, int]


@dataclass(frozen=True, slots=True)
class Datagram:
    """One packet.  ``flags`` are tcpdump's letters (TCP), ``request`` or ``reply`` (echo), empty for UDP.

    Ports of an ICMP echo are its identifier, as in conntrack.  ``octets`` is the
    length of the IP packet.
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

    def __str__(self) -> str:
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
            destination_port=self.source_port, flags=flags, ttl=FIRST_TTL, octets=octets,
        )


def _end(address: IPAddress, port: int) -> str:
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
