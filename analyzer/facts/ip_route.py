"""Linux: what ``ip route`` prints, of one table or of all (ip-route(8)).

default via 10.0.2.1 dev eth0 proto dhcp src 10.0.2.11 metric 100
10.0.2.0/24 dev eth0 proto kernel scope link src 10.0.2.11
10.9.0.0/16
        nexthop via 10.0.2.1 dev eth0 weight 2
        nexthop via 10.0.2.3 dev eth0 weight 1
blackhole 10.8.0.0/16
"""

from __future__ import annotations

import re

from analyzer.clean import shown
from analyzer.facts._gathered import Facts
from analyzer.facts._listing import Listing
from analyzer.network.host import RouteType

NAME = "ip-route"
DESCRIPTION = "ip route"

_TYPES = "|".join(RouteType)
_STATES = "PERMANENT|NOARP|REACHABLE|STALE|DELAY|PROBE|FAILED|INCOMPLETE|NONE"
START = re.compile(
    rf"\s{{0,3}}(?:(?:{_TYPES})\s+)?(?:default|[0-9a-fA-F:.]*[.:][0-9a-fA-F:.]*(?:/\d+)?)\s+(?:from \S+ )?"
    rf"(?:via|dev|proto|scope|metric|nhid|encap|tos|table|src)\s+\S+(?!.*\b(?:{_STATES})\s*$)"
    rf"|(?:{_TYPES})\s+(?:default|[0-9a-fA-F:.]*[.:][0-9a-fA-F:.]*(?:/\d+)?)(?:\s|$)"
    r"|\s{0,3}(?:default|[0-9a-fA-F:.]*[.:][0-9a-fA-F:.]*/\d+)\s*(?:(?:proto|metric|scope|nhid) \S+\s*)*$")
_NEXT_HOP = re.compile(r"\s+nexthop\s+(?P<rest>.*)")
_VALUES = {"dev": "dev", "proto": "protocol", "protocol": "protocol", "scope": "scope", "src": "prefsrc",
           "metric": "metric", "table": "table", "tos": "tos", "mtu": "mtu", "from": "from", "pref": "pref",
           "encap": "encap", "weight": "weight", "uid": "uid"}
_FLAGS = {"onlink", "dead", "linkdown", "pervasive", "offload", "trap", "notify", "rt_offload", "rt_trap", "cache"}


def sniff(text: str) -> bool:
    """A destination with ``via`` or ``dev``, or with a type before it."""
    return any(START.match(line) for line in text.split("\n"))


def read(text: str, source: str, first_line: int = 1) -> Facts:
    """Routes in the order of the output, which for one metric is the order of preference."""
    listing = Listing(text, source)
    row: dict[str, object] = {}
    for number, line in enumerate(text.split("\n"), first_line):
        hop = _NEXT_HOP.match(line)
        if hop and row:
            hops = row.setdefault("nexthops", [])
            if isinstance(hops, list):
                hops.append(_words(hop["rest"].split()))
        elif START.match(line):
            row = _row(line.split())
            if "uid" in row:    # the answer of `ip route get`
                listing.leave_out("routes", number, "the answer to one question (ip route get), not a routing table")
                row = {}
            else:
                listing.route(number, row)
        elif line.strip() and line.split()[0] not in {"cache", "RTNETLINK"} and number > first_line:
            listing.leave_out("routes", number, f"not understood as a route: {shown(line.strip())}")
    return listing.facts("routes")


def _row(words: list[str]) -> dict[str, object]:
    kind = "unicast"
    if words[0] in set(RouteType):
        kind, *words = words
    return {"type": kind, "dst": words[0], **_words(words[1:])}


def _words(words: list[str]) -> dict[str, object]:
    """Keys with their values; ``mtu lock 1400`` and ``via inet6 ADDRESS`` have a word between."""
    row: dict[str, object] = {}
    flags: list[str] = []
    rest = iter(words)
    for word in rest:
        if word in _FLAGS:
            flags.append(word)
            continue
        value = next(rest, "")
        if word == "via" and value in {"inet", "inet6"}:
            row["via"] = {"family": value, "host": next(rest, "")}
        elif word == "via":
            row["gateway"] = value
        elif word in {"mtu", "advmss", "rtt", "window", "hoplimit"} and value == "lock":
            row[word] = next(rest, "")
        elif word in _VALUES:
            row[_VALUES[word]] = value
    row["flags"] = flags
    return row
