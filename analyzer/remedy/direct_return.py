"""Which real server a fault of direct server return is about: nothing is translated, so no packet names it.

It is the declared real server with the MAC address that claims the virtual
address (the ARP problem), or to which the balancer hands the requests that stay
unanswered (the virtual address is missing there).
"""

from __future__ import annotations

from collections.abc import Mapping as Dict

from analyzer.balance.mapping import Endpoint, IPAddress, Mapping
from analyzer.diagnose.evidence import Evidence, Row
from analyzer.diagnose.finding import Cause
from analyzer.network.host import Host
from analyzer.remedy.checks import MAC

CAUSES = (Cause.DSR_ARP, Cause.DSR_VIP_MISSING)


def real_server(
    cause: Cause, row: Row, evidence: Evidence, mapping: Mapping, hosts: Dict[str, Host],
) -> Endpoint | None:
    """The real server that must change, or ``None`` where the packets and the facts leave several."""
    declared = _declared(row, evidence)
    if len(declared) == 1:
        return declared[0]
    balancers = _balancer_macs(row, evidence, mapping)
    macs = _claims(row, balancers, evidence) if cause is Cause.DSR_ARP else _served(row, balancers, evidence)
    known = {real: _macs_of(real.address, evidence, hosts) for real in declared}
    at = [real for real in declared if known[real] & macs]
    unknown = [real for real in declared if not known[real]]
    if at:
        return at[0]
    return unknown[0] if macs and len(unknown) == 1 else None    # all others have another MAC address


def _declared(row: Row, evidence: Evidence) -> list[Endpoint]:
    """The real servers of the virtual service that was dialled."""
    rows = evidence.rows(
        "SELECT DISTINCT rip, rport FROM nat WHERE kind = ? AND vip = ? AND vport = ? "
        "AND forwarding IN ('direct', 'tunnel') ORDER BY rip", [row["kind"], row["virtual"], row["virtual_port"]],
    )
    return [Endpoint(evidence.book.ip(int(r["rip"])), int(r["rport"])) for r in rows]


def _balancer_macs(row: Row, evidence: Evidence, mapping: Mapping) -> set[int]:
    """Whoever passes requests for the virtual service on, and whoever claims the balancer's own addresses."""
    passing = evidence.rows(
        "SELECT DISTINCT back.asked_src_mac AS mac FROM sight AS front JOIN sight AS back USING (attempt) "
        "JOIN attempt AS a USING (attempt) WHERE a.virtual = ? AND front.asked_dst_mac = back.asked_src_mac",
        [row["virtual"]],
    )
    own = [evidence.book.intern(address.packed) for address in mapping.balancers]
    claimed = evidence.rows("SELECT mac FROM owner WHERE ip IN (SELECT unnest(?::UINTEGER[]))", [own])
    return {int(r["mac"]) for r in (*passing, *claimed) if r["mac"]}


def _claims(row: Row, balancers: set[int], evidence: Evidence) -> set[int]:
    """Who else answers for the virtual address."""
    rows = evidence.rows("SELECT mac FROM owner WHERE ip = ? AND claims > 0", [row["virtual"]])
    return {int(r["mac"]) for r in rows} - balancers


def _served(row: Row, balancers: set[int], evidence: Evidence) -> set[int]:
    """To whom the balancer hands this attempt's requests."""
    rows = evidence.rows("SELECT asked_src_mac, asked_dst_mac FROM sight WHERE attempt = ?", [row["attempt"]])
    return {int(r["asked_dst_mac"]) for r in rows if r["asked_src_mac"] in balancers and r["asked_dst_mac"]} - balancers


def _macs_of(address: IPAddress, evidence: Evidence, hosts: Dict[str, Host]) -> set[int]:
    """The MAC addresses that the packets or the hosts' own facts give to an address."""
    rows = evidence.rows("SELECT mac FROM owner WHERE ip = ?", [evidence.book.intern(address.packed)])
    told = {
        evidence.book.intern(bytes.fromhex(each.mac.replace(":", "")))
        for host in hosts.values() for each in host.interfaces
        if MAC.match(each.mac) and any(own.ip == address for own in each.addresses)
    }
    return told | {int(r["mac"]) for r in rows}
