"""Who stands behind a Kubernetes Service: EndpointSlices (discovery.k8s.io/v1) and Endpoints (v1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from analyzer.importers._rows import Rows
from analyzer.importers._tree import Scalar, Table
from analyzer.importers._words import misspelt_keys

Name = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, slots=True)
class Member:
    """An address with a port, of one port name."""

    address: Scalar
    port: Scalar | None
    port_name: str
    protocol: str
    ready: bool
    source: str


@dataclass(slots=True)
class Endpoints:
    """All members, by the Service that they belong to."""

    members: dict[Name, list[Member]] = field(default_factory=dict)

    def add(self, kind: str, node: Table, source: str, rows: Rows) -> None:
        """The members that an object declares."""
        metadata = node.table("metadata")
        name = metadata.text("name")
        if kind == "EndpointSlice":
            owners = (o.text("name") for o in metadata.tables("ownerReferences") if o.text("kind") == "Service")
            name = metadata.table("labels").text("kubernetes.io/service-name") or next(owners, "")
            if not name:
                rows.warn(node.line, f"EndpointSlice {metadata.text('name')}: it does not say whose it is "
                                     "(label kubernetes.io/service-name)")
                return
            found = _slice(node, source, rows)
        else:
            found = _subsets(node, source)
        self.members.setdefault((metadata.text("namespace") or "default", name), []).extend(found)


def _slice(node: Table, source: str, rows: Rows) -> Iterator[Member]:
    """``ports`` and ``endpoints`` of a slice: every endpoint has every port."""
    misspelt_keys(node, ("endpoints", "ports", "addressType", "metadata"), (), rows.problems)
    if node.text("addressType") == "FQDN":
        rows.warn(node.line, f"EndpointSlice {node.table('metadata').text('name')} lists names; we do not ask the DNS")
        return
    for endpoint in node.tables("endpoints"):
        misspelt_keys(endpoint, ("addresses", "conditions"), (), rows.problems)
        ready = endpoint.table("conditions").text("ready") != "false"
        for address in endpoint.items("addresses"):
            for port in node.tables("ports"):
                if isinstance(address, Scalar):
                    yield _member(address, port, source, ready=ready)


def _subsets(node: Table, source: str) -> Iterator[Member]:
    """``subsets`` of Endpoints: in each, every address has every port."""
    for subset in node.tables("subsets"):
        for key in ("addresses", "notReadyAddresses"):
            for entry in subset.tables(key):
                address = entry.entries.get("ip")
                for port in subset.tables("ports"):
                    if isinstance(address, Scalar):
                        yield _member(address, port, source, ready=key == "addresses")


def _member(address: Scalar, port: Table, source: str, *, ready: bool) -> Member:
    number = port.entries.get("port")
    return Member(address, number if isinstance(number, Scalar) and not number.is_null else None, port.text("name"),
                  (port.text("protocol") or "TCP").upper(), ready, source)
