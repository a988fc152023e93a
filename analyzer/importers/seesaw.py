"""Seesaw: cluster.pb, the configuration of Google's LVS balancer.

vserver: <
  name: "shop@site"
  entry_address: < ipv4: "203.0.113.10/24" >
  vserver_entry: < protocol: TCP port: 80 mode: NAT >
  backend: < host: < ipv4: "10.0.2.11/24" > weight: 1 >
>

Where no mode is said, Seesaw returns directly (DSR).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from analyzer.balance.mapping import Endpoint, Forwarding, IPAddress, Mapping, Protocol
from analyzer.clean import shown
from analyzer.importers._braces import DEEPEST, Statement
from analyzer.importers._problems import Problems, did_you_mean
from analyzer.importers._rows import Rows
from analyzer.importers._words import Word, misspelt

NAME = "seesaw"
DESCRIPTION = "Seesaw cluster.pb"

_HEAD = re.compile(r"^(?:vserver|seesaw_vip)[ \t]*:?[ \t]*[<{]", re.MULTILINE)
_TOKEN = re.compile(r'(\n)|[ \t\r]+|\#[^\n]*|([<>{}])|"((?:[^"\\\n]|\\.)*)"|([^\s<>{}"]+|")')
_MODES = {"DSR": Forwarding.DIRECT, "NAT": Forwarding.NAT, "TUN": Forwarding.TUNNEL}
_WANTED = ("entry_address", "vserver_entry", "backend")
_WANTED_ENTRY = ("protocol", "port", "mode")


def sniff(text: str) -> bool:
    """A virtual server or the cluster's own address."""
    return _HEAD.search(text) is not None


def read(text: str, source: str) -> Mapping:
    """The virtual servers of a cluster."""
    rows = Rows(source)
    for one in _Messages(rows.problems).read(text):
        if one.words[0] == "vserver":
            _vserver(one, rows)
        elif one.words[0] in {"node", "seesaw_vip"}:
            for address, _ in _addresses(one, rows, str(one.words[0])):
                rows.own(address)
        elif one.body is not None:
            misspelt(one.words[0], one.line, ("vserver", "node"), (), rows.problems)
    return rows.mapping()


class _Messages:
    """The text form of a protocol buffer: ``key: value`` and ``key: < ... >``."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.top = Statement(0, [], [])
        self.open = [self.top]
        self.key: Word | None = None

    def read(self, text: str) -> list[Statement]:
        """All messages at the top."""
        line, start = 1, 0
        for match in _TOKEN.finditer(text):
            column = match.start() - start + 1
            if match[1]:
                line, start = line + 1, match.end()
            elif match[2]:
                self.bracket(match[2], line, column)
            elif match[4] and match[4].endswith(":"):
                self.key = Word(match[4][:-1], column)
            elif match[3] is not None or match[4]:
                self.value(Word(match[3] if match[3] is not None else match[4], column + (match[3] is not None)), line)
        for statement in self.open[1:]:
            self.problems.add(statement.line, statement.words[0].column, "a '>' for the block that begins here",
                              "the end of the file")
        return self.top.body or []

    def value(self, word: Word, line: int) -> None:
        """A value, or a key without colon (``vserver <``)."""
        if self.key is None:
            self.key = word
            return
        self.put(Statement(line, [self.key, word]))

    def put(self, statement: Statement) -> None:
        """A statement where the reader stands."""
        inside = self.open[-1].body
        assert inside is not None
        inside.append(statement)
        self.key = None

    def bracket(self, mark: str, line: int, column: int) -> None:
        """A message begins or ends."""
        if mark in "<{":
            if self.key is None or len(self.open) > DEEPEST:
                raise self.problems.stop(line, column, "KEY: < ... >", "more levels" if self.key else "no key")
            statement = Statement(line, [self.key], [])
            self.put(statement)
            self.open.append(statement)
        elif len(self.open) == 1:
            self.problems.add(line, column, "a '<' before this '>'", "none")
        else:
            self.open.pop()


def _addresses(host: Statement, rows: Rows, what: str) -> Iterator[tuple[IPAddress, int]]:
    """``ipv4`` and ``ipv6`` of a host; without them it has a name only."""
    found = False
    for child in host.find("ipv4", "ipv6"):
        if len(child.words) < 2:
            rows.problems.add(child.line, child.words[0].column, f"{what}: an address", "a message")
            continue
        found = True
        address = rows.address(child.words[1].partition("/")[0], child.line, child.words[1].column, what)
        if address is not None:
            yield address, child.line
    if not found:
        rows.warn(host.line, f"{what}: {shown(host.value('fqdn') or '?')} has no address in this file")


def _vserver(one: Statement, rows: Rows) -> None:
    """One virtual server: every entry with every backend of the same IP version."""
    name = str(one.value("name") or "?")
    for child in one.body or ():
        misspelt(child.words[0], child.line, _WANTED, (), rows.problems)
    virtuals = [found for child in one.find("entry_address") for found in _addresses(child, rows, f"vserver {name}")]
    servers: list[tuple[IPAddress, int, bool]] = []
    for backend in one.find("backend"):
        enabled = backend.value("weight") != "0" and backend.value("in_service") != "false"
        for host in backend.find("host"):
            servers += [(address, line, enabled) for address, line in _addresses(host, rows, "backend")]
    for entry in one.find("vserver_entry"):
        for child in entry.body or ():
            misspelt(child.words[0], child.line, _WANTED_ENTRY, (), rows.problems)
        _entry(name, entry, virtuals, servers, rows)


def _entry(name: str, entry: Statement, virtuals: list[tuple[IPAddress, int]],
           servers: list[tuple[IPAddress, int, bool]], rows: Rows) -> None:
    """One protocol and port."""
    kind, number, mode = entry.get("protocol"), entry.get("port"), entry.get("mode")
    protocol = str(kind.words[1]) if kind else "TCP"
    if protocol not in {"TCP", "UDP"} and kind:
        rows.problems.add(kind.line, kind.words[1].column, "protocol TCP or UDP", shown(protocol),
                          did_you_mean(protocol, ["TCP", "UDP"]))
        return
    if mode and mode.words[1] not in _MODES:
        rows.problems.add(mode.line, mode.words[1].column, "mode DSR, NAT or TUN", shown(mode.words[1]))
        return
    forwarding = _MODES[mode.words[1]] if mode else Forwarding.DIRECT
    port = rows.port(number.words[1], number.line, number.words[1].column, f"vserver {name}") if number else 0
    for address, _ in virtuals if port is not None else ():
        assert port is not None
        reals = [rows.real(Endpoint(server, port), forwarding, line, enabled=enabled)
                 for server, line, enabled in servers if server.version == address.version]
        rows.add(Endpoint(address, port), Protocol(protocol.lower()), reals, entry.line, name)
