"""What one replayed connection leaves behind in the hosts that it passes: sockets and tracked connections."""

from __future__ import annotations

from dataclasses import dataclass, field

from analyzer.balance.mapping import Endpoint
from analyzer.network.datagram import FourTuple
from analyzer.network.host import IPAddress
from analyzer.network.link import Network
from analyzer.network.tracking import Tracker

Socket = tuple[str, int, FourTuple]
"""(host, protocol, (own address, own port, peer's address, peer's port))"""


@dataclass(slots=True)
class Session:
    """``real`` is the real server that the balancer chose, where the capture shows it.

    ``sockets`` are the connections that hosts opened or accepted: a segment that
    belongs to none of them is refused (RFC 9293 §3.5.2).  ``learned`` are redirects
    that the connection's own packets provoked: (host, destination) -> next hop.
    """

    client: str = ""
    real: Endpoint | None = None
    sockets: set[Socket] = field(default_factory=set)
    trackers: dict[str, Tracker] = field(default_factory=dict)
    learned: dict[tuple[str, IPAddress], IPAddress] = field(default_factory=dict)

    def tracker(self, network: Network, host: str) -> Tracker:
        """The connection table of a host, begun empty."""
        found = self.trackers.get(host)
        if found is None:
            key = "net.netfilter.nf_conntrack_tcp_loose"
            loose = bool(network.stacks[host].switches.global_value(key))
            found = self.trackers[host] = Tracker(loose)
        return found
