"""Addresses and links: what the kernel adds to the tables by itself, and what it takes away.

Every address brings a local route, every primary one also the connected route
of its prefix and (IPv4) a broadcast route.  Taking an interface down empties the
main table of its routes and only the kernel's own come back (seen).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_network

from analyzer.network.host import LOCAL_TABLE, MAIN_TABLE, IPAddress, IPInterface, RouteType
from analyzer.network.routing.fib import Entry, Errno, Hop, Refusal, Scope, Verb
from analyzer.network.routing.tables import Table, insert, multipath
from analyzer.network.stack import LOOPBACK, Address, Port, Stack

MULTICAST6 = IPv6Network("ff00::/8")
LINK_LOCAL6 = IPv6Network("fe80::/10")
CONNECTED6_METRIC = 256


def add_address(stack: Stack, port: Port, new: Address) -> Refusal | None:
    """Give ``port`` an address, with all that the kernel derives from it."""
    family = new.interface.version
    if family == 4:
        same = [own for own in _of(port, 4) if own.interface.network == new.interface.network]
        if any(own.ip == new.ip for own in same):
            return Refusal(Errno.EEXIST, "ipv4: Address already assigned")
        new = replace(new, secondary=bool(same))
        primaries = [own for own in _of(port, 4) if not own.secondary]
        last = port.addresses.index(primaries[-1]) if primaries else -1
        port.addresses.insert(len(port.addresses) if new.secondary else last + 1, new)
    else:
        if any(own.ip == new.ip for own in port.addresses):
            return Refusal(Errno.EEXIST, "ipv6: address already assigned")
        six = [i for i, own in enumerate(port.addresses) if own.interface.version == 6]
        port.addresses.insert(six[0] if six else len(port.addresses), new)   # the newest is listed first
    for table, entry in derived(port, new):
        insert(stack.table(family, table), entry, Verb.APPEND)   # a twin is already there: fine
    if family == 4:
        _mark(stack, port, dead=False)
    return None


def _of(port: Port, family: int) -> list[Address]:
    return [own for own in port.addresses if own.interface.version == family]


def derived(port: Port, own: Address) -> list[tuple[int, Entry]]:
    """The rows that an address brings, each with its table."""
    if own.interface.version == 6:
        return _derived6(port, own)
    net = own.interface.network
    prime = _primary(port, own).ip
    rows = [(LOCAL_TABLE, _host_route(own.ip, port, RouteType.LOCAL, Scope.HOST, prime))]
    if not port.up:
        return rows
    if not own.secondary and net.prefixlen < 32 and own.prefix_route:
        if port.name == LOOPBACK:
            rows.append((LOCAL_TABLE, _kernel(net, port, RouteType.LOCAL, Scope.HOST, prime)))
        else:
            connected = _kernel(net, port, RouteType.UNICAST, Scope.LINK, prime)
            rows.append((MAIN_TABLE, replace(connected, metric=own.metric)))
    if not own.secondary and net.prefixlen < 31:
        rows.append((LOCAL_TABLE, _host_route(net.broadcast_address, port, RouteType.BROADCAST, Scope.LINK, prime)))
    return rows


def _derived6(port: Port, own: Address) -> list[tuple[int, Entry]]:
    plain = Hop(port.name)
    net = own.interface.network
    rows = [(LOCAL_TABLE, Entry(ip_network(own.ip), (plain,), 0, RouteType.LOCAL, "kernel"))]
    if not port.up:
        return rows
    if own.prefix_route and port.name != LOOPBACK:
        rows.append((MAIN_TABLE, Entry(net, (plain,), own.metric or CONNECTED6_METRIC, RouteType.UNICAST, "kernel")))
    if port.name != LOOPBACK:
        rows.append((LOCAL_TABLE, Entry(MULTICAST6, (plain,), CONNECTED6_METRIC, RouteType.MULTICAST, "kernel")))
    return rows


def _primary(port: Port, own: Address) -> Address:
    if not own.secondary:
        return own
    return next(
        (each for each in port.addresses if not each.secondary and each.interface.network == own.interface.network), own
    )


def _kernel(net: IPv4Network, port: Port, kind: RouteType, scope: Scope, source: IPAddress) -> Entry:
    near = Scope.NOWHERE if scope is Scope.HOST else Scope.HOST
    return Entry(net, (Hop(port.name, scope=near),), 0, kind, "kernel", scope, source)


def _host_route(address: IPAddress, port: Port, kind: RouteType, scope: Scope, source: IPAddress) -> Entry:
    return _kernel(IPv4Network(int(address)), port, kind, scope, source)


def remove_address(stack: Stack, port: Port, wanted: IPInterface) -> Refusal | None:
    """Take an address off ``port``; the last primary of a subnet takes its secondaries along."""
    own = next((each for each in port.addresses if each.interface == wanted), None)
    if own is None:
        word = "Address" if wanted.version == 4 else "address"
        return Refusal(Errno.EADDRNOTAVAIL, f"ipv{wanted.version}: {word} not found")
    going, heir = [own], None
    if own.interface.version == 4 and not own.secondary:
        net = own.interface.network
        followers = [each for each in _of(port, 4) if each.secondary and each.interface.network == net]
        if not stack.switches.either("promote_secondaries", port.name):
            going += followers
        elif followers:
            heir = replace(followers[0], secondary=False)
            port.addresses[port.addresses.index(followers[0])] = heir
    port.addresses = [each for each in port.addresses if each not in going]
    _settle(stack, port, [each.ip for each in going], wanted.version)
    for each in _of(port, wanted.version):
        for number, entry in derived(port, each):
            if number == LOCAL_TABLE or each == heir:      # a connected route that a person replaced stays replaced
                insert(stack.table(wanted.version, number), entry, Verb.APPEND)
    return None


def _settle(stack: Stack, port: Port, gone: list[IPAddress], family: int) -> None:
    """Drop what the kernel derived from lost addresses, and routes that named one of them as their source."""
    own = _of(port, family)
    keep = {(table, entry.destination, entry.type) for each in own for table, entry in derived(port, each)}
    lost = {address for address in gone if stack.port_of(address) is None}

    def goes(number: int, entry: Entry) -> bool:
        on_port = any(hop.interface == port.name for hop in entry.hops)
        if entry.protocol == "kernel":
            return on_port and (number, entry.destination, entry.type) not in keep
        only_here = bool(entry.hops) and all(hop.interface == port.name for hop in entry.hops)
        return entry.source in lost or (family == 4 and not own and only_here)

    for (version, number), table in stack.tables.items():
        if version == family:
            table.discard(partial(goes, number))
    if family == 4 and not own:
        _mark(stack, port, dead=True)


def _mark(stack: Stack, port: Port, *, dead: bool) -> None:
    """A multipath route outlives one of its interfaces: that next hop is dead until the interface has an address."""
    for (family, _), table in stack.tables.items():
        for row in table.rows.values() if family == 4 else ():
            row[:] = [
                replace(entry, hops=tuple(
                    replace(hop, dead=dead) if hop.interface == port.name else hop for hop in entry.hops
                )) if len(entry.hops) > 1 else entry
                for entry in row
            ]


def take_down(stack: Stack, port: Port) -> None:
    """``ip link set DEV down``: the interface's routes go, local IPv4 addresses stay answerable."""
    if not port.up:
        return
    port.up = False
    for (family, _), table in stack.tables.items():
        dying = [entry for row in table.rows.values() for entry in row if _dies(port.name, family, entry)]
        if family == 6:
            dying = _without_living_siblings(stack, table, dying)
        table.discard(dying.__contains__)
    if not _keeps_ipv6(stack):
        port.addresses = [own for own in port.addresses if own.interface.version == 4 or own.ip.is_link_local]


def _dies(interface: str, family: int, entry: Entry) -> bool:
    """All next hops of the row were on ``interface``; IPv4 keeps what leads to its own addresses."""
    stays = {Scope.NOWHERE} if family == 4 else set()
    return bool(entry.hops) and all(hop.interface == interface and hop.scope not in stays for hop in entry.hops)


def _without_living_siblings(stack: Stack, table: Table, dying: list[Entry]) -> list[Entry]:
    """IPv6 keeps a dead row of a multipath group while another of the group lives; the last takes all along."""
    gone: list[Entry] = []
    for entry in dying:
        group = [other for other in table.row(entry) if other.metric == entry.metric and multipath(other)]
        living = [other for other in group if stack.ports[other.hops[0].interface].up]
        if not multipath(entry) or not living:
            gone += [entry, *(other for other in group if multipath(entry))]
    return gone


def _keeps_ipv6(stack: Stack) -> bool:
    return stack.switches.values.get("net.ipv6.conf.all.keep_addr_on_down", 0) > 0


def bring_up(stack: Stack, port: Port) -> None:
    """``ip link set DEV up``: what the addresses bring comes back, what a person added does not."""
    if port.up:
        return
    port.up = True
    for own in port.addresses:
        for table, entry in derived(port, own):
            insert(stack.table(own.interface.version, table), entry, Verb.APPEND)
