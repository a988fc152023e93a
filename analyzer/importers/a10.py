"""A10 ACOS: ``show running-config`` of a Thunder or AX.

slb server web1 10.0.2.11
  port 8080 tcp
slb service-group web tcp
  member web1 8080
slb virtual-server shop 203.0.113.10
  port 80 http
    source-nat auto
    service-group web

Without source NAT the reply must come back through the balancer (``nat``), with
it ``full-nat``; ``no-dest-nat`` is direct server return.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from analyzer.balance.mapping import Endpoint, Forwarding, IPAddress, Mapping, Protocol, RealServer
from analyzer.clean import shown
from analyzer.importers._blocks import addresses
from analyzer.importers._braces import Statement
from analyzer.importers._indent import statements
from analyzer.importers._rows import Rows
from analyzer.importers._words import Word, misspelt

NAME = "a10"
DESCRIPTION = "A10 running-config"

_HEAD = re.compile(
    r"^(?:slb (?:server|service-group|virtual-server|template) \S|vrrp-a \S|ip nat pool \S+ \S+ \S+ netmask /\d)",
    re.MULTILINE)
_UDP = {"udp", "radius", "sip", "dns-udp", "tftp", "quic"}
_WANTED_PORT = ("service-group", "source-nat", "no-dest-nat")
_WANTED_GROUP = ("member", "method")
_WANTED_TOP = ("server", "service-group", "virtual-server")


@dataclass(slots=True)
class _Known:
    """What was declared, by name; an object may be entered again and goes on where it was."""

    servers: dict[str, tuple[IPAddress | None, bool]] = field(default_factory=dict)
    groups: dict[str, list[Statement]] = field(default_factory=dict)
    virtual: dict[str, tuple[IPAddress | None, bool, list[Statement]]] = field(default_factory=dict)


def sniff(text: str) -> bool:
    """A line of ACOS at the margin."""
    return _HEAD.search(text) is not None


def read(text: str, source: str) -> Mapping:
    """Virtual servers with their service groups."""
    rows = Rows(source)
    reader = _Reader(rows)
    for statement in statements(text):
        reader.top(statement)
    reader.end()
    return rows.mapping()


class _Reader:
    """Statements to rows."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.known = _Known()

    def top(self, one: Statement) -> None:
        """A line at the margin."""
        match [str(word) for word in one.words]:
            case ["slb", _, _, *_]:
                self.slb(one)
            case ["no", "slb", kind, name, *_]:
                self.forget(kind, name)
            case ["ip", "nat", "pool", _, first, last, *_]:
                for address in addresses(f"{first}-{last}", self.rows, one.line, one.words[4].column, "ip nat pool"):
                    self.rows.own(address)
            case ["interface" | "vrrp-a", *_]:
                self.own(one)

    def slb(self, one: Statement) -> None:
        """``slb server``, ``slb service-group`` or ``slb virtual-server``, for the first time or again."""
        name = str(one.words[2])
        given = one.words[3] if len(one.words) > 3 else None
        match one.words[1]:
            case "server":
                address, enabled = self.known.servers.get(name, (None, True))
                if given is not None:
                    address = self.address(given, one.line, f"server {name}")
                self.known.servers[name] = (address, _enabled(one, default=enabled))
            case "service-group":
                for child in one.body or ():
                    misspelt(child.words[0], child.line, _WANTED_GROUP, (), self.rows.problems)
                self.known.groups.setdefault(name, []).extend(one.body or ())
            case "virtual-server":
                address, enabled, ports = self.known.virtual.get(name, (None, True, []))
                if given is not None and not given.startswith("/"):
                    address = self.address(given, one.line, f"virtual-server {name}")
                ports.extend(child for child in one.body or () if child.words[0] == "port")
                self.known.virtual[name] = (address, _enabled(one, default=enabled), ports)
            case _:
                misspelt(one.words[1], one.line, _WANTED_TOP, (), self.rows.problems)

    def forget(self, kind: str, name: str) -> None:
        """``no slb ...`` takes an object back."""
        if kind == "server":
            self.known.servers.pop(name, None)
        elif kind == "service-group":
            self.known.groups.pop(name, None)
        elif kind == "virtual-server":
            self.known.virtual.pop(name, None)

    def own(self, one: Statement) -> None:
        """Addresses of interfaces and floating addresses of VRRP-A."""
        for child in one.body or ():
            words = child.words
            word = words[1] if words[0] == "floating-ip" and len(words) > 1 else None
            if words[:2] == ["ip", "address"] and len(words) > 2 and words[2] != "dhcp":
                word = words[2]
            if word is not None:
                self.rows.own(self.address(word, child.line, " ".join(words[:2])))

    def address(self, word: Word, line: int, what: str) -> IPAddress | None:
        """An address; a prefix length behind it does not matter here."""
        return self.rows.address(word.partition("/")[0], line, word.column, what)

    def end(self) -> None:
        """All objects are there: one service for each port of each virtual server."""
        for name, (address, enabled, ports) in self.known.virtual.items():
            for port in ports:
                self.port(name, address, enabled, port)

    def port(self, name: str, address: IPAddress | None, enabled: bool, one: Statement) -> None:
        """``port 80 http`` and what is said under it."""
        for child in one.body or ():
            misspelt(child.words[0], child.line, _WANTED_PORT, (), self.rows.problems)
        words = one.words
        if len(words) < 3:
            self.rows.problems.add(one.line, words[-1].column, "port NUMBER TYPE", shown(" ".join(words)))
            return
        number = 0 if words[1] == "0" else self.rows.port(words[1], one.line, words[1].column, f"virtual-server {name}")
        if "range" in words:
            self.rows.warn(one.line, f"virtual-server {name}: of the range of ports only {words[1]} is read")
        if number is None or address is None:
            return
        virtual = Endpoint(address, number)
        reals = list(self.reals(one, virtual, enabled=enabled and _enabled(one, default=True)))
        kinds = (Protocol.TCP, Protocol.UDP) if words[2] == "others" else (
            Protocol.UDP if words[2] in _UDP else Protocol.TCP,)
        for protocol in kinds:
            self.rows.add(virtual, protocol, reals, one.line, name)

    def reals(self, one: Statement, virtual: Endpoint, *, enabled: bool) -> Iterator[RealServer]:
        """The members of the service group of a port."""
        said = one.get("service-group")
        if said is None:
            return
        group = self.known.groups.get(said.words[1])
        if group is None:
            self.rows.warn(said.line, f"no service-group called {shown(said.words[1])} in this file")
        forwarding = Forwarding.DIRECT if one.has("no-dest-nat") else (
            Forwarding.FULL_NAT if one.has("source-nat") else Forwarding.NAT)
        for member in group or ():
            found = self.member(member) if member.words[0] == "member" else None
            if found is not None:
                end, up = found
                end = self.rows.unchanged(end, virtual, forwarding, member.line)
                yield self.rows.real(end, forwarding, member.line, enabled=enabled and up,
                                     name=member.words[1].partition(":")[0])

    def member(self, member: Statement) -> tuple[Endpoint, bool] | None:
        """``member SERVER PORT`` (ACOS 4) or ``member SERVER:PORT`` (ACOS 2)."""
        words = member.words
        if len(words) == 2 and ":" in words[1]:
            name, _, text = words[1].rpartition(":")
            at = words[1].column + len(name) + 1
        elif len(words) > 2:
            name, text, at = str(words[1]), str(words[2]), words[2].column
        else:
            self.rows.problems.add(member.line, words[-1].column, "member SERVER PORT", shown(" ".join(words)))
            return None
        if name not in self.known.servers:
            self.rows.warn(member.line, f"no server called {shown(name)} in this file")
            return None
        address, up = self.known.servers[name]
        port = 0 if text == "0" else self.rows.port(text, member.line, at, f"member {name}")
        if address is None or port is None:
            return None
        return Endpoint(address, port), up and _enabled(member, default=True)


def _enabled(one: Statement, *, default: bool) -> bool:
    """``enable`` or ``disable`` under a line (or behind it, in ACOS 2); the last one counts."""
    state = default and "disable" not in one.words[2:]
    for child in one.body or ():
        if child.words[0] in {"enable", "disable"}:
            state = child.words[0] == "enable"
    return state
