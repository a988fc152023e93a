"""The ways out where the fault sits on the link itself: neighbours, duplicates, prefix lengths, direct return."""

from __future__ import annotations

from analyzer.network.host import IPAddress, Via
from analyzer.remedy import caveats
from analyzer.remedy.alternative import Alternative, Kind
from analyzer.remedy.alternatives import NO_BALANCER_ADDRESS
from analyzer.remedy.change import (
    AddressAddition,
    AddressRemoval,
    Change,
    NeighborFlush,
    SwitchChange,
)
from analyzer.remedy.foreseen import removal
from analyzer.remedy.policy import connection_mark
from analyzer.remedy.situation import Situation, interface_or_unknown

LOOPBACK = "lo"


def neighbor_flush(s: Situation) -> Alternative | None:
    """The server forgets the MAC address of the node that is gone."""
    gateway = s.balancer_inside
    changes: tuple[Change, ...] = (NeighborFlush(gateway, s.interface),) if gateway is not None else ()
    return Alternative(
        Kind.NEIGHBOR_FLUSH, "Forget the old node's MAC address", str(s.real.address), changes,
        why="The server still sends to the MAC address of the node that was active before; once forgotten, it asks "
            "again and learns the active one. Nothing is configured, so nothing has to be undone.",
        caveats=(("If it comes back after the next failover, the new active node sends no gratuitous ARP "
                 "(unsolicited neighbour advertisement), or a switch does not let it through."),
                 *caveats.common(s)),
        blast=5, missing=() if changes else (NO_BALANCER_ADDRESS,),
    )


def remove_route(s: Situation) -> Alternative | None:
    """The more specific route goes; what it was made for goes with it."""
    route = s.offending_route
    if route is None or len(route.next_hops) != 1 or not isinstance(route.next_hops[0], Via):
        return None
    hop = route.next_hops[0]
    way = Via(hop.gateway, interface_or_unknown(hop.interface))
    return Alternative(
        Kind.REMOVE_ROUTE, f"Remove the route {route.destination} via {hop.gateway}", str(s.real.address),
        (removal(route, way),),
        why=f"The longest prefix wins: {route.destination} via {hop.gateway} ({route.origin}) draws the replies away "
            "from the balancer. Without it the shorter route decides, which must lead to the balancer.",
        caveats=(("Somebody put it there: everything else in this prefix changes its way as well, and a routing daemon "
                 "or a network manager may put it back."),
                 *caveats.common(s)),
        blast=45,
    )


def mark_instead_of_route(s: Situation) -> Alternative | None:
    """Direct connections that a wide route bends through the balancer: the route goes, a mark takes its place."""
    marked, removed = connection_mark(s), remove_route(s)
    if marked is None:
        return None
    missing = marked.missing or (() if removed is not None else (NO_BENDING_ROUTE,))
    changes = () if missing or removed is None else (*marked.changes, *removed.changes)
    return Alternative(
        Kind.CONNECTION_MARK, "Mark the balancer's connections instead of routing the whole subnet",
        str(s.real.address), changes,
        why="A route by destination cannot tell a direct connection from a balanced one; the mark can. First the mark "
            "is set, then the wide route is removed, so that no connection of the service is lost in between.",
        caveats=marked.caveats, blast=25, missing=missing,
    )


NO_BENDING_ROUTE = "the server's route that bends the replies (its `ip route show`)"


def remove_duplicate(s: Situation) -> Alternative | None:
    """The host that must not have the address gives it up."""
    if s.duplicate is None:
        return None
    owner = f"the host with MAC {s.duplicate_mac}" if s.duplicate_mac else "the host that must not have it"
    return Alternative(
        Kind.REMOVE_DUPLICATE, f"Take {s.duplicate} off {owner}", s.duplicate_mac or str(s.duplicate),
        (AddressRemoval(s.duplicate, None, ""),),
        why="Two hosts answer for one address, and the reply goes to whoever answered last: no route mends that.",
        caveats=(f"Run it on {owner}, not on the balancer: compare the MAC address that the check prints.",
                 "Remove it from that host's configuration as well, or it returns with the next start.",
                 f"Afterwards, on each server: ip neigh flush to {s.duplicate}"),
        blast=10,
    )


def prefix_length(s: Situation) -> Alternative | None:
    """The server's prefix length is corrected, so that the client is no longer taken for a neighbour."""
    wrong = _own_prefix(s, s.real.address)
    if s.lan is None or wrong is None or wrong == s.lan.prefixlen:
        return None
    return Alternative(
        Kind.PREFIX_LENGTH, f"Correct the prefix length of {s.real.address} from /{wrong} to /{s.lan.prefixlen}",
        str(s.real.address),
        (AddressAddition(s.real.address, s.lan.prefixlen, s.interface),
         AddressRemoval(s.real.address, wrong, s.interface)),
        why=f"With /{wrong} the server takes the clients for neighbours and answers them directly. The right prefix is "
            "added before the wrong one is taken away, so the address never disappears.",
        caveats=("Routes whose next hop lies outside the corrected subnet stop working.",
                 "Correct it in the server's configuration as well, or it returns with the next start.",
                 *caveats.common(s)),
        blast=35,
    )


def arp_settings(s: Situation) -> Alternative | None:
    """A real server for direct return keeps silent about the virtual address (Linux, IPv4)."""
    if s.version == 6:
        return None
    return Alternative(
        Kind.ARP_SETTINGS, "Do not answer ARP for the virtual address on the real server", str(s.real.address),
        _arp_switches(s),
        why="arp_ignore=1 answers only for addresses of the interface that was asked; alone it is not enough, because "
            "the server's own requests would still announce the virtual address: arp_announce=2 stops that.",
        caveats=(("On the clients and the router the wrong entry stays until it expires: flush it there, or let the "
                 "balancer send a gratuitous ARP."),
                 "The virtual address must not be on the interface itself, but on lo or a dummy interface."),
        blast=15,
    )


def vip_on_loopback(s: Situation) -> Alternative | None:
    """A real server for direct return must own the virtual address, silently."""
    if s.virtual is None or s.virtual.address.version != s.version:
        return None
    address = AddressAddition(s.virtual.address, s.virtual.address.max_prefixlen, LOOPBACK)
    return Alternative(
        Kind.VIP_ON_LOOPBACK, f"Give the real server the virtual address {s.virtual.address}, on lo",
        str(s.real.address), (*(_arp_switches(s) if s.version == 4 else ()), address),
        why="In direct return the packet arrives with the virtual address as its destination; a host drops what is not "
            "addressed to it. The ARP settings come first, so that the address is never announced.",
        caveats=("The service must listen on the virtual address (or on every address).",),
        blast=15,
    )


def _arp_switches(s: Situation) -> tuple[Change, ...]:
    return (SwitchChange("arp_ignore", 1, s.interface, 4), SwitchChange("arp_announce", 2, s.interface, 4))


def _own_prefix(s: Situation, address: IPAddress) -> int | None:
    """The prefix length that the server itself gives its address, where its own output says so."""
    if s.server is None:
        return None
    own = (a for i in s.server.interfaces for a in i.addresses if a.ip == address)
    return next((a.network.prefixlen for a in own), None)
