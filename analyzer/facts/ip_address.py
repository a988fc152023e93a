r"""Linux: what ``ip address``, ``ip link`` and ``ip -o address`` print (ip-address(8)).

2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    link/ether 02:00:0a:00:02:0b brd ff:ff:ff:ff:ff:ff
    inet 10.0.2.11/24 brd 10.0.2.255 scope global eth0

2: eth0    inet 10.0.2.11/24 scope global eth0\       valid_lft forever preferred_lft forever
"""

from __future__ import annotations

import re

from analyzer.facts._gathered import Facts
from analyzer.facts._listing import Listing

NAME = "ip-address"
DESCRIPTION = "ip addr"

START = re.compile(r"\s*(?P<index>\d+): (?P<name>[^\s:@]+)(?:@[^\s:]+)?"
                   r"(?:: <(?P<flags>[^>]*)>(?P<rest>.*)|\s+(?P<one>inet6? .*))")
_LINK = re.compile(r"\s+link/(?P<type>\S+)(?: (?P<mac>\S+))?")
_ADDRESS = re.compile(r"\s*(?P<family>inet6?) (?P<local>[^\s/]+)(?:/(?P<own>\d+))?"
                      r"(?: peer (?P<peer>[^\s/]+)(?:/(?P<length>\d+))?)?(?=\s|$)")
_MTU = re.compile(r"\bmtu (\S+)")


def sniff(text: str) -> bool:
    """A numbered interface with its flags, or with an address on one line."""
    return any(START.match(line) for line in text.split("\n"))


def read(text: str, source: str, first_line: int = 1) -> Facts:
    """Interfaces in the order of the output."""
    listing = Listing(text, source)
    found: dict[str, tuple[int, dict[str, object]]] = {}
    here: dict[str, object] = {}
    for number, line in enumerate(text.split("\n"), first_line):
        match = START.match(line)
        if match:
            name = match["name"]
            here = found.setdefault(name, (number, {"ifname": name, "ifindex": match["index"]}))[1]
            if match["one"]:
                listing.chosen.whole = False    # -o leaves out interfaces without addresses, and the flags
                _add_address(listing, here, number, match["one"])
            else:
                _add_flags(here, match["flags"], match["rest"])
        elif here and (link := _LINK.match(line)):
            here["link_type"], here["address"] = link["type"], link["mac"] or ""
        elif here and line.lstrip().startswith("inet"):
            _add_address(listing, here, number, line)
    if not any("link_type" in row for _, row in found.values()):
        listing.chosen.whole = False    # `ip -4 addr` prints only what has such an address
    for number, row in found.values():
        listing.interface(number, row)
    return listing.facts("interfaces")


def _add_flags(row: dict[str, object], flags: str, rest: str) -> None:
    row["flags"] = flags.split(",")
    mtu = _MTU.search(rest)
    if mtu:
        row["mtu"] = mtu[1]
    if " mode " not in rest:    # `ip link` prints the mode, and no addresses
        row.setdefault("addr_info", [])


def _add_address(listing: Listing, row: dict[str, object], number: int, line: str) -> None:
    match = _ADDRESS.match(line)
    if match is None:
        listing.problems.add(number, f"expected 'inet ADDRESS/LENGTH', got {line.strip()[:60]!r}")
        return
    length = match["length"] or match["own"] or ("32" if match["family"] == "inet" else "128")
    owned = row.setdefault("addr_info", [])
    if isinstance(owned, list):
        owned.append({"family": match["family"], "local": match["local"], "prefixlen": length})
