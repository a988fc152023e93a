"""Linux: what ``ip rule`` prints (ip-rule(8)).

0:	from all lookup local
99:	not from 10.0.2.5 fwmark 0x1/0xff iif eth0 ipproto tcp dport 1000-2000 lookup 100
32766:	from all lookup main
"""

from __future__ import annotations

import re

from analyzer.facts._gathered import Facts
from analyzer.facts._listing import Listing

NAME = "ip-rule"
DESCRIPTION = "ip rule"

START = re.compile(r"\s*(?P<priority>\d+):\s+(?P<rest>(?:not\s+)?from\s+\S+.*)")
_ACTIONS = {"prohibit", "unreachable", "blackhole", "nop"}
_VALUES = {"from": "src", "to": "dst", "tos": "tos", "dsfield": "tos", "iif": "iif", "dev": "iif", "oif": "oif",
           "ipproto": "ipproto", "lookup": "table", "table": "table", "goto": "goto", "uidrange": "uidrange",
           "suppress_prefixlength": "suppress_prefixlen", "suppress_ifgroup": "suppress_ifgroup", "tun_id": "tun_id",
           "realms": "realms"}


def sniff(text: str) -> bool:
    """A priority and ``from``."""
    return any(START.match(line) for line in text.split("\n"))


def read(text: str, source: str, first_line: int = 1) -> Facts:
    """Rules in their order."""
    listing = Listing(text, source)
    for number, line in enumerate(text.split("\n"), first_line):
        match = START.match(line)
        if match:
            listing.rule(number, {"priority": match["priority"], **_words(match["rest"].split())})
        elif re.match(r"\s*\d+:", line):
            listing.leave_out("rules", number, "not understood as a rule")
    return listing.facts("rules")


def _words(words: list[str]) -> dict[str, object]:
    row: dict[str, object] = {}
    rest = iter(words)
    for word in rest:
        if word == "not":
            row["not"] = None
        elif word in _ACTIONS:
            row["action"] = word
        elif word == "fwmark":
            mark, slash, mask = next(rest, "").partition("/")
            row["fwmark"] = mark
            if slash:
                row["fwmask"] = mask
        elif word in {"sport", "dport"}:
            first, dash, last = next(rest, "").partition("-")
            row.update({f"{word}_start": first, f"{word}_end": last} if dash else {word: first})
        elif word == "[l3mdev-table]" or "l3mdev" in word:
            row["l3mdev"] = None
        elif word in _VALUES:
            row[_VALUES[word]] = next(rest, "")
        elif word not in {"proto", "protocol"}:
            row["action"] = word
        else:
            next(rest, "")
    return row
