"""Kubernetes: Services joined with their EndpointSlices or Endpoints (``kubectl get ... -o yaml`` or json).

apiVersion: v1
kind: Service
metadata: {name: shop, namespace: web}
spec:
  clusterIP: 172.30.0.41
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: shop-abc, namespace: web, labels: {kubernetes.io/service-name: shop}}
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.180.0.1]}]

A cluster address is ``nat``.  An external address is ``full-nat``, because
kube-proxy masquerades what comes to it, unless ``externalTrafficPolicy: Local``
keeps the client's address (then it is ``nat``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from analyzer.balance.mapping import Endpoint, Forwarding, IPAddress, Mapping, Protocol
from analyzer.clean import shown
from analyzer.importers import _json, _yaml
from analyzer.importers._k8s_endpoints import Endpoints, Member, Name
from analyzer.importers._rows import Rows
from analyzer.importers._tree import Node, Scalar, Table
from analyzer.importers._words import misspelt_keys

NAME = "kubernetes"
DESCRIPTION = "Kubernetes Service with EndpointSlice or Endpoints (YAML or JSON)"

_API = re.compile(r"""^[ \t{-]*["']?apiVersion["']?[ \t]*:""", re.MULTILINE)
_KIND = re.compile(r"""^[ \t{-]*["']?kind["']?[ \t]*:|,[ \t]*"kind"[ \t]*:""", re.MULTILINE)
_SPEC = ("clusterIP", "clusterIPs", "ports", "externalIPs", "loadBalancerIP", "externalTrafficPolicy")
_PORT = ("port", "targetPort", "protocol", "nodePort")


def sniff(text: str) -> bool:
    """Objects of Kubernetes say their apiVersion and their kind."""
    return _API.search(text) is not None and _KIND.search(text) is not None


def read(text: str, source: str) -> Mapping:
    """One file."""
    return read_together([(text, source)])


def read_together(files: Sequence[tuple[str, str]]) -> Mapping:
    """The Services of all files with the endpoints of all files."""
    rows = Rows(files[0][1])
    endpoints = Endpoints()
    services: list[tuple[Table, str]] = []
    for text, source in files:
        rows.enter(source)
        json = text.lstrip()[:1] == "{"
        documents = [_json.document(text, rows.problems)] if json else _yaml.documents(text, rows.problems)
        for kind, node in _objects(documents):
            if kind == "Service":
                services.append((node, source))
            elif kind in {"EndpointSlice", "Endpoints"}:
                endpoints.add(kind, node, source, rows)
    reader = _Reader(rows, endpoints)
    for node, source in services:
        rows.enter(source)
        reader.service(node)
    return rows.mapping()


def _objects(documents: Sequence[Node]) -> Iterator[tuple[str, Table]]:
    """Each object with its kind; lists are opened, and lend their kind to items that have none."""
    for document in documents:
        if not isinstance(document, Table):
            continue
        kind = document.text("kind")
        if kind.endswith("List") and "items" in document.entries:
            for item in document.tables("items"):
                yield item.text("kind") or kind.removesuffix("List"), item
        else:
            yield kind, document


class _Reader:
    """Services to rows."""

    def __init__(self, rows: Rows, endpoints: Endpoints) -> None:
        self.rows = rows
        self.endpoints = endpoints
        self.claimed: dict[tuple[Endpoint, str], Name] = {}

    def service(self, node: Table) -> None:
        """One Service: every address with every port."""
        spec, metadata = node.table("spec"), node.table("metadata")
        name = (metadata.text("namespace") or "default", metadata.text("name"))
        what = f"Service {name[0]}/{name[1]}"
        misspelt_keys(spec, _SPEC, ("ipFamilies",), self.rows.problems)
        if spec.text("type") == "ExternalName":
            self.rows.warn(node.line, f"{what}: {shown(spec.text('externalName'))} is a name; we do not ask the DNS")
            return
        addresses = list(self.addresses(node, what))
        for port in spec.tables("ports"):
            misspelt_keys(port, _PORT, ("ports",), self.rows.problems)
            self.port(port, name, what, addresses)

    def addresses(self, node: Table, what: str) -> Iterator[tuple[IPAddress, Forwarding]]:
        """The addresses of a Service and how packets to them are forwarded."""
        spec = node.table("spec")
        inner = [item for item in spec.items("clusterIPs") if isinstance(item, Scalar)] or [
            item for item in [spec.entries.get("clusterIP")] if isinstance(item, Scalar) and not item.is_null]
        if not inner or inner[0].text == "None":
            self.rows.warn(node.line, f"{what}: headless, clients ask the DNS for the servers themselves" if inner else
                           f"{what}: no cluster address in it; give what kubectl get service -o yaml says")
        outer = [item for item in spec.items("externalIPs") if isinstance(item, Scalar)]
        for ingress in node.table("status").table("loadBalancer").tables("ingress"):
            given = ingress.entries.get("ip") or ingress.entries.get("hostname")
            outer += [given] if isinstance(given, Scalar) else []
        local = spec.text("externalTrafficPolicy") == "Local"
        for items, forwarding in ((inner, Forwarding.NAT), (outer, Forwarding.NAT if local else Forwarding.FULL_NAT)):
            for item in items:
                if item.text != "None":
                    address = self.rows.address(item.text, item.line, item.column, what)
                    if address is not None:
                        yield address, forwarding

    def port(self, port: Table, name: Name, what: str, addresses: list[tuple[IPAddress, Forwarding]]) -> None:
        """One port of a Service."""
        protocol = (port.text("protocol") or "TCP").upper()
        written = port.entries.get("port")
        if not isinstance(written, Scalar):
            self.rows.problems.add(port.line, port.column, f"{what}: the key 'port'", "none")
            return
        number = self.rows.port(written.text, written.line, written.column, what)
        if port.text("nodePort") not in {"", "0"}:
            self.rows.warn(port.line, f"{what}: node port {port.text('nodePort')} is on every address of every node")
        if number is None:
            return
        if protocol not in {"TCP", "UDP"}:
            self.rows.warn(port.line, f"{what}: {shown(protocol)}; we follow TCP, UDP and ICMP")
            return
        source = self.rows.source
        members = [(self.member(member), member) for member in self.endpoints.members.get(name, ())
                   if member.port_name == port.text("name") and member.protocol == protocol]
        self.rows.enter(source)
        for address, forwarding in addresses:
            virtual = Endpoint(address, number)
            first = self.claimed.setdefault((virtual, protocol), name)
            if first != name:
                self.rows.warn(port.line, f"{what}: {virtual} is {'/'.join(first)}'s too; we put them together")
            reals = []
            for end, member in members:
                self.rows.enter(member.source)
                if end is not None and end.address.version == address.version:
                    reals.append(self.rows.real(end, forwarding, member.address.line, enabled=member.ready))
            self.rows.enter(source)
            self.rows.add(virtual, Protocol(protocol.lower()), reals, port.line, f"{name[0]}/{name[1]}")

    def member(self, member: Member) -> Endpoint | None:
        """A member's address and port; a missing port means all of them (EndpointPort.port)."""
        self.rows.enter(member.source)
        address = self.rows.address(member.address.text, member.address.line, member.address.column, "endpoint")
        port: int | None = 0
        if member.port is not None:
            port = self.rows.port(member.port.text, member.port.line, member.port.column, "endpoint")
        return None if address is None or port is None else Endpoint(address, port)
