"""Cisco ASA: object and twice translation of a running-config.

object network web1
 host 10.0.2.11
object network web1
 nat (inside,outside) static 203.0.113.10 service tcp 8080 80
nat (outside,inside) source dynamic any interface destination static shop web1

A twice rule whose source is rewritten too is ``full-nat``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from analyzer.balance.mapping import Endpoint, Forwarding, IPAddress, Mapping, Protocol
from analyzer.clean import shown
from analyzer.importers._braces import Statement
from analyzer.importers._indent import statements
from analyzer.importers._problems import did_you_mean
from analyzer.importers._rows import Rows
from analyzer.importers._words import Word, misspelt

NAME = "cisco-asa"
DESCRIPTION = "Cisco ASA running-config"

_HEAD = re.compile(
    r"^(?::|!)?[ \t]*ASA Version \d|^[ \t]*nat (?:\(\S+,\S+\) )?(?:after-auto |\d+ )?(?:source )?(?:static|dynamic) \S",
    re.MULTILINE)
_PAIR = re.compile(r"\((\S+),(\S+)\)")
_ALL = tuple(Protocol)


@dataclass(slots=True)
class _Known:
    """Objects and interfaces by name."""

    hosts: dict[str, IPAddress] = field(default_factory=dict)
    wider: set[str] = field(default_factory=set)                  # subnets, ranges, names, groups
    services: dict[str, tuple[Protocol, int]] = field(default_factory=dict)
    interfaces: dict[str, IPAddress] = field(default_factory=dict)


def sniff(text: str) -> bool:
    """The version line of an ASA, or one of its translation rules."""
    return _HEAD.search(text) is not None


def read(text: str, source: str) -> Mapping:
    """Static translations of single hosts."""
    rows = Rows(source)
    reader = _Reader(rows)
    found = statements(text)
    for one in found:
        reader.declare(one)
    for one in found:
        if one.words[:2] == ["object", "network"] and len(one.words) > 2:
            for child in one.find("nat"):
                reader.object_rule(str(one.words[2]), child)
        elif one.words[0] == "nat":
            reader.twice_rule(one)
    return rows.mapping()


class _Reader:
    """Statements to rows."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.known = _Known()

    def declare(self, one: Statement) -> None:
        """Objects and interfaces."""
        match [str(word) for word in one.words]:
            case ["interface", *_]:
                name = one.value("nameif")
                for child in one.find("ip"):
                    word = child.words[2] if child.words[1:2] == ["address"] and len(child.words) > 2 else None
                    if word is not None and word not in {"dhcp", "pppoe"}:
                        address = self.rows.address(word, child.line, word.column, "ip address")
                        self.rows.own(address)
                        if name is not None and address is not None:
                            self.known.interfaces[name] = address
            case ["object" | "object-group", "network", name, *_]:
                for child in one.body or ():
                    self.network(name, child, group=one.words[0] == "object-group")
            case ["object", "service", name, *_]:
                for child in one.find("service"):
                    self.service(name, child)

    def network(self, name: str, child: Statement, *, group: bool) -> None:
        """``host ADDRESS`` is what we can use; subnets, ranges, names and groups stand for several."""
        misspelt(child.words[0], child.line, ("host", "subnet", "range"), ("nat",), self.rows.problems)
        if child.words[0] == "host" and len(child.words) > 1 and not group:
            address = self.rows.address(child.words[1], child.line, child.words[1].column, f"object {name}")
            if address is not None:
                self.known.hosts[name] = address
        elif child.words[0] not in {"nat", "description"}:
            self.known.wider.add(name)

    def service(self, name: str, child: Statement) -> None:
        """``service tcp destination eq 80``."""
        match child.words:
            case [_, "tcp" | "udp" as protocol, "source" | "destination", "eq", port, *_]:
                number = self.rows.named_port(port, child.line, port.column, f"object {name}")
                if number is not None:
                    self.known.services[name] = (Protocol(protocol), number)

    def host(self, word: Word, line: int, interface: str) -> IPAddress | None:
        """An object, an address, or the interface's own."""
        if word == "interface":
            if interface not in self.known.interfaces:
                self.rows.warn(line, f"the address of interface {interface or '?'} is not in this file")
            return self.known.interfaces.get(interface)
        if word in self.known.hosts:
            return self.known.hosts[word]
        if word in self.known.wider or word in {"any", "any4", "any6"}:
            self.rows.warn(line, f"left out: {shown(word)} stands for more than one address")
            return None
        if word[0].isdigit() or ":" in word:
            return self.rows.address(word, line, word.column, "nat")
        hint = did_you_mean(word, self.known.hosts)
        self.rows.warn(line, f"no object called {shown(word)} in this file" + (f"; {hint}" if hint else ""))
        return None

    def object_rule(self, name: str, rule: Statement) -> None:
        """``nat (inside,outside) static MAPPED [service tcp REAL MAPPED]`` under an object."""
        words, interface = _after_pair(rule.words[1:])
        if words[:1] != ["static"]:
            if words[:1] not in (["dynamic"], []):
                self.rows.problems.add(rule.line, words[0].column, "static or dynamic", shown(words[0]))
            return
        if len(words) < 2:
            self.rows.problems.add(rule.line, words[0].column, "static ADDRESS or OBJECT", "nothing")
            return
        real = self.host(Word(name, 1), rule.line, "")
        virtual = self.host(words[1], rule.line, interface)
        protocols, ports = _ALL, (0, 0)
        if words[2:3] == ["service"] and len(words) > 5 and words[3] in {"tcp", "udp"}:
            inside = self.rows.named_port(words[4], rule.line, words[4].column, "nat service")
            outside = self.rows.named_port(words[5], rule.line, words[5].column, "nat service")
            protocols, ports = (Protocol(words[3]),), (outside or 0, inside or 0)
        if real is not None and virtual is not None:
            self.add(Endpoint(virtual, ports[0]), Endpoint(real, ports[1]), protocols, rule.line, Forwarding.NAT)

    def twice_rule(self, rule: Statement) -> None:
        """``nat (a,b) source static|dynamic REAL MAPPED [destination static MAPPED REAL] [service ...]``."""
        words, interface = _after_pair(rule.words[1:])
        pair = _PAIR.fullmatch(rule.words[1]) if len(rule.words) > 1 else None
        words = words[1:] if words and (words[0] == "after-auto" or words[0].isdigit()) else words
        if len(words) < 4 or words[0] != "source" or "inactive" in words:
            return
        kind, real, mapped, rest = words[1], words[2], words[3], words[4:]
        if rest[:2] == ["destination", "static"] and len(rest) > 3:
            if rest[2] != rest[3]:
                virtual = self.host(rest[2], rule.line, pair[1] if pair else "")
                server = self.host(rest[3], rule.line, "")
                mode = Forwarding.NAT if kind == "static" and real == mapped else Forwarding.FULL_NAT
                ports = self.ports(rest[4:], rule.line)
                if virtual is not None and server is not None and ports is not None:
                    protocols, outside, inside = ports
                    self.add(Endpoint(virtual, outside), Endpoint(server, inside), protocols, rule.line, mode)
        elif kind == "static" and real != mapped and "unidirectional" not in rest:
            virtual, server = self.host(mapped, rule.line, interface), self.host(real, rule.line, "")
            if virtual is not None and server is not None:
                self.add(Endpoint(virtual), Endpoint(server), _ALL, rule.line, Forwarding.NAT)

    def ports(self, rest: list[Word], line: int) -> tuple[tuple[Protocol, ...], int, int] | None:
        """``service MAPPED REAL`` by the names of service objects."""
        if rest[:1] != ["service"] or len(rest) < 3:
            return _ALL, 0, 0
        outside, inside = self.known.services.get(rest[1]), self.known.services.get(rest[2])
        if outside is None or inside is None:
            self.rows.warn(line, f"left out: service {rest[1]} or {rest[2]} is not one port in this file")
            return None
        return (outside[0],), outside[1], inside[1]

    def add(self, virtual: Endpoint, real: Endpoint, protocols: tuple[Protocol, ...], line: int,
            mode: Forwarding) -> None:
        """One row for each protocol."""
        for protocol in protocols:
            self.rows.add(virtual, protocol, [self.rows.real(real, mode, line)], line)


def _after_pair(words: list[Word]) -> tuple[list[Word], str]:
    """The words behind ``(real,mapped)``, and the second interface of the pair."""
    match = _PAIR.fullmatch(words[0]) if words else None
    return (words[1:], match[2]) if match else (words, "")
