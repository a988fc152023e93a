"""What the answers of AWS hold, by the names that join them (ARNs, instances, network interfaces)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from analyzer.importers._tree import Scalar, Table


@dataclass(frozen=True, slots=True)
class Found:
    """An object and the file that it stands in."""

    node: Table
    source: str


@dataclass(slots=True)
class Inventory:
    """Everything that was described, joined by ARN."""

    balancers: dict[str, Found] = field(default_factory=dict)
    listeners: list[Found] = field(default_factory=list)
    groups: dict[str, Found] = field(default_factory=dict)
    rules: dict[str, list[Table]] = field(default_factory=lambda: defaultdict(list))
    targets: dict[str, list[Found]] = field(default_factory=lambda: defaultdict(list))
    nobodys: list[Found] = field(default_factory=list)    # targets that do not say whose they are
    interfaces: dict[str, list[tuple[Scalar, str]]] = field(default_factory=lambda: defaultdict(list))
    instances: dict[str, str] = field(default_factory=dict)

    def add(self, root: Table, source: str) -> None:
        """One answer."""
        for node in root.tables("LoadBalancers"):
            self.balancers.setdefault(node.text("LoadBalancerArn"), Found(node, source))
        for node in [*root.tables("Listeners"), *_inner(root, "LoadBalancerListeners", "Listeners")]:
            self.listeners.append(Found(node, source))
        for node in root.tables("TargetGroups"):
            self.groups.setdefault(node.text("TargetGroupArn"), Found(node, source))
        for node in root.tables("Rules"):    # .../listener-rule/app/NAME/ID/LISTENER/RULE
            self.rules[node.text("RuleArn").rpartition("/")[0]].append(node)
        for node in [root, *root.tables("LoadBalancerTargetHealth")]:
            self.health(node, source)
        for node in root.tables("NetworkInterfaces"):
            self.interface(node, source)
        for node in _inner(root, "Reservations", "Instances"):
            if node.text("PrivateIpAddress"):
                self.instances.setdefault(node.text("InstanceId"), node.text("PrivateIpAddress"))

    def health(self, node: Table, source: str) -> None:
        """Targets; the plain answer does not say whose."""
        if "TargetHealthDescriptions" in node.entries:
            arn = node.text("TargetGroupArn")
            (self.targets[arn] if arn else self.nobodys).append(Found(node, source))

    def interface(self, node: Table, source: str) -> None:
        """A network interface is an instance's, or a balancer's by its description ``ELB net/NAME/ID``."""
        owner = node.text("Description")
        if owner.startswith("ELB "):
            for value in (node.entries.get("PrivateIpAddress"), node.table("Association").entries.get("PublicIp")):
                if isinstance(value, Scalar) and value.text:
                    self.interfaces[owner.removeprefix("ELB ")].append((value, source))
        instance = node.table("Attachment").text("InstanceId")
        if instance and node.text("PrivateIpAddress"):
            self.instances.setdefault(instance, node.text("PrivateIpAddress"))

    def claim(self) -> Found | None:
        """Where there is but one target group and one list of targets, they belong together."""
        if len(self.groups) != 1 or len(self.nobodys) != 1 or self.targets:
            return None
        found = self.nobodys.pop()
        self.targets[next(iter(self.groups))].append(found)
        return found


def _inner(root: Table, outer: str, inner: str) -> Iterator[Table]:
    for node in root.tables(outer):
        yield from node.tables(inner)
