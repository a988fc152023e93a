"""Linux: what ``ip neigh`` prints (ip-neighbour(8)).

10.0.2.1 dev eth0 lladdr 02:00:0a:00:02:01 REACHABLE
fe80::1 dev eth0 lladdr 02:00:0a:00:02:01 router STALE
10.0.2.7 dev eth0 FAILED
"""

from __future__ import annotations

import re

from analyzer.facts._gathered import Facts
from analyzer.facts._listing import Listing

NAME = "ip-neighbor"
DESCRIPTION = "ip neigh"

_STATES = "PERMANENT|NOARP|REACHABLE|STALE|DELAY|PROBE|FAILED|INCOMPLETE|NONE"
START = re.compile(rf"(?P<address>[0-9a-fA-F:.]*[.:][0-9a-fA-F:.]*)\s+dev\s+(?P<dev>\S+)\s+"
                   r"(?:lladdr\s+(?P<mac>\S+)\s+)?"
                   rf"(?:.*\s)?(?P<state>{_STATES})\s*$")


def sniff(text: str) -> bool:
    """An address, ``dev``, and a state in capitals at the end."""
    return any(START.match(line) for line in text.split("\n"))


def read(text: str, source: str, first_line: int = 1) -> Facts:
    """One neighbour a line."""
    listing = Listing(text, source)
    for number, line in enumerate(text.split("\n"), first_line):
        match = START.match(line)
        if match:
            row = {"dst": match["address"], "dev": match["dev"], "state": [match["state"]]}
            listing.neighbor(number, row if match["mac"] is None else {**row, "lladdr": match["mac"]})
    return listing.facts("neighbors")
