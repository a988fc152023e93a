"""Linux: tracked connections, as ``conntrack -L`` and /proc/net/nf_conntrack print them (conntrack(8)).

tcp      6 117 SYN_SENT src=10.0.2.50 dst=203.0.113.10 sport=40000 dport=80 [UNREPLIED]
         src=10.0.2.11 dst=10.0.2.50 sport=8080 dport=40000 mark=0 use=1          (one line)

``-o extended`` and the file in /proc begin with the family and its number: ``ipv4     2 tcp      6 ...``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from analyzer.facts._gathered import Facts
from analyzer.facts._problems import Expected, Problems
from analyzer.facts._values import address, number
from analyzer.network.host import PacketTuple, System, TrackedConnection
from analyzer.units import Origin

NAME = "conntrack"
DESCRIPTION = "conntrack -L, /proc/net/nf_conntrack"

START = re.compile(r"(?:ipv[46]\s+\d+\s+)?(?P<name>[a-z][a-z0-9-]*)\s+(?P<protocol>\d+)\s+(?:(?P<seconds>\d+)\s+)?"
                   r"(?:(?P<state>[A-Z][A-Z0-9_]*)\s+)?(?P<rest>(?:\[\w+\]\s+)?src=.*)$")
_WORD = re.compile(r"(?P<key>[a-z-]+)=(?P<value>\S*)|\[(?P<flag>[A-Z_]+)\]")
_PORT, _OCTET = 0xFFFF, 0xFF


def sniff(text: str) -> bool:
    """A protocol with its number, and ``src=``."""
    return any(START.match(line) for line in text.split("\n"))


def read(text: str, source: str, first_line: int = 1) -> Facts:
    """One connection a line."""
    problems = Problems(source)
    found: list[TrackedConnection] = []
    for line_number, line in enumerate(text.split("\n"), first_line):
        match = START.match(line)
        if match is None:
            continue
        try:
            found.append(_connection(match, Origin(source, line_number)))
        except Expected as wrong:
            problems.add(line_number, wrong)
    problems.raise_if_any()
    return Facts(System.LINUX, tracked=tuple(found))


def _connection(match: re.Match[str], origin: Origin) -> TrackedConnection:
    directions: list[dict[str, str]] = []
    flags: list[str] = []
    for word in _WORD.finditer(match["rest"]):
        if word["flag"]:
            flags.append(word["flag"])
            continue
        if word["key"] == "src":
            directions.append({})
        if directions:
            directions[-1].setdefault(word["key"], word["value"])    # 'id=' stands again at the end of '-o id'
    if len(directions) != 2:
        raise Expected("two directions, each with src= and dst=", match["rest"])
    original, reply = map(_tuple, directions)
    protocol = number(match["protocol"], "the protocol", most=_OCTET)
    return TrackedConnection(protocol, match["state"] or "", original, reply, tuple(flags), origin)


def _tuple(told: Mapping[str, str]) -> PacketTuple:
    icmp = None
    if "type" in told:
        icmp = (number(told["type"], "the ICMP type", most=_OCTET),
                number(told.get("code", 0), "the ICMP code", most=_OCTET),
                number(told.get("id", 0), "the ICMP identifier", most=_PORT))
    return PacketTuple(
        address(told["src"], " behind 'src='"), address(told.get("dst", ""), " behind 'dst='"),
        number(told.get("sport", 0), "the source port", most=_PORT),
        number(told.get("dport", 0), "the destination port", most=_PORT), icmp)
