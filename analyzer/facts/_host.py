"""The parts of a host as one Host: what is complete, and what is missing to be so."""

from __future__ import annotations

from dataclasses import replace

from analyzer.clean import clean
from analyzer.facts._gathered import ALL_TABLES, Facts, distinct
from analyzer.facts._windows import settle
from analyzer.network.host import DEFAULT_TABLE, LOCAL_TABLE, MAIN_TABLE, Host, System

_COMMANDS = {
    System.WINDOWS: {4: "route print", 6: "route print"},
    System.FREEBSD: {4: "netstat -rn", 6: "netstat -rn"},
    System.MACOS: {4: "netstat -rn", 6: "netstat -rn"},
    System.IOS: {4: "show ip route", 6: "show ipv6 route"},
    System.ROUTEROS: {4: "/ip route print terse", 6: "/ipv6 route print terse"},
}
_LINUX = {4: "ip route", 6: "ip -6 route"}


def host_of(name: str, facts: Facts) -> Host:
    """One Host; ``"routes"`` is complete where every family and every table that rules look in was printed."""
    if facts.system is System.WINDOWS:
        facts = settle(facts)
    facts = replace(facts, routes=distinct(facts.routes))
    missing = _missing(facts)
    complete = set(facts.complete - facts.partial)
    if facts.listed and not missing and "routes" not in facts.partial:
        complete.add("routes")
    if facts.iptables and not facts.ruleset and facts.saved >= (_families(facts) or facts.saved or {4}):
        complete.add("ruleset")
    notes = tuple(f"{name}: {each}" for each in missing) if facts.listed else ()
    return Host(
        name, facts.system, facts.interfaces, facts.routes, facts.rules, facts.neighbors, dict(facts.sysctls),
        frozenset(complete), tuple(map(clean, (*facts.warnings, *notes))),
        facts.ruleset or facts.iptables, facts.tracked,
    )


def _missing(facts: Facts) -> list[str]:
    """Which listings would be needed, each as a sentence with its command."""
    found = []
    for family in (4, 6):
        uses = family in _families(facts)
        if uses and not _listed(facts, family, MAIN_TABLE):
            found.append(f"has IPv{family} addresses, but its IPv{family} routes were not given: "
                         f"add the output of '{_command(facts.system, family)}'")
    looked_in = {rule.table for rule in facts.rules} - {LOCAL_TABLE, MAIN_TABLE, DEFAULT_TABLE}
    for table in sorted(looked_in):
        families = {family for family, _ in facts.listed}
        if not all(_listed(facts, family, table) for family in families):
            found.append(f"a rule looks in table {table}, which was not given: "
                         f"add the output of 'ip route show table {table}'")
    return found


def _command(system: System, family: int) -> str:
    return _COMMANDS.get(system, _LINUX)[family]


def _listed(facts: Facts, family: int, table: int) -> bool:
    return (family, table) in facts.listed or (family, ALL_TABLES) in facts.listed


def _families(facts: Facts) -> set[int]:
    """Families in which the host has an address that others can reach."""
    return {own.version for each in facts.interfaces for own in each.addresses
            if not own.is_loopback and not (own.version == 6 and own.is_link_local)}
