"""Junos: destination and static NAT of an SRX, as ``set`` lines or in braces.

set security nat destination pool web address 10.0.2.11/32 port 8080
set security nat destination rule-set in rule shop match destination-address 203.0.113.10/32
set security nat destination rule-set in rule shop match destination-port 80
set security nat destination rule-set in rule shop then destination-nat pool web
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from analyzer.balance.mapping import Endpoint, Forwarding, IPAddress, Mapping, Protocol
from analyzer.clean import shown
from analyzer.importers._curly import paths
from analyzer.importers._problems import did_you_mean
from analyzer.importers._rows import MOST_PORTS, Rows
from analyzer.importers._words import Word, misspelt

NAME = "juniper"
DESCRIPTION = "Junos security nat"

_HEAD = re.compile(r"^set security nat (?:destination|static|source|proxy-arp)\b|^security[ \t]*\{", re.MULTILINE)
_ALL = tuple(Protocol)


@dataclass(slots=True)
class _Rule:
    """What a rule matches and does, word by word."""

    line: int
    match: dict[str, list[tuple[Word, ...]]] = field(default_factory=dict)
    then: list[tuple[tuple[Word, ...], int]] = field(default_factory=list)


def sniff(text: str) -> bool:
    """The hierarchy of translation."""
    return _HEAD.search(text) is not None


def read(text: str, source: str) -> Mapping:
    """Rules of destination and static translation that name single addresses."""
    reader = _Reader(Rows(source))
    for path in paths(text, reader.rows.problems):
        nat = path.after("security", "nat")
        if nat is not None and len(nat) > 2:
            reader.nat(nat, path.line)
        book = path.below("address-book", "global", "address") or path.below("address-book", "address")
        if book is not None and len(book) > 1:
            reader.names[book[0]] = book[1]
        family = path.below("family", "inet", "address") or path.below("family", "inet6", "address")
        if path.words[0] == "interfaces" and family:
            reader.rows.own(reader.address(family[0], path.line, "interface"))
    reader.end()
    return reader.rows.mapping()


class _Reader:
    """Paths to rows."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.names: dict[str, Word] = {}
        self.pools: dict[str, tuple[list[Word], int]] = {}
        self.rules: dict[tuple[str, str, str], _Rule] = {}

    def address(self, word: Word, line: int, what: str) -> IPAddress | None:
        """``ADDRESS[/PREFIX]`` as one address."""
        return self.rows.address(word.partition("/")[0], line, word.column, what)

    def nat(self, words: Sequence[Word], line: int) -> None:
        """``destination pool ...``, ``destination|static rule-set ... rule ...``."""
        kind = words[0]
        misspelt(kind, line, ("destination", "static", "source"), ("proxy-arp",), self.rows.problems)
        if kind == "destination" and words[1] == "pool":
            pool = self.pools.setdefault(words[2], ([], line))
            pool[0].extend(words[3:])
        elif words[1] == "rule-set" and len(words) > 5 and words[3] == "rule":
            rule = self.rules.setdefault((str(kind), str(words[2]), str(words[4])), _Rule(line))
            if words[5] == "match" and len(words) > 7:
                rule.match.setdefault(words[6], []).append(tuple(words[7:]))
            elif words[5] == "then" and len(words) > 6:
                rule.then.append((tuple(words[6:]), line))
            elif words[5] not in {"match", "then", "description", "apply-groups", "inactive:"}:
                self.rows.problems.add(line, words[5].column, "match or then", shown(words[5]),
                                       did_you_mean(words[5], ["match", "then"]))

    def end(self) -> None:
        """All settings are there."""
        for (kind, _, name), rule in self.rules.items():
            if kind != "source":
                self.rule(name, rule)

    def rule(self, name: str, rule: _Rule) -> None:
        """One rule."""
        what = f"rule {name}"
        target = self.target(rule, what)
        addresses = [found for words in rule.match.get("destination-address", []) for word in words
                     if (found := self.single(word, word.line, what)) is not None]
        addresses += [found for words in rule.match.get("destination-address-name", []) for word in words
                      if (found := self.named(word, word.line, what)) is not None]
        ports = self.ports(rule, what)
        if target is None:
            return
        if "destination-address" not in rule.match and "destination-address-name" not in rule.match:
            self.rows.warn(rule.line, f"{what}: every destination, not one address")
        said = [word for words in rule.match.get("protocol", []) for word in words]
        protocols = tuple(Protocol(word) for word in said if word in {"tcp", "udp", "icmp"}) if said else _ALL
        for address in addresses:
            for port in ports:
                for protocol in protocols:
                    if protocol is not Protocol.ICMP or (not port and not target.port):
                        row = self.rows.real(target, Forwarding.NAT, rule.then[-1][1])
                        self.rows.add(Endpoint(address, port), protocol, [row], rule.line, name)

    def ports(self, rule: _Rule, what: str) -> list[int]:
        """``destination-port 80`` or ``80 to 90``; 0 where there is none."""
        found: list[int] = []
        for words in rule.match.get("destination-port", []):
            text = "-".join([words[0], *words[2:3]]) if words[1:2] == ("to",) else str(words[0])
            found += self.rows.ports(text, words[0].line, words[0].column, what)
        return found[:MOST_PORTS] if "destination-port" in rule.match else [0]

    def single(self, word: Word, line: int, what: str) -> IPAddress | None:
        """One address; a network is said and left out."""
        host, slash, prefix = word.partition("/")
        if slash and prefix not in {"32", "128"}:
            self.rows.warn(line, f"{what}: {word} is a network, not one address")
            return None
        return self.rows.address(host, line, word.column, what)

    def named(self, word: Word, line: int, what: str) -> IPAddress | None:
        """An entry of the address book."""
        if word not in self.names:
            self.rows.warn(line, f"{what}: no address called {shown(word)} in this file")
            return None
        return self.single(self.names[word], line, what)

    def target(self, rule: _Rule, what: str) -> Endpoint | None:
        """``destination-nat pool P`` or ``static-nat prefix A [mapped-port N]``."""
        for words, line in reversed(rule.then):
            if words[:2] == ("destination-nat", "pool") and len(words) > 2:
                if words[2] not in self.pools:
                    self.rows.warn(line, f"{what}: no pool called {shown(words[2])} in this file")
                    return None
                options, at = self.pools[words[2]]
                return self.host(options, at, f"pool {words[2]}", "port")
            if words[:2] == ("static-nat", "prefix") and len(words) > 2:
                return self.host([Word("address", 1), *words[2:]], line, what, "mapped-port")
        if rule.then and rule.then[-1][0][-1] != "off":
            self.rows.warn(rule.line, f"{what}: left out, {' '.join(rule.then[-1][0])} is not one address")
        return None

    def host(self, options: Sequence[Word], line: int, what: str, port_key: str) -> Endpoint | None:
        """``address A [to B] [port N]``."""
        found: dict[str, Word] = {}
        for key, value in pairwise(options):
            found.setdefault(key, value)
        if "to" in found and found.get("address") is not None:
            self.rows.warn(line, f"{what}: left out, a range of addresses")
            return None
        word = found.get("address")
        address = self.single(word, line, what) if word is not None else None
        number = found.get(port_key)
        port = self.rows.port(number, line, number.column, what) if number is not None else 0
        return None if address is None or port is None else Endpoint(address, port)
