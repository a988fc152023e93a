"""One nftables rule: its conditions and what follows (nft(8), "Primary expressions" and "Statements")."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from itertools import product

from analyzer.balance.mapping import Endpoint
from analyzer.network.commands.nft_keys import KEYS, Fields, bits, masked, number, tcp_flags
from analyzer.network.commands.nft_sets import Element, Line, Sets
from analyzer.network.commands.words import Misuse
from analyzer.network.match import EVERY_BIT, Match
from analyzer.network.nat import Accept, Action, ClampMss, Dnat, Drop, Jump, Return, Rule, SetMark, Snat

Way = tuple[Fields, tuple[Action, ...]]
"""One element of a map: what it asks, and what follows."""

SIMPLE: dict[str, Action] = {"accept": Accept(), "drop": Drop(), "masquerade": Snat(), "return": Return()}
LOG_WORDS = ("prefix", "level", "group", "snaplen", "queue-threshold", "flags")
MARKS = {("meta", "mark"): False, ("ct", "mark"): True}
IN_TIME = ("limit", "quota", "meter", "ct count", "add", "update")
"""Statements whose answer depends on what else passed, and when."""


class _Reader:
    """One line of a chain on its way to rules."""

    def __init__(self, words: list[str], sets: Sets) -> None:
        self.line = Line(list(words), sets)
        self.fields: Fields = {}
        self.inverted: set[str] = set()
        self.ways: list[list[Way]] = []
        self.actions: list[Action] = []
        self.chance = False
        self.limited = ""

    def rules(self) -> tuple[Rule, ...]:
        """The rules that the line stands for: one, or one for each element of a map."""
        while self.line:
            if not (self._statement() or self._marking() or self._choice()):
                self._condition()
        made: list[Rule] = []
        for chosen in product(*self.ways):
            fields = dict(self.fields)
            for more, _ in chosen:
                _join(fields, more)
            match = Match(**fields, inverted=frozenset(self.inverted))  # type: ignore[arg-type] # as KEYS says
            actions = (*self.actions, *(action for _, follows in chosen for action in follows))
            made += [Rule(match, action, self.chance) for action in actions]
        if self.limited and made:
            raise _unknown([self.limited])
        if self.chance and made:
            made[-1] = Rule(made[-1].match, made[-1].action)     # one of them is taken
        return tuple(made)

    def _statement(self) -> bool:
        """Read a statement; False where a condition comes next."""
        line, word = self.line, self.line.peek()
        if word in SIMPLE:
            line.take()
            self.actions.append(SIMPLE[word])
        elif word in ("jump", "goto"):
            line.take()
            self.actions.append(Jump(line.take(), back=word == "jump"))
        elif word == "counter":
            line.take()
            while line.peek() in ("packets", "bytes", "name"):
                del line.left[:2]
        elif word == "reject":
            self.actions.append(Drop(reject=True))
            line.left.clear()
        elif word in ("dnat", "snat"):
            line.take()
            self._translation(word)
        elif word == "log":
            line.take()
            while line.peek() in LOG_WORDS:
                del line.left[:2]
        elif word == "comment":
            del line.left[:2]
        else:
            return False
        return True

    def _marking(self) -> bool:
        """``meta mark set 0x1``, ``ct mark set meta mark``, ``meta mark set meta mark | 0x1``; and the segment size."""
        line = self.line
        to = tuple(line.left[:2])
        if to in MARKS and line.left[2:3] == ["set"]:
            del line.left[:3]
            whose = tuple(line.left[:2])
            if whose not in MARKS:
                self.actions.append(SetMark(number(line.take()), connection=MARKS[to]))
                return True
            del line.left[:2]
            keep, turned = bits(line)
            self.actions.append(SetMark(turned, connection=MARKS[to], keep=keep, copied=whose != to))
            return True
        if line.left[:5] == ["tcp", "option", "maxseg", "size", "set"]:
            by_path = line.left[5:7] == ["rt", "mtu"]
            self.actions.append(ClampMss(0 if by_path else int(line.left[5])))
            del line.left[: 7 if by_path else 6]
            return True
        return False

    def _choice(self) -> bool:
        """``numgen random mod 2 vmap { 0 : goto a, 1 : goto b }``: one of them by chance."""
        line = self.line
        if line.peek() not in ("numgen", "jhash", "symhash") or "vmap" not in line.left:
            return False
        while line.take() != "vmap":
            pass
        self.chance = True
        self.ways.append([({}, _verdict(each)) for each in line.elements()])
        return True

    # conditions -----------------------------------------------------------------------------------

    def _key(self) -> list[str]:
        """The expressions that are compared: one, or several with dots between."""
        line, found = self.line, []
        while True:
            name = next((words for count in (3, 2, 1) if (words := " ".join(line.left[:count])) in KEYS), None)
            if name is None:
                raise _unknown(line.left)
            del line.left[: len(name.split())]
            found.append(name)
            if not line.accept("."):
                return found

    def _condition(self) -> None:
        line = self.line
        limit = LIMIT.match(" ".join(line.left))
        if limit is not None:
            self.limited = limit[0]                  # harmless where the rule only logs
            del line.left[: len(limit[0].split())]
            return
        if line.left[:2] == ["tcp", "flags"]:
            del line.left[:2]
            _join(self.fields, tcp_flags(line))
            return
        larger = LARGER.match(" ".join(line.left))
        if larger is not None:
            del line.left[: len(larger[1].split())]
            return
        key = self._key()
        if line.accept("vmap"):
            self.ways.append([(_fields(key, each.key), _verdict(each)) for each in line.elements()])
            return
        mask = masked(line) if key[0] in ("meta mark", "mark", "ct mark") else EVERY_BIT
        negated = line.accept("!=")
        line.accept("==")
        elements = line.elements()
        if len(key) > 1:
            if negated:
                raise Misuse(1, f"Error: the model does not know '!=' of {' . '.join(key)}")
            self.ways.append([(_fields(key, each.key), ()) for each in elements])
            return
        fields = KEYS[key[0]]([each.key[0] for each in elements])
        if mask != EVERY_BIT:
            fields = {name: frozenset((value, mask) for value, _ in marks)  # type: ignore[attr-defined] # marks, as asked
                      for name, marks in fields.items()}
        if negated and not elements:
            return                                   # what is in no empty set: everything
        _join(self.fields, fields)
        if negated:
            self.inverted.add(list(fields)[-1])      # ``tcp dport != 80`` is TCP all the same

    # translation ----------------------------------------------------------------------------------

    def _translation(self, word: str) -> None:
        """``to 10.0.2.11:8080``, ``to ip daddr . tcp dport map @services``, ``to numgen inc mod 2 map { ... }``."""
        line = self.line
        for extra, version in (("ip", 4), ("ip6", 6)):
            if line.accept(extra):
                _join(self.fields, {"version": version})
        ported = line.left[:3] == ["addr", ".", "port"]
        del line.left[: 3 if ported else 0]
        line.expect("to")

        def action(reals: Iterable[Endpoint]) -> Action:
            return Dnat(tuple(reals)) if word == "dnat" else Snat(next(iter(reals)).address)

        if line.peek() in ("numgen", "jhash", "symhash"):
            while line.take() != "map":
                pass
            targets = [_target(each) for each in line.elements()]
            self.actions.append(action(_with_port(targets, line)))
        elif " ".join(line.left[:2]) in KEYS:
            key = self._key()
            line.expect("map")
            found = line.elements()
            ends = _with_port([_target(each) for each in found], line)
            self.ways.append([(_fields(key, each.key), (action([end]),))
                              for each, end in zip(found, ends, strict=True)])
        else:
            self.actions.append(action([_endpoint(line.take())]))
        line.accept("persistent")


def rules_of(words: list[str], sets: Sets | None = None) -> tuple[Rule, ...]:
    """The rules that one line stands for; ``Misuse`` names what is not known of it."""
    return _Reader(words, sets or {}).rules()


def _join(fields: Fields, more: Fields) -> None:
    """All conditions of a rule hold together; two that ask the same thing in two ways are not known."""
    for name, value in more.items():
        if fields.setdefault(name, value) != value:
            raise Misuse(1, f"Error: the model does not know two conditions on {name.replace('_', ' ')} in one rule")


def _fields(key: list[str], values: tuple[str, ...]) -> Fields:
    """What one element of a map or of a set of concatenations asks."""
    if values == ("*",):
        raise Misuse(1, "Error: the model does not know the element '*' of a map")
    found: Fields = {}
    for name, value in zip(key, values, strict=True):
        _join(found, KEYS[name]([value]))
    return found


def _verdict(element: Element) -> tuple[Action, ...]:
    """``goto NAME``, ``accept``: what a verdict map leads to."""
    if not element.value:
        raise Misuse(1, f"Error: the model does not know a map without a verdict for {' . '.join(element.key)}")
    return tuple(rule.action for rule in rules_of(list(element.value)))


def _target(element: Element) -> Endpoint:
    """``10.0.2.11``, ``10.0.2.11 . 8080``."""
    address, *port = element.value[::2]
    return Endpoint(ip_address(address), int(port[0]) if port else 0)


def _with_port(targets: list[Endpoint], line: Line) -> list[Endpoint]:
    """``map { ... }:8080``: one port for all."""
    if not line.peek().startswith(":"):
        return targets
    port = int(line.take()[1:])
    return [Endpoint(target.address, port) for target in targets]


def _endpoint(text: str) -> Endpoint:
    found = re.match(r"\[([^\]]+)\](?::(\d+))?$|([0-9.]+)(?::(\d+))?$|([0-9a-fA-F:]+)$", text)
    if found is None:
        raise Misuse(1, f"Error: the model does not know the target {text!r}")
    return Endpoint(ip_address(found[1] or found[3] or found[5]), int(found[2] or found[4] or 0))


LIMIT = re.compile(r"limit rate (?:over )?\d+(?: [km]?bytes)?/[a-z]+(?: burst \d+ [a-z]+)?(?= |$)")

LARGER = re.compile(r"(tcp option maxseg size (?:> \d+|\d+-65535)) tcp option maxseg size set (?:\d+|rt mtu)")
"""A segment size is lowered where it is larger, which ``ClampMss`` says by itself."""

def _unknown(words: list[str]) -> Misuse:
    said = " ".join(words)
    if said.startswith(IN_TIME) or " limit " in f" {said} ":
        return Misuse(1, f"Error: the model does not count what passes in a time, as {said!r} asks")
    return Misuse(1, f"Error: the model does not know {said!r}")
