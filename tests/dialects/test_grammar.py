"""Commands for systems that do not run here are read back by their vendors' published grammar.

Each reader below is written from the syntax that the vendor prints or
publishes: ``route /?`` of Windows; Microsoft's pages on New-NetRoute,
Remove-NetRoute and netsh interface; route(8) of FreeBSD and macOS; the command
references of the network systems.  What it reads must be what was to be said.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from dataclasses import replace
from ipaddress import IPv4Network, ip_address, ip_network

import pytest
from dialect_situations import BASE, BASE6, SITUATIONS, UNNAMED, UNNAMED6

from analyzer.dialects import available, fixes
from analyzer.network.host import OnLink, System, Via
from analyzer.remedy.change import HairpinSnat, RouteChange, SwitchChange
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
    given = dict(re.findall(rf"(?<!\S)-(\w+):?(?: |(?=\$))({WORD})", rest))
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


@pytest.mark.parametrize("situation", FOUR, ids=["v4", "v6", "v4-unnamed", "v6-unnamed"])
def test_rc_conf_gets_a_word_for_each_route_and_no_look_up(situation, tmp_path):
    """sysrc(8) and ifconfig(8) stand-ins print what they are given: one NAME=VALUE each, read back as route(8)'s words."""
    for tool, body in {"sysrc": 'printf "%s\\n" "$@"', "ifconfig": f"printf 'em0: flags=8843\\n\\tinet {BASE.real.address} x\\n"
                       f"\\tinet6 {BASE6.real.address} x\\n'"}.items():
        (tmp_path / tool).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / tool).chmod(0o755)
    for alternative, _, _ in said("freebsd", situation):
        lines = DIALECTS["freebsd"].persist(alternative, situation)
        wanted = [c.destination for c in alternative.changes if isinstance(c, RouteChange)]
        done = subprocess.run(
            ["sh", "-c", "\n".join(lines)], capture_output=True, text=True, check=False,
            env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        )
        assert (done.returncode, done.stderr) == (0, "")
        routes = [line.partition("=")[2].split() for line in done.stdout.splitlines() if re.match(r"(ipv6_)?route_", line)]
        assert [ip_network(words[1]) for words in routes] == wanted
        assert all(words[3] in ("em0", "eth0") for words in routes if words[2] == "-interface")
        stray = replace(situation, real=replace(situation.real, address=situation.lan.network_address + 99))
        for line in DIALECTS["freebsd"].persist(alternative, stray):
            if "dev=" in line:
                refused = subprocess.run(
                    ["sh", "-c", line], capture_output=True, text=True, check=False,
                    env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
                )
                assert (refused.returncode, refused.stdout) == (1, "")
                assert "refused" in refused.stderr


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


# --- routers ------------------------------------------------------------------------------------------------------

ROUTERS = {
    # IOS: ip route prefix mask address; ipv6 route prefix/length address
    "cisco-ios": r"(?P<no>no )?(ip route (?P<address>\S+) (?P<mask>\S+)|ipv6 route (?P<prefix>\S+)) (?P<hop>\S+)",
    # NX-OS: ip route prefix/length address
    "cisco-nxos": r"(?P<no>no )?ip(v6)? route (?P<prefix>\S+/\d+) (?P<hop>\S+)",
    # Junos: set routing-options [rib inet6.0] static route prefix/length next-hop address
    "junos": r"(set|(?P<no>delete)) routing-options (rib inet6\.0 )?static route (?P<prefix>\S+/\d+) next-hop (?P<hop>\S+)",
    # RouterOS: /ip route add dst-address=... gateway=... ; remove [find ...]
    "routeros": r"/ip(v6)? route (add|(?P<no>remove)) (\[find comment=replypath )?dst-address=(?P<prefix>\S+) "
                r"gateway=(?P<hop>[0-9a-f.:]+)( comment=replypath|\])",
}
FRAME = {
    "cisco-ios": {"configure terminal", "end"},
    "cisco-nxos": {"configure terminal", "end", "checkpoint replypath", "no checkpoint replypath"},
    "junos": {"configure", "commit", "commit confirmed 2"},
    "routeros": set(),
}


@pytest.mark.parametrize("situation", FOUR[:2], ids=["v4", "v6"])
@pytest.mark.parametrize("name", ROUTERS)
def test_routers_are_read_back_as_they_were_meant(name, situation):
    count = 0
    for alternative, commands, undo in said(name, situation):
        wanted = [(c.destination, c.next_hop.gateway) for c in alternative.changes if isinstance(c, RouteChange)]
        if not wanted:
            continue
        for lines, order, negated in ((commands, 1, False), (undo, -1, True)):
            read = []
            for line in lines:
                if line in FRAME[name]:
                    continue
                found = re.fullmatch(ROUTERS[name], line)
                assert found, line
                assert bool(found["no"]) is negated
                prefix = found["prefix"] or f"{found['address']}/{found['mask']}"
                read.append((ip_network(prefix), ip_address(found["hop"])))
            assert read == wanted[::order]
        count += 1
    assert count


# --- balancers ----------------------------------------------------------------------------------------------------

def translations(name, situation=BASE):
    """(change, its command, its undo) for each single translation that a dialect says."""
    dialect = DIALECTS[name]
    for cause in ("server-is-client", "default-gateway-elsewhere", "self-hairpin"):
        here = replace(situation, cause=type(situation.cause)(cause), other_reals=())
        for alternative in alternatives(here):
            changes = alternative.changes
            if len(changes) == 1 and isinstance(changes[0], HairpinSnat) and dialect.speaks(changes[0]):
                yield changes[0], dialect.commands(alternative, here), dialect.undo(alternative, here)


@pytest.mark.parametrize("situation", [BASE, BASE6], ids=["v4", "v6"])
def test_tmsh(situation):
    """``create ltm snat NAME origins add { PREFIX } automap``; ``modify ltm virtual NAME source-address-translation``."""
    (change, commands, undo), = (row for row in translations("f5-tmsh", situation) if row[0].clients.prefixlen == 0)
    begins = "tmsh modify ltm virtual /Common/vs_web source-address-translation { type "
    assert (commands, undo) == ((f"{begins}automap }}",), (f"{begins}none }}",))
    read = list(translations("f5-tmsh", replace(situation, balancer_service="")))
    for change, commands, undo in read:
        said = re.fullmatch(r"tmsh create ltm snat (?P<name>\w+) origins add \{ (?P<prefix>\S+) \} automap", *commands)
        assert said
        assert ip_network(said["prefix"]) == change.clients
        assert undo == (f"tmsh delete ltm snat {said['name']}",)
    assert len(read) == 3


@pytest.mark.parametrize("situation", [BASE, UNNAMED], ids=["named", "unnamed"])
def test_pf(situation):
    """pf.conf(5): ``nat on IF af proto P from SOURCE to ADDRESS port N -> (IF)``."""
    for change, commands, undo in translations("pf", situation):
        said = re.fullmatch(
            r"printf 'nat on @IF@ (?P<af>inet6?) proto (?P<proto>tcp|udp) from (?P<source>\S+) to (?P<real>\S+) "
            r"port (?P<port>\d+) -> \(@IF@\)\\n' \| sed \"s/@IF@/(?P<name>.+)/g\" \| pfctl -a replypath -N -f -", *commands,
        )
        assert said, commands
        source = ip_network("0.0.0.0/0") if said["source"] == "any" else ip_network(said["source"])
        assert (source, ip_address(said["real"]), int(said["port"])) == (change.clients, change.real, change.real_port)
        assert said["name"] == "eth0" or said["name"].startswith("$(ifconfig | awk")
        assert undo == ("pfctl -a replypath -F nat",)


def test_routeros_masquerades_the_hairpin():
    """``/ip firewall nat add chain=srcnat action=masquerade`` with matchers, found again by the same matchers."""
    for change, commands, undo in translations("routeros"):
        words = dict(word.partition("=")[::2] for word in commands[0].split()[4:])
        assert commands[0].startswith("/ip firewall nat add ")
        assert (words["chain"], words["action"], words["comment"]) == ("srcnat", "masquerade", "replypath")
        assert ip_network(words.get("src-address", "0.0.0.0/0")) == change.clients
        assert (ip_address(words["dst-address"]), int(words["dst-port"])) == (change.real, change.real_port)
        assert undo[0].startswith("/ip firewall nat remove [find comment=replypath chain=srcnat ")
        assert set(undo[0].rstrip("]").split()[5:]) == set(commands[0].split()[4:])


def test_ipvs_matches_what_ipvs_balanced():
    """iptables-extensions(8): ``-m ipvs --vaddr ADDRESS --vport PORT``; this kernel has no ip_vs to run it on."""
    read = list(translations("linux-ipvs"))
    for change, commands, undo in read:
        rule = commands[-1].partition(" || ")[2]
        words = shlex.split(rule)
        options = dict(zip(words[6::2], words[7::2], strict=False))
        assert words[:6] == ["iptables", "-w", "-t", "nat", "-A", "POSTROUTING"]
        assert ip_network(options.get("-s", "0.0.0.0/0")) == change.clients
        assert "--vaddr 203.0.113.100 --vport 80 -j MASQUERADE" in rule
        assert undo[0] == rule.replace("-A", "-D")
    assert read


def test_services_are_set_for_everyone_or_not_at_all():
    """An appliance's switch is for a whole service: it is never printed for a few clients."""
    for name in ("haproxy", "netscaler", "kubernetes"):
        read = list(translations(name))
        assert read
        assert all(change.clients.prefixlen == 0 for change, _, _ in read)
    (_, commands, undo), = translations("netscaler")
    assert (commands, undo) == (("set service svc-web-1 -usip NO",), ("set service svc-web-1 -usip YES",))
    (_, commands, undo), = translations("kubernetes")
    words = shlex.split(re.sub(r"\$\(.*\)", "x", commands[0]))
    assert words == ["kubectl", "patch", "-n", "x", "-p", '{"spec":{"externalTrafficPolicy":"Cluster"}}']
    assert undo[0] == commands[0].replace("Cluster", "Local")
    arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123456789abcdef"
    assert list(translations("aws", replace(BASE, balancer_real=arn)))
    for _, commands, _ in translations("aws", replace(BASE, balancer_real=arn)):
        assert re.fullmatch(
            r"aws elbv2 modify-target-group-attributes --target-group-arn arn:aws:elasticloadbalancing:\S+ "
            r"--attributes Key=preserve_client_ip\.enabled,Value=false", *commands,
        )


def test_what_only_a_configuration_names_is_not_said_without_it():
    nameless = replace(BASE, balancer_service="", balancer_real="")
    for name in ("netscaler", "aws"):
        assert all(commands == () for _, commands, _ in translations(name, nameless))
    printed = {f.dialect for f in fixes(replace(nameless, cause=type(BASE.cause)("default-gateway-elsewhere")))}
    assert not printed & {"netscaler", "aws"}


@pytest.mark.skipif(not shutil.which("haproxy"), reason="haproxy is not installed")
def test_haproxy_itself_accepts_what_is_left(tmp_path):
    """The lines go, the rest stays, ``haproxy -c`` is content, and undo brings every octet back."""
    file = tmp_path / "haproxy.cfg"
    before = (
        "defaults\n    mode tcp\n    timeout connect 1s\n    timeout client 1s\n    timeout server 1s\n"
        "listen web\n    bind 127.0.0.1:8088\n    source 0.0.0.0 usesrc clientip\n    server a 127.0.0.1:8080\n"
    )
    file.write_text(before)
    (_, commands, undo), = translations("haproxy")

    def run(lines):
        for line in lines:
            here = line.replace("/etc/haproxy/haproxy.cfg", str(file)).replace(" && systemctl reload haproxy", "")
            done = subprocess.run(["sh", "-c", here], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr

    run(commands)
    run(commands)
    assert "#    source 0.0.0.0 usesrc clientip\n    server a" in file.read_text()
    run(undo)
    assert file.read_text() == before
