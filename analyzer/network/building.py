"""A stack from the facts about a host: what was told is taken as it is, what the kernel would add is added."""

from __future__ import annotations

from ipaddress import IPv6Network

from analyzer.network.host import LOCAL_TABLE, MAIN_TABLE, Host, Interface, Rule
from analyzer.network.routing.addresses import CONNECTED6_METRIC, derived
from analyzer.network.routing.fib import Entry, Hop, Scope, Verb, installed
from analyzer.network.routing.tables import insert
from analyzer.network.stack import DEFAULT_RULES, LOOPBACK, Address, Port, Stack, loopback
from analyzer.network.switches import Switches

LINK_LOCAL = IPv6Network("fe80::/64")


def stack_of(host: Host) -> Stack:
    """The host as something that takes commands.

    A routing table that was given whole (``"routes" in host.complete``) is not
    added to; otherwise connected routes are derived from the addresses.
    """
    stack = Stack(host.name, host.system, complete=host.complete)
    stack.switches = Switches(_numbers(host.sysctls))
    for interface in _interfaces(host):
        stack.ports[interface.name] = Port(interface.name, interface.mac, interface.mtu, interface.up)
        for address in interface.addresses:
            _address(stack, stack.ports[interface.name], Address(address, metric=interface.metric or 0), host)
    for route in host.routes:
        insert(stack.table(route.destination.version, route.table), installed(route), Verb.APPEND)
    _rules(stack, host.rules, whole="rules" in host.complete)
    for neighbor in host.neighbors:
        stack.neighbors[neighbor.interface, neighbor.address] = neighbor
    return stack


def _numbers(sysctls: dict[str, str]) -> dict[str, int]:
    values = {key.replace("/", "."): text.strip() for key, text in sysctls.items()}
    return {key: int(text) for key, text in values.items() if text.lstrip("-").isdigit()}


def _interfaces(host: Host) -> tuple[Interface, ...]:
    if any(interface.name == LOOPBACK for interface in host.interfaces):
        return host.interfaces
    return (loopback(), *host.interfaces)


def _address(stack: Stack, port: Port, own: Address, host: Host) -> None:
    """Like ``add_address``, but a connected route is not derived where the whole table was given."""
    net = own.interface.network
    shared = net.version == 4 and net.prefixlen < net.max_prefixlen
    same = [each for each in port.addresses if each.interface.network == net] if shared else []
    scope = Scope.HOST if own.ip.is_loopback else own.scope
    own = Address(own.interface, bool(same), metric=own.metric, scope=scope)
    port.addresses.append(own)
    for table, entry in derived(port, own):
        if table == LOCAL_TABLE or "routes" not in host.complete:
            insert(stack.table(entry.destination.version, table), entry, Verb.APPEND)
    if own.interface.version == 6 and port.name != LOOPBACK and "routes" not in host.complete:
        link_local = Entry(LINK_LOCAL, (Hop(port.name),), CONNECTED6_METRIC, protocol="kernel")
        insert(stack.table(6, MAIN_TABLE), link_local, Verb.APPEND)   # every interface with IPv6 has it


def _rules(stack: Stack, rules: tuple[Rule, ...], *, whole: bool) -> None:
    """Add the rules to both families, except where an address says which; a whole list replaces the defaults.

    IPv6 has no rule for the table ``default``: that one is IPv4's, whoever listed it.
    """
    for family in (4, 6):
        other = set(DEFAULT_RULES[4]) - set(DEFAULT_RULES[6]) if family == 6 else set()
        mine = [rule for rule in rules if _family(rule) in (0, family) and rule not in other]
        if whole and mine:
            stack.rules[family] = [] if any(rule.priority == 0 for rule in mine) else [DEFAULT_RULES[family][0]]
        if any(rule not in DEFAULT_RULES[family] for rule in mine):
            stack.split, stack.split6 = stack.split or family == 4, stack.split6 or family == 6
        for rule in mine:
            if rule not in stack.rules[family]:
                add_rule(stack, family, rule)


def add_rule(stack: Stack, family: int, rule: Rule) -> None:
    """Insert behind the rules of the same and of smaller priority."""
    rules = stack.rules[family]
    rules.insert(sum(other.priority <= rule.priority for other in rules), rule)


def _family(rule: Rule) -> int:
    named = rule.source or rule.destination
    return named.version if named else 0
