"""Who is on which link, and the routers and loopback addresses that facts and mapping tell of but nobody saw."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_interface

from analyzer.balance.mapping import Forwarding, Mapping
from analyzer.network.host import Host, Interface, IPAddress, OnLink, Route, Via
from analyzer.network.inference.drafts import Draft
from analyzer.network.inference.outside import Outside
from analyzer.network.inference.owners import Owners
from analyzer.network.link import Port
from analyzer.network.stack import LOOPBACK

ROUTER = {"net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1"}


def wire(made: list[Draft], facts: dict[str, Host], known: Owners) -> dict[str, tuple[Port, ...]]:
    """One link for each group of MACs that exchange frames, and for hosts whose subnets are the same."""
    groups: dict[str, list[Port]] = {}
    for draft in made:
        for interface in facts[draft.name].interfaces if draft.macs else ():
            if interface.name != LOOPBACK and interface.mac:
                groups.setdefault(known.links.find(interface.mac), []).append((draft.name, interface.name))
    names = sorted(groups, key=lambda group: groups[group][0])
    return {f"link{number}": tuple(groups[group]) for number, group in enumerate(names, 1)}


def add_gateways(
    made: list[Draft], facts: dict[str, Host], links: dict[str, tuple[Port, ...]], far: Outside
) -> None:
    """A gateway that a given routing table names and nobody saw is a router with a door to the outside."""
    number = 0
    for draft in [draft for draft in made if draft.given is not None and draft.macs]:
        for route in facts[draft.name].routes:
            for hop in route.next_hops:
                if not isinstance(hop, Via) or any(_has(host, hop.gateway) for host in facts.values()):
                    continue
                interface = next((i for i in facts[draft.name].interfaces if i.name == hop.interface), None)
                if interface is None:
                    continue
                number += 1
                name, length = str(hop.gateway), 24 if hop.gateway.version == 4 else 64
                port = Interface("if0", f"02:fe:00:00:02:{number:02x}", (ip_interface(f"{hop.gateway}/{length}"),))
                connected = Route(port.addresses[0].network, (OnLink("if0"),))
                facts[name] = Host(name, facts[draft.name].system, (port,), (connected,), sysctls=dict(ROUTER),
                                   complete=frozenset({"routes"}))
                link = next(key for key, ports in links.items() if (draft.name, interface.name) in ports)
                links[link] = (*links[link], (name, "if0"))
                far.routers.append(name)


def _has(host: Host, address: IPAddress) -> bool:
    return any(own.ip == address for interface in host.interfaces for own in interface.addresses)


def direct_return(facts: dict[str, Host], made: list[Draft], mapping: Mapping) -> None:
    """Real servers of direct return have the virtual address on their loopback, and keep it to themselves."""
    for each in mapping.services:
        for real in each.reals:
            owner = next((draft.name for draft in made if draft.has(real.endpoint.address)), None)
            if real.forwarding not in (Forwarding.DIRECT, Forwarding.TUNNEL) or owner is None:
                continue
            host = facts[owner]
            if _has(host, each.virtual.address) or "interfaces" in host.complete:
                continue
            own = ip_interface(f"{each.virtual.address}/{each.virtual.address.max_prefixlen}")
            lo = Interface(LOOPBACK, "", (ip_interface("127.0.0.1/8"), ip_interface("::1/128"), own), 65536)
            rest = tuple(interface for interface in host.interfaces if interface.name != LOOPBACK)
            quiet = {"net.ipv4.conf.all.arp_ignore": "1", "net.ipv4.conf.all.arp_announce": "2", **host.sysctls}
            facts[owner] = replace(host, interfaces=(lo, *rest), sysctls=quiet)


