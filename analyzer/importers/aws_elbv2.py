"""AWS Elastic Load Balancing v2: what ``aws elbv2 describe-*`` prints, several files together.

{"LoadBalancers": [{"LoadBalancerArn": "arn:...:loadbalancer/net/shop/1f", "Type": "network", ...}]}
{"Listeners": [{"LoadBalancerArn": "...", "Port": 80, "Protocol": "TCP", "DefaultActions": [...]}]}
{"TargetGroups": [{"TargetGroupArn": "...", "TargetType": "instance", "Port": 80, ...}]}
{"TargetHealthDescriptions": [{"Target": {"Id": "i-0f4a", "Port": 80}, ...}]}

Addresses of balancers and instances come from ``aws ec2 describe-network-interfaces``
and ``describe-instances``.  An application balancer is ``proxy``; a network
balancer is ``nat`` where it preserves the client's address (target groups of
instances, and of UDP) and else ``full-nat``; a gateway balancer is ``tunnel``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from analyzer.balance.mapping import Endpoint, Forwarding, IPAddress, Mapping, Protocol, RealServer
from analyzer.clean import shown
from analyzer.importers import _json
from analyzer.importers._aws_inventory import Found, Inventory
from analyzer.importers._rows import Rows
from analyzer.importers._tree import Scalar, Table

NAME = "aws-elbv2"
DESCRIPTION = "aws elbv2 describe-* (with describe-network-interfaces and describe-instances)"

_TOP = re.compile(
    r'\A\s*\{\s*"(?:LoadBalancer\w*|Listeners|TargetGroup\w*|TargetHealthDescriptions|Rules|NetworkInterfaces|Reservations'
    r'|AvailabilityZones|InternetGateways|NetworkAcls|PrefixLists|RouteTables|SecurityGroups|Subnets|TransitGateway\w*'
    r'|Vpcs|ServiceDetails|VpcEndpoint\w*)"\s*:')
_UDP = {"UDP", "QUIC", "TCP_UDP", "TCP_QUIC"}


def sniff(text: str) -> bool:
    """An answer of AWS begins with the name of the list that was asked for."""
    return _TOP.match(text) is not None


def read(text: str, source: str) -> Mapping:
    """One file."""
    return read_together([(text, source)])


def read_together(files: Sequence[tuple[str, str]]) -> Mapping:
    """The listeners of all files with the target groups and targets of all files."""
    rows = Rows(files[0][1])
    inventory = Inventory()
    for text, source in files:
        rows.enter(source)
        root = _json.document(text, rows.problems)
        if isinstance(root, Table):
            inventory.add(root, source)
    claimed = inventory.claim()
    if claimed:
        rows.enter(claimed.source)
        rows.warn(claimed.node.line, "taken as the targets of the only target group: the answer does not say whose")
    reader = _Reader(rows, inventory)
    for listener in inventory.listeners:
        rows.enter(listener.source)
        reader.listener(listener.node)
    for health in inventory.nobodys:
        rows.enter(health.source)
        rows.warn(health.node.line, "targets of an unknown target group: describe-target-health does not say whose; "
                                    'put them under "LoadBalancerTargetHealth": [{"TargetGroupArn": ..., ...}]')
    return rows.mapping()


class _Reader:
    """Listeners to rows."""

    def __init__(self, rows: Rows, inventory: Inventory) -> None:
        self.rows = rows
        self.inventory = inventory

    def listener(self, node: Table) -> None:
        """One listener: every address of its balancer, every target of its actions."""
        balancer = self.inventory.balancers.get(node.text("LoadBalancerArn"))
        name = node.text("LoadBalancerArn").rpartition("loadbalancer/")[2] or "?"
        protocol = node.text("Protocol").upper()
        written = node.entries.get("Port")
        if protocol == "GENEVE" or not isinstance(written, Scalar):
            self.rows.warn(node.line, f"{name}: a gateway balancer has no virtual service, it tunnels whole packets")
            return
        port = self.rows.port(written.text, written.line, written.column, f"listener of {name}")
        if balancer is None:
            self.rows.warn(node.line, f"{name}: give what describe-load-balancers says of it")
            return
        addresses = list(self.addresses(balancer))
        if port is None or not addresses:
            return
        source = self.rows.source
        reals = [real for arn in self.groups(node) for real in self.reals(arn, balancer.node, protocol)]
        self.rows.enter(source)
        for one in ("tcp", "udp"):
            if (one == "udp" and protocol in _UDP) or (one == "tcp" and protocol not in {"UDP", "QUIC"}):
                for address in addresses:
                    mine = [real for real in reals if real.endpoint.address.version == address.version]
                    self.rows.add(Endpoint(address, port), Protocol(one), mine, node.line, name)

    def addresses(self, balancer: Found) -> Iterator[IPAddress]:
        """The addresses of a balancer: fixed ones, or those of its network interfaces."""
        node, source = balancer.node, self.rows.source
        arn = node.text("LoadBalancerArn").rpartition("loadbalancer/")[2]
        found: dict[str, tuple[Scalar, str]] = {}
        for zone in node.tables("AvailabilityZones"):
            for given in zone.tables("LoadBalancerAddresses"):
                for key in ("IpAddress", "PrivateIPv4Address", "IPv6Address"):
                    value = given.entries.get(key)
                    if isinstance(value, Scalar) and value.text:
                        found.setdefault(value.text, (value, balancer.source))
        for value, where in self.inventory.interfaces.get(arn, []):
            found.setdefault(value.text, (value, where))
        if not found:
            self.rows.enter(balancer.source)
            self.rows.warn(node.line, f"{arn}: it has a name only; give what describe-network-interfaces says of it")
        for value, where in found.values():
            self.rows.enter(where)
            address = self.rows.address(value.text, value.line, value.column, arn)
            if address is not None:
                yield address
        self.rows.enter(source)

    def groups(self, node: Table) -> list[str]:
        """The target groups of a listener: of its default actions and of its rules."""
        found: list[str] = []
        listener = node.text("ListenerArn").replace(":listener/", ":listener-rule/")
        for holder in [node, *self.inventory.rules.get(listener, [])]:
            for action in [*holder.tables("DefaultActions"), *holder.tables("Actions")]:
                found.append(action.text("TargetGroupArn"))
                found += [one.text("TargetGroupArn") for one in action.table("ForwardConfig").tables("TargetGroups")]
        return list(dict.fromkeys(arn for arn in found if arn))

    def reals(self, arn: str, balancer: Table, protocol: str) -> Iterator[RealServer]:
        """The targets of a target group."""
        group = self.inventory.groups.get(arn)
        name = arn.rpartition("targetgroup/")[2]
        if group is None:
            self.rows.warn(0, f"{name}: give what describe-target-groups says of it")
            return
        kind = group.node.text("TargetType") or "instance"
        if kind in {"lambda", "alb"}:
            self.rows.enter(group.source)
            self.rows.warn(group.node.line, f"{name}: its targets are of type {kind} and have no address here")
            return
        forwarding = _forwarding(balancer.text("Type"), kind, group.node.text("Protocol").upper() or protocol)
        for health in self.inventory.targets.get(arn, []):
            self.rows.enter(health.source)
            for described in health.node.tables("TargetHealthDescriptions"):
                target = described.table("Target")
                end = self.target(target, group.node)
                if end is not None:
                    enabled = described.table("TargetHealth").text("State") not in {"draining", "unused"}
                    yield self.rows.real(end, forwarding, target.line, enabled=enabled, name=target.text("Id"),
                                         handle=arn)

    def target(self, node: Table, group: Table) -> Endpoint | None:
        """``Id`` is an address, or an instance whose address another file tells."""
        written = node.entries.get("Id")
        if not isinstance(written, Scalar):
            self.rows.problems.add(node.line, node.column, "a target with an Id", "none")
            return None
        known = self.inventory.instances.get(written.text)
        if known is None and written.text.startswith("i-"):
            self.rows.warn(written.line, f"target {written.text}: give what describe-instances says of it")
            return None
        address = self.rows.address(known or written.text, written.line, written.column, "target")
        number = node.entries.get("Port") or group.entries.get("Port")
        if not isinstance(number, Scalar):
            self.rows.problems.add(node.line, node.column, f"target {shown(written.text)}: a Port", "none")
            return None
        port = self.rows.port(number.text, number.line, number.column, "target")
        return None if address is None or port is None else Endpoint(address, port)


def _forwarding(balancer: str, targets: str, protocol: str) -> Forwarding:
    """Whose address the targets see (preserve_client_ip.enabled and its defaults)."""
    if balancer == "application":
        return Forwarding.PROXY
    if balancer == "gateway":
        return Forwarding.TUNNEL
    return Forwarding.NAT if targets == "instance" or protocol in _UDP else Forwarding.FULL_NAT
