"""Windows: what ``arp -a`` prints.

Interface: 10.0.2.11 --- 0xc
  Internet Address      Physical Address      Type
  10.0.2.1              02-00-0a-00-02-01     dynamic
"""

from __future__ import annotations

import re

from analyzer.facts._gathered import Facts
from analyzer.facts._problems import Expected, Problems
from analyzer.facts._values import address, mac
from analyzer.network.host import Interface, Neighbor, System
from analyzer.units import Origin

NAME = "windows-arp"
DESCRIPTION = "arp -a (Windows)"

START = re.compile(r"\S+\s?: (?P<own>[\d.]+) --- 0x(?P<index>[0-9a-fA-F]{1,6})\s*$")
_ROW = re.compile(r"\s+(?P<address>[\d.]+)\s+(?P<mac>[0-9a-fA-F]{2}(?:-[0-9a-fA-F]{2}){5})\s+(?P<type>\S+)\s*$")


def sniff(text: str) -> bool:
    """An interface's address and its index in hexadecimal."""
    return any(START.match(line) for line in text.split("\n"))


def read(text: str, source: str, first_line: int = 1) -> Facts:
    """Neighbours; groups and broadcasts, which Windows lists as static, are none."""
    problems = Problems(source)
    interfaces: list[Interface] = []
    found: list[Neighbor] = []
    for number, line in enumerate(text.split("\n"), first_line):
        start, row = START.match(line), _ROW.match(line)
        try:
            if start:
                interfaces.append(Interface(str(address(start["own"])), index=int(start["index"], 16),
                                            origin=Origin(source, number)))
            elif row and interfaces and not int(row["mac"][:2], 16) & 1:
                found.append(Neighbor(address(row["address"]), mac(row["mac"]), interfaces[-1].name, row["type"],
                                      Origin(source, number)))
        except Expected as wrong:
            problems.add(number, wrong)
    problems.raise_if_any()
    return Facts(System.WINDOWS, tuple(interfaces), neighbors=tuple(found))
