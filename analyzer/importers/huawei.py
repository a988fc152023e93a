"""Huawei VRP: ``display nat server``, and ``nat server`` lines of a configuration.

Global IP/Port     : 203.0.113.10/80(www)
Inside IP/Port     : 10.0.2.11/8080
Protocol : 6(tcp)

nat server protocol tcp global 203.0.113.10 www inside 10.0.2.11 8080
"""

from __future__ import annotations

import re

from analyzer.balance.mapping import Endpoint, Forwarding, IPAddress, Mapping, Protocol
from analyzer.clean import shown
from analyzer.importers._rows import Rows
from analyzer.importers._words import Word, bare

NAME = "huawei"
DESCRIPTION = "Huawei nat server"

_HEAD = re.compile(r"^[ \t]*Nat Server Information:|^[ \t]*nat server (?:\S+ )?(?:protocol|global) ", re.MULTILINE)
_SHOWN = re.compile(r"\s*(Global|Inside) IP/Port\s*: (\S+?)/(\d+)\S*(?: \(Real IP : ([^)]*)\))?\s*")
_PROTOCOL = re.compile(r"\s*Protocol\s*: (\S+?)\s*")
_NUMBERS = {"6(tcp)": ("tcp",), "17(udp)": ("udp",), "1(icmp)": ("icmp",), "tcp": ("tcp",), "udp": ("udp",),
            "icmp": ("icmp",)}
_ALL = ("tcp", "udp", "icmp")


def sniff(text: str) -> bool:
    """The listing, or a line of the configuration."""
    return _HEAD.search(text) is not None


def read(text: str, source: str) -> Mapping:
    """Every server that is published."""
    rows = Rows(source)
    outside: tuple[IPAddress | None, int] = (None, 0)
    inside: tuple[IPAddress | None, int, int] = (None, 0, 0)
    for number, raw in enumerate(text.split("\n"), 1):
        match, protocol = _SHOWN.fullmatch(raw), _PROTOCOL.fullmatch(raw)
        words = bare(raw)
        if match:
            group = 4 if match[4] else 2
            address = rows.address(match[group], number, match.start(group) + 1, f"{match[1]} IP")
            if match[1] == "Global":
                outside = (address, int(match[3]))
            else:
                inside = (address, int(match[3]), number)
        elif protocol and inside[2]:
            _add(rows, outside, inside, _NUMBERS.get(protocol[1], _ALL))
            inside = (None, 0, 0)
        elif words[:2] == ["nat", "server"]:
            _configured(words, number, rows)
    return rows.mapping()


def _configured(words: list[Word], line: int, rows: Rows) -> None:
    """``nat server [ID] [protocol tcp] global ADDRESS [PORT] inside ADDRESS [PORT]``."""
    after: dict[str, list[Word]] = {}
    for word in words[2:]:
        if word in {"protocol", "global", "inside", "acl", "vpn-instance", "no-reverse", "description", "vrrp"}:
            after[word] = []
        elif after:
            next(reversed(after.values())).append(word)
    if not after.get("global") or not after.get("inside"):
        rows.problems.add(line, words[0].column, "nat server ... global ADDRESS inside ADDRESS", shown(" ".join(words)))
        return
    ends = []
    for key in ("global", "inside"):
        host, port_words = after[key][0], after[key][1:2]
        if host in {"current-interface", "interface"}:
            rows.warn(line, "the address of the interface is not in this line; give display nat server")
            return
        number = rows.named_port(port_words[0], line, port_words[0].column, key) if port_words else 0
        ends.append((rows.address(host, line, host.column, key), number))
    said = after.get("protocol", [])
    if ends[0][1] is not None and ends[1][1] is not None:
        protocols = _NUMBERS.get(said[0], _ALL) if said else _ALL
        _add(rows, (ends[0][0], ends[0][1]), (ends[1][0], ends[1][1], line), protocols)


def _add(rows: Rows, outside: tuple[IPAddress | None, int], inside: tuple[IPAddress | None, int, int],
         protocols: tuple[str, ...]) -> None:
    """The rows of one published server."""
    if outside[0] is None or inside[0] is None:
        return
    row = rows.real(Endpoint(inside[0], inside[1]), Forwarding.NAT, inside[2])
    for protocol in protocols:
        rows.add(Endpoint(outside[0], outside[1]), Protocol(protocol), [row], inside[2])
