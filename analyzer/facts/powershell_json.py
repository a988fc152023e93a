"""Windows: ``Get-NetRoute``, ``Get-NetIPAddress`` or ``Get-NetNeighbor`` piped to ``ConvertTo-Json``.

[ { "DestinationPrefix": "0.0.0.0/0", "NextHop": "10.0.2.1", "InterfaceIndex": 12, "InterfaceAlias": "Ethernet0",
    "RouteMetric": 256, "InterfaceMetric": 25 } ]
"""

from __future__ import annotations

import re

from analyzer.facts._command import command_of
from analyzer.facts._gathered import Facts
from analyzer.facts._json_rows import asked_rows
from analyzer.facts._powershell import facts_of

NAME = "powershell-json"
DESCRIPTION = "Get-NetRoute, Get-NetIPAddress or Get-NetNeighbor | ConvertTo-Json"

_OURS = re.compile(r'"(?:DestinationPrefix|InterfaceIndex|ifIndex|InterfaceAlias|PrefixLength|CimClass)"\s*:')


def sniff(text: str) -> bool:
    """A JSON object with a property of those cmdlets."""
    first, _, rest = text.partition("\n")
    body = rest if command_of(first) else text
    return body.lstrip()[:1] in {"[", "{"} and _OURS.search(body) is not None


def read(text: str, source: str, first_line: int = 1) -> Facts:
    """Objects by the names of their properties."""
    words, rows = asked_rows(text, source, first_line)
    return facts_of(rows, source, whole=not any(word.startswith(("-", "where")) for word in words))
