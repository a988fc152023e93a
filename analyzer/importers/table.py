"""A plain table: virtual address, port, real address, port, in CSV or in columns, with or without a heading.

VIP;port;real;port;protocol;mode
203.0.113.10;80;10.0.2.11;8080;tcp;nat
203.0.113.10:80 -> 10.0.2.12:8080

Protocol and mode may be left out; as in our own file they are tcp and nat then.
"""

from __future__ import annotations

import re

from analyzer.balance.mapping import Endpoint, Forwarding, Mapping, Protocol
from analyzer.clean import shown
from analyzer.importers._address import split
from analyzer.importers._problems import Expected, did_you_mean
from analyzer.importers._rows import Rows
from analyzer.importers._words import Word

NAME = "table"
DESCRIPTION = "a plain table (VIP, port, real server, port)"

_ADDRESS = (r"(?:\d+\.\d+\.\d+\.\w+(?::[\w*]*)?|\[[0-9A-Fa-f:.]+\](?::[\w*]*)?"
            r"|(?=[0-9A-Fa-f:]*::|(?:[0-9A-Fa-f]+:){7})[0-9A-Fa-f:.]+)")    # a MAC address has five colons
_GAP = r"""(?:[ \t,;|"']|->|=>)"""
_ROW = re.compile(rf"{_GAP}*{_ADDRESS}(?:{_GAP}+[\w*]+){{0,2}}?{_GAP}+{_ADDRESS}(?:{_GAP}+[\w*-]+){{0,3}}{_GAP}*")
_CELL = re.compile(r"""[^ \t,;|"'>=]+""")
_RULE = re.compile(r"[-+|=: \t]+")
_VIRTUAL = re.compile(r"vip|virtual|front|service|public|outside")
_REAL = re.compile(r"real|rip|server|back|member|inside")
_MODES = {"nat": Forwarding.NAT, "masq": Forwarding.NAT,
          "full-nat": Forwarding.FULL_NAT, "fullnat": Forwarding.FULL_NAT, "snat": Forwarding.FULL_NAT,
          "direct": Forwarding.DIRECT, "dr": Forwarding.DIRECT, "dsr": Forwarding.DIRECT,
          "tunnel": Forwarding.TUNNEL, "tun": Forwarding.TUNNEL, "proxy": Forwarding.PROXY}
_PROTOCOLS = {protocol.value: protocol for protocol in Protocol}
_HEAD_LINES = 50


def sniff(text: str) -> bool:
    """Most of the first lines are rows of two addresses, and nothing else stands at the top but a heading."""
    lines = [line for line in text[:20_000].split("\n")[:_HEAD_LINES] if _says(line)]
    if lines and _is_heading(lines[0]):
        lines = lines[1:]
    rows = sum(len(line) < 400 and _ROW.fullmatch(line) is not None for line in lines)
    return rows > 0 and rows * 2 > len(lines)


def read(text: str, source: str) -> Mapping:
    """Every row, in the order of the heading where there is one."""
    rows = Rows(source)
    swapped = False
    first = True
    for number, raw in enumerate(text.split("\n"), 1):
        if not _says(raw):
            continue
        if first and _is_heading(raw):
            virtual, real = _VIRTUAL.search(raw.lower()), _REAL.search(raw.lower())
            swapped = virtual is not None and real is not None and real.start() < virtual.start()
        else:
            _row([Word(match[0], match.start() + 1) for match in _CELL.finditer(raw)], number, rows, swapped=swapped)
        first = False
    return rows.mapping()


def _says(line: str) -> bool:
    stripped = line.strip()
    return bool(stripped) and stripped[0] not in "#!" and _RULE.fullmatch(stripped) is None


def _is_heading(line: str) -> bool:
    return not any(mark.isdigit() for mark in line) and _REAL.search(line.lower()) is not None


def _row(cells: list[Word], line: int, rows: Rows, *, swapped: bool) -> None:
    """One row: two addresses with their ports, then protocol and mode in any order."""
    cells = [cell for cell in cells if cell != "-"]
    modes = [_MODES[cell.lower()] for cell in cells if cell.lower() in _MODES]
    protocols = [_PROTOCOLS[cell.lower()] for cell in cells if cell.lower() in _PROTOCOLS]
    rest = [cell for cell in cells if cell.lower() not in {*_MODES, *_PROTOCOLS}]
    protocol = protocols[0] if protocols else Protocol.TCP
    ends: list[Endpoint | None] = []
    while rest and len(ends) < 2:
        end, rest = _end(rest, line, rows, protocol)
        ends.append(end)
    if len(ends) < 2:
        rows.problems.add(line, cells[0].column if cells else 1, "VIRTUAL PORT REAL PORT", shown(" ".join(cells)))
        return
    for cell in rest:
        rows.problems.add(line, cell.column, "a protocol (tcp, udp, icmp) or a mode (nat, direct, ...)", shown(cell),
                          "" if rows.problems.full else did_you_mean(cell.lower(), [*_PROTOCOLS, *_MODES]))
    virtual, real = reversed(ends) if swapped else ends
    if virtual is not None and real is not None:
        mode = modes[0] if modes else Forwarding.NAT
        end = rows.unchanged(real, virtual, mode, line)
        rows.add(virtual, protocol, [rows.real(end, mode, line)], line)


def _end(cells: list[Word], line: int, rows: Rows, protocol: Protocol) -> tuple[Endpoint | None, list[Word]]:
    """``ADDRESS:PORT`` in one cell or in two; what is left of the cells."""
    word, rest = cells[0], cells[1:]
    try:
        host, port_text, at = split(word)
    except Expected as wrong:
        rows.problems.add(line, word.column + wrong.offset, wrong.expected, shown(word), wrong.hint)
        return None, rest
    column = word.column + at
    if port_text is None and rest and (rest[0].isdigit() or rest[0] in {"*", "any"} or rest[0].isalpha()):
        port_text, column, rest = str(rest[0]), rest[0].column, rest[1:]
    address = rows.address(host, line, word.column, "table")
    if protocol is Protocol.ICMP and port_text is None:
        return (None if address is None else Endpoint(address)), rest
    if port_text is None:
        rows.problems.add(line, word.column + len(word), f"a port after {shown(host)}", "none")
        return None, rest
    port = 0 if port_text in {"*", "any"} else rows.named_port(port_text, line, column, "table")
    return (None if address is None or port is None else Endpoint(address, port)), rest
