"""ldirectord: ldirectord.cf (ldirectord(8)).

virtual=203.0.113.10:80
        real=10.0.2.11:8080 masq
        real=10.0.2.12-10.0.2.13:8080 masq 5
        protocol=tcp
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from analyzer.balance.mapping import Endpoint, Forwarding, Mapping, Protocol
from analyzer.clean import shown
from analyzer.importers._address import split
from analyzer.importers._blocks import addresses
from analyzer.importers._problems import Expected
from analyzer.importers._rows import Rows
from analyzer.importers._words import Word, bare, misspelt

NAME = "ldirectord"
DESCRIPTION = "ldirectord.cf"

_HEAD = re.compile(r"^virtual6?[ \t]*=[ \t]*[^\"'\s]", re.MULTILINE)
_LINE = re.compile(r"([ \t]*)(\w+)([ \t]*=[ \t]*)(.*)")
_KINDS = {"masq": Forwarding.NAT, "gate": Forwarding.DIRECT, "ipip": Forwarding.TUNNEL}
_WANTED = ("virtual", "virtual6", "real", "fallback", "protocol")
_KNOWN = ("realport",)


@dataclass(slots=True)
class _Virtual:
    """A ``virtual`` line and what stands under it."""

    value: Word
    line: int
    options: dict[str, tuple[Word, int]] = field(default_factory=dict)
    reals: list[tuple[str, list[Word], int]] = field(default_factory=list)


def sniff(text: str) -> bool:
    """A ``virtual=`` at the margin."""
    return _HEAD.search(text) is not None


def read(text: str, source: str) -> Mapping:
    """The virtual services of the file."""
    rows = Rows(source)
    here: _Virtual | None = None
    found: list[_Virtual] = []
    for number, raw in enumerate(text.split("\n"), 1):
        match = _LINE.fullmatch(raw)
        if match is None or raw.lstrip().startswith("#"):
            continue
        indent, key, equals, value = match.groups()
        column = len(indent) + len(key) + len(equals) + 1
        misspelt(Word(key, len(indent) + 1), number, _WANTED, _KNOWN, rows.problems)
        if key in {"virtual", "virtual6"}:
            here = _Virtual(Word(value.strip(), column), number)
            found.append(here)
        elif here is not None and key in {"real", "fallback"} and (indent or key == "real"):
            here.reals.append((key, bare(value, column), number))
        elif here is not None and indent:
            here.options[key] = (Word(value.strip(), column), number)
    for virtual in found:
        _service(virtual, rows)
    return rows.mapping()


def _service(virtual: _Virtual, rows: Rows) -> None:
    """One virtual service."""
    word, line = virtual.options.get("protocol", (Word("tcp", 1), virtual.line))
    if virtual.value.isdigit() or word == "fwm":
        rows.warn(virtual.line, f"virtual={virtual.value}: a firewall mark has no address, write a mapping file")
        return
    if word not in {"tcp", "udp"}:
        rows.problems.add(line, word.column, "protocol=tcp, udp or fwm", shown(word))
        return
    end = _endpoint(virtual.value, virtual.line, rows, "virtual")
    for address in end[:1]:
        rows.add(address, Protocol(word), (), virtual.line)
        for key, words, number in virtual.reals:
            _real(address, Protocol(word), key, words, number, rows)


def _real(virtual: Endpoint, protocol: Protocol, key: str, words: list[Word], line: int, rows: Rows) -> None:
    """``real=ADDRESS[->LAST][:PORT] gate|masq|ipip [WEIGHT]``; ``fallback`` stands in when all are down."""
    if not words:
        rows.problems.add(line, 1, f"{key}=ADDRESS:PORT gate|masq|ipip", "nothing")
        return
    kind = words[1] if len(words) > 1 else Word("masq" if key == "fallback" else "", words[0].column + len(words[0]))
    if kind not in _KINDS:
        rows.problems.add(line, kind.column, "gate, masq or ipip", shown(kind) if kind else "nothing")
        return
    for end in _endpoint(words[0], line, rows, key):
        if end.address.is_loopback:
            rows.warn(line, f"{key}={words[0]}: left out, it is the balancer itself")
            continue
        own = rows.unchanged(end if end.port else Endpoint(end.address, virtual.port), virtual, _KINDS[kind], line)
        enabled = words[2:3] != ["0"]
        rows.add(virtual, protocol, [rows.real(own, _KINDS[kind], line, enabled=enabled,
                                               name="fallback" if key == "fallback" else "")], line)


def _endpoint(word: Word, line: int, rows: Rows, what: str) -> list[Endpoint]:
    """``ADDRESS[->LAST][:PORT]``, the port in digits or by name."""
    try:
        host, port_text, at = split(word.replace("->", "-"))
    except Expected as wrong:
        rows.problems.add(line, word.column + wrong.offset, wrong.expected, shown(word), wrong.hint)
        return []
    port = rows.named_port(port_text, line, word.column + at + word.count("->"), what) if port_text else 0
    found = addresses(host, rows, line, word.column, what)
    return [] if port is None else [Endpoint(address, port) for address in found]

