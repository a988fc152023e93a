"""Addresses, networks and ranges, and ranges of ports, in the words of packet filters."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

from analyzer.balance.mapping import IPAddress
from analyzer.clean import shown
from analyzer.importers._address import address
from analyzer.importers._problems import Expected
from analyzer.importers._rows import MOST_PORTS, Rows
from analyzer.importers._services import PORTS
from analyzer.importers._translation import Block, Ports


def block(text: str, rows: Rows, line: int, column: int, what: str) -> Block | None:
    """``ADDRESS``, ``NETWORK/PREFIX`` or ``FIRST-LAST``; None, with a word about it, where it is something else."""
    text = text.strip("[]")
    host, slash, prefix = text.partition("/")
    first, dash, last = text.partition("-")
    try:
        if dash:
            return address(first), address(last)
        found = address(host)
    except Expected:
        rows.address(host, line, column, what)    # says what it is: a name, a variable, a slip of the pen
        return None
    if not slash or prefix == str(found.max_prefixlen):
        return found
    try:
        return ip_network(text, strict=False)
    except ValueError:
        rows.problems.add(line, column + len(host) + 1, f"{what}: a prefix length", shown(text))
        return None


def addresses(text: str, rows: Rows, line: int, column: int, what: str) -> list[IPAddress]:
    """All addresses of ``ADDRESS``, ``FIRST-LAST`` or ``NETWORK/PREFIX``; a long range is a warning."""
    first, dash, last = text.partition("-")
    host, slash, _ = text.partition("/")
    low = rows.address(host if slash and not dash else first, line, column, what)
    if low is None:
        return []
    high: IPAddress | None = low
    if dash:
        high = rows.address(last, line, column + len(first) + 1, what)
    elif slash:
        network = block(text, rows, line, column, what)
        if isinstance(network, IPv4Network | IPv6Network):
            low, high = network[0], network[-1]
    if high is None:
        return []
    count = int(high) - int(low) + 1
    if high.version != low.version or not 0 < count <= MOST_PORTS:
        rows.warn(line, f"{text}: left out, a range of {max(count, 0):,} addresses")
        return []
    return [low + i for i in range(count)]


def port_ranges(text: str, rows: Rows, line: int, column: int) -> Ports:
    """``80,443,8000:8010``, in digits or names."""
    found = []
    for part in text.split(","):
        ends = [_port(end) for end in (part if part[:1].isalpha() else part.replace("-", ":")).split(":")]
        if len(ends) > 2 or any(not -1 < end < 65536 for end in ends):
            rows.problems.add(line, column, "a port or a range of ports", shown(part))
        else:
            found.append((ends[0], ends[-1]))
        column += len(part) + 1
    return tuple(found)


def _port(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else PORTS.get(text.lower(), -1)
