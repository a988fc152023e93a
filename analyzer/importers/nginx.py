"""nginx: nginx.conf, conf.d/*.conf, or what ``nginx -T`` prints; ``stream`` and ``http``.

stream {
    upstream web { server 10.0.2.11:8080; server 10.0.2.12:8080 down; }
    server {
        listen 203.0.113.10:80;
        proxy_bind $remote_addr transparent;
        proxy_pass web;
    }
}

nginx is a full proxy.  With ``proxy_bind $remote_addr transparent`` it borrows
the client's address, and the reply must come back through it: ``nat`` here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from analyzer.balance.mapping import Endpoint, Forwarding, Mapping, Protocol, RealServer
from analyzer.clean import shown
from analyzer.importers._braces import Statement
from analyzer.importers._nginx_blocks import Blocks
from analyzer.importers._rows import Rows, wildcard
from analyzer.importers._words import Word, misspelt

NAME = "nginx"
DESCRIPTION = "nginx.conf or nginx -T"

_HEAD = re.compile(
    r"""^[ \t]*["']?(?:events|http|stream|server|upstream["']?[ \t]+[\w.$-]+|location["']?[ \t]+[^\n{]*?)["']?\s*\{"""
    r"|^[ \t]*(?:listen|proxy_pass)[ \t]+[^\s;]+[^;\n]*;", re.MULTILINE)
_DUMP = "# configuration file "
_PASSES = {"proxy_pass": "80", "grpc_pass": "80", "fastcgi_pass": "", "uwsgi_pass": "", "scgi_pass": "",
           "memcached_pass": ""}
_SCHEMES = {"http": "80", "https": "443", "grpc": "80", "grpcs": "443"}
_WANTED = ("listen", "proxy_pass", "upstream", "server", "proxy_bind", "location", "stream")
_URL = re.compile(r"(?:(\w+)://)?(\[[^\]]*\]|[^:/]*)(?::([^/]*))?")


@dataclass(slots=True)
class _Upstream:
    """A group of servers and the file that it stands in."""

    source: str
    body: Statement
    default_port: str


@dataclass(slots=True)
class _Known:
    """What ``proxy_pass`` may name: upstreams, and the values that a variable can have."""

    upstreams: dict[str, _Upstream] = field(default_factory=dict)
    variables: dict[str, list[Word]] = field(default_factory=dict)


def sniff(text: str) -> bool:
    """A block or directive of nginx."""
    return _HEAD.search(text) is not None


def read(text: str, source: str) -> Mapping:
    """One file."""
    return read_together([(text, source)])


def read_together(files: Sequence[tuple[str, str]]) -> Mapping:
    """The servers of all files with the upstreams of all files."""
    rows = Rows(files[0][1])
    reader = _Reader(rows)
    trees: list[tuple[list[Statement], str, Blocks]] = []
    for text, source in files:
        rows.enter(source)
        blocks = Blocks(text, rows.problems)
        trees.append((blocks.read(), source, blocks))
        reader.collect(trees[-1][0], "", dumped=len(files) > 1 or _DUMP in text)
    for tree, source, blocks in trees:
        rows.enter(source)
        reader.blocks = blocks
        reader.servers(tree, "", None)
    return rows.mapping()


class _Reader:
    """Statements to rows."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.known = _Known()
        self.blocks = Blocks("", rows.problems)

    def collect(self, tree: list[Statement], context: str, *, dumped: bool) -> None:
        """Upstreams and variables, wherever they stand."""
        for one in tree:
            head = one.words[0] if one.words else Word("", 0)
            if head in {"http", "stream"}:
                self.collect(one.body or [], str(head), dumped=dumped)
            elif head == "upstream" and len(one.words) > 1:
                group = _Upstream(self.rows.source, one, "" if context == "stream" else "80")
                self.known.upstreams.setdefault(one.words[1], group)
            elif head in {"map", "split_clients", "geo"} and one.body is not None and len(one.words) > 1:
                values = [child.words[-1] for child in one.body if len(child.words) > 1]
                self.known.variables.setdefault(one.words[-1], []).extend(values)
            elif head == "include" and not dumped and one.words[1:] and not one.words[1].endswith("mime.types"):
                self.rows.warn(one.line, f"{' '.join(one.words)}: give that file too, or what nginx -T prints")

    def servers(self, tree: list[Statement], context: str, bind: Statement | None) -> None:
        """Every ``server`` with its listeners and what it passes on to."""
        bind = next((one for one in tree if one.words[:1] == ["proxy_bind"]), bind)
        for one in tree:
            head = one.words[0] if one.words else Word("", 0)
            misspelt(head, one.line, _WANTED, ("proxy_pass_header",), self.rows.problems)
            if head in {"http", "stream"}:
                self.servers(one.body or [], str(head), bind)
            elif head == "server" and one.body is not None:
                self.server(one, context, bind)

    def server(self, server: Statement, context: str, bind: Statement | None) -> None:
        """One ``server`` block."""
        reals = list(self.passes(server, context, bind))
        if not reals:
            return    # it answers itself: pages, redirects
        listens = [one for one in server.body or () if one.words[:1] == ["listen"]]
        if not listens:
            self.rows.warn(server.line, "server without listen: port 80 of every address, not of one")
        name = str(server.value("server_name") or "")
        for one in listens:
            for virtual, protocol in self.listen(one):
                self.rows.add(virtual, protocol, reals, one.line, name)

    def listen(self, one: Statement) -> Iterator[tuple[Endpoint, Protocol]]:
        """``listen [ADDRESS:]PORT [udp] [quic]``, a port may be a range."""
        if len(one.words) < 2:
            self.rows.problems.add(one.line, 0, "listen ADDRESS:PORT", "no address")
            return
        word = one.words[1]
        if word.startswith("unix:"):
            return
        protocol = Protocol.UDP if {"udp", "quic"} & set(one.words[2:]) else Protocol.TCP
        host, port_text = _listened(word)
        column = self.blocks.column(word)
        ports = self.rows.ports(port_text, word.line, column + word.rfind(port_text), f"listen {word}")
        address = self.rows.address(host, word.line, column, f"listen {word}")
        if address is not None:
            yield from ((Endpoint(address, port), protocol) for port in ports)

    def passes(self, block: Statement, context: str, bind: Statement | None) -> Iterator[RealServer]:
        """What a server and the locations in it pass requests to."""
        bind = next((one for one in block.body or () if one.words[:1] == ["proxy_bind"]), bind)
        for one in block.body or ():
            head = one.words[0] if one.words else Word("", 0)
            misspelt(head, one.line, _WANTED, ("proxy_pass_header",), self.rows.problems)
            if head in _PASSES:
                if len(one.words) < 2:
                    self.rows.problems.add(one.line, self.blocks.column(head), f"{head} ADDRESS or UPSTREAM", "nothing")
                else:
                    yield from self.target(one.words[1], "" if context == "stream" else _PASSES[head], self.mode(bind))
            elif one.body is not None:
                yield from self.passes(one, context, bind)

    def mode(self, bind: Statement | None) -> Forwarding:
        """Does ``proxy_bind`` borrow the client's address; a fixed one is the balancer's own."""
        if bind is None or len(bind.words) < 2 or bind.words[1] == "off":
            return Forwarding.PROXY
        word = bind.words[1]
        if word.startswith("$") and "transparent" in bind.words:
            return Forwarding.NAT
        host = _listened(word)[0] if ":" in word or "." in word else str(word)
        if not wildcard(host):
            self.rows.own(self.rows.address(host, word.line, self.blocks.column(word), "proxy_bind"))
        return Forwarding.PROXY

    def target(self, word: Word, port: str, mode: Forwarding, seen: int = 0) -> Iterator[RealServer]:
        """The servers that ``proxy_pass`` means: an upstream's, those of a variable's values, or one address."""
        match = _URL.match(word)
        assert match is not None
        scheme, host, written = match.groups()
        variable = re.match(r"\$\{?(\w+)\}?", host)
        if variable and f"${variable[1]}" in self.known.variables and not seen:
            for value in self.known.variables[f"${variable[1]}"]:
                yield from self.target(Word(value, 0, value.line), port, mode, 1)
        elif host in self.known.upstreams and written is None:
            yield from self.upstream(self.known.upstreams[host], mode)
        elif word.startswith("unix:") or host == "unix":
            return
        else:
            end = self.endpoint(host, written or _SCHEMES.get(scheme or "", port), word)
            if end is not None:
                yield self.rows.real(end, mode, word.line)

    def upstream(self, group: _Upstream, mode: Forwarding) -> Iterator[RealServer]:
        """The servers of a group."""
        source = self.rows.source
        self.rows.enter(group.source)
        for one in group.body.find("server"):
            word = one.words[1] if len(one.words) > 1 else None
            if word is None:
                self.rows.problems.add(one.line, 0, "server ADDRESS:PORT", "no address")
            elif not word.startswith("unix:"):
                match = _URL.match(word)
                assert match is not None
                end = self.endpoint(match[2], match[3] or group.default_port, word)
                if end is not None:
                    yield self.rows.real(end, mode, one.line, enabled="down" not in one.words)
        self.rows.enter(source)

    def endpoint(self, host: str, port: str, word: Word) -> Endpoint | None:
        """An address and a port in digits."""
        column = self.blocks.column(word)
        address = self.rows.address(host.strip("[]"), word.line, column, shown(word))
        if address is None:
            return None
        number = self.rows.named_port(port, word.line, column + len(word) - len(port), shown(word))
        return None if number is None else Endpoint(address, number)


def _listened(word: str) -> tuple[str, str]:
    """``ADDRESS:PORT``, ``PORT`` alone (every address) or ``ADDRESS`` alone (port 80)."""
    if word.startswith("["):
        host, _, rest = word[1:].partition("]")
        return host, rest[1:] if rest.startswith(":") else "80"
    host, colon, port = word.partition(":")
    if colon:
        return host, port
    return ("", word) if word.replace("-", "").isdigit() else (word, "80")
