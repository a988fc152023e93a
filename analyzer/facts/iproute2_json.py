"""Linux: what ``ip -j addr``, ``ip -j route``, ``ip -j rule`` and ``ip -j neigh`` print (ip(8), "-json").

[{"dst":"default","gateway":"10.0.2.1","dev":"eth0","flags":[]},
 {"dst":"10.0.2.0/24","dev":"eth0","protocol":"kernel","scope":"link","prefsrc":"10.0.2.11","flags":[]}]
"""

from __future__ import annotations

import re

from analyzer.facts._command import command_of
from analyzer.facts._gathered import Facts
from analyzer.facts._json_rows import asked_rows
from analyzer.facts._listing import Listing

NAME = "iproute2-json"
DESCRIPTION = "ip -j addr, route, rule, neigh"

_OURS = re.compile(r'\s*(?:\[\s*\]\s*\Z|\[?[\s{},]*"(?:ifindex|ifname|link_index|link|dst|type|priority|deleted)"\s*:)')
_OBJECTS = {"a": "interfaces", "l": "interfaces", "r": "routes", "ru": "rules", "n": "neighbors"}


def sniff(text: str) -> bool:
    """A JSON list whose first object has one of iproute2's names, or an empty one."""
    first, _, rest = text.partition("\n")
    return _OURS.match(rest if command_of(first) else text) is not None


def read(text: str, source: str, first_line: int = 1) -> Facts:
    """Every object by the names it has."""
    listing = Listing(text, source)
    words, rows = asked_rows(text, source, first_line)
    for line, row in rows:
        if "ifname" in row:
            listing.interface(line, row)
        elif "priority" in row:
            listing.rule(line, row)
        elif "dst" in row and ("state" in row or "lladdr" in row):
            listing.neighbor(line, row)
        elif "dst" in row:
            listing.route(line, row)
        else:
            listing.problems.add(line, "expected an object of ip -j addr, route, rule or neigh, got other names")
    return listing.facts(_asked_kind(words))


def _asked_kind(words: list[str]) -> str:
    """What an empty list is empty of."""
    rest = [word for word in words[1:] if not word.startswith("-")]
    if words[:1] != ["ip"] or not rest:
        return ""
    word = rest[0]
    return "rules" if word.startswith("ru") else _OBJECTS.get(word[0], "")
