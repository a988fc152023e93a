"""From a finding and the evidence behind it to the Situation that a remedy is planned from."""

from __future__ import annotations

from collections.abc import Mapping as Dict

from analyzer.balance.mapping import Endpoint, Forwarding, IPAddress, Mapping, Protocol
from analyzer.diagnose.evidence import Evidence, Row
from analyzer.diagnose.finding import Cause, Finding
from analyzer.diagnose.frames import attempt_row
from analyzer.diagnose.judge import Group
from analyzer.network.host import Host, IPNetwork, System
from analyzer.remedy.direct_return import CAUSES, real_server
from analyzer.remedy.guess import guess
from analyzer.remedy.product import names_of, product_of
from analyzer.remedy.situation import Situation, interface_or_unknown
from analyzer.remedy.told import offending_route, path_mtu
from analyzer.tables import TCP, UDP


def situation(
    found: Finding, group: Group, evidence: Evidence, mapping: Mapping, hosts: Dict[str, Host],
) -> Situation | None:
    """What is known about one finding's hosts; ``None`` where not even the real server is."""
    row = attempt_row(group.attempts[0], evidence)
    ip = evidence.book.ip
    if found.cause in CAUSES:
        real = real_server(found.cause, row, evidence, mapping, hosts)
        row |= {"real": None if real is None else evidence.book.intern(real.address.packed), "forwarding": "direct"}
    else:
        real = None if row["real"] is None else Endpoint(ip(row["real"]), int(row["real_port"]))
    if real is None:
        return None
    clients = tuple(sorted({ip(int(r["client"])) for r in _clients(group, evidence)}, key=int))
    server = _host_of(real.address, hosts)
    macs = _balancer_macs(row, evidence, found.cause)
    inside = _inside(row, real.address, macs, evidence, mapping)
    balancer = _host_of(inside, hosts)
    lan = _lan(real.address, server)
    virtual = Endpoint(ip(row["virtual"]), int(row["virtual_port"])) if row["virtual"] else None
    protocol = Protocol(found.real.protocol) if found.real else KIND_PROTOCOL.get(int(row["kind"]), Protocol.TCP)
    system, doubt = _system(row, server, evidence)
    hop_mac = evidence.book.text(row.get("next_hop_mac") or 0) if row.get("went") == "router" else ""
    service_name, real_handle = names_of(mapping, virtual, real, protocol)
    mtu, mtu_origin = path_mtu(found.cause, clients, server, hosts, evidence)
    return Situation(
        cause=found.cause,
        protocol=protocol,
        clients=clients,
        real=real,
        virtual=virtual,
        forwarding=Forwarding(row["forwarding"]) if row["forwarding"] != "none" else Forwarding.NAT,
        balancer_inside=inside,
        balancer_macs=macs,
        balancer_product=product_of(mapping, virtual, protocol),
        balancer_service=service_name,
        balancer_real=real_handle,
        balancer_interface=interface_or_unknown(_interface(inside, balancer)),
        balancer=balancer,
        wrong_next_hop=_address_of(hop_mac, real.address, evidence) if hop_mac else None,
        wrong_next_hop_mac=hop_mac,
        lan=lan,
        lan_origin="given" if lan is not None else "",
        interface=interface_or_unknown(_interface(real.address, server)),
        server=server,
        system=system,
        system_doubt=doubt,
        other_reals=tuple(_other_reals(row, evidence)),
        direct_connections_seen=_direct(row, evidence),
        offending_route=offending_route(found.cause, server, clients, inside),
        duplicate=ip(row["duplicate_ip"]) if row.get("duplicate_ip") else None,
        duplicate_mac=evidence.book.text(row["next_hop_mac"]) if row.get("duplicate_ip") else "",
        path_mtu=mtu,
        path_mtu_origin=mtu_origin,
    )


KIND_PROTOCOL = {TCP: Protocol.TCP, UDP: Protocol.UDP}


def _clients(group: Group, evidence: Evidence) -> list[Row]:
    return evidence.rows(
        "SELECT DISTINCT client FROM attempt WHERE attempt IN (SELECT unnest(?::INTEGER[]))", [list(group.attempts)]
    )


def _host_of(address: IPAddress | None, hosts: Dict[str, Host]) -> Host | None:
    """The given host that owns an address."""
    for host in hosts.values():
        if any(address == own.ip for interface in host.interfaces for own in interface.addresses):
            return host
    return None


def _system(row: Row, server: Host | None, evidence: Evidence) -> tuple[System, str]:
    """The real server's system: given, or guessed from the TTL of its answers, with the doubt."""
    if server is not None and server.system is not System.UNKNOWN:
        return server.system, ""
    seen = evidence.rows("SELECT max(reply_ttl) AS ttl FROM leg WHERE server = ? AND reply_ttl > 0", [row["real"]])
    if seen[0]["ttl"] is None:
        return System.UNKNOWN, "no answer of the server is in the capture"
    return guess(int(seen[0]["ttl"]))


def _interface(address: IPAddress | None, host: Host | None) -> str:
    """The name of the host's interface that holds the address, where its facts were given."""
    if host is None:
        return ""
    return next((i.name for i in host.interfaces for own in i.addresses if own.ip == address), "")


def _lan(address: IPAddress, server: Host | None) -> IPNetwork | None:
    """The subnet of the real server, where its facts were given."""
    if server is None:
        return None
    return next((own.network for i in server.interfaces for own in i.addresses if own.ip == address), None)


def _balancer_macs(row: Row, evidence: Evidence, cause: Cause) -> tuple[str, ...]:
    """The MACs from which the balancer sends to the servers: where the SYN came from, or at the client, went to.

    A direct connection whose replies take the detour came from its client; there the replies show the balancer.
    """
    sights = evidence.rows("SELECT * FROM sight WHERE attempt = ?", [row["attempt"]])
    macs = {int(s["forwarded_src_mac"]) for s in sights if s["forwarded_src_mac"]}
    if cause is Cause.DETOUR_DROPPED:
        macs = {int(row["next_hop_mac"])} if row.get("next_hop_mac") else set()
    elif not macs:
        macs = {int(s["asked_dst_mac"]) for s in sights if s["asked_dst_mac"] and row.get("went") == "client"}
    for mac in tuple(macs):
        macs |= {int(r["other"]) for r in evidence.rows("SELECT other FROM same_hop WHERE mac = ?", [mac])}
    return tuple(sorted(evidence.book.text(mac) for mac in macs))


def _inside(
    row: Row, real: IPAddress, macs: tuple[str, ...], evidence: Evidence, mapping: Mapping,
) -> IPAddress | None:
    """The balancer's address on the servers' link: declared, or claimed by ARP with the balancer's MAC.

    An address that looks like the server's subnet is preferred, and one that is no virtual service.
    """
    services = {service.virtual.address for service in mapping.services}
    claimed = [evidence.book.ip(int(r["ip"])) for r in _owners(macs, evidence)]
    declared = [a for a in mapping.balancers if a.version == real.version and _near(a, real)]
    both = [a for a in declared if a in claimed]
    clients = {evidence.book.ip(int(row["client"]))}
    for choice in (both, declared, [a for a in claimed if a not in services and _near(a, real)],
                   [a for a in claimed if _near(a, real)]):
        usable = [a for a in choice if a.version == real.version and a != real and a not in clients
                  and not a.is_link_local]
        if usable:
            return usable[0]
    return None


def _owners(macs: tuple[str, ...], evidence: Evidence) -> list[Row]:
    ids = [evidence.book.intern(bytes.fromhex(mac.replace(":", ""))) for mac in macs]
    return evidence.rows(
        "SELECT ip FROM owner WHERE claims > 0 AND mac IN (SELECT unnest(?::UINTEGER[])) ORDER BY claims DESC, ip",
        [ids],
    )


def _near(a: IPAddress, b: IPAddress) -> bool:
    """Do two addresses look like one subnet (/24, /64)?  The weakest hint; only used to choose among claimed ones."""
    return a.version == b.version and a.packed[: 3 if a.version == 4 else 8] == b.packed[: 3 if b.version == 4 else 8]


def _address_of(mac: str, real: IPAddress, evidence: Evidence) -> IPAddress | None:
    """Who answers for a MAC on the servers' link."""
    owners = [evidence.book.ip(int(r["ip"])) for r in _owners((mac,), evidence)]
    return next((a for a in owners if a.version == real.version), None)


def _other_reals(row: Row, evidence: Evidence) -> list[IPAddress]:
    rows = evidence.rows(
        "SELECT DISTINCT rip FROM nat WHERE kind = ? AND vip = ? AND vport = ? AND rip <> ? ORDER BY rip",
        [row["kind"], row["virtual"] or 0, row["virtual_port"] or 0, row["real"]],
    )
    return [evidence.book.ip(int(r["rip"])) for r in rows]


def _direct(row: Row, evidence: Evidence) -> int:
    """Connections to the real server that its own link carries without the balancer: what a wide fix could break."""
    rows = evidence.rows(
        "SELECT count(DISTINCT (l.client, l.client_port, l.isn)) AS n FROM leg AS l "
        "WHERE l.server = ? AND l.syn_frame IS NOT NULL "
        "AND EXISTS (SELECT 1 FROM owner AS o WHERE o.ip = l.client AND o.mac = l.syn_src_mac)",
        [row["real"]],
    )
    return int(rows[0]["n"])
