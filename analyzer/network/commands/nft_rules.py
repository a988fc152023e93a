"""One nftables rule: its conditions and what follows (nft(8), "Primary expressions" and "Statements")."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from itertools import product

from analyzer.balance.mapping import Endpoint
from analyzer.network.commands.words import Misuse
from analyzer.network.nat import Accept, Action, ClampMss, Dnat, Drop, Match, Rule, SetMark, Snat, State

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


Setter = Callable[[str], dict[str, object]]


def rules_of(words: list[str]) -> tuple[Rule, ...]:
    """The rules that one line stands for: a set of values is one rule for each."""
    line = Line(list(words))
    conditions: list[list[dict[str, object]]] = []
    inverted: set[str] = set()
    actions: list[Action] = []
    while line:
        if not _statement(line, actions):
            options, negated = _condition(line)
            if options:
                conditions.append(options)
                inverted |= set(options[0]) if negated else set()
    made = [Match(inverted=frozenset(inverted))]
    for chosen in product(*conditions):
        fields = {key: value for each in chosen for key, value in each.items()}
        made.append(replace(made[0], **fields))  # type: ignore[arg-type]
    return tuple(Rule(match, action) for match in (made[1:] or made) for action in actions)


def _statement(line: Line, actions: list[Action]) -> bool:
    """Read a statement; False where a condition comes next."""
    word = line.peek()
    simple: dict[str, Action | None] = {
        "accept": Accept(), "drop": Drop(), "masquerade": Snat(), "counter": None, "return": Accept(),
    }
    if word in simple:
        line.take()
        action = simple[word]
        if action is not None:
            actions.append(action)
        while word == "counter" and line.peek() in ("packets", "bytes"):
            line.take()
            line.take()
    elif word == "reject":
        actions.append(Drop(reject=True))
        line.left.clear()
    elif word in ("dnat", "snat"):
        line.take()
        actions.append(_translation(line, word))
    elif word == "log":
        line.left[:] = [each for each in line.left if each in simple]
    elif line.left[1:3] == ["mark", "set"]:
        actions.append(SetMark(int(line.left[3], 0), connection=word == "ct"))
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


def _span(text: str) -> tuple[int, int]:
    low, _, high = text.partition("-")
    return int(low), int(high or low)


def _ports(protocol: int, field: str) -> Callable[[Line], list[dict[str, object]]]:
    return lambda line: [{"protocol": protocol, field: _span(value)} for value in line.values()]


def _together(field: str, convert: Callable[[str], object]) -> Callable[[Line], list[dict[str, object]]]:
    return lambda line: [{field: frozenset(convert(value) for value in line.values())}]


def _status(line: Line) -> list[dict[str, object]]:
    if line.values() != ["dnat"]:
        raise Misuse(1, "Error: the model knows only 'ct status dnat'")
    return [{"dnatted": True}]


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
    **{f"{family} saddr": _each("source", ip_network) for family in ("ip", "ip6")},
    **{f"{family} daddr": _each("destination", ip_network) for family in ("ip", "ip6")},
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
    "tcp flags": _tcp_flags,
    "tcp option": _segment_size,
}
