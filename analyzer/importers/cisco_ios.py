"""Cisco IOS (and Arista EOS): ``ip slb``, ``ip nat`` and ``show ip nat translations``.

ip slb serverfarm WEB
 nat server
 real 10.0.2.11 8080
  inservice
ip slb vserver SHOP
 virtual 203.0.113.10 tcp www
 serverfarm WEB
 inservice
ip nat inside source static tcp 10.0.2.25 25 203.0.113.25 25 extendable

Without ``nat server`` SLB dispatches by MAC address: direct server return, though
through the same device.  ``nat client`` makes it ``full-nat``.
"""

from __future__ import annotations

import re

from analyzer.balance.mapping import Endpoint, Forwarding, IPAddress, Mapping, Protocol
from analyzer.clean import shown
from analyzer.importers._blocks import addresses
from analyzer.importers._braces import Statement
from analyzer.importers._cisco_nat import static
from analyzer.importers._cisco_slb import farms, vserver
from analyzer.importers._indent import statements
from analyzer.importers._rows import Rows
from analyzer.importers._words import misspelt, position

NAME = "cisco-ios"
DESCRIPTION = "Cisco IOS ip slb and ip nat"

_HEAD = re.compile(
    r"^[ \t]*ip (?:slb (?:serverfarm|vserver|natpool) \S|nat (?:inside|outside)[ \t]*$"
    r"|nat (?:inside|outside|source|destination) (?:source|destination|static|dynamic) "
    r"|nat pool \S+ (?:\S+ \S+ )?(?:netmask \d+\.|prefix-length ))"
    r"|^Pro +Inside global", re.MULTILINE)
_TRANSLATION = re.compile(r"(tcp|udp|icmp|---)[ \t]+(\S+)[ \t]+(\S+)[ \t]+---[ \t]+---[ \t]*")
_ACL = re.compile(
    r"(?:permit (?:tcp|udp|ip) \S+(?: \S+)? (?:host )?|permit (?:host )?)(\d+\.\d+\.\d+\.\d+)(?: eq (\S+))?")

_WILDCARD = re.compile(r" (?!0\.0\.0\.0)\d+\.\d+\.")


def sniff(text: str) -> bool:
    """A command of translation or server load balancing."""
    return _HEAD.search(text) is not None


def read(text: str, source: str) -> Mapping:
    """Static translations, rotary pools and server load balancing."""
    rows = Rows(source)
    top = statements(text)
    reader = _Reader(rows, top)
    for number, raw in enumerate(text.split("\n"), 1):
        match = _TRANSLATION.fullmatch(raw.strip())
        if match:
            reader.translation(match, number)
    for one in top:
        reader.line(one)
    for one in [*top, *(child for head in top if head.words[0] == "module" for child in head.body or ())]:
        words = one.words[2:] if one.words[:2] == ["ip", "slb"] else one.words
        if words[:1] == ["vserver"] and len(words) > 1:
            vserver(one, str(words[1]), reader.farms, rows)
    return rows.mapping()


class _Reader:
    """Lines to rows."""

    def __init__(self, rows: Rows, top: list[Statement]) -> None:
        self.rows = rows
        self.farms = farms(top)
        self.interfaces: dict[str, IPAddress] = {}
        self.pools: dict[str, Statement] = {}
        self.lists: dict[str, list[tuple[str, Statement]]] = {}
        for one in top:
            self.declare(one)

    def declare(self, one: Statement) -> None:
        """Interfaces, pools and access lists, which other lines name."""
        match [str(word) for word in one.words]:
            case ["interface", *name]:
                self.interface("".join(name), one)
            case ["ip", "nat", "pool", name, *_]:
                self.pools[name] = one
            case ["ip", "slb", "natpool", _, first, last, *_]:
                for address in addresses(f"{first}-{last}", self.rows, one.line, one.words[4].column, "natpool"):
                    self.rows.own(address)
            case ["access-list", name, *rest]:
                self.lists.setdefault(name, []).append((" ".join(rest), one))
            case ["ip", "access-list", _, name]:
                for child in one.body or ():
                    said = " ".join(word for word in child.words if not word.isdigit())
                    self.lists.setdefault(name, []).append((said, child))

    def interface(self, name: str, one: Statement) -> None:
        """``ip address ADDRESS MASK`` under an interface."""
        for child in one.body or ():
            word = child.words[2] if child.words[:2] == ["ip", "address"] and len(child.words) > 2 else None
            if word is not None and word not in {"dhcp", "negotiated"}:
                found = self.rows.address(word.partition("/")[0], child.line, word.column, "ip address")
                self.rows.own(found)
                if found is not None:
                    self.interfaces.setdefault(name, found)

    def line(self, one: Statement) -> None:
        """A line at the margin, and what Arista writes under its interfaces."""
        words = one.words
        if words[:2] == ["ip", "nat"] and len(words) > 2:
            misspelt(words[2], one.line, ("inside", "outside"), ("pool", "source", "destination"), self.rows.problems)
            if words[3:5] in (["source", "static"], ["destination", "static"]) or words[2:4] == ["source", "static"]:
                static(one, self.rows, self.interfaces)
            elif words[2:5] == ["inside", "destination", "list"] and len(words) > 7 and words[6] == "pool":
                self.rotary(one)
            elif words[2:4] == ["inside", "source"] and "pool" in words[4:-1]:
                self.pool(str(one.words[position(one.words, "pool") + 1]))
        for child in one.body or ():
            if child.words[:4] in (["ip", "nat", "destination", "static"], ["ip", "nat", "source", "static"]):
                static(child, self.rows, self.interfaces)

    def pool(self, name: str) -> None:
        """A pool of source translation: the balancer's own addresses."""
        one = self.pools.pop(name, None)
        if one is not None and len(one.words) > 5:
            first, last = one.words[4:6]
            for address in addresses(f"{first}-{last}", self.rows, one.line, first.column, "pool"):
                self.rows.own(address)

    def rotary(self, one: Statement) -> None:
        """``ip nat inside destination list ACL pool POOL``: TCP connections in turn to the addresses of the pool."""
        listed, pool = self.lists.get(one.words[5], []), self.pools.get(one.words[7])
        if pool is None or not listed:
            self.rows.warn(one.line, f"no {'pool' if pool is None else 'access list'} called "
                                     f"{shown(one.words[7 if pool is None else 5])} in this file")
            return
        if len(pool.words) < 6:
            self.rows.warn(pool.line, f"pool {one.words[7]}: no first and last address in its line")
            return
        reals = [self.rows.real(Endpoint(address), Forwarding.NAT, pool.line) for address in addresses(
            f"{pool.words[4]}-{pool.words[5]}", self.rows, pool.line, pool.words[4].column, f"pool {one.words[7]}")]
        for said, at in listed:
            match = _ACL.match(said)
            if match is None or _WILDCARD.match(said, match.end(1)):
                self.rows.warn(at.line, f"access list {one.words[5]}: {shown(said)} is not one address")
                continue
            address = self.rows.address(match[1], at.line, at.words[-1].column, "access list")
            port = self.rows.named_port(match[2], at.line, at.words[-1].column, "access list") if match[2] else 0
            if address is not None and port is not None:
                self.rows.add(Endpoint(address, port), Protocol.TCP, reals, one.line)

    def translation(self, match: re.Match[str], line: int) -> None:
        """A row of ``show ip nat translations`` without outside address: it is a static one."""
        proto, outside, inside = match.groups()
        ends = []
        for text, column in ((outside, match.start(2)), (inside, match.start(3))):
            host, _, port_text = text.partition(":")
            address = self.rows.address(host, line, column + 1, "translation")
            port = self.rows.port(port_text, line, column + 1, "translation") if port_text and proto != "icmp" else 0
            if address is None or port is None:
                return
            ends.append(Endpoint(address, port))
        for protocol in Protocol if proto == "---" else [Protocol(proto)]:
            self.rows.add(ends[0], protocol, [self.rows.real(ends[1], Forwarding.NAT, line)], line)
