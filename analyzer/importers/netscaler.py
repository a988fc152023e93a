"""NetScaler (Citrix ADC): ns.conf, or what ``show ns runningConfig`` prints.

add ns ip 10.0.2.1 255.255.255.0 -vServer DISABLED
add server web1 10.0.2.11
add service svc1 web1 HTTP 8080 -usip NO
add lb vserver shop HTTP 203.0.113.10 80 -persistenceType NONE
bind lb vserver shop svc1

Protocols that end at the appliance (HTTP, SSL, TCP ...) are ``proxy``, others
``full-nat``: both come from an address of the appliance.  With ``-usip YES`` the
client's address is kept and the reply must come back through it: ``nat``.
``-m MAC`` is direct server return, ``-m IPTUNNEL`` the same through a tunnel.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from analyzer.balance.mapping import Endpoint, Forwarding, IPAddress, Mapping, Protocol, RealServer
from analyzer.clean import shown
from analyzer.importers._rows import Rows
from analyzer.importers._words import Line, Word, misspelt, quoted

NAME = "netscaler"
DESCRIPTION = "NetScaler ns.conf"

_HEAD = re.compile(
    r"^#NS\d+\.\d+ Build|^(?:add|bind) (?:lb vserver|cs vserver|serviceGroup|service|ns ip|server) \S"
    r"|^set (?:ns config|lb vserver \S+|service \S+|serviceGroup \S+) -\w",
    re.MULTILINE)
_UDP = {"UDP", "DNS", "TFTP", "SIP_UDP", "RADIUS", "QUIC", "DTLS", "RADIUSListener", "SYSLOGUDP", "HTTP_QUIC"}


@dataclass(slots=True)
class _Group:
    """A service or service group: protocol, options and members."""

    line: Line
    members: list[tuple[Word, Word, Line]] = field(default_factory=list)    # server, port, where


def sniff(text: str) -> bool:
    """The first line of a saved configuration, or a command of load balancing."""
    return _HEAD.search(text) is not None


def read(text: str, source: str) -> Mapping:
    """Virtual servers with what is bound to them."""
    reader = _Reader(Rows(source))
    for number, raw in enumerate(text.split("\n"), 1):
        words = quoted(raw)
        if len(words) > 2 and words[0] in {"add", "bind", "set", "enable", "disable"}:
            reader.command(Line(number, words))
    reader.end()
    return reader.rows.mapping()


class _Reader:
    """Commands to rows.  Names of NetScaler do not care about case."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.usip = False
        self.servers: dict[str, tuple[IPAddress | None, bool]] = {}
        self.groups: dict[str, _Group] = {}
        self.virtual: dict[str, Line] = {}
        self.bound: dict[str, list[tuple[Word, Line]]] = {}

    def command(self, line: Line) -> None:
        """One line, by its verb and object."""
        words = line.words
        verb, kind = words[0], words[1].lower()
        rest = Line(line.number, words[2:])
        if kind in {"lb", "cs", "ns"}:
            kind, rest = f"{kind} {words[2].lower()}", Line(line.number, words[3:])
            misspelt(words[2], line.number, ("vserver",), (), self.rows.problems)
        handlers = {
            ("add", "server"): self.server, ("add", "service"): self.service,
            ("add", "servicegroup"): self.group, ("bind", "servicegroup"): self.member,
            ("add", "lb vserver"): self.vserver, ("add", "cs vserver"): self.vserver,
            ("bind", "lb vserver"): self.bind, ("bind", "cs vserver"): self.switch, ("add", "ns ip"): self.own,
            ("set", "ns config"): self.config, ("enable", "ns mode"): self.mode, ("disable", "server"): self.disable,
        }
        handle = handlers.get((str(verb), kind))
        if handle and rest.words:
            handle(rest)
        elif handle is None and verb in {"add", "bind"}:
            misspelt(words[1], line.number, ("service", "server", "serviceGroup"), (), self.rows.problems)

    def server(self, line: Line) -> None:
        """``add server NAME ADDRESS [-state DISABLED]``."""
        if len(line.words) < 2:
            self.rows.problems.add(line.number, line.end, "add server NAME ADDRESS", "no address")
            return
        address = self.rows.address(line.words[1], line.number, line.words[1].column, f"server {line.words[0]}")
        self.servers[line.words[0].lower()] = (address, _option(line, "-state") != "DISABLED")

    def disable(self, line: Line) -> None:
        """``disable server NAME``."""
        address, _ = self.servers.get(line.words[0].lower(), (None, True))
        self.servers[line.words[0].lower()] = (address, False)

    def service(self, line: Line) -> None:
        """``add service NAME SERVER PROTOCOL PORT``."""
        if len(line.words) < 4:
            self.rows.problems.add(line.number, line.end, "add service NAME SERVER PROTOCOL PORT", "less")
            return
        self.groups[line.words[0].lower()] = _Group(line, [(line.words[1], line.words[3], line)])

    def group(self, line: Line) -> None:
        """``add serviceGroup NAME PROTOCOL``."""
        if len(line.words) < 2:
            self.rows.problems.add(line.number, line.end, "add serviceGroup NAME PROTOCOL", "no protocol")
            return
        self.groups[line.words[0].lower()] = _Group(line)

    def member(self, line: Line) -> None:
        """``bind serviceGroup NAME SERVER PORT``; a monitor is bound the same way."""
        if len(line.words) < 3 or line.words[1].startswith("-"):
            return
        group = self.groups.get(line.words[0].lower())
        if group is None:
            self.rows.problems.add(line.number, line.words[0].column, f"serviceGroup {line.words[0]} above", "none")
        else:
            group.members.append((line.words[1], line.words[2], line))

    def vserver(self, line: Line) -> None:
        """``add lb|cs vserver NAME PROTOCOL ADDRESS PORT``."""
        self.virtual[line.words[0].lower()] = line

    def bind(self, line: Line) -> None:
        """``bind lb vserver NAME SERVICE``."""
        if len(line.words) > 1 and not line.words[1].startswith("-"):
            self.bound.setdefault(line.words[0].lower(), []).append((line.words[1], line))

    def switch(self, line: Line) -> None:
        """``bind cs vserver NAME -lbvserver LB`` or ``-policyName P -targetLBVserver LB``."""
        for option in ("-lbvserver", "-targetLBVserver"):
            target = _option(line, option)
            if target is not None:
                self.bound.setdefault(line.words[0].lower(), []).append((target, line))

    def own(self, line: Line) -> None:
        """``add ns ip ADDRESS MASK``; a VIP is a virtual server's, all others are the appliance's."""
        if (_option(line, "-type") or "").upper() != "VIP":
            self.rows.own(self.rows.address(line.words[0], line.number, line.words[0].column, "ns ip"))

    def config(self, line: Line) -> None:
        """``set ns config -IPAddress ADDRESS``."""
        address = _option(line, "-IPAddress")
        if address is not None:
            self.rows.own(self.rows.address(address, line.number, address.column, "ns config"))

    def mode(self, line: Line) -> None:
        """``enable ns mode ... USIP``."""
        self.usip = self.usip or "USIP" in line.words

    def end(self) -> None:
        """All commands are there: one service for each virtual server with an address."""
        for name, line in self.virtual.items():
            end = self.virtual_address(line)
            if end is None:
                continue
            enabled = _option(line, "-state") != "DISABLED"
            reals = [real for lb in (name, *self.switched(name)) for real in self.reals(lb, end, line, enabled=enabled)]
            for protocol in self.protocols(line.words[1]):
                self.rows.add(end, protocol, reals, line.number, str(line.words[0]))

    def switched(self, name: str) -> list[str]:
        """The load-balancing virtual servers behind a content switch."""
        return list(dict.fromkeys(word.lower() for word, _ in self.bound.get(name, ()) if word.lower() in self.virtual))

    def protocols(self, kind: Word) -> tuple[Protocol, ...]:
        """What a service type runs over."""
        if kind.upper() == "ANY":
            return Protocol.TCP, Protocol.UDP
        return (Protocol.UDP,) if kind.upper() in _UDP else (Protocol.TCP,)

    def virtual_address(self, line: Line) -> Endpoint | None:
        """Address and port of a virtual server; ``0.0.0.0 0`` stands behind a content switch only."""
        words = line.words
        if len(words) < 4 or words[2].startswith("-"):
            return None
        if words[2] == "0.0.0.0":  # noqa: S104 - read, not bound
            return None
        if _option(line, "-range") not in {None, "1"}:
            self.rows.warn(line.number, f"vserver {words[0]}: only the first address of its range is read")
        address = self.rows.address(words[2], line.number, words[2].column, f"vserver {words[0]}")
        port = 0 if words[3] in {"*", "65535"} else self.rows.port(words[3], line.number, words[3].column, "vserver")
        return None if address is None or port is None else Endpoint(address, port)

    def reals(self, name: str, virtual: Endpoint, line: Line, *, enabled: bool) -> Iterator[RealServer]:
        """The servers of every service that is bound to a virtual server."""
        redirection = (_option(self.virtual[name], "-m") or "").upper()
        for word, where in self.bound.get(name, ()):
            group = self.groups.get(word.lower())
            if group is None and word.lower() not in self.virtual:
                self.rows.warn(where.number, f"vserver {line.words[0]}: no service called {shown(word)} in this file")
            if group is not None:
                yield from self.members(group, virtual, self.forwarding(group, redirection), enabled=enabled)

    def members(self, group: _Group, virtual: Endpoint, forwarding: Forwarding, *,
                enabled: bool) -> Iterator[RealServer]:
        """The servers of one service or service group."""
        alone = group.members and group.members[0][2] is group.line
        handle = f"{'service' if alone else 'serviceGroup'}/{group.line.words[0]}"    # what ``set`` wants
        for server, port_text, at in group.members:
            address, up = self.servers.get(server.lower()) or (
                self.rows.address(server, at.number, server.column, f"service {group.line.words[0]}"), True)
            any_port = port_text in {"*", "65535"}
            port = 0 if any_port else self.rows.port(port_text, at.number, port_text.column, "service")
            if address is not None and port is not None:
                up = up and enabled and "DISABLED" not in {_option(at, "-state"), _option(group.line, "-state")}
                end = self.rows.unchanged(Endpoint(address, port), virtual, forwarding, at.number)
                yield self.rows.real(end, forwarding, at.number, enabled=up, name=str(server), handle=handle)

    def forwarding(self, group: _Group, redirection: str) -> Forwarding:
        """What becomes of the client's address."""
        if redirection in {"MAC", "TOS"}:
            return Forwarding.DIRECT
        if redirection == "IPTUNNEL":
            return Forwarding.TUNNEL
        usip = _option(group.line, "-usip")
        if usip == "YES" or (usip is None and self.usip):
            return Forwarding.NAT
        ends = self.protocols(group.line.words[2 if group.members and group.members[0][2] is group.line else 1])
        return Forwarding.PROXY if ends == (Protocol.TCP,) else Forwarding.FULL_NAT


def _option(line: Line, name: str) -> Word | None:
    """The value of an option; options do not care about case."""
    for word, value in zip(line.words, line.words[1:], strict=False):
        if word.lower() == name.lower():
            return value
    return None
