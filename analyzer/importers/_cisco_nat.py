"""Static translations of Cisco IOS and Arista EOS.

ip nat inside source static 10.0.2.30 203.0.113.30
ip nat inside source static tcp 10.0.2.25 25 203.0.113.25 25 extendable
ip nat destination static 203.0.113.10 80 10.0.2.11 8080 protocol tcp
"""

from __future__ import annotations

from itertools import pairwise

from analyzer.balance.mapping import Endpoint, Forwarding, IPAddress, Protocol
from analyzer.clean import shown
from analyzer.importers._braces import Statement
from analyzer.importers._rows import Rows
from analyzer.importers._words import Word, position

_OPTIONS = {"extendable", "redundancy", "no-alias", "no-payload", "route-map", "vrf", "add-route", "overload", "forced",
            "match-in-vrf", "protocol", "group", "comment", "reversible", "stateless"}


def static(one: Statement, rows: Rows, interfaces: dict[str, IPAddress]) -> None:
    """One static translation.  Which address is the virtual one depends on the kind of line."""
    at = position(one.words, "static") + 1
    words = list(one.words[at:])
    if words[:1] == ["network"]:
        rows.warn(one.line, "left out: it translates a whole network")
        return
    protocols = _protocols(words)
    ends: list[Endpoint | None] = []
    while words and len(ends) < 2 and words[0] not in _OPTIONS:
        if words[0] == "access-list":
            words = words[2:]
            continue
        end, words = _end(words, one.line, rows, interfaces)
        ends.append(end)
    if len(ends) < 2:
        rows.problems.add(one.line, one.words[-1].column, "two addresses after static", shown(" ".join(one.words[at:])))
        return
    # A "source" line names the server first and what is asked for last, a "destination" line the other way round.
    virtual, real = ends if "destination" in one.words[:at] else reversed(ends)
    if virtual is not None and real is not None:
        for protocol in protocols[:2] if virtual.port else protocols:
            rows.add(virtual, protocol, [rows.real(real, Forwarding.NAT, one.line)], one.line)


def _protocols(words: list[Word]) -> list[Protocol]:
    """``tcp`` or ``udp`` before the addresses (taken from ``words``) or ``protocol tcp`` behind them; else all."""
    if words[:1] in (["tcp"], ["udp"]):
        return [Protocol(words.pop(0))]
    said = next((after for word, after in pairwise(words) if word == "protocol"), None)
    return [Protocol(said)] if said in {"tcp", "udp", "icmp"} else list(Protocol)


def _end(words: list[Word], line: int, rows: Rows,
         interfaces: dict[str, IPAddress]) -> tuple[Endpoint | None, list[Word]]:
    """``ADDRESS [PORT]`` or ``interface NAME [PORT]``; what is left of the words."""
    if words[0] == "interface" and len(words) > 1:
        name, rest = str(words[1]), words[2:]
        if rest and rest[0][:1].isdigit() and ("/" in rest[0] or (len(rest) > 1 and rest[1][:1].isdigit())):
            name, rest = name + rest[0], rest[1:]    # "GigabitEthernet 0/0"
        address = interfaces.get(name)
        if address is None:
            rows.warn(line, f"the address of interface {name} is not in this file")
    else:
        address, rest = rows.address(words[0], line, words[0].column, "ip nat"), words[1:]
    port: int | None = 0
    if rest and "." not in rest[0] and ":" not in rest[0] and rest[0] not in _OPTIONS | {"interface", "access-list"}:
        port = rows.named_port(rest[0], line, rest[0].column, "ip nat")
        rest = rest[1:]
    return (None if address is None or port is None else Endpoint(address, port)), rest
