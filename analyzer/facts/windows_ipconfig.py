"""Windows: what ``ipconfig /all`` prints.

Ethernet adapter Ethernet0:

   Description . . . . . . . . . . . : Intel(R) 82574L Gigabit Network Connection
   Physical Address. . . . . . . . . : 02-00-0A-00-02-0B
   IPv4 Address. . . . . . . . . . . : 10.0.2.11(Preferred)
   Subnet Mask . . . . . . . . . . . : 255.255.255.0
"""

from __future__ import annotations

import re
from dataclasses import replace

from analyzer.facts._gathered import Facts
from analyzer.facts._problems import Expected, Problems
from analyzer.facts._values import address, interface_address, mac, with_mask, zone
from analyzer.network.host import Interface, System
from analyzer.units import Origin

NAME = "windows-ipconfig"
DESCRIPTION = "ipconfig /all (Windows)"

START = re.compile(r"Windows[ -]IP[ -][KC]onfiguration\s*$|\S.*?\badapter (?P<name>\S.*):\s*$", re.IGNORECASE)
_FIELD = re.compile(r"\s+(?P<label>\S.*?)[ .]*: (?P<value>.*)$")
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){5}")
_MASK = re.compile(r"(?:255|254|252|248|240|224|192|128|0)(?:\.\d+){3}")


def sniff(text: str) -> bool:
    """Its title, or an adapter."""
    return any(START.match(line) for line in text.split("\n"))


def read(text: str, source: str, first_line: int = 1) -> Facts:
    """Interfaces by their alias; an IPv6 address without its length is left out, with a warning."""
    problems = Problems(source)
    found: list[Interface] = []
    notes: list[str] = []
    waiting = ""
    for number, line in enumerate(text.split("\n"), first_line):
        start = START.match(line)
        field = _FIELD.match(line)
        if start and start["name"]:
            found.append(Interface(start["name"].strip(), origin=Origin(source, number)))
        elif found and field:
            value = field["value"].strip()
            told = re.sub(r"\([^)]*\)$", "", value)
            try:
                if waiting and _MASK.fullmatch(value):
                    own = with_mask(waiting, value)
                    found[-1] = replace(found[-1], addresses=(*found[-1].addresses, own))
                    waiting = ""
                elif re.search(r"IPv4|^IP[ -]Add?ress", field["label"]) and told[:1].isdecimal():
                    waiting = str(address(told))
                elif "IPv6" in field["label"] and ":" in told:
                    found[-1] = _six(found[-1], told, f"{source}:{number}", notes)
                elif _MAC.fullmatch(value) and not found[-1].mac:
                    found[-1] = replace(found[-1], mac=mac(value))
                elif value == "Media disconnected":
                    found[-1] = replace(found[-1], up=False)
            except Expected as wrong:
                problems.add(number, wrong)
    problems.raise_if_any()
    full = "Physical" in text and not notes
    return Facts(System.WINDOWS, tuple(found), complete=frozenset({"interfaces"} if full and found else ()),
                 warnings=tuple(notes))


def _six(interface: Interface, told: str, where: str, notes: list[str]) -> Interface:
    """A link-local address is a /64 (RFC 4291 §2.5.6) and its zone the interface's index."""
    own = address(told)
    if own.is_link_local:
        index = int(zone(told)) if zone(told).isdecimal() and len(zone(told)) < 6 else 0
        return replace(interface, index=interface.index or index,
                       addresses=(*interface.addresses, interface_address(f"{own}/64")))
    notes.append(f"{where}: {own} is left out: ipconfig shows no prefix length of IPv6 addresses; "
                 "add the output of Get-NetIPAddress")
    return interface
