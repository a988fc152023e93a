"""Envoy: envoy.yaml, xDS resources, or what ``/config_dump`` answers (YAML or JSON).

static_resources:
  listeners:
  - address: {socket_address: {address: 203.0.113.10, port_value: 80}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.tcp_proxy
        typed_config: {cluster: web}
  clusters:
  - name: web
    load_assignment:
      endpoints:
      - lb_endpoints:
        - endpoint: {address: {socket_address: {address: 10.0.2.11, port_value: 8080}}}

Envoy is a full proxy; with the original_src filter it borrows the client's
address, and the reply must come back through it: ``nat`` here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from analyzer.balance.mapping import Endpoint, Forwarding, Mapping, Protocol, RealServer
from analyzer.clean import shown
from analyzer.importers import _json, _yaml
from analyzer.importers._rows import Rows
from analyzer.importers._tree import Items, Node, Scalar, Table
from analyzer.importers._words import misspelt_keys

NAME = "envoy"
DESCRIPTION = "Envoy configuration or config_dump"

_HEAD = re.compile(
    r"""^[ \t]*["']?(?:static_resources|dynamic_resources|staticResources)["']?[ \t]*:"""
    r"""|["']?@type["']?[ \t]*:[ \t]*["']?type\.googleapis\.com/envoy\.""", re.MULTILINE)
_ADDRESS = ("address", "port_value", "protocol")
_MOST_STEPS = 2_000_000


@dataclass(frozen=True, slots=True)
class _Found:
    """A listener, cluster or route configuration, and its file."""

    node: Table
    source: str


@dataclass(slots=True)
class _Known:
    """All resources by name, wherever they stand."""

    listeners: list[_Found] = field(default_factory=list)
    clusters: dict[str, list[_Found]] = field(default_factory=dict)    # the cluster, and load assignments of it
    routes: dict[str, _Found] = field(default_factory=dict)


def sniff(text: str) -> bool:
    """Envoy's resources name themselves."""
    return _HEAD.search(text) is not None


def read(text: str, source: str) -> Mapping:
    """One file."""
    return read_together([(text, source)])


def read_together(files: Sequence[tuple[str, str]]) -> Mapping:
    """The listeners of all files with the clusters of all files."""
    rows = Rows(files[0][1])
    known = _Known()
    for text, source in files:
        rows.enter(source)
        json = text.lstrip()[:1] == "{"
        for document in [_json.document(text, rows.problems)] if json else _yaml.documents(text, rows.problems):
            for node in _tables(document, rows):
                _collect(node, source, known)
    reader = _Reader(rows, known)
    for found in known.listeners:
        rows.enter(found.source)
        reader.listener(found.node)
    return rows.mapping()


def _get(node: Table, key: str) -> Node | None:
    """A field in either spelling of protobuf's JSON: ``port_value`` or ``portValue``."""
    head, *tail = key.split("_")
    return node.entries.get(key) or node.entries.get(head + "".join(word.title() for word in tail))


def _table(node: Table, *keys: str) -> Table:
    """A mapping some fields down; an empty one where there is none."""
    for key in keys:
        found = _get(node, key)
        node = found if isinstance(found, Table) else Table(node.line, node.column)
    return node


def _items(node: Table, key: str) -> list[Table]:
    """The mappings of a list."""
    found = _get(node, key)
    return [item for item in found.items if isinstance(item, Table)] if isinstance(found, Items) else []


def _tables(root: Node, rows: Rows) -> Iterator[Table]:
    """Every mapping of a tree, outer ones first, in the order of the lines."""
    waiting = [root]
    steps = 0
    while waiting:
        node = waiting.pop()
        steps += 1
        if steps > _MOST_STEPS:
            raise rows.problems.stop(node.line, node.column, f"at most {_MOST_STEPS:,} values", "more")
        if isinstance(node, Table):
            yield node
            waiting += reversed(list(node.entries.values()))
        elif isinstance(node, Items):
            waiting += reversed(node.items)


def _collect(node: Table, source: str, known: _Known) -> None:
    """What a mapping is, by the fields that only such a one has."""
    if _get(node, "filter_chains") or _get(node, "listener_filters") or _get(node, "default_filter_chain"):
        known.listeners.append(_Found(node, source))
    name = node.text("name") or node.text("cluster_name") or node.text("clusterName")
    if name and (_get(node, "load_assignment") or "endpoints" in node.entries or "hosts" in node.entries
                 or _get(node, "upstream_bind_config") or _get(node, "lb_policy")):
        known.clusters.setdefault(name, []).append(_Found(node, source))
    if name and _get(node, "virtual_hosts"):
        known.routes.setdefault(name, _Found(node, source))


class _Reader:
    """Listeners to rows."""

    def __init__(self, rows: Rows, known: _Known) -> None:
        self.rows = rows
        self.known = known

    def listener(self, node: Table) -> None:
        """One listener with all clusters that anything in it names."""
        source = self.rows.source
        name = node.text("name") or "listener"
        inside = list(_tables(node, self.rows))
        borrowed = any("original_src" in one.text("name") for one in inside)
        reals = [real for cluster, at in self.clusters(inside, name)
                 for real in self.servers(cluster, at, Forwarding.NAT if borrowed else Forwarding.PROXY)]
        self.rows.enter(source)
        for holder in (node, *_items(node, "additional_addresses")):
            address = _table(holder, "address", "socket_address")
            end = self.socket(address, f"listener {name}")
            if end is not None:
                udp = address.text("protocol").upper() == "UDP"
                self.rows.add(end, Protocol.UDP if udp else Protocol.TCP, reals, address.line, node.text("name"))

    def clusters(self, inside: list[Table], name: str) -> list[tuple[str, Scalar]]:
        """The names of clusters, also those of a route configuration that stands elsewhere."""
        found: dict[str, Scalar] = {}
        for one in [*inside, *self.routed(inside)]:
            target = one.entries.get("cluster")
            if isinstance(target, Scalar) and not target.is_null:
                found.setdefault(target.text, target)
            for weighted in _items(_table(one, "weighted_clusters"), "clusters"):
                target = weighted.entries.get("name")
                if isinstance(target, Scalar):
                    found.setdefault(target.text, target)
            if _get(one, "cluster_header"):
                self.rows.warn(one.line, f"listener {name}: a header chooses the cluster")
        return list(found.items())

    def routed(self, inside: list[Table]) -> list[Table]:
        """What stands in route configurations that are named (RDS)."""
        names = [one.text("route_config_name") or one.text("routeConfigName") for one in inside]
        return [table for name in names if name in self.known.routes
                for table in _tables(self.known.routes[name].node, self.rows)]

    def servers(self, cluster: str, at: Scalar, mode: Forwarding) -> Iterator[RealServer]:
        """The endpoints of a cluster."""
        if cluster not in self.known.clusters:
            self.rows.warn(at.line, f"no cluster called {shown(cluster)} in what we read")
        for found in self.known.clusters.get(cluster, ()):
            self.rows.enter(found.source)
            if found.node.text("type") == "ORIGINAL_DST":
                self.rows.warn(found.node.line, f"cluster {cluster}: it sends to the client's own destination")
            bound = _table(found.node, "upstream_bind_config", "source_address").entries.get("address")
            if isinstance(bound, Scalar) and bound.text not in {"0.0.0.0", "::"}:  # noqa: S104 - read, not bound
                self.rows.own(self.rows.address(bound.text, bound.line, bound.column, f"cluster {cluster}"))
            for one in _tables(found.node, self.rows):
                health = one.text("health_status") or one.text("healthStatus")
                if "endpoint" in one.entries:
                    end = self.socket(_table(one, "endpoint", "address", "socket_address"), f"cluster {cluster}")
                    if end is not None:
                        yield self.rows.real(end, mode, _table(one, "endpoint", "address", "socket_address").line,
                                             enabled=health not in {"UNHEALTHY", "DRAINING", "TIMEOUT"})

    def socket(self, node: Table, what: str) -> Endpoint | None:
        """``socket_address: {address, port_value}``; None for a pipe or an internal listener."""
        address, port = node.entries.get("address"), _get(node, "port_value")
        misspelt_keys(node, _ADDRESS, ("portValue",), self.rows.problems)
        if not isinstance(address, Scalar):
            return None
        if not isinstance(port, Scalar):
            self.rows.problems.add(node.line, node.column, f"{what}: the key 'port_value'", "none")
            return None
        number = self.rows.port(port.text, port.line, port.column, what)
        found = self.rows.address(address.text, address.line, address.column, what)
        return None if found is None or number is None else Endpoint(found, number)
