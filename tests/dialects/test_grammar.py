"""Commands for systems that do not run here are read back by their vendors' published grammar.

Each reader below is written from the syntax that the vendor prints or
publishes: ``route /?`` of Windows; Microsoft's pages on New-NetRoute,
Remove-NetRoute and netsh interface; route(8) of FreeBSD and macOS; the command
references of the network systems.  What it reads must be what was to be said.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from ipaddress import IPv4Network, ip_address, ip_network

import pytest
from dialect_situations import BASE, BASE6, SITUATIONS, UNNAMED, UNNAMED6

from analyzer.dialects import available, fixes
from analyzer.network.host import OnLink, System, Via
from analyzer.remedy.change import RouteChange, SwitchChange
from analyzer.remedy.plan import alternatives

DIALECTS = available()


def read_windows_route(line: str):
    """``ROUTE [-p] [-4|-6] ADD|DELETE destination [MASK netmask] [gateway] [METRIC metric] [IF interface]``."""
    said = re.fullmatch(
        r"route (?P<keep>-p )?(?P<six>-6 )?(?P<verb>add|delete) (?P<destination>[0-9a-f.:]+)(?P<length>/\d+)?"
        r"( mask (?P<mask>[0-9.]+))? (?P<gateway>[0-9a-f.:]+)( metric (?P<metric>\d+))?( if (?P<interface>\d+))?", line,
    )
    assert said, line
    assert bool(said["six"]) == (":" in said["destination"])
    suffix = said["length"] or f"/{said['mask']}"
    if said["metric"]:
        assert 1 <= int(said["metric"]) <= 9999
    return said["verb"], ip_network(said["destination"] + suffix), ip_address(said["gateway"])


POWERSHELL = {
    "New-NetRoute": {"DestinationPrefix", "InterfaceIndex", "NextHop", "RouteMetric", "PolicyStore"},
    "Remove-NetRoute": {"DestinationPrefix", "InterfaceIndex", "NextHop", "PolicyStore", "Confirm"},
    "Remove-NetIPAddress": {"IPAddress", "PrefixLength", "PolicyStore", "Confirm"},
    "New-NetIPAddress": {"IPAddress", "PrefixLength", "InterfaceIndex"},
    "Remove-NetNeighbor": {"IPAddress", "Confirm"},
    "Set-NetIPv4Protocol": {"IcmpRedirects"},
    "Set-NetIPv6Protocol": {"IcmpRedirects"},
    "Remove-Item": set(),
}
"""The parameters that we use of each cmdlet; all are in Microsoft's syntax diagrams."""

WORD = r"\([^()]*(?:\([^()]*\)[^()]*)*\)(?:\.\w+)?|\S+"
"""A PowerShell argument: an expression in parentheses, perhaps with a property, or a bare word."""


def read_powershell(line: str):
    cmdlet, _, rest = line.partition(" ")
    assert cmdlet in POWERSHELL, line
    given = dict(re.findall(rf"-(\w+):?(?: |(?=\$))({WORD})", rest))
    assert given.keys() <= POWERSHELL[cmdlet], line
    assert given.get("PolicyStore", "ActiveStore") in ("ActiveStore", "PersistentStore")
    if "RouteMetric" in given:
        assert 0 <= int(given["RouteMetric"]) <= 0xFFFF
    return cmdlet, given


def read_netsh(line: str):
    """``add|delete route [prefix=]<prefix> [interface=]<index> [[nexthop=]<address>] [[metric=]n] [[store=]...]``."""
    said = re.fullmatch(
        r"for /f %i in \('powershell -NoProfile -Command \"\(Get-NetIPAddress -IPAddress [0-9a-f.:]+\)\.InterfaceIndex\"'\) "
        r"do netsh interface ipv(?P<version>[46]) (?P<verb>add|delete) route prefix=(?P<prefix>\S+) interface=%i"
        r"( nexthop=(?P<hop>\S+))?( metric=(?P<metric>\d+))? store=(?P<store>active|persistent)", line,
    )
    assert said, line
    return said["verb"], ip_network(said["prefix"]), ip_address(said["hop"]) if said["hop"] else None


def read_bsd_route(line: str):
    """``route add|delete [-inet6] -net|-host destination gateway | -interface name`` (route(8))."""
    words = shlex.split(line.removeprefix("sudo "))
    assert words[0] == "route"
    verb, rest = words[1], words[2:]
    six = rest[0] == "-inet6"
    rest = rest[six:]
    kind, destination, *way = rest
    network = ip_network(destination)
    assert (kind == "-host") == (network.prefixlen == network.max_prefixlen)
    assert six == (network.version == 6)
    if way[0] == "-interface":
        assert len(way) == 2
        return verb, network, None
    assert len(way) == 1
    return verb, network, ip_address(way[0].partition("%")[0])


def said(name, situation):
    dialect = DIALECTS[name]
    for alternative in alternatives(situation):
        if alternative.changes and all(dialect.speaks(c) for c in alternative.changes):
            yield alternative, dialect.commands(alternative, situation), dialect.undo(alternative, situation)


FOUR = [BASE, BASE6, UNNAMED, UNNAMED6]
READERS = {
    "windows-route": (read_windows_route, "route "),
    "windows-netsh": (read_netsh, "for /f"),
    "freebsd": (read_bsd_route, "route "),
    "macos": (read_bsd_route, "sudo route "),
}


@pytest.mark.parametrize("situation", FOUR, ids=["v4", "v6", "v4-unnamed", "v6-unnamed"])
@pytest.mark.parametrize("name", READERS)
def test_routes_are_read_back_as_they_were_meant(name, situation):
    read, begins = READERS[name]
    count = 0
    for cause in ("default-gateway-elsewhere", "client-on-servers-link"):
        here = replace(situation, cause=type(situation.cause)(cause))
        for alternative, commands, undo in said(name, here):
            wanted = [
                (c.destination, c.next_hop.gateway if isinstance(c.next_hop, Via) else None)
                for c in alternative.changes if isinstance(c, RouteChange)
            ]
            if name == "windows-route":    # an on-link host route is left out: it needs the interface's number
                wanted = [w for w in wanted if w[1] is not None]
            done = [read(line) for line in commands if line.startswith(begins)]
            assert [(net, hop) for verb, net, hop in done] == wanted
            assert {verb for verb, _, _ in done} == {"add"}
            back = [read(line) for line in undo if line.startswith(begins)]
            assert [(net, hop) for _, net, hop in back] == wanted[::-1]
            assert {verb for verb, _, _ in back} == {"delete"}
            count += len(done)
    assert count


@pytest.mark.parametrize("situation", FOUR, ids=["v4", "v6", "v4-unnamed", "v6-unnamed"])
def test_powershell_is_read_back_as_it_was_meant(situation):
    for alternative, commands, undo in said("windows-powershell", situation):
        wanted = [
            (str(c.destination), str(c.next_hop.gateway) if isinstance(c.next_hop, Via) else
             ("0.0.0.0" if situation.version == 4 else "::"))
            for c in alternative.changes if isinstance(c, RouteChange)
        ]
        read = [read_powershell(line) for line in commands if not line.startswith("if ")]
        routes = [(g["DestinationPrefix"], g["NextHop"]) for cmdlet, g in read if cmdlet == "New-NetRoute"]
        assert routes == wanted
        assert all(g["PolicyStore"] == "ActiveStore" for cmdlet, g in read if cmdlet == "New-NetRoute")
        back = [read_powershell(line) for line in undo]
        assert [
            (g["DestinationPrefix"], g["NextHop"]) for cmdlet, g in back if cmdlet == "Remove-NetRoute"
        ] == wanted[::-1]
        assert all(g["Confirm"] == "$false" for cmdlet, g in back if cmdlet == "Remove-NetRoute")


def test_what_cannot_be_asked_of_windows_is_not_said():
    """No policy routing: nothing by port, by source or by mark."""
    for name in ("windows-route", "windows-netsh", "windows-powershell"):
        kinds = {a.kind for situation in SITUATIONS.values() for a, _, _ in said(name, situation)}
        assert not kinds & {"port-rule", "source-rule", "connection-mark"}


def test_redirects_are_turned_off_where_the_system_has_a_switch():
    words = {
        "windows-route": "icmpredirects=disabled", "windows-netsh": "icmpredirects=disabled",
        "windows-powershell": "-IcmpRedirects Disabled", "freebsd": "drop_redirect=1", "macos": "drop_redirect=1",
    }
    for name, word in words.items():
        for alternative, commands, _ in said(name, BASE):
            if any(isinstance(c, SwitchChange) for c in alternative.changes):
                assert any(word in line for line in commands), name


def test_windows_masks_are_netmasks():
    for alternative, commands, _ in said("windows-route", BASE):
        for change in alternative.changes:
            if isinstance(change, RouteChange) and isinstance(change.next_hop, Via):
                assert isinstance(change.destination, IPv4Network)
                assert any(f"mask {change.destination.netmask} " in line for line in commands)


def test_bsd_does_not_say_the_pair_that_it_would_refuse():
    for name in ("freebsd", "macos"):
        assert "vendor-pair" not in {a.kind for a, _, _ in said(name, BASE)}
        halves = next(c for a, c, _ in said(name, BASE) if a.kind == "two-halves")
        assert any("-interface em0" in line or "-interface eth0" in line for line in halves)


def test_nothing_that_was_not_run_claims_to_have_been():
    for situation in FOUR:
        for fix in fixes(situation):
            if fix.dialect and DIALECTS[fix.dialect].SYSTEM is not System.LINUX:
                assert not fix.executed


def test_on_link_is_said_in_each_systems_own_way():
    pair = next(c for a, c, _ in said("windows-powershell", BASE) if a.kind == "vendor-pair")
    assert any("-NextHop 0.0.0.0" in line for line in pair)
    assert any(isinstance(c.next_hop, OnLink) for a in alternatives(BASE) for c in a.changes
               if isinstance(c, RouteChange))
