"""nftables: what ``nft list ruleset`` prints (nft(8)), also as JSON, and ``nft -f`` scripts.

table ip nat {
    chain prerouting {
        type nat hook prerouting priority dstnat; policy accept;
        ip daddr 203.0.113.10 tcp dport 80 dnat to numgen inc mod 2 map { 0 : 10.0.2.11, 1 : 10.0.2.12 }
    }
}
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from analyzer.balance.mapping import Mapping
from analyzer.clean import shown
from analyzer.importers import _nft_json, _nft_script
from analyzer.importers._nft_rule import RuleReader
from analyzer.importers._nft_sets import Context, Element, Field, elements
from analyzer.importers._rows import Rows
from analyzer.importers._translation import Jump, Mark, Match, Rule, Ruleset, Snat
from analyzer.importers._walk import Walk
from analyzer.importers._words import Word

NAME = "nftables"
DESCRIPTION = "nft list ruleset (text or JSON)"

_HEAD = re.compile(
    r"^[ \t]*table[ \t]+(?:(?:ip6?|inet|arp|bridge|netdev)[ \t]+)?[\w-]+[ \t]*\{"
    r"|^(?:nft[ \t]+)?(?:add|create|insert)[ \t]+(?:table|chain|rule|map|set|element)[ \t]+(?:ip6?|inet|netdev)[ \t]"
    r'|\A\s*\{\s*"nftables"\s*:', re.MULTILINE)
_HOOK = re.compile(r"type (\w+) hook (\w+)")
_FAMILIES = {"ip", "ip6", "inet", "arp", "bridge", "netdev"}
_MASQUERADED = "mark-for-masquerade"    # kube-proxy's chain; a transaction of it may leave the chain itself out


@dataclass(slots=True)
class _Table:
    """One table: its rules as words until all of it is read."""

    context: Context
    rules: list[tuple[str, list[Word], int, bool]] = field(default_factory=list)    # chain, words, line, in front


def sniff(text: str) -> bool:
    """A table of nftables, a command that adds to one, or its JSON."""
    return _HEAD.search(text) is not None


def read(text: str, source: str) -> Mapping:
    """The translations of all tables."""
    rows = Rows(source)
    reader = _Reader(rows)
    script = _nft_json.script if text.lstrip()[:1] == "{" else _nft_script.script
    for words, line in script(text, rows.problems):
        reader.command(words, line)
    reader.end()
    Walk(reader.ruleset, rows).run()
    return rows.mapping()


class _Reader:
    """Commands to a ruleset."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.ruleset = Ruleset()
        self.tables: dict[str, _Table] = {}

    def command(self, words: list[Word], line: int) -> None:
        """``add rule FAMILY TABLE CHAIN ...`` and its like."""
        words = words[1:] if words[0] == "nft" else words
        if words[:1] == ["include"]:
            self.rows.warn(line, f"{shown(' '.join(words))}: we read only this text, give that one too")
        if len(words) < 4 or words[0] not in {"add", "create", "insert", "replace"}:
            return
        front, kind, rest = words[0] == "insert", words[1], words[2:]
        family, rest = (rest[0], rest[1:]) if rest[0] in _FAMILIES else (Word("ip", 1), rest)
        if len(rest) < 2:
            return
        table = self.table(f"{family} {rest[0]}")
        name, rest = rest[1], rest[2:]
        if kind == "rule" and rest[:1] == ["type"]:
            self.hook(table, name, rest)
        elif kind == "rule" and rest[:1] not in (["policy"], ["comment"]):
            table.rules.append((str(name), rest, line, front))
        elif kind == "chain":
            self.ruleset.chains.setdefault(table.context.chain(name), [])
            self.hook(table, name, rest)
        elif kind in {"element", "map", "set"}:
            braces = [i for i, word in enumerate(rest) if word == "{"]
            inner = rest[braces[-1] + 1 :] if braces else []
            table.context.sets.setdefault(str(name), []).extend(elements([w for w in inner if w != "}"], line))

    def table(self, name: str) -> _Table:
        """A table by family and name."""
        if name not in self.tables:
            self.tables[name] = _Table(Context(self.rows, chain=lambda chain: f"{name} {chain}"))
        return self.tables[name]

    def hook(self, table: _Table, name: str, words: list[Word]) -> None:
        """A base chain: ``type nat hook prerouting``."""
        match = _HOOK.search(" ".join(w for w in words if w != "{"))
        if match and match[1] == "nat":
            chain = table.context.chain(name)
            (self.ruleset.destination if match[2] in {"prerouting", "output"} else self.ruleset.source).append(chain)

    def end(self) -> None:
        """All words are there: make rules of them."""
        for table in self.tables.values():
            for name, words, line, front in table.rules:
                rules = self.ruleset.chains.setdefault(table.context.chain(name), [])
                found = RuleReader(words, line, table.context).rules()
                rules[:] = [*found, *rules] if front else rules
                rules.extend(() if front else found)
            self.loose(table)

    def loose(self, table: _Table) -> None:
        """A transaction may add to maps of verdicts without the rules that ask them: we begin at those maps."""
        called = table.context.chain(_MASQUERADED)
        for name, found in table.context.sets.items():
            verdicts = [e for e in found if e.value[:1] in (["goto"], ["jump"]) and len(e.value) > 1]
            if name in table.context.used or not verdicts:
                continue
            if called not in self.ruleset.chains:
                self.ruleset.chains[called] = [Rule(verdicts[0].line, (), Mark())]
                self.ruleset.chains[f"({called})"] = [Rule(verdicts[0].line, (Match("mark", "masquerade"),), Snat())]
                self.ruleset.source.append(f"({called})")
            reader = RuleReader([], verdicts[0].line, table.context)
            ways = tuple((reader.key(_guessed(e), e), table.context.chain(e.value[1]), e.line) for e in verdicts)
            self.ruleset.chains[f"({name})"] = [Rule(verdicts[0].line, (), Jump(ways))]
            self.ruleset.destination.append(f"({name})")


def _guessed(element: Element) -> list[Field]:
    """The fields of a key whose types are not in this text: an address, a protocol, a port look like themselves."""
    fields = []
    for values in element.key:
        text = values[0] if values else ""
        what = "dport" if text.isdigit() else "proto" if text in {"tcp", "udp", "sctp"} else "daddr"
        fields.append(Field(what, f"key {text}"))
    return fields
