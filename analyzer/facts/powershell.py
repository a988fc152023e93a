"""Windows: what ``Get-NetRoute``, ``Get-NetIPAddress`` and ``Get-NetNeighbor`` print.

ifIndex DestinationPrefix   NextHop    RouteMetric ifMetric PolicyStore
------- -----------------   -------    ----------- -------- -----------
12      0.0.0.0/0           10.0.2.1           256 25       ActiveStore

IPAddress         : 10.0.2.11
InterfaceIndex    : 12
PrefixLength      : 24
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from analyzer.clean import shown
from analyzer.errors import ConfigSyntaxError
from analyzer.facts._command import asked
from analyzer.facts._gathered import Facts
from analyzer.facts._powershell import facts_of

NAME = "powershell"
DESCRIPTION = "Get-NetRoute, Get-NetIPAddress, Get-NetNeighbor"

_NAMES = ("ifIndex|InterfaceIndex|InterfaceAlias|DestinationPrefix|NextHop|RouteMetric|IPAddress|PrefixLength|"
          "LinkLayerAddress|AddressFamily")
START = re.compile(rf"(?:ifIndex|InterfaceIndex|InterfaceAlias|DestinationPrefix|IPAddress)\s+(?:{_NAMES})\b"
                   rf"|(?:{_NAMES})\s*: ")
_PAIR = re.compile(r"(?P<key>[A-Za-z]\w*)\s*: ?(?P<value>.*)$")
_STORE = {"policystore", "store"}


def sniff(text: str) -> bool:
    """A heading of its tables, or a property and its value."""
    return any(START.match(line) for line in text.split("\n"))


def read(text: str, source: str, first_line: int = 1) -> Facts:
    """Tables by their headings, lists by their blank lines."""
    words = asked(text)
    records = list(_records(text, source, first_line))
    return facts_of((each for each in records if len(each[1]) > 1), source,
                    whole=not any(word.startswith(("-", "where", "select")) for word in words))


def _records(text: str, source: str, first_line: int) -> Iterator[tuple[int, dict[str, object]]]:
    columns: list[tuple[str, int]] = []
    record: dict[str, object] = {}
    begun = first_line
    for number, line in enumerate([*text.split("\n"), ""], first_line):
        pair = _PAIR.match(line)
        if not line.strip():
            yield begun, record
            record, columns = {}, []
        elif START.match(line) and not (pair and ": " in line):
            columns = [(found[0], found.start()) for found in re.finditer(r"\S+", line)]
        elif columns and not line.startswith("-"):
            yield number, _cells(columns, line, f"{source}:{number}")
        elif pair and not columns:
            begun = begun if record else number
            record[pair["key"]] = pair["value"].strip()


def _cells(columns: list[tuple[str, int]], line: str, where: str) -> dict[str, object]:
    """Values by order; the names in the headings stand above them, but numbers are set to the right."""
    values = line.split()
    names = [name for name, _ in columns]
    if len(values) < len(names) and names[-1].lower() in _STORE:
        names = names[:-1]
    if len(values) < len(names) or any("…" in value or "..." in value for value in values):
        wanted = shown(", ".join(names))
        problem = (f"{where}: expected a value for each of {wanted}; a narrow window cuts them: "
                   "give the output of '... | ConvertTo-Json'")
        raise ConfigSyntaxError([problem])
    return dict(zip(names, values, strict=False))
