"""HAProxy: haproxy.cfg (configuration manual, sections 2 and 4).

frontend shop
    bind 203.0.113.10:80
    default_backend web
backend web
    source 0.0.0.0 usesrc clientip
    server web1 10.0.2.11:8080 check

HAProxy is a full proxy: two connections, and the reply comes back by itself.
With ``source ... usesrc clientip`` it borrows the client's address, and then
the reply must come back through it as with translation: that is ``nat`` here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from analyzer.balance.mapping import Endpoint, Forwarding, IPAddress, Mapping, Protocol, RealServer
from analyzer.clean import shown
from analyzer.importers._haproxy_sections import Section, sections
from analyzer.importers._rows import Rows, wildcard
from analyzer.importers._words import Line, Word

NAME = "haproxy"
DESCRIPTION = "HAProxy's haproxy.cfg"

_HEAD = re.compile(
    r"^[ \t]*(?:(?:global|defaults)[ \t]*(?:#.*)?$"
    r"|(?:frontend|backend|listen|defaults)[ \t]+[\w.:-]+(?:[ \t]+(?:from[ \t]|[#\w.:*,-])[^{;\n]*)?[ \t]*$)",
    re.MULTILINE)
_BLOCK = re.compile(r"^[^#\n\"']*\{[ \t]*$", re.MULTILINE)
_VALUED = frozenset({"cookie", "track", "namespace", "resolvers", "sni", "check-sni", "verifyhost", "crt", "ca-file",
                     "id", "agent-send", "ws", "pool-conn-name"})
"""Options of ``server`` whose value is free text and must not be taken for an option."""

_NO_ADDRESS = ("unix@", "abns@", "abnsz@", "fd@", "sockpair@", "rhttp@", "rev@", "/")
_FAMILY = re.compile(r"(?:(?:stream|dgram)\+)?(?:ipv[46]|m?ptcp[46]?|tcp[46]?|udp[46]?|quic[46]?)@")


@dataclass(frozen=True, slots=True)
class _Server:
    """A server line; its port is fixed, or counted from the port that the client asked for."""

    address: IPAddress
    port: int
    relative: bool
    forwarding: Forwarding
    enabled: bool
    name: str
    line: int


def sniff(text: str) -> bool:
    """A section head of HAProxy on a line of its own, and no block in braces anywhere."""
    return _HEAD.search(text) is not None and _BLOCK.search(text) is None


def read(text: str, source: str) -> Mapping:
    """Frontends and listens joined with their backends."""
    rows = Rows(source)
    found = sections(text, rows)
    servers = _Servers(rows)
    backends: dict[str, Section] = {}
    reals: dict[int, list[_Server]] = {}
    for section in found:
        if section.kind in {"backend", "listen"}:
            backends.setdefault(section.name, section)
            reals[section.line] = list(servers.of(section))
    for section in found:
        if section.kind in {"frontend", "listen"}:
            _service(section, backends, reals, rows)
    return rows.mapping()


def _service(front: Section, backends: dict[str, Section], reals: dict[int, list[_Server]], rows: Rows) -> None:
    """The rows of one frontend or listen."""
    listeners = [found for line in front.body if line.words[0] == "bind" for found in _binds(line, rows)]
    behind = list(dict.fromkeys(server for back in _behind(front, backends, rows) for server in reals[back.line]))
    if front.disabled:
        rows.warn(front.line, f"{front.kind} {front.name} is disabled")
        return
    for virtual, protocol, number in listeners:
        rows.add(virtual, protocol, _reached(virtual, behind, rows), number, front.name)


def _reached(virtual: Endpoint, behind: list[_Server], rows: Rows) -> Iterator[RealServer]:
    """The servers with the ports that one virtual service reaches."""
    for server in behind:
        port = virtual.port + server.port if server.relative else server.port
        if server.relative and not 0 < port < 65536:
            rows.warn(server.line, f"server {server.name}: {server.port:+d} from port {virtual.port} is no port")
        else:
            yield rows.real(Endpoint(server.address, port), server.forwarding, server.line, enabled=server.enabled,
                            name=server.name)


def _binds(line: Line, rows: Rows) -> Iterator[tuple[Endpoint, Protocol, int]]:
    """``bind ADDRESS:PORT[,ADDRESS:PORT...]``, ports also as a range."""
    if len(line.words) < 2:
        rows.problems.add(line.number, line.end, "bind ADDRESS:PORT", "no address")
        return
    column = line.words[1].column
    for part in line.words[1].split(","):
        if not part.startswith(_NO_ADDRESS):
            protocol = Protocol.UDP if part.startswith(("quic", "udp", "dgram")) else Protocol.TCP
            host, port_text, at = _split(part)
            if "$" in port_text:
                rows.warn(line.number, f"bind: {shown(part)} is filled in when HAProxy starts")
            elif not port_text:
                rows.problems.add(line.number, column + at, "bind: a port after the address", shown(part))
            else:
                ports = rows.ports(port_text, line.number, column + at, "bind")
                address = rows.address(host, line.number, column + at - len(host) - 1, f"bind {part}")
                if address is not None:
                    yield from ((Endpoint(address, port), protocol, line.number) for port in ports)
        column += len(part) + 1


def _behind(front: Section, backends: dict[str, Section], rows: Rows) -> Iterator[Section]:
    """The sections whose servers a frontend uses."""
    if front.kind == "listen":
        yield front
    chosen = [line for line in front.body if line.words[0] == "use_backend"]
    default = front.last("default_backend")
    for line in [*chosen, *([default] if default else [])]:
        keyword, name = line.words[0], line.words[1] if len(line.words) > 1 else None
        if name is None:
            rows.problems.add(line.number, line.end, f"{keyword} NAME", "no name")
        elif "%[" in name:
            rows.warn(line.number, f"{keyword} {name}: the backend is chosen anew for each connection")
        elif name not in backends:
            rows.warn(line.number, f"no backend called {shown(name)} in this file")
        elif backends[name].disabled:
            rows.warn(line.number, f"backend {name} is disabled")
        else:
            yield backends[name]


class _Servers:
    """Server lines, each read once."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def of(self, back: Section) -> Iterator[_Server]:
        """The servers of a section that have an address."""
        default = back.last("default-server")
        off = default is not None and "disabled" in default.words
        common = back.last("source")
        transparent = common is not None and self.transparent(common.words[1:], common.number)
        for line in back.body:
            words = _as_server(line)
            if not words:
                continue
            if len(words) < 3:
                self.rows.problems.add(line.number, line.end, f"{line.words[0]} NAME ADDRESS[:PORT]",
                                       "no address" if len(words) == 2 else "neither")
                continue
            options = _options(words[3:])
            borrows = self.transparent(options["source"], line.number) if "source" in options else transparent
            forwarding = Forwarding.NAT if borrows else Forwarding.PROXY
            enabled = "enabled" in options or not ("disabled" in options or off)
            server = self.server(words, line.number, forwarding, enabled)
            if server is not None:
                yield server

    def server(self, words: list[Word], number: int, forwarding: Forwarding, enabled: bool) -> _Server | None:
        """``server NAME ADDRESS[:PORT]``; without port the client's stays, ``:+1000`` is relative to it."""
        word, what = words[2], f"{words[0]} {words[1]}"
        if word.startswith(_NO_ADDRESS):
            return None
        host, port_text, at = _split(word)
        address = self.rows.address(host, number, word.column + max(at - len(host) - 1, 0) * bool(port_text), what)
        port = 0
        relative = port_text[:1] in {"+", "-"} or not port_text
        if "$" in port_text:
            self.rows.warn(number, f"{what}: {shown(word)} is filled in when HAProxy starts")
            return None
        if port_text:
            digits = port_text[1:] if relative else port_text
            found = self.rows.port(digits, number, word.column + at + relative, what)
            if found is None:
                return None
            port = -found if port_text[0] == "-" else found
        relative = relative and port != 0
        return None if address is None else _Server(address, port, relative, forwarding, enabled, str(words[1]), number)

    def transparent(self, words: list[Word], number: int) -> bool:
        """Does ``source ADDRESS [usesrc ...]`` borrow the client's address?  A fixed one is the balancer's own."""
        borrowed = Line(number, words).after("usesrc")
        if borrowed is not None and borrowed.startswith(("client", "hdr_ip")):
            return True
        for word in [*words[:1], *([borrowed] if borrowed else [])]:
            host, _, _ = _split(word)
            if not wildcard(host):
                self.rows.own(self.rows.address(host, number, word.column, "source"))
        return False


def _as_server(line: Line) -> list[Word]:
    """``server``, ``server-template`` and ``dispatch`` in one form: keyword, name, address, options."""
    match line.words[0]:
        case "server":
            return line.words
        case "server-template":
            return [*line.words[:2], *line.words[3:]]
        case "dispatch":
            return [line.words[0], *line.words[:1], *line.words[1:]]
        case _:
            return []


def _split(text: str) -> tuple[str, str, int]:
    """Host, port text, and where the port begins.  The last colon parts them, in IPv6 too (manual, section 11.1)."""
    family = _FAMILY.match(text)
    rest = text[family.end() :] if family else text
    host, port_text = (rest, "") if rest.endswith("]") or ":" not in rest else rest.rsplit(":", 1)
    inner = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    return inner, port_text, len(text) - len(port_text)


def _options(words: list[Word]) -> dict[str, list[Word]]:
    """The options of a server line, each with the words after it."""
    found: dict[str, list[Word]] = {}
    skip = False
    for index, word in enumerate(words):
        if not skip:
            found.setdefault(word, words[index + 1 : index + 5])
        skip = not skip and word in _VALUED
    return found
