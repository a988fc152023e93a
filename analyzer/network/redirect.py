"""ICMP redirects: who sends one, who obeys (RFC 1122 §3.2.2.2, RFC 4861 §8; KERNEL facts, sections 4 and 9).

The model says "may be learned": the kernel obeys only once it has the new next
hop's MAC, spaces redirects out, and ignores some in short connections.
"""

from __future__ import annotations

from analyzer.network.host import IPAddress, RouteType
from analyzer.network.link import Network
from analyzer.network.passage import Passage
from analyzer.network.route import Forward
from analyzer.network.routing.fib import Errno
from analyzer.network.routing.lookup import Match, Query, look_up
from analyzer.network.stack import Stack
from analyzer.network.trace import Redirect


def provoked(network: Network, host: str, passage: Passage, arrival: Forward) -> Redirect | None:
    """The redirect that forwarding this packet makes ``host`` send; None where it sends none.

    It takes a neighbour's packet that leaves by the interface it came in by.
    Linux's IPv4 connection tracking swallows the redirect of a translated packet;
    IPv6 sends it all the same (seen).
    """
    packet, path = passage.packet, arrival.path
    if path.interface != passage.incoming or not arrival.onlink_source or packet.about is not None:
        return None
    entry = passage.seen.entry
    translated = (entry is not None and entry.translated) or not passage.firewall.stateful
    gateway = path.next_hop(packet.destination)
    if packet.source.version == 4:
        if not network.stacks[host].switches.either("send_redirects", passage.incoming):
            return None
        if entry is not None and entry.translated:
            return None
    for name, port in network.others(host, passage.incoming):
        if network.stacks[name].port_of(packet.source) is not None and gateway != packet.source:
            obeyed = obeys(network.stacks[name], port, packet.destination, gateway)
            return Redirect(host, name, packet.destination, gateway, obeyed, by_service=translated)
    return None


def obeys(stack: Stack, interface: str, destination: IPAddress, gateway: IPAddress) -> bool:
    """Whether the host would take the new next hop, by its switches (KERNEL facts, table in section 4)."""
    if not stack.switches.accepts_redirects(destination.version, interface):
        return False
    if destination.version == 6 or stack.switches.either("shared_media", interface):
        return not stack.owns(gateway)
    if not stack.switches.either("secure_redirects", interface):
        return True
    default = look_up(stack, Query(type(destination)(0)))
    return not isinstance(default, Errno) and default.hop.gateway == gateway


def learn(stack: Stack, destination: IPAddress, gateway: IPAddress, source: IPAddress | None = None) -> bool:
    """Remember the redirect for the row that answers for ``destination`` now; False where none does."""
    found = look_up(stack, Query(destination, source))
    if not isinstance(found, Match) or found.entry.type is not RouteType.UNICAST:
        return False
    stack.learned[found.entry, found.hop, destination] = gateway
    return True
