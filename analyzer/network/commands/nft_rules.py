"""One nftables rule: its conditions and what follows (nft(8), "Primary expressions" and "Statements")."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from itertools import product

from analyzer.balance.mapping import Endpoint
from analyzer.network.commands.words import Misuse
from analyzer.network.nat import Accept, Action, ClampMss, Dnat, Drop, Jump, Match, Return, Rule, SetMark, Snat, State

PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58, "ipv6-icmp": 58}


@dataclass(slots=True)
class Line:
    """Tokens that are left."""

    left: list[str]

    def __bool__(self) -> bool:
        return bool(self.left)

    def peek(self) -> str:
        """The next token; empty at the end."""
        return self.left[0] if self.left else ""

    def take(self) -> str:
        """The next token."""
        if not self.left:
            raise Misuse(1, "Error: syntax error, unexpected end of file")
        return self.left.pop(0)

    def accept(self, word: str) -> bool:
        """Take ``word`` if it is next."""
        if self.peek() != word:
            return False
        self.left.pop(0)
        return True

    def expect(self, word: str) -> None:
        """Take ``word``, or complain."""
        found = self.take()
        if found != word:
            raise Misuse(1, f"Error: syntax error, unexpected {found!r}, expecting {word!r}")

    def skip_blank(self) -> str:
        """The next token that is not an end of line."""
        while self.peek() in ("\n", ";"):
            self.left.pop(0)
        return self.peek()

    def statement(self) -> list[str]:
        """The tokens up to the end of the statement; braces inside it (sets, maps) belong to it."""
        found: list[str] = []
        depth = 0
        while self.left and not (depth == 0 and self.peek() in ("\n", ";", "}")):
            word = self.take()
            depth += (word == "{") - (word == "}")
            if word != "\n":
                found.append(word)
        return found

    def values(self) -> list[str]:
        """One value, or the elements of ``{ a, b }`` or ``a,b``."""
        if not self.accept("{"):
            return [value.strip('"') for value in self.take().split(",") if value]
        found: list[str] = []
        while not self.accept("}"):
            found += [value.strip('"') for value in self.take().split(",") if value]
        return found


Setter = Callable[[Line], list[dict[str, object]]]
NFPROTO = {"ipv4": 4, "ipv6": 6}


def rules_of(words: list[str]) -> tuple[Rule, ...]:
    """The rules that one line stands for: a set of values, or a verdict map, is one rule for each."""
    if "vmap" in words:
        return tuple(rule for each in _mapped(words) for rule in rules_of(each))
    line = Line(list(words))
    conditions: list[list[dict[str, object]]] = []
    inverted: set[str] = set()
    actions: list[Action] = []
    while line:
        if not _statement(line, actions):
            options, negated = _condition(line)
            if negated and len(options) > 1:
                raise Misuse(1, f"Error: the model does not know a negated set in {' '.join(words)!r}")
            if options:
                conditions.append(options)
                inverted |= _denied(options[0]) if negated else set()
    made = [Match(inverted=frozenset(inverted))]
    for chosen in product(*conditions):
        fields = {key: value for each in chosen for key, value in each.items()}
        made.append(replace(made[0], **fields))  # type: ignore[arg-type]
    return tuple(Rule(match, action) for match in (made[1:] or made) for action in actions)


def _denied(fields: dict[str, object]) -> set[str]:
    """What ``!=`` denies: ``tcp dport != 80`` is still TCP."""
    said = set(fields)
    return said - {"protocol"} if len(said) > 1 else said


def _mapped(words: list[str]) -> Iterator[list[str]]:
    """``KEY vmap { VALUE : VERDICT, ... }`` as one rule for each value."""
    at = words.index("vmap")
    key, line = words[:at], Line(words[at + 1:])
    line.expect("{")
    inside = " ".join(line.left[: line.left.index("}")])
    behind = line.left[line.left.index("}") + 1:]
    for each in inside.split(","):
        value, colon, verdict = each.partition(" : ")
        if not each.strip():
            continue
        if not colon:
            raise Misuse(1, f"Error: the model does not know the map {inside!r}")
        yield [*key, value.strip(), *behind, *verdict.split()]


SIMPLE: dict[str, Action] = {"accept": Accept(), "drop": Drop(), "masquerade": Snat(), "return": Return()}
LOG_WORDS = ("prefix", "level", "group", "snaplen", "queue-threshold", "flags")


def _statement(line: Line, actions: list[Action]) -> bool:
    """Read a statement; False where a condition comes next."""
    word = line.peek()
    if word in SIMPLE:
        line.take()
        actions.append(SIMPLE[word])
    elif word in ("jump", "goto"):
        line.take()
        actions.append(Jump(line.take(), back=word == "jump"))
    elif word == "counter":
        line.take()
        while line.peek() in ("packets", "bytes"):
            del line.left[:2]
    elif word == "reject":
        actions.append(Drop(reject=True))
        line.left.clear()
    elif word in ("dnat", "snat"):
        line.take()
        actions.append(_translation(line, word))
    elif word == "log":
        line.take()
        while line.peek() in LOG_WORDS:
            del line.left[:2]
    elif word == "comment":
        del line.left[:2]
    else:
        return _set_statement(line, actions)
    return True


def _set_statement(line: Line, actions: list[Action]) -> bool:
    """Statements that write something and go on."""
    if line.left[1:3] == ["mark", "set"]:
        actions.append(SetMark(int(line.left[3], 0), connection=line.peek() == "ct"))
        del line.left[:4]
    elif line.left[:5] == ["tcp", "option", "maxseg", "size", "set"]:
        actions.append(ClampMss(int(line.left[5])))
        del line.left[:6]
    else:
        return False
    return True


def _translation(line: Line, word: str) -> Action:
    for extra in ("ip", "ip6", "to"):
        line.accept(extra)
    if line.peek() in ("numgen", "jhash", "symhash"):
        while line.peek() != "{":
            line.take()
        rows = [value for value in line.values() if value != ":"]
        targets = rows[1::2]
        tail = line.take() if line.peek().startswith(":") else ""
        return Dnat(tuple(_endpoint(target + tail) for target in targets))
    target = _endpoint(line.take())
    return Dnat((target,)) if word == "dnat" else Snat(target.address)


def _endpoint(text: str) -> Endpoint:
    found = re.match(r"\[([^\]]+)\](?::(\d+))?$|([0-9.]+)(?::(\d+))?$|([0-9a-fA-F:]+)$", text)
    if found is None:
        raise Misuse(1, f"Error: the model does not know the target {text!r}")
    return Endpoint(ip_address(found[1] or found[3] or found[5]), int(found[2] or found[4] or 0))


def _condition(line: Line) -> tuple[list[dict[str, object]], bool]:
    """The alternatives of one condition as fields of ``Match``, and whether it is negated."""
    two = " ".join(line.left[:2])
    for words, setter in ((line.peek(), ONE.get(line.peek())), (two, TWO.get(two))):
        if setter is not None:
            del line.left[: len(words.split())]
            negated = line.accept("!=")
            line.accept("==")
            return setter(line), negated
    raise Misuse(1, f"Error: the model does not know {' '.join(line.left)!r}")


def _each(field: str, convert: Callable[[str], object]) -> Callable[[Line], list[dict[str, object]]]:
    return lambda line: [{field: convert(value)} for value in line.values()]


def _addresses(field: str, version: int) -> Setter:
    def nets(line: Line) -> list[dict[str, object]]:
        found = [ip_network(value) for value in line.values()]
        if any(net.version != version for net in found):
            raise Misuse(1, "Error: the model does not know an address of another family")
        return [{field: net} for net in found]

    return nets


def _span(text: str) -> tuple[int, int]:
    low, _, high = text.partition("-")
    return int(low), int(high or low)


def _ports(protocol: int, field: str) -> Callable[[Line], list[dict[str, object]]]:
    fixed: dict[str, object] = {"protocol": protocol} if protocol else {}
    return lambda line: [{**fixed, field: _span(value)} for value in line.values()]


def _together(field: str, convert: Callable[[str], object]) -> Callable[[Line], list[dict[str, object]]]:
    return lambda line: [{field: frozenset(convert(value) for value in line.values())}]


def _status(line: Line) -> list[dict[str, object]]:
    if line.values() != ["dnat"]:
        raise Misuse(1, "Error: the model knows only 'ct status dnat'")
    return [{"dnatted": True}]


def _families(line: Line) -> list[dict[str, object]]:
    return [{"version": NFPROTO[word]} for word in line.values()]


def _icmp_types(protocol: int) -> Setter:
    def types(line: Line) -> list[dict[str, object]]:
        words = frozenset(line.values())
        if any(word.isdigit() for word in words):
            raise Misuse(1, "Error: the model knows ICMP types by their names only")
        return [{"protocol": protocol, "icmp": words}]

    return types


def _tcp_flags(line: Line) -> list[dict[str, object]]:
    if "syn" not in line.values():
        raise Misuse(1, "Error: the model knows only 'tcp flags syn'")
    return [{"syn": True}]


def _segment_size(line: Line) -> list[dict[str, object]]:
    line.expect("maxseg")
    line.expect("size")
    line.take()
    line.take()
    return []


ONE: dict[str, Callable[[Line], list[dict[str, object]]]] = {
    "iifname": _each("incoming", str), "iif": _each("incoming", str),
    "oifname": _each("outgoing", str), "oif": _each("outgoing", str),
}
TWO: dict[str, Callable[[Line], list[dict[str, object]]]] = {
    **{f"{family} {word}": _addresses(field, version) for family, version in (("ip", 4), ("ip6", 6))
       for word, field in (("saddr", "source"), ("daddr", "destination"))},
    **{f"{name} sport": _ports(number, "source_ports") for name, number in (("tcp", 6), ("udp", 17))},
    **{f"{name} dport": _ports(number, "destination_ports") for name, number in (("tcp", 6), ("udp", 17))},
    "meta l4proto": _each("protocol", lambda text: PROTOCOLS.get(text) or int(text)),
    "ip protocol": _each("protocol", lambda text: PROTOCOLS.get(text) or int(text)),
    "meta iifname": _each("incoming", str), "meta oifname": _each("outgoing", str),
    "ether saddr": _together("macs", str.lower),
    "ct state": _together("states", State),
    "ct status": _status,
    "ct mark": _each("connection_mark", lambda text: int(text, 0)),
    "meta mark": _each("mark", lambda text: int(text, 0)),
    "icmp type": _icmp_types(1), "icmpv6 type": _icmp_types(58),
    "meta nfproto": _families,
    "th sport": _ports(0, "source_ports"), "th dport": _ports(0, "destination_ports"),
    "ip6 nexthdr": _each("protocol", lambda text: PROTOCOLS.get(text) or int(text)),
    "tcp flags": _tcp_flags,
    "tcp option": _segment_size,
}
