"""One nftables rule: words to conditions and an action (nft(8), "Statements" and "Expressions").

ip daddr 203.0.113.10 tcp dport { 80, 443 } dnat to numgen inc mod 2 map { 0 : 10.0.2.11, 1 : 10.0.2.12 }
ip daddr . tcp dport vmap @services
"""

from __future__ import annotations

from analyzer.clean import shown
from analyzer.importers._blocks import block, port_ranges
from analyzer.importers._nft_sets import Context, Element, Field, elements
from analyzer.importers._nft_target import targets
from analyzer.importers._translation import Action, Dnat, End, Jump, Key, Mark, Match, Rule, Snat, Target
from analyzer.importers._words import Word

_PLAIN: dict[str, Action] = {**dict.fromkeys(("accept", "drop", "return", "reject", "queue"), End()),
                             "redirect": Dnat((((), Target(None), 0),))}
_NOISE = {"counter", "log", "comment", "continue", "packets", "bytes", "prefix", "level"}
_VALUED_NOISE = {"packets", "bytes", "comment", "prefix", "level"}
_HEADERS = {"ip", "ip6", "tcp", "udp", "th", "sctp", "dccp", "meta", "ct", "ether", "vlan", "icmp", "icmpv6", "fib",
            "rt", "socket", "arp"}
_FIELDS = {("ip", "daddr"): "daddr", ("ip6", "daddr"): "daddr", ("ip", "saddr"): "source", ("ip6", "saddr"): "source",
           ("ip", "protocol"): "proto", ("ip6", "nexthdr"): "proto", ("meta", "l4proto"): "proto",
           ("th", "dport"): "dport", ("tcp", "dport"): "dport", ("udp", "dport"): "dport", ("sctp", "dport"): "dport",
           ("meta", "iifname"): "in", ("meta", "iif"): "in", ("meta", "oifname"): "out", ("meta", "oif"): "out",
           ("meta", "mark"): "mark", ("ct", "mark"): "mark", ("ct", "state"): "state", ("ct", "status"): "status"}
_SINGLE = {"iifname": "in", "iif": "in", "oifname": "out", "oif": "out", "mark": "mark"}
_PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmp", "icmpv6": "icmp", "ipv6-icmp": "icmp"}
_COMPARED = {"==", "!=", "<", ">", "<=", ">=", "eq", "ne"}
_BITS = {"&", "|", "^", "and", "or", "xor", "<<", ">>"}
_UNDECIDED = {"dnat", "in", "out", "mark"}
_CHANCE = {"numgen", "jhash", "symhash"}


class RuleReader:
    """A cursor over the words of a rule."""

    def __init__(self, words: list[Word], line: int, context: Context) -> None:
        self.words = words
        self.at = 0
        self.line = line
        self.context = context
        self.rows = context.rows
        self.ways: list[Key] = [()]    # conditions; several where a set of pairs is asked for

    def rules(self) -> list[Rule]:
        """The rule, once for every pair of a set that it looks into."""
        action: Action | None = None
        while self.at < len(self.words):
            found = self.statement()
            if found is not None:
                action = found
                if not isinstance(found, Mark):
                    break
        return [Rule(self.line, way, action) for way in self.ways] if action is not None else []

    def peek(self, ahead: int = 0) -> str:
        """A word; empty behind the end."""
        return self.words[self.at + ahead] if self.at + ahead < len(self.words) else ""

    def wrong(self, expected: str) -> None:
        """A problem where the cursor stands."""
        word = self.words[min(self.at, len(self.words) - 1)]
        got = shown(word) if self.at < len(self.words) else "the end of the rule"
        self.rows.problems.add(word.line or self.line, word.column, expected, got)

    def take(self) -> Word:
        """The next word."""
        self.at += 1
        return self.words[self.at - 1]

    def statement(self) -> Action | None:
        """A condition (remembered) or an action."""
        word = self.peek()
        if word == "xt" and self.peek(1) == "target":
            self.rows.warn(self.line, f"left out: nft does not print what iptables' {shown(self.peek(2))} says; "
                                      "give the output of iptables-save")
            word = "return"
        if word in _PLAIN:
            return _PLAIN[word]
        if word in {"jump", "goto"}:
            self.at += 1
            if not self.peek():
                self.wrong(f"a chain after {word}")
            return Jump((((), self.context.chain(self.peek()), self.line),), final=word == "goto")
        if word == "dnat":
            self.at += 1
            return Dnat(tuple(targets(self)))
        if word in {"snat", "masquerade"}:
            self.own()
            return Snat()
        if self.peek(1) == "mark" and self.peek(2) == "set":
            self.at = len(self.words) if not {"masquerade", "accept"} & set(self.words[self.at :]) else self.at + 3
            return Mark()
        return self.condition()

    def condition(self) -> Action | None:
        """Fields and what they are compared with; or a verdict map."""
        fields = self.fields()
        if not fields:
            self.skip()
            return None
        if self.peek() == "vmap":
            self.at += 1
            found = self.table()
            ways = [(self.key(fields, element), self.context.chain(element.value[1]), element.line)
                    for element in found or () if len(element.value) > 1 and element.value[0] in {"jump", "goto"}]
            final = all(element.value[:1] == ["goto"] for element in found or ())
            return Jump(tuple(ways), final=final)
        self.compare(fields)
        return None

    def skip(self) -> None:
        """A statement without influence on which packets are meant, or one that we do not know."""
        word = self.take()
        self.at += word in _VALUED_NOISE
        if word in _NOISE or not word.isalpha():
            return
        self.ways = [(*way, Match("other", str(word))) for way in self.ways]

    def fields(self) -> list[Field]:
        """``ip daddr . tcp dport``, ``numgen inc mod 2`` ...; empty where no field stands here."""
        found: list[Field] = []
        while True:
            one = self.one_field()
            if one is None:
                return found
            found.append(one)
            if self.peek() != ".":
                return found
            self.at += 1

    def one_field(self) -> Field | None:
        """A single field."""
        word, second = self.peek(), self.peek(1)
        if word in _CHANCE:
            while self.at < len(self.words) and self.peek() not in {"map", "vmap", "{"}:
                self.at += 1
            return Field("chance", word)
        if word == "fib" and second == "daddr":
            self.at += 3
            return Field("daddr", "fib daddr type")
        if (word, second) in _FIELDS:
            self.at += 2
            return Field(_FIELDS[word, second], f"{word} {second}", word if word in {"tcp", "udp", "sctp"} else "")
        if word in _SINGLE:
            self.at += 1
            return Field(_SINGLE[word], word)
        if word in _HEADERS and second:
            self.at += 2
            if word == "ct" and second in {"original", "reply"}:
                self.at += 1 + (self.peek() in {"ip", "ip6"})
            return Field("other", f"{word} {second}")
        return None

    def table(self) -> list[Element] | None:
        """``{ ... }`` or ``@name``; None, and said, where the name is not in this text."""
        word = self.peek()
        if word == "{":
            end = next((i for i in range(self.at, len(self.words)) if self.words[i] == "}"), len(self.words))
            inside = self.words[self.at + 1 : end]
            self.at = end + 1
            return elements(inside, self.line)
        if word.startswith("@"):
            self.at += 1
            found = self.context.elements(word[1:])
            if found is None:
                self.rows.warn(self.line, f"{shown(word)} is not in this text")
            return found
        self.wrong("{ ... } or @NAME")
        self.at += 1
        return None

    def compare(self, fields: list[Field]) -> None:
        """The values that fields are compared with become conditions."""
        negated = False
        while self.peek() in _COMPARED | _BITS:
            negated = negated or self.peek() in {"!=", "ne"}
            self.at += 1
            if self.words[self.at - 1] in _BITS:
                self.at += 1
        if self.peek() == "{" or self.peek().startswith("@"):
            name = self.peek()
            found = self.table()
        else:
            name = ""
            end = self.at + 1
            while end + 1 < len(self.words) and self.words[end] in {".", ","}:
                end += 2
            found = elements(self.words[self.at : end], self.line)
            self.at = end
        if found is None or len(fields) > 1:
            self.pairs(fields, found, name, negated=negated)
            return
        values = [word for element in found for word in element.key[0]]
        key = self.matches(fields[0], values, negated=negated)
        self.ways = [(*way, *key) for way in self.ways]

    def pairs(self, fields: list[Field], found: list[Element] | None, name: str, *, negated: bool) -> None:
        """Several fields at once: one way for each entry.  A negated or unknown set we cannot decide."""
        if found is None or negated:
            text = " . ".join(f.text for f in fields) + f" {name}"
            key: Key = (Match("daddr" if fields[0].what == "daddr" and len(fields) == 1 else "other", text),)
            self.ways = [(*way, *key) for way in self.ways]
            return
        self.ways = [(*way, *self.key(fields, element)) for way in self.ways for element in found]

    def key(self, fields: list[Field], element: Element) -> Key:
        """An entry's key as conditions."""
        found: Key = ()
        for one, values in zip(fields, element.key, strict=False):
            if values and values != ["*"]:
                found += self.matches(one, values, negated=False)
        return found

    def matches(self, one: Field, values: list[Word], *, negated: bool) -> Key:
        """A field and its values as conditions."""
        text = ("not " if negated else "") + f"{one.text} {' '.join(values[:3])}"
        word = values[0] if values else Word("", 1)
        if one.what in {"daddr", "source"}:
            fib = one.text.startswith("fib")
            found = () if fib else tuple(block(v, self.rows, v.line or self.line, v.column, one.text) for v in values)
            return (Match(one.what, text, tuple(b for b in found if b is not None), negated=negated),)
        if one.what == "dport":
            ports = port_ranges(",".join(values), self.rows, word.line or self.line, word.column)
            implied = (Match("proto", one.proto, names=frozenset({one.proto})),) if one.proto else ()
            return (*implied, Match("dport", text, ports=ports, negated=negated))
        if one.what == "proto":
            names = frozenset(_PROTOCOLS.get(value, str(value)) for value in values)
            return (Match("proto", text, names=names, negated=negated),)
        if one.what == "chance" or (one.what == "state" and not negated and "new" in values):
            return ()    # translation is asked for new connections only
        what = "dnat" if one.what == "status" and not negated and "dnat" in values else one.what
        return (Match(what if what in _UNDECIDED else "other", str(word) if what in {"in", "out"} else text,
                      negated=negated),)

    def own(self) -> None:
        """``snat to ADDRESS``: the balancer's own."""
        for word in self.words[self.at + 1 :]:
            if word not in {"to", "ip", "ip6"}:
                host = word.strip("[]").partition("]")[0] if word.startswith("[") else word.partition(":")[0]
                if "." in host or ":" in word:
                    for end in host.split("-"):
                        self.rows.own(self.rows.address(end, self.line, max(word.column, 1), "snat to"))
                return
