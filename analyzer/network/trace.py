"""A packet's way in words: one line a step, the same text in terminal, JSON and report.

client    out      eth0  10.31.7.44:40000 > 10.31.7.200:80 [S]          on link, 02:00:00:00:00:09 is balancer
balancer  dnat           10.31.7.44:40000 > 10.31.7.71:8080 [S]         10.31.7.200:80 is 10.31.7.71:8080
srv1      accept   eth0  10.31.7.44:40000 > 10.31.7.71:8080 [S] ttl 63  listens
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from analyzer.network.datagram import FIRST_TTL, Datagram
from analyzer.network.host import IPAddress


class Disposition(StrEnum):
    """How a packet's way ends."""

    ACCEPTED = "accepted"
    NO_SUCH_CONNECTION = "no-such-connection"       # delivered, and RFC 9293 §3.5.2 answers RST
    NO_SERVICE = "no-service"                       # delivered, nobody listens: refused
    NO_ROUTE = "no-route"
    NEIGHBOR_UNREACHABLE = "neighbor-unreachable"   # nobody answers ARP or ND
    MARTIAN = "martian"                             # an address that may not come in here
    RP_FILTER = "rp-filter"
    NOT_FORWARDING = "not-forwarding"               # for somebody else, and this host is no router
    INVALID_DROPPED = "invalid-dropped"             # a stateful host has not seen its connection
    FILTERED = "filtered"
    TTL_EXCEEDED = "ttl-exceeded"
    TOO_BIG = "too-big"
    LOOP = "loop"
    UNKNOWN = "unknown"                             # the facts do not say


MEANINGS = {
    Disposition.ACCEPTED: "accepted",
    Disposition.NO_SUCH_CONNECTION: "delivered, but to no connection that this host opened",
    Disposition.NO_SERVICE: "delivered, but nobody listens there: refused",
    Disposition.NO_ROUTE: "no route",
    Disposition.NEIGHBOR_UNREACHABLE: "nobody answers for the next hop",
    Disposition.MARTIAN: "dropped: an address that may not come in here (martian)",
    Disposition.RP_FILTER: "dropped by rp_filter: the way back to the sender is another interface",
    Disposition.NOT_FORWARDING: "dropped: for another host, and this one does not forward",
    Disposition.INVALID_DROPPED: "dropped: belongs to no connection that this host tracks",
    Disposition.FILTERED: "dropped by a packet filter",
    Disposition.TTL_EXCEEDED: "dropped: time to live exceeded",
    Disposition.TOO_BIG: "dropped: larger than the next link takes",
    Disposition.LOOP: "goes round in a circle",
    Disposition.UNKNOWN: "the facts do not say",
}


ACROSS = "across hops that nobody captured"
"""How a step across the link begins that stands for them: its addresses are made up, and said nowhere."""


class Act(StrEnum):
    """What happens to a packet at one host."""

    OUT = "out"            # leaves by an interface
    IN = "in"              # comes in by one
    FORWARD = "forward"    # comes in and leaves again
    DNAT = "dnat"
    SNAT = "snat"
    UNDO = "un-nat"        # an answer gets back the addresses that were asked
    REDIRECT = "redirect"  # the sender is told of a shorter way (RFC 1122 §3.3.1.2)
    END = "end"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: at which host, by which interface, the packet as it is then, and what is to be said of it.

    ``gateway`` is the next hop (None: on link), ``row`` the route that chose it,
    ``mac`` the destination MAC - what makes two steps equal or different.
    """

    host: str
    act: Act
    interface: str
    packet: Datagram
    says: str = ""
    gateway: IPAddress | None = None
    mac: str = ""
    row: str = ""

    def __str__(self) -> str:
        ttl = "" if self.packet.ttl == FIRST_TTL else f" ttl {self.packet.ttl}"
        head = f"{self.host:<12} {self.act:<8} {self.interface:<6} {self.packet}{ttl}"
        return f"{head}  {self.says}" if self.says else head

    @property
    def hop(self) -> tuple[str, str, str, str]:
        """What a comparison of two ways looks at: where, what, by which interface, to whom."""
        return self.host, self.act, self.interface, self.mac


@dataclass(frozen=True, slots=True)
class Redirect:
    """A router tells ``to`` that ``destination`` is better reached by ``gateway``; ``obeyed`` if it may be learned."""

    sender: str
    to: str
    destination: IPAddress
    gateway: IPAddress
    obeyed: bool
    by_service: bool      # the translated traffic itself triggers it

    def __str__(self) -> str:
        end = "which may learn it" if self.obeyed else "which ignores it"
        return f"{self.sender} sends a redirect ({self.destination} to {self.gateway}) to {self.to}, {end}"


@dataclass(frozen=True, slots=True)
class Trace:
    """The way of one packet and its end; ``assumed`` holds what the engine had to take for granted."""

    steps: tuple[Step, ...]
    disposition: Disposition
    at: str = ""
    interface: str = ""
    packet: Datagram | None = None
    redirects: tuple[Redirect, ...] = ()
    assumed: frozenset[str] = frozenset()
    reports: str = ""     # what the sender is told (ICMP, RST), empty where nothing is said
    complaint: Datagram | None = None     # the ICMP error that ``at`` then sends, where it sends one

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts on the way, in order."""
        return tuple(dict.fromkeys(step.host for step in self.steps))

    def lines(self) -> tuple[str, ...]:
        """The trace as text, one line a step."""
        end = f"{self.at:<12} {'end':<8} {self.interface:<6} {MEANINGS[self.disposition]}"
        return (*map(str, self.steps), f"{end} ({self.reports})" if self.reports else end)


def first_difference(before: Trace, after: Trace) -> Step | None:
    """The first step of ``after`` that goes another way than ``before``; None where the ways are the same."""
    for old, new in zip(before.steps, after.steps, strict=False):
        if old.hop != new.hop:
            return new
    longer = after.steps[len(before.steps):] or before.steps[len(after.steps):]
    return longer[0] if longer else None
