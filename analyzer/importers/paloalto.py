"""PAN-OS: NAT rules with destination translation, as configuration or as ``show running nat-policy``.

rulebase { nat { rules {
  shop {
    destination 203.0.113.10; service service-http;
    destination-translation { translated-address web1; translated-port 8080; }
  }
} } }

A rule that translates the source as well is ``full-nat``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from analyzer.balance.mapping import Endpoint, Forwarding, IPAddress, Mapping, Protocol
from analyzer.clean import shown
from analyzer.importers._curly import paths
from analyzer.importers._rows import MOST_PORTS, Rows
from analyzer.importers._words import Word

NAME = "paloalto"
DESCRIPTION = "PAN-OS NAT rules or show running nat-policy"

_HEAD = re.compile(
    r"^[ \t]*(?:pre-|post-)?rulebase[ \t]*\{|^set [^\n]*rulebase nat rules |^[ \t]*nat-type ipv[46];"
    r"|^[ \t]*translate-to ", re.MULTILINE)
_SHOWN = re.compile(r"dst: ([0-9A-Fa-f.:]+?)(?::(\d+))?(?:[ (].*)?$")
_SERVICE = re.compile(r"(?:\d+:)?(tcp|udp|any)/[^/]*/(\d+|any)")
_PREDEFINED = {"service-http": ((Protocol.TCP, 80), (Protocol.TCP, 8080)), "service-https": ((Protocol.TCP, 443),)}


@dataclass(slots=True)
class _Rule:
    """What a rule says, key by key."""

    line: int
    said: dict[str, list[Word]] = field(default_factory=dict)


def sniff(text: str) -> bool:
    """A rule base, or the listing of its NAT policy."""
    return _HEAD.search(text) is not None


def read(text: str, source: str) -> Mapping:
    """Rules whose destination is translated."""
    reader = _Reader(Rows(source))
    for path in paths(text, reader.rows.problems):
        inside = path.below("nat", "rules")
        if inside is None and "translate-to" in text and len(path.words) > 1:
            inside = path.words    # show running nat-policy: NAME { ... }
        address, service = path.below("address"), path.below("service")
        if inside is not None and len(inside) > 2:
            rule = reader.rules.setdefault(inside[0], _Rule(path.line))
            keys = 2 if inside[1].endswith("-translation") else 1
            rule.said.setdefault(" ".join(inside[1 : 1 + keys]), []).extend(inside[1 + keys :])
        elif address is not None and len(address) > 2:
            reader.addresses.setdefault(address[0], (address[1], address[2], path.line))
        elif service is not None and len(service) > 4 and service[1] == "protocol" and service[3] == "port":
            reader.services.setdefault(service[0], (service[2], service[4], path.line))
    for name, rule in reader.rules.items():
        reader.rule(name, rule)
    return reader.rows.mapping()


class _Reader:
    """Rules to rows."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.addresses: dict[str, tuple[Word, Word, int]] = {}
        self.services: dict[str, tuple[Word, Word, int]] = {}
        self.rules: dict[str, _Rule] = {}

    def host(self, word: Word, line: int, what: str) -> IPAddress | None:
        """An address, or an address object of one host."""
        kind, value, at = self.addresses.get(word, (Word("ip-netmask", 1), word, line))
        host, slash, prefix = value.partition("/")
        if kind != "ip-netmask" or (slash and prefix not in {"32", "128"}):
            self.rows.warn(line, f"{what}: {shown(word)} is not one address")
            return None
        return self.rows.address(host, at, value.column, what)

    def rule(self, name: str, rule: _Rule) -> None:
        """One rule."""
        what = f"rule {name}"
        listed = rule.said.get("translate-to", [])
        shown_to = next((match for word in listed if (match := _SHOWN.search(word))), None)
        target = rule.said.get("destination-translation translated-address")
        if shown_to is not None:
            target = [Word(shown_to[1], listed[0].column, listed[0].line)]
        if not target:
            return
        line = target[0].line or rule.line
        written = rule.said.get("destination-translation translated-port", [])
        number = written[0] if written else Word((shown_to[2] if shown_to else None) or "", 1)
        port = self.rows.port(number, line, number.column, what) if number else 0
        real = self.host(target[0], line, what)
        rewritten = any(key.startswith("source-translation") for key in rule.said) or any("src:" in w for w in listed)
        enabled = rule.said.get("disabled", [Word("no", 1)])[0] != "yes"
        for word in rule.said.get("destination", [Word("any", 1)]):
            virtual = None if word == "any" else self.host(word, word.line or rule.line, what)
            if word == "any":
                self.rows.warn(rule.line, f"{what}: any destination, not one address")
            if virtual is None or real is None or port is None:
                continue
            for protocol, outside in self.ports(rule, what):
                end = Endpoint(real, port if outside else 0)
                row = self.rows.real(end, Forwarding.FULL_NAT if rewritten else Forwarding.NAT, line, enabled=enabled)
                self.rows.add(Endpoint(virtual, outside), protocol, [row], rule.line, name)

    def ports(self, rule: _Rule, what: str) -> list[tuple[Protocol, int]]:
        """The protocols and ports of the rule's services; 0 is every port."""
        found: list[tuple[Protocol, int]] = []
        for word in rule.said.get("service", [Word("any", 1)]):
            match = _SERVICE.fullmatch(word)
            if word == "any" or (match and match[1] == "any"):
                found += [(protocol, 0) for protocol in Protocol]
            elif match:
                found.append((Protocol(match[1]), 0 if match[2] == "any" else int(match[2])))
            elif word in self.services:
                kind, ports, at = self.services[word]
                if kind in {"tcp", "udp"}:
                    for part in ports.split(","):
                        found += [(Protocol(kind), port) for port in self.rows.ports(part, at, ports.column, what)]
            elif word in _PREDEFINED:
                found += _PREDEFINED[word]
            else:
                self.rows.warn(rule.line, f"{what}: no service called {shown(word)} in this file")
        return found[:MOST_PORTS]
