"""Everything the captures and the configuration say, as tables that rules can ask.

The configuration of the database (``database``) is locked before the first rule runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analyzer.balance import (
    attempts,
    clocks,
    contradictions,
    echoes,
    flips,
    flood,
    full_nat,
    late,
    learn,
    legs,
    paths,
    vantage,
)
from analyzer.balance.mapping import IPAddress, Mapping, Protocol
from analyzer.diagnose.database import Database
from analyzer.diagnose.database import Row as Row
from analyzer.network.host import Host
from analyzer.tables import CLAIMS, FLOWS, ICMP_ECHO, ICMP_EVENTS, TCP, UDP, AddressBook, Schema, Table, empty

MAY_BE_EMPTY = frozenset({
    "datagram legs", "echo legs", "late found", "late legs", "full_nat", "learned nat", "stalled", "flip", "same_hop",
    "balancer_mac", "way", "watched", "judged", "contradicted", "compared",
})
"""Statements that find nothing in many captures: planning one costs more than running it."""

MANY_FLOWS = 20_000
"""From here on a second thread is worth its start."""

KIND_OF = {Protocol.TCP: TCP, Protocol.UDP: UDP, Protocol.ICMP: ICMP_ECHO}

VIRTUAL_MACS = (
    "00005e0001", "00005e0002",  # VRRP for IPv4 and IPv6 (RFC 9568 §7.3)
    "00000c07ac",                # HSRP version 1
    "00000c9ff",                 # HSRP version 2 (the last 12 bits are the group)
    "000573a0",                  # HSRP version 2 for IPv6
    "0007b400",                  # GLBP
)
"""Beginnings of the MACs that first-hop redundancy protocols share between routers."""

STATEMENTS = (
    ("leg", legs.LEG),
    ("datagram legs", legs.DATAGRAM_LEG),
    ("echo legs", echoes.ECHO_LEG),
    ("late", late.LATE),
    ("late found", late.FOUND),
    ("late legs", late.LATE_LEG),
    ("inside", full_nat.INSIDE),
    ("plain_isn", learn.ISN_REUSED),
    ("full_nat", full_nat.FULL_NAT),
    ("renamed", full_nat.RENAMED),
    ("pair", learn.PAIR),
    ("learned nat", learn.LEARNED_NAT),
    ("support", learn.DECLARED_SUPPORT),
    ("attempt", attempts.ATTEMPT),
    ("stalled", attempts.STALLED),
    ("flip", flips.FLIP),
    ("kept", attempts.KEPT),
    ("sight", attempts.SIGHT),
    ("owner", paths.OWNER),
    ("same_hop", paths.SAME_HOP),
    ("balancer_mac", paths.BALANCER_MAC),
    ("way", paths.WAY),
    ("watched", paths.WATCHED),
    ("judged", paths.JUDGED),
    ("contradiction", contradictions.CONTRADICTION),
    ("contradicted", contradictions.CONTRADICTED),
    ("difference", clocks.DIFFERENCE),
    ("compared", clocks.COMPARED),
    ("role", vantage.ROLE),
)
"""From flows to what is judged, in order; each builds on those before."""

NAT_COLUMNS = {"kind": "u1", "vip": "u4", "vport": "u2", "rip": "u4", "rport": "u2"}



def _is_group(octets: str) -> bool:
    """Whether an address, in hex, stands for several hosts (RFC 1112 §4, RFC 4291 §2.7, the MACs' group bit)."""
    match len(octets):
        case 8:
            return octets[0] in "ef"
        case 12:
            return octets[1] in "13579bdf"
        case _:
            return octets.startswith("ff")


@dataclass(slots=True)
class Observed:
    """What was read: one table of each kind over all captures, and the book that their ids mean."""

    flows: Sequence[Table]
    claims: Sequence[Table]
    icmp: Sequence[Table]
    book: AddressBook
    mapping: Mapping = field(default_factory=Mapping)
    vantages: Sequence[str] = ()   # by capture: the name that the user gave the capture point, else ""
    hosts: Sequence[Host] = ()     # what hosts say of themselves
    refused: Sequence[tuple[IPAddress, IPAddress]] = ()   # (real server, client): known to be dropped on arrival
    memory_bytes: int = 0          # what the database may take; 0 = its own choice
    spill_folder: str = ""         # where it puts what does not fit


class Evidence(Database):
    """The tables, loaded; ``rows`` asks them.

    ``unfollowed`` is the number of unanswered attempts that were left out (``balance.flood``).
    """

    def __init__(self, observed: Observed) -> None:
        self.book = observed.book
        flows, self.unfollowed = flood.thinned(observed.flows, observed.icmp, flood.MOST_UNANSWERED)
        large = sum(len(table["flow"]) for table in flows) > MANY_FLOWS
        super().__init__(observed.memory_bytes, observed.spill_folder, threads=2 if large else 1)
        self._load("flow", FLOWS, flows)
        self._load("claim", CLAIMS, observed.claims)
        self._load("icmp", ICMP_EVENTS, observed.icmp)
        self._load_points(observed.vantages)
        self._load_mapping(observed.mapping)
        self._load_own_facts(observed.hosts)
        self._load_tracked(observed.hosts)
        self._load_addresses()
        self.lock()
        self._build(observed)
        self._load_refused(observed)
        self.clocks = clocks.compare(self.rows("SELECT * FROM difference ORDER BY a, b, bucket"))

    def _build(self, observed: Observed) -> None:
        """Runs ``STATEMENTS``, but for those that find nothing by what they are for."""
        needless = set() if len(observed.vantages) > 1 else {"compared"}
        if not observed.mapping.services:
            needless |= {"support", "contradicted"}
        for name, statement in STATEMENTS:
            if name in needless or (name == "renamed" and self.is_empty("full_nat")):
                continue
            more = attempts.KEPT_IF_ANY if name == "kept" else ()
            self.run(" UNION ".join([statement, *(each for each in more if not self.gives_nothing(each))]),
                     spare=name in MAY_BE_EMPTY)

    def _load(self, name: str, schema: Schema, tables: Sequence[Table]) -> None:
        if not tables:
            table = empty(schema)
        elif len(tables) == 1:
            table = dict(tables[0])
        else:
            table = {column: np.concatenate([t[column] for t in tables]) for column in schema}
        self.show(name, table)

    def _load_points(self, vantages: Sequence[str]) -> None:
        """``role`` is what the user's name for a capture point says; empty = not declared."""
        self.fill("point", "capture USMALLINT, vantage VARCHAR, role VARCHAR",
                  [(number, name, vantage.declared_role(name)) for number, name in enumerate(vantages)])

    def _load_mapping(self, mapping: Mapping) -> None:
        columns = ("kind UTINYINT, vip UINTEGER, vport USMALLINT, rip UINTEGER, rport USMALLINT, forwarding VARCHAR, "
                   "origin VARCHAR, source VARCHAR, support BIGINT")
        self.fill("nat", columns, [
            (KIND_OF[service.protocol], self.id_of(service.virtual.address), service.virtual.port,
             self.id_of(real.endpoint.address), real.endpoint.port or service.virtual.port,
             real.forwarding.value, "declared", str(real.origin), 0)
            for service in mapping.services
            for real in service.reals
        ])
        addresses = dict.fromkeys([*mapping.balancers, *(s.virtual.address for s in mapping.services)])
        self.fill("balancer", "ip UINTEGER", [(self.id_of(address),) for address in addresses])

    def _load_own_facts(self, hosts: Sequence[Host]) -> None:
        """``own_facts``: addresses and MACs of the hosts whose facts were given."""
        pairs = []
        for host in hosts:
            for interface in host.interfaces:
                octets = bytes.fromhex(interface.mac.replace(":", "")) if interface.mac else b""
                if any(octets):
                    pairs += [(self.id_of(own.ip), self.book.intern(octets)) for own in interface.addresses]
        self.fill("own_facts", "ip UINTEGER, mac UINTEGER", pairs)

    def _load_tracked(self, hosts: Sequence[Host]) -> None:
        """``tracked``: what the hosts' own connection tracking says became of a dialled connection."""
        rows: list[tuple[Any, ...]] = []
        if hosts:
            from analyzer.diagnose.host_facts import translated_connections  # noqa: PLC0415 - the forwarding engine

            rows = [
                (kind, self.id_of(client), port, self.id_of(vip), vport, self.id_of(rip), rport, replied)
                for kind, client, port, vip, vport, rip, rport, replied in translated_connections(hosts)
            ]
        self.fill("tracked", "kind UTINYINT, client UINTEGER, client_port USMALLINT, vip UINTEGER, vport USMALLINT, "
                  "rip UINTEGER, rport USMALLINT, replied BOOLEAN", rows)

    def _load_refused(self, observed: Observed) -> None:
        """``refused``: pairs of real server and client whose requests the real server's own facts say it drops."""
        pairs = list(observed.refused)
        if observed.hosts:
            from analyzer.diagnose.host_facts import refused_by_reverse_path  # noqa: PLC0415 - the forwarding engine

            rows = self.rows("SELECT DISTINCT real, client FROM judged WHERE real IS NOT NULL")
            asked = [(self.book.ip(int(r["real"])), self.book.ip(int(r["client"]))) for r in rows]
            pairs += refused_by_reverse_path(observed.hosts, asked)
        self.fill("refused", "real UINTEGER, client UINTEGER",
                  [(self.id_of(real), self.id_of(client)) for real, client in pairs])

    def _load_addresses(self) -> None:
        """``net`` is the /24 or /64 that the address would be in: the weakest of hints, used last."""
        packed = self.book.packed
        rows = len(packed)
        hexes = [p.hex() for p in packed]
        table: dict[str, Any] = {
            "id": np.arange(rows, dtype="u4"),
            "net": np.array([h[:6] if len(h) == 8 else h[:16] if len(h) == 32 else "" for h in hexes], dtype=object),
            "virtual_mac": np.array([len(h) == 12 and h.startswith(VIRTUAL_MACS) for h in hexes], dtype=bool),
            "unspecified": np.array([not h.strip("0") for h in hexes], dtype=bool),
            "group_address": np.array([_is_group(h) for h in hexes], dtype=bool),
        }
        self.show("address_columns", table)
        self.run("CREATE TABLE address AS SELECT * FROM address_columns")

    def id_of(self, address: IPAddress) -> int:
        """The id of an address, interned if it is new."""
        return self.book.intern(address.packed)
