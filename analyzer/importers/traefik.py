"""Traefik: static and dynamic configuration, TOML or YAML; several files together.

[entryPoints.web]
  address = "203.0.113.10:80"
[http.routers.shop]
  rule = "Host(`shop.example`)"
  service = "web"
  entryPoints = ["web"]
[[http.services.web.loadBalancer.servers]]
  url = "http://10.0.2.11:8080"

Traefik is always a full proxy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from analyzer.balance.mapping import Endpoint, Forwarding, Mapping, Protocol, RealServer
from analyzer.clean import shown
from analyzer.importers import _json, _toml, _yaml
from analyzer.importers._rows import Rows
from analyzer.importers._tree import Items, Node, Scalar, Table
from analyzer.importers._words import misspelt_keys

NAME = "traefik"
DESCRIPTION = "Traefik configuration (TOML or YAML)"

_TOML = re.compile(
    r"^[ \t]*\[+[ \t]*(?:entryPoints|(?:http|tcp|udp)\.(?:routers|services|middlewares|serversTransports))\b",
    re.MULTILINE)
_YAML = re.compile(
    r"^entryPoints[ \t]*:|^(?:http|tcp|udp):[ \t]*(?:#.*)?\n(?:[ \t]*#.*\n|[ \t]*\n)*[ \t]+"
    r"(?:routers|services|middlewares|serversTransports)[ \t]*:", re.MULTILINE)
_URL = re.compile(r"(?:(\w+)://)?(\[[^\]]*\]|[^:/]*)(?::([^/]*))?")
_SCHEMES = {"http": "80", "https": "443", "h2c": "80"}
_WANTED_ROUTER = ("service", "entryPoints", "rule")
_WANTED_SERVICE = ("loadBalancer", "weighted", "mirroring", "failover", "servers")


@dataclass(frozen=True, slots=True)
class _Found:
    """A router or service, its kind (http, tcp, udp) and file."""

    kind: str
    node: Table
    source: str


@dataclass(slots=True)
class _Known:
    """Everything by kind and name."""

    entries: dict[str, _Found] = field(default_factory=dict)
    routers: list[_Found] = field(default_factory=list)
    services: dict[tuple[str, str], _Found] = field(default_factory=dict)


def sniff(text: str) -> bool:
    """Entry points, or routers and services of a protocol."""
    return _TOML.search(text) is not None or _YAML.search(text) is not None


def read(text: str, source: str) -> Mapping:
    """One file."""
    return read_together([(text, source)])


def read_together(files: Sequence[tuple[str, str]]) -> Mapping:
    """The entry points of all files with the routers and services of all files."""
    rows = Rows(files[0][1])
    known = _Known()
    for text, source in files:
        rows.enter(source)
        for root in _documents(text, rows):
            _collect(root, source, known)
    reader = _Reader(rows, known)
    for name, entry in known.entries.items():
        rows.enter(entry.source)
        reader.entry(name, entry.node)
    if known.routers and not known.entries:
        rows.enter(known.routers[0].source)
        rows.warn(known.routers[0].node.line, "routers without entry points: give the static configuration too")
    return rows.mapping()


def _documents(text: str, rows: Rows) -> list[Table]:
    if text.lstrip()[:1] == "{":
        found: list[Node] = [_json.document(text, rows.problems)]
    elif _TOML.search(text):
        found = [_toml.document(text, rows.problems)]
    else:
        found = _yaml.documents(text, rows.problems)
    return [root for root in found if isinstance(root, Table)]


def _get(node: Table, key: str) -> Node | None:
    """A value by its key; Traefik does not care about case."""
    exact = node.entries.get(key)
    return exact if exact is not None else next(
        (value for name, value in node.entries.items() if name.lower() == key.lower()), None)


def _table(node: Table, *keys: str) -> Table:
    for key in keys:
        found = _get(node, key)
        node = found if isinstance(found, Table) else Table(node.line, node.column)
    return node


def _tables(node: Table, key: str) -> list[Table]:
    found = _get(node, key)
    return [item for item in found.items if isinstance(item, Table)] if isinstance(found, Items) else []


def _collect(root: Table, source: str, known: _Known) -> None:
    """The entry points, routers and services of one file."""
    for name, node in _table(root, "entryPoints").entries.items():
        if isinstance(node, Table):
            known.entries.setdefault(name, _Found("", node, source))
    for kind in ("http", "tcp", "udp"):
        section = _table(root, kind)
        known.routers += [_Found(kind, node, source) for node in _table(section, "routers").entries.values()
                          if isinstance(node, Table)]
        for name, node in _table(section, "services").entries.items():
            if isinstance(node, Table):
                known.services.setdefault((kind, name), _Found(kind, node, source))


class _Reader:
    """Entry points to rows."""

    def __init__(self, rows: Rows, known: _Known) -> None:
        self.rows = rows
        self.known = known

    def entry(self, name: str, node: Table) -> None:
        """One entry point with every router on it."""
        misspelt_keys(node, ("address",), (), self.rows.problems)
        written = _get(node, "address")
        if not isinstance(written, Scalar):
            self.rows.problems.add(node.line, node.column, f"entry point {name}: the key 'address'", "none")
            return
        text, _, proto = written.text.partition("/")
        host, colon, port_text = text.rpartition(":")
        what = f"entry point {name}"
        column = written.column + (0 if written.plain else 1)
        if not colon or proto not in {"", "tcp", "udp"}:
            self.rows.problems.add(written.line, column, f"{what}: [ADDRESS]:PORT[/tcp|/udp]", shown(written.text))
            return
        source = self.rows.source
        reals = [real for router in self.known.routers if self.on(router, name, proto or "tcp")
                 for real in self.router(router)]
        self.rows.enter(source)
        port = self.rows.port(port_text, written.line, column + len(host) + 1, what)
        address = self.rows.address(host.strip("[]"), written.line, column, what)
        if address is not None and port is not None:
            self.rows.add(Endpoint(address, port), Protocol(proto or "tcp"), reals, written.line, name)

    def on(self, router: _Found, entry: str, proto: str) -> bool:
        """Is a router on an entry point; without a list it is on all of its protocol."""
        if (router.kind == "udp") is not (proto == "udp"):
            return False
        listed = _get(router.node, "entryPoints")
        if not isinstance(listed, Items):
            return True
        return any(isinstance(item, Scalar) and item.text == entry for item in listed)

    def router(self, router: _Found) -> Iterator[RealServer]:
        """The servers of the service that a router names."""
        self.rows.enter(router.source)
        misspelt_keys(router.node, _WANTED_ROUTER, ("entrypoints",), self.rows.problems)
        named = _get(router.node, "service")
        if isinstance(named, Scalar):
            yield from self.service(router.kind, named, set())

    def service(self, kind: str, named: Scalar, seen: set[str]) -> Iterator[RealServer]:
        """The servers of a service, also through weighted, mirrored and failing-over ones."""
        name, _, provider = named.text.partition("@")
        if provider == "internal" or name in seen:
            return
        found = self.known.services.get((kind, name))
        if found is None:
            self.rows.warn(named.line, f"no {kind} service called {shown(name)} in what we read")
            return
        seen.add(name)    # each once: services may name each other in circles
        self.rows.enter(found.source)
        misspelt_keys(found.node, _WANTED_SERVICE, ("loadbalancer",), self.rows.problems)
        for server in _tables(_table(found.node, "loadBalancer"), "servers"):
            end = self.server(kind, server)
            if end is not None:
                yield self.rows.real(end, Forwarding.PROXY, server.line)
        inner = [_get(child, "name") for child in [*_tables(_table(found.node, "weighted"), "services"),
                                                   *_tables(_table(found.node, "mirroring"), "mirrors")]]
        inner += [_get(_table(found.node, outer), key) for outer, key in (
            ("mirroring", "service"), ("failover", "service"), ("failover", "fallback"))]
        for child in inner:
            if isinstance(child, Scalar):
                self.rows.enter(found.source)
                yield from self.service(kind, child, seen)

    def server(self, kind: str, node: Table) -> Endpoint | None:
        """``url`` (http) or ``address`` (tcp, udp)."""
        key = "url" if kind == "http" else "address"
        written = _get(node, key)
        if not isinstance(written, Scalar):
            self.rows.problems.add(node.line, node.column, f"a server with the key {key!r}", "none")
            return None
        column = written.column + (0 if written.plain else 1)
        if "{{" in written.text:
            self.rows.warn(written.line, f"{shown(written.text)} is filled in before Traefik reads it")
            return None
        match = _URL.match(written.text)
        assert match is not None
        scheme, host, port_text = match.groups()
        at = column + (match.start(3) if port_text is not None else len(written.text))
        number = self.rows.port(port_text or _SCHEMES.get(scheme or "", ""), written.line, at, shown(written.text))
        address = self.rows.address(host.strip("[]"), written.line, column + match.start(2), shown(written.text))
        return None if address is None or number is None else Endpoint(address, number)
