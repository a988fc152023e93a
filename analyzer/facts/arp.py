"""The ARP cache: ``arp -an`` of Linux, FreeBSD and macOS, and ``arp -n`` of Linux (arp(8)).

? (10.0.2.1) at 02:00:0a:00:02:01 [ether] on eth0
? (10.0.2.1) at 02:00:0a:00:02:01 on em0 expires in 1138 seconds [ethernet]

Address                  HWtype  HWaddress           Flags Mask            Iface
10.0.2.1                 ether   02:00:0a:00:02:01   C                     eth0
"""

from __future__ import annotations

import re

from analyzer.facts._gathered import Facts
from analyzer.facts._problems import Expected, Problems
from analyzer.facts._values import address, mac
from analyzer.network.host import Neighbor, System
from analyzer.units import Origin

NAME = "arp"
DESCRIPTION = "arp -an"

START = re.compile(r"(?:\S+ \((?P<address>[0-9.]+)\) at (?P<mac>\S+)(?P<rest>.*)|Address\s+HWtype\s+HWaddress\b.*)")
_ROW = re.compile(r"(?P<address>[0-9.]+)\s+(?:(?P<type>\w+)\s+(?P<mac>[0-9a-fA-F:]{11,})\s+(?P<flags>\w+)|"
                  r"\(incomplete\))(?:\s+(?P<mask>[0-9.*]+))?\s+(?P<dev>\S+)\s*$")
_DEVICE = re.compile(r"\bon (\S+)")


def sniff(text: str) -> bool:
    """``? (ADDRESS) at MAC``, or the heading of the table."""
    return any(START.match(line) for line in text.split("\n"))


def read(text: str, source: str, first_line: int = 1) -> Facts:
    """Addresses with their MACs; an entry without one keeps an empty MAC."""
    problems = Problems(source)
    found: list[Neighbor] = []
    linux = bsd = False
    for number, line in enumerate(text.split("\n"), first_line):
        match = START.match(line)
        if match is None or match["address"] is None:
            linux = linux or match is not None
            match = _ROW.match(line)
            if match is None:
                continue
            device, state = match["dev"], "PERMANENT" if "M" in (match["flags"] or "") else ""
        else:
            on = _DEVICE.search(match["rest"])
            device = on[1] if on else ""
            state = "PERMANENT" if "PERM" in match["rest"] or " permanent" in match["rest"] else ""
            linux = linux or "[ether]" in line
            bsd = bsd or "[ethernet]" in line
        try:
            hardware = mac(match["mac"] or "")
            found.append(Neighbor(address(match["address"]), hardware, device, state if hardware else "INCOMPLETE",
                                  Origin(source, number)))
        except Expected as wrong:
            problems.add(number, wrong)
    problems.raise_if_any()
    return Facts(System.LINUX if linux and not bsd else System.UNKNOWN, neighbors=tuple(found))
