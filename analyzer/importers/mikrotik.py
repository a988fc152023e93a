"""MikroTik RouterOS: ``/ip firewall nat export`` or ``print``, with addresses and address lists.

/ip firewall nat
add action=dst-nat chain=dstnat dst-address=203.0.113.10 dst-port=80 protocol=tcp to-addresses=10.0.2.11 to-ports=8080
add action=masquerade chain=srcnat out-interface=ether1
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from analyzer.balance.mapping import Mapping
from analyzer.clean import shown
from analyzer.importers._blocks import addresses, block, port_ranges
from analyzer.importers._rows import Rows
from analyzer.importers._translation import Action, Dnat, End, Jump, Mark, Match, Rule, Ruleset, Snat, Target
from analyzer.importers._walk import Walk
from analyzer.importers._words import Word, misspelt

NAME = "mikrotik"
DESCRIPTION = "RouterOS /ip firewall nat export or print"

_HEAD = re.compile(
    r"^/ip(?:v6)? firewall nat\b|\bchain=(?:dstnat|srcnat) action=\S|\baction=\S+ chain=(?:dstnat|srcnat)\b",
    re.MULTILINE)
_PAIR = re.compile(r'([\w.-]+)=("(?:[^"\\]|\\.)*"|\S*)|(\S+)')
_PRINTED = re.compile(r"[ \t]*\d+[ \t]+([XIDxid]*)(?:[ \t]|$)")
_ACTIONS: dict[str, Action] = {
    "src-nat": Snat(), "masquerade": Snat(), "same": Snat(), "accept": End(), "return": End(),
    "redirect": Dnat((((), Target(None), 0),)), "mark": Mark()}
_NOTED = {"passthrough", "log", "add-dst-to-address-list", "add-src-to-address-list", "endpoint-independent-nat"}
_UNDECIDED = {"src-address": "source", "src-address-list": "source", "in-interface": "in", "in-interface-list": "in",
              "out-interface": "out", "out-interface-list": "out", "connection-mark": "mark", "packet-mark": "mark"}
_QUIET = {"action", "chain", "comment", "to-addresses", "to-ports", "log", "log-prefix", "disabled", "protocol",
          "dst-address", "dst-port", "dst-address-list", "dst-address-type", "jump-target", "place-before",
          "ipsec-policy", "address-list", "bytes", "packets", "flags"}
_WANTED = ("action", "chain", "dst-address", "dst-port", "to-addresses", "to-ports", "protocol")
_KNOWN = ("src-address", "src-port")

Fields = dict[str, Word]


def sniff(text: str) -> bool:
    """The menu of translation, or its rules."""
    return _HEAD.search(text) is not None


def read(text: str, source: str) -> Mapping:
    """The rules of dstnat, with those of srcnat that meet them."""
    reader = _Reader(Rows(source))
    for menu, fields, line in _entries(text):
        if menu.endswith("firewall nat"):
            reader.rules.append((menu, fields, line))
        elif menu.endswith("address-list") and "list" in fields and "address" in fields:
            reader.lists.setdefault(fields["list"], []).append((fields["address"], line))
        elif menu in {"/ip address", "/ipv6 address"} and "address" in fields:
            word = fields["address"]
            reader.rows.own(reader.rows.address(word.partition("/")[0], line, word.column, "address"))
    reader.end()
    return reader.rows.mapping()


def _entries(text: str) -> Iterator[tuple[str, Fields, int]]:
    """Every entry with its menu: ``add`` lines of an export, numbered blocks of a print."""
    menu, begun, parts = "/ip firewall nat", 0, list[tuple[int, int, str]]()
    for number, raw in enumerate([*text.split("\n"), ""], 1):
        line = raw.strip()
        continues = bool(parts) and parts[-1][2].endswith("\\")
        printed = _PRINTED.match(raw) if not continues else None
        starts = line.startswith(("add ", "set ", "/")) or printed is not None or not line
        if parts and starts and not continues:
            yield menu, _fields(parts), begun
            parts = []
        if line.startswith("/"):
            menu = re.split(r" (?:add|set|export|print)\b", line)[0]
            line = line[len(menu) :].strip()
        if line.startswith(("add ", "/")) or printed is not None or parts:
            begun = begun if parts else number
            parts.append((number, raw.find(line), line))


def _fields(parts: list[tuple[int, int, str]]) -> Fields:
    """``key=value`` pairs; the flags of a printed entry under ``flags``."""
    found: Fields = {}
    for number, indent, line in parts:
        printed = _PRINTED.match(line)
        if printed and not found:
            found["flags"] = Word(printed[1].upper(), 1, number)
        for match in _PAIR.finditer(line.removesuffix("\\")):
            if match[3] == ";;;":
                break
            if match[1]:
                found.setdefault(match[1], Word(match[2].strip('"'), indent + match.start(2) + 1, number))
    return found


class _Reader:
    """Entries to a ruleset."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.rules: list[tuple[str, Fields, int]] = []
        self.lists: dict[str, list[tuple[Word, int]]] = {}
        self.families: dict[str, Ruleset] = {}

    def end(self) -> None:
        """All entries are there: make rules, and follow them."""
        for menu, fields, line in self.rules:
            ruleset = self.families.setdefault(menu, Ruleset(destination=["dstnat"], source=["srcnat"]))
            self.rule(ruleset, fields, line)
        for ruleset in self.families.values():
            Walk(ruleset, self.rows).run()

    def rule(self, ruleset: Ruleset, fields: Fields, line: int) -> None:
        """One rule."""
        for key, word in fields.items():
            name = Word(key, max(word.column - len(key) - 1, 1))
            misspelt(name, word.line or line, _WANTED, _KNOWN, self.rows.problems)
        if fields.get("disabled") == "yes" or {"X", "I"} & set(fields.get("flags", "")):
            self.rows.warn(line, "left out: the rule is disabled")
            return
        action = self.action(fields, line)
        if action is not None:
            matches = tuple(match for key, word in fields.items() if (match := self.match(key, word, line)) is not None)
            ruleset.chains.setdefault(fields.get("chain", Word("dstnat", 1)), []).append(Rule(line, matches, action))

    def action(self, fields: Fields, line: int) -> Action | None:
        """What ``action`` says; ``accept`` where it says nothing."""
        word = fields.get("action", Word("accept", 1, line))
        target, ports = fields.get("to-addresses"), fields.get("to-ports")
        if word == "jump":
            return Jump((((), str(fields.get("jump-target", "")), line),))
        if word in {"src-nat", "same"} and target is not None:
            for address in addresses(target, self.rows, line, target.column, "to-addresses"):
                self.rows.own(address)
        if word == "dst-nat":
            port: int | None = 0
            if ports is not None and "-" in ports:
                self.rows.warn(line, f"to-ports={ports}: left out, a range of ports")
                return None
            if ports is not None:
                port = self.rows.named_port(ports, ports.line or line, ports.column, "to-ports")
            if target is None:
                self.rows.warn(line, "left out: the address stays and only the port changes")
                return None
            found = addresses(target, self.rows, target.line or line, target.column, "to-addresses")
            return Dnat(tuple(((), Target(address, port or 0), line) for address in found))
        if word == "netmap":
            self.rows.warn(line, "left out: netmap maps a whole network")
        elif word not in _ACTIONS and word not in _NOTED:
            self.rows.problems.add(word.line or line, word.column, "an action of RouterOS", shown(word))
        return _ACTIONS.get(word)

    def match(self, key: str, word: Word, line: int) -> Match | None:
        """One condition; None for what is none."""
        negated = word.startswith("!")
        value = word.removeprefix("!")
        text = f"{key}={word}"
        at = word.line or line
        if key == "dst-address":
            found = block(value, self.rows, at, word.column, key)
            return Match("daddr", text, () if found is None else (found,), negated=negated)
        if key == "dst-address-list":
            listed = [block(entry, self.rows, where, entry.column, key) for entry, where in self.lists.get(value, ())]
            return Match("daddr", text, tuple(found for found in listed if found is not None), negated=negated)
        if key == "dst-address-type":
            return Match("daddr", text, negated=negated)
        if key == "dst-port":
            return Match("dport", text, ports=port_ranges(value, self.rows, at, word.column), negated=negated)
        if key == "protocol":
            return Match("proto", text, names=frozenset({value.replace("icmpv6", "icmp")}), negated=negated)
        if key in _QUIET:
            return None
        return Match(_UNDECIDED.get(key, "other"), str(word) if key in {"in-interface", "out-interface"} else text,
                     negated=negated)
