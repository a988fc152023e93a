"""Facts that nobody gave, each the other way round: an answer that depends on one is no proof."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from analyzer.network.inference.outside import NAME as OUTSIDE
from analyzer.network.link import Network
from analyzer.network.nat import DROP_INVALID
from analyzer.network.stack import LOOPBACK


@dataclass(frozen=True, slots=True)
class Variant:
    """A question that facts would answer, and the network where the answer is yes."""

    host: str
    question: str
    says: str
    change: Callable[[Network], None]

    def applied(self, network: Network) -> Network:
        """A copy of the network with the change made."""
        made = network.copy()
        self.change(made)
        return made


def variants(network: Network, hosts: frozenset[str]) -> Iterator[Variant]:
    """The questions about ``hosts`` that matter for replies: balancers' filters, source checks, redirects."""
    for name in sorted(hosts):
        stack = network.stacks[name]
        firewall = stack.firewall
        if firewall is not None and not firewall.invalid_known:
            yield Variant(
                name,
                f"whether {name} drops packets of connections that it has not seen (ct state invalid drop)",
                f"{name} drops packets of connections that it has not seen",
                _dropping(name),
            )
        ports = [port for port in stack.ports if port != LOOPBACK]
        unknown = not any(key.endswith(".rp_filter") for key in stack.switches.values)
        if len(ports) > 1 and unknown and not name.startswith(OUTSIDE):
            question = f"whether rp_filter is 1 on {name} (sysctl -a -r rp_filter)"
            yield Variant(name, question, f"rp_filter is 1 on {name}", _strict(name))
        six = any(own.interface.version == 6 for port in ports for own in stack.ports[port].addresses)
        if six and not any(key.startswith("net.ipv6.conf.") for key in stack.switches.values):
            question = f"whether {name} ignores redirects (sysctl -a -r ipv6.*accept_redirects)"
            yield Variant(name, question, f"{name} ignores IPv6 redirects", _deaf(name))


def _dropping(name: str) -> Callable[[Network], None]:
    def change(network: Network) -> None:
        firewall = network.firewall(name)
        network.stacks[name].firewall = replace(
            firewall, chains=(*firewall.chains, DROP_INVALID), invalid_known=True)

    return change


def _strict(name: str) -> Callable[[Network], None]:
    def change(network: Network) -> None:
        network.stacks[name].switches.values["net.ipv4.conf.all.rp_filter"] = 1

    return change


def _deaf(name: str) -> Callable[[Network], None]:
    def change(network: Network) -> None:
        stack = network.stacks[name]
        stack.switches.values |= {f"net.ipv6.conf.{port}.accept_redirects": 0 for port in stack.ports}

    return change
