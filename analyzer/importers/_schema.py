"""The schema of our own mapping file: nodes of a tree to virtual services and real servers."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from analyzer.balance.mapping import Endpoint, Forwarding, IPAddress, Protocol, RealServer, VirtualService
from analyzer.clean import shown
from analyzer.importers._address import endpoint, unicast
from analyzer.importers._problems import Expected, Problems, did_you_mean
from analyzer.importers._tree import Items, Node, Scalar, Table
from analyzer.units import Origin

TOP = ("services", "balancer")
SERVICE = ("virtual", "protocol", "forwarding", "balancer", "name", "reals")
REAL = ("address", "forwarding", "enabled", "name")


def kind(node: Node) -> str:
    """What a node is, in words for a message."""
    match node:
        case Scalar():
            return "nothing" if node.is_null else shown(node.text)
        case Items():
            return "a list"
        case Table():
            return "a mapping"


class Reader:
    """Nodes to values; what does not fit goes to the problems and reading goes on."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems

    def only(self, table: Table, known: tuple[str, ...]) -> None:
        """Every key must be known."""
        for key, at in table.keys.items():
            if key not in known:
                self.problems.add(at.line, at.column, f"one of the keys {', '.join(known)}", shown(key),
                                  "" if self.problems.full else did_you_mean(key, known))

    def service(self, node: Node, balancers: list[IPAddress]) -> VirtualService | None:
        """One entry of ``services``; None where it has no usable virtual service."""
        if not isinstance(node, Table):
            self.problems.add(node.line, node.column, "a mapping with 'virtual' and 'reals'", kind(node))
            return None
        self.only(node, SERVICE)
        protocol = Protocol(self.choice(node, "protocol", [p.value for p in Protocol], "tcp"))
        forwarding = Forwarding(self.choice(node, "forwarding", [f.value for f in Forwarding], "nat"))
        balancers += self.addresses(node)
        virtual = self.endpoint(node.entries.get("virtual"), protocol, "virtual", node)
        reals = list(self.reals(node, protocol, forwarding))
        if virtual is None:
            return None
        for real, at in reals:
            self.fits(virtual, real, at)
        origin = Origin(self.problems.source, node.line)
        return VirtualService(virtual, protocol, tuple(r for r, _ in reals), origin, self.text(node, "name"))

    def reals(self, node: Table, protocol: Protocol, forwarding: Forwarding) -> Iterator[tuple[RealServer, Node]]:
        """The real servers of a service, each with the node that names it."""
        listed = node.entries.get("reals")
        if not isinstance(listed, Items):
            at = listed or node
            self.problems.add(at.line, at.column, "'reals' to be a list of ADDRESS:PORT",
                              "none" if listed is None else kind(listed))
            return
        seen: dict[Endpoint, int] = {}
        for item in listed:
            real = self.real(item, protocol, forwarding)
            if real is None:
                continue
            if real.endpoint in seen:
                self.problems.add(item.line, item.column, "each real server of a service once "
                                  f"(the first is in line {seen[real.endpoint]})", f"{real.endpoint} again")
                continue
            seen[real.endpoint] = item.line
            yield real, item

    def real(self, node: Node, protocol: Protocol, forwarding: Forwarding) -> RealServer | None:
        """ADDRESS:PORT, or a mapping that says more."""
        origin = Origin(self.problems.source, node.line)
        if not isinstance(node, Table):
            found = self.endpoint(node, protocol, "a real server", node)
            return RealServer(found, forwarding, origin) if found else None
        self.only(node, REAL)
        found = self.endpoint(node.entries.get("address"), protocol, "address", node)
        own = Forwarding(self.choice(node, "forwarding", [f.value for f in Forwarding], forwarding.value))
        enabled = self.choice(node, "enabled", ["true", "false"], "true") == "true"
        name = self.text(node, "name")
        return RealServer(found, own, origin, enabled, name) if found else None

    def endpoint(self, node: Node | None, protocol: Protocol, what: str, parent: Node) -> Endpoint | None:
        """A scalar as address and port (without port for icmp)."""
        form = "ADDRESS" if protocol is Protocol.ICMP else "ADDRESS:PORT"
        if node is None:
            self.problems.add(parent.line, parent.column, f"the key '{what}' with {form}", "none")
            return None
        if not isinstance(node, Scalar) or node.is_null:
            self.problems.add(node.line, node.column, f"{what} as {form}", kind(node))
            return None
        try:
            if protocol is Protocol.ICMP:
                return Endpoint(unicast(node.text))
            return endpoint(node.text)
        except Expected as wrong:
            column = node.column + wrong.offset + (0 if node.plain else 1)
            self.problems.add(node.line, column, wrong.expected, shown(node.text), wrong.hint)
            return None

    def fits(self, virtual: Endpoint, real: RealServer, at: Node) -> None:
        """Note where this forwarding cannot bring a packet from the one to the other."""
        at = at.entries.get("address", at) if isinstance(at, Table) else at
        if real.forwarding is Forwarding.DIRECT and real.endpoint.port not in {0, virtual.port}:
            self.problems.add(at.line, at.column, f"port {virtual.port or '*'} (direct leaves the port as it is)",
                              shown(str(real.endpoint)))
        if real.forwarding is Forwarding.DIRECT and real.endpoint.address.version != virtual.address.version:
            family = "IPv4" if isinstance(virtual.address, IPv4Address) else "IPv6"
            self.problems.add(at.line, at.column, f"an {family} address, as the virtual service has",
                              shown(str(real.endpoint.address)))

    def addresses(self, table: Table) -> list[IPAddress]:
        """The key ``balancer``: one address or a list of them."""
        node = table.entries.get("balancer")
        found = []
        for item in node if isinstance(node, Items) else [node] if node is not None else []:
            if not isinstance(item, Scalar) or item.is_null:
                self.problems.add(item.line, item.column, "an address of the balancer", kind(item))
                continue
            try:
                found.append(unicast(item.text))
            except Expected as wrong:
                column = item.column + wrong.offset + (0 if item.plain else 1)
                self.problems.add(item.line, column, wrong.expected, shown(item.text), wrong.hint)
        return found

    def choice(self, table: Table, key: str, known: list[str], default: str) -> str:
        """One of a few words."""
        node = table.entries.get(key)
        if node is None:
            return default
        if isinstance(node, Scalar) and node.text in known:
            return node.text
        hint = did_you_mean(node.text, known) if isinstance(node, Scalar) and not self.problems.full else ""
        self.problems.add(node.line, node.column, f"{key!r} to be {', '.join(known[:-1])} or {known[-1]}",
                          kind(node), hint)
        return default

    def text(self, table: Table, key: str) -> str:
        """A free text."""
        node = table.entries.get(key)
        if node is None or (isinstance(node, Scalar) and node.is_null):
            return ""
        if not isinstance(node, Scalar):
            self.problems.add(node.line, node.column, f"{key!r} to be a text", kind(node))
            return ""
        return node.text
