"""VyOS and EdgeOS: destination NAT rules as ``set`` lines or in braces, and ``show nat rules``.

set nat destination rule 10 destination address 203.0.113.10
set nat destination rule 10 destination port 80
set nat destination rule 10 protocol tcp
set nat destination rule 10 translation address 10.0.2.11
set nat destination rule 10 translation port 8080
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from analyzer.balance.mapping import Endpoint, Forwarding, IPAddress, Mapping, Protocol
from analyzer.clean import shown
from analyzer.importers._blocks import addresses
from analyzer.importers._curly import paths
from analyzer.importers._problems import did_you_mean
from analyzer.importers._rows import MOST_PORTS, Rows
from analyzer.importers._words import Word, misspelt

NAME = "vyos"
DESCRIPTION = "VyOS or EdgeOS NAT rules"

_HEAD = re.compile(
    r"^set (?:service )?nat (?:destination |source )?rule \d"
    r"|^(?:service[ \t]*\{\s*)?nat[ \t]*\{\s*(?:destination|source|rule)\b"
    r"|^rule +type +intf +translation", re.MULTILINE)
_SHOWN = re.compile(r"(X? *\d+)\s+(DST|SRC|MASQ)\s+\S+\s+daddr (\S+) to (\S+)\s*")
_SHOWN_PORTS = re.compile(r"\s+proto-(\w+)\s+dport (\S+) to (\S+)\s*")
_PROTOCOLS = {"tcp": ("tcp",), "udp": ("udp",), "tcp_udp": ("tcp", "udp"), "icmp": ("icmp",),
              "all": ("tcp", "udp", "icmp")}
_KEYS = ("destination", "translation", "protocol", "inside-address")


@dataclass(slots=True)
class _Rule:
    """What a rule says, key by key."""

    line: int
    said: dict[str, Word] = field(default_factory=dict)

    def first(self, *keys: str) -> Word | None:
        """The first of these that was said."""
        return next((self.said[key] for key in keys if key in self.said), None)


def sniff(text: str) -> bool:
    """Rules of translation in either form, or their listing."""
    return _HEAD.search(text) is not None


def read(text: str, source: str) -> Mapping:
    """Rules of destination translation."""
    rows = Rows(source)
    rules: dict[str, _Rule] = {}
    for path in paths(text, rows.problems):
        for head, kind in ((("nat", "destination", "rule"), "destination"), (("service", "nat", "rule"), "")):
            words = path.after(*head)
            if words and len(words) > 1:
                rule = rules.setdefault(f"{kind} {words[0]}", _Rule(path.line, {"type": Word(kind, 1)} if kind else {}))
                _say(rule, words[1:], rows, path.line)
        if path.words[0] == "interfaces" and path.words[3:4] == ("address",) and len(path.words) > 4:
            word = path.words[4]
            if word not in {"dhcp", "dhcpv6"}:
                rows.own(rows.address(word.partition("/")[0], path.line, word.column, "address"))
    for name, rule in [*rules.items(), *_shown(text)]:
        if rule.said.get("type") == "destination":
            _rule(name.split()[-1], rule, rows)
    return rows.mapping()


def _say(rule: _Rule, words: tuple[Word, ...], rows: Rows, line: int) -> None:
    """One setting of a rule, its key with a space."""
    misspelt(words[0], line, _KEYS, ("description",), rows.problems)
    key = " ".join(words[:-1]) if len(words) > 1 else str(words[0])
    value = words[-1]
    rule.said.setdefault(key, Word(value, value.column, value.line or line))


def _shown(text: str) -> Iterator[tuple[str, _Rule]]:
    """``show nat rules``: two lines a rule."""
    lines = text.split("\n")
    for number, raw in enumerate(lines, 1):
        match = _SHOWN.fullmatch(raw)
        ports = _SHOWN_PORTS.fullmatch(lines[number]) if match and number < len(lines) else None
        if match and ports:
            said = {"type": "destination" if match[2] == "DST" else "source", "protocol": ports[1],
                    "destination address": match[3], "translation address": match[4]}
            said |= {"destination port": ports[2]} if ports[2] != "ANY" else {}
            said |= {"translation port": ports[3]} if ports[3] != "ANY" else {}
            said |= {"disable": ""} if match[1].startswith("X") else {}
            yield match[1], _Rule(number, {key: Word(value, 1, number) for key, value in said.items()})


def _rule(name: str, rule: _Rule, rows: Rows) -> None:
    """One rule of destination translation."""
    what = f"rule {name}"
    target = rule.first("translation address", "inside-address address")
    if target is None:
        rows.warn(rule.line, f"{what}: no translation address")
        return
    protocols = _protocols(rule.said.get("protocol", Word("all", 1, rule.line)), rows, what)
    reals = addresses(target, rows, target.line, target.column, what)
    virtual = _virtual(rule, rows, what)
    outside = _ports(rule.first("destination port"), rows, what)
    inside = _ports(rule.first("translation port", "inside-address port"), rows, what)
    if virtual is None or not outside or not inside:
        return
    for port in outside[:MOST_PORTS]:
        offset = port - outside[0] if len(inside) == len(outside) > 1 else 0
        row = [rows.real(Endpoint(real, inside[0] + offset if inside[0] else 0), Forwarding.NAT, target.line,
                         enabled="disable" not in rule.said) for real in reals]
        for protocol in protocols:
            if protocol != "icmp" or not port:
                rows.add(Endpoint(virtual, port), Protocol(protocol), row, rule.line, name)


def _protocols(word: Word, rows: Rows, what: str) -> tuple[str, ...]:
    """The protocols that we follow of what a rule says."""
    if word.lower() in {"gre", "esp", "sctp", "ah", "ipip"}:
        rows.warn(word.line, f"{what}: {word}; we follow TCP, UDP and ICMP")
    elif word.lower() not in _PROTOCOLS:
        rows.problems.add(word.line, word.column, "a protocol", shown(word), did_you_mean(word, _PROTOCOLS))
    return _PROTOCOLS.get(word.lower(), ())


def _virtual(rule: _Rule, rows: Rows, what: str) -> IPAddress | None:
    """``destination address``; without it the rule is for every address."""
    word = rule.first("destination address")
    if word is None or "/" in word or "-" in word or word.startswith("!"):
        rows.warn(rule.line, f"{what}: {shown(word) if word else 'every destination'}, not one address")
        return None
    return rows.address(word, word.line, word.column, what)


def _ports(word: Word | None, rows: Rows, what: str) -> list[int]:
    """``80``, ``80-90`` or ``80,443``; 0 where there is none."""
    if word is None:
        return [0]
    found: list[int] = []
    column = word.column
    for part in word.split(","):
        named = rows.named_port(part, word.line, column, what) if part.isalpha() else None
        found += [named] if named is not None else [] if part.isalpha() else rows.ports(part, word.line, column, what)
        column += len(part) + 1
    return found
