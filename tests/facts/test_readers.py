"""What each output says, derived by hand from its text, and the contract of all readers."""

from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path

import pytest

from analyzer.errors import ConfigError
from analyzer.facts._host import host_of
from analyzer.facts.reading import read_hosts, read_text, readers
from analyzer.network.host import Interface, Neighbor, OnLink, Route, RouteType, Rule, System, Via
from analyzer.units import Origin

TEXTS = {path.stem: path.read_text() for path in sorted((Path(__file__).parent / "samples").glob("*.txt"))}
TABLES = Path(__file__).parents[3] / "shared" / "configs" / "route_tables"
REAL = sorted(TABLES.glob("*")) if TABLES.is_dir() else []
NO_HOST = ("summary", "show_route-map", "junos")    # these hold no table, or are of a system that we do not read


def net(text):
    return ip_network(text)


def via(gateway, interface="", onlink=False):
    return Via(ip_address(gateway), interface, onlink)


def routes(*rows):
    """(line, destination, next hops, further fields)."""
    return tuple((line, Route(net(to), tuple(hops), **more)) for line, to, hops, more in rows)


LOCAL = {"table": 255, "type": RouteType.LOCAL}
NIC, LOOP = "Intel(R) 82574L Gigabit Network Connection", "Software Loopback Interface 1"
EXPECTED = {
    "bsd-netstat": (System.FREEBSD, routes(
        (5, "0.0.0.0/0", [via("10.0.2.1", "em0")], {}), (6, "10.0.2.0/24", [OnLink("em0")], {}),
        (7, "10.0.2.11/32", [OnLink("lo0")], LOCAL), (8, "10.8.0.0/16", [], {"type": RouteType.BLACKHOLE}),
        (9, "127.0.0.1/32", [OnLink("lo0")], LOCAL), (13, "::/0", [via("fe80::1", "em0")], {}),
        (14, "fe80::/64", [OnLink("em0")], {}))),
    "cisco-ios": (System.IOS, routes(
        (6, "0.0.0.0/0", [via("10.0.2.1")], {"protocol": "S"}),
        (8, "10.0.2.0/24", [OnLink("GigabitEthernet0/0")], {"protocol": "C"}),
        (9, "10.0.2.11/32", [OnLink("GigabitEthernet0/0")], {"protocol": "L", **LOCAL}),
        (10, "10.9.0.0/16", [via("10.0.2.3"), via("10.0.2.2")], {"protocol": "S"}),
        (12, "10.7.0.0/16", [via("10.0.2.4", "GigabitEthernet0/0")], {"protocol": "O", "metric": 20}),
        (13, "10.8.0.0/16", [], {"protocol": "S", "type": RouteType.BLACKHOLE}))),
    "ip-route": (System.LINUX, routes(
        (1, "0.0.0.0/0", [via("10.0.2.1", "eth0")], {"metric": 100, "protocol": "dhcp", "source": ip_address("10.0.2.11")}),
        (2, "10.0.2.0/24", [OnLink("eth0")], {"protocol": "kernel", "scope": "link", "source": ip_address("10.0.2.11")}),
        (3, "10.9.0.0/16", [via("10.0.2.1", "eth0"), via("10.0.2.3", "eth0")], {}),
        (6, "10.8.0.0/16", [], {"type": RouteType.BLACKHOLE}),
        (7, "10.7.0.0/16", [via("192.0.2.9", "eth0", onlink=True)], {}))),
    "iproute2-json": (System.LINUX, routes(
        (1, "0.0.0.0/0", [via("10.0.2.1", "eth0")], {}),
        (2, "10.0.2.0/24", [OnLink("eth0")], {"protocol": "kernel", "scope": "link", "source": ip_address("10.0.2.11")}))),
    "net-tools-route": (System.LINUX, routes(
        (3, "0.0.0.0/0", [via("10.0.2.1", "eth0")], {"metric": 100}), (4, "10.0.2.0/24", [OnLink("eth0")], {}),
        (5, "10.8.0.0/16", [], {"type": RouteType.UNREACHABLE}), (6, "192.0.2.2/32", [OnLink("eth0")], {}))),
    "powershell": (System.WINDOWS, routes(
        (4, "255.255.255.255/32", [OnLink("Ethernet0")], {"metric": 281, "table": 255, "type": RouteType.BROADCAST}),
        (5, "10.0.2.0/24", [OnLink("Ethernet0")], {"metric": 281}),
        (6, "0.0.0.0/0", [via("10.0.2.1", "Ethernet0")], {"metric": 281}))),
    "powershell-json": (System.WINDOWS, routes((2, "0.0.0.0/0", [via("10.0.2.1", "Ethernet0")], {"metric": 281}))),
    "routeros": (System.ROUTEROS, routes(
        (3, "0.0.0.0/0", [via("10.0.2.1")], {"metric": 1}),
        (4, "10.0.2.0/24", [OnLink("ether1")], {"source": ip_address("10.0.2.11")}))),
    "windows-route": (System.WINDOWS, routes(
        (11, "0.0.0.0/0", [via("10.0.2.1", NIC)], {"metric": 281}), (12, "10.0.2.0/24", [OnLink(NIC)], {"metric": 281}),
        (13, "10.0.2.11/32", [OnLink(NIC)], {"metric": 281, **LOCAL}), (14, "127.0.0.0/8", [OnLink(LOOP)], {"metric": 331}),
        (15, "127.0.0.1/32", [OnLink(LOOP)], {"metric": 331, **LOCAL}),
        (16, "224.0.0.0/4", [OnLink(NIC)], {"metric": 281, "type": RouteType.MULTICAST}),
        (27, "::1/128", [OnLink(LOOP)], {"metric": 331, **LOCAL}), (28, "fe80::/64", [OnLink(NIC)], {"metric": 281}),
        (30, "fe80::aff:fe00:20b/128", [OnLink(NIC)], {"metric": 281}))),
}


def host(*names):
    facts = read_text("\n".join(TEXTS[name] for name in names), "h.txt")
    return host_of("h", facts)


def located(name, rows):
    from dataclasses import replace

    return tuple(replace(row, origin=Origin("h.txt", line)) for line, row in rows)


@pytest.mark.parametrize("name", EXPECTED)
def test_routes_are_what_the_text_says(name):
    system, rows = EXPECTED[name]
    found = host(name)
    assert found.routes == located(name, rows)
    assert found.system is system
    # one object of PowerShell is a selection, all others are whole tables
    assert ("routes" in found.complete) == (name != "powershell-json")
    assert found.warnings == ()


def interface(line, name, mac, addresses, **more):
    return Interface(name, mac, tuple(map(ip_interface, addresses)), origin=Origin("h.txt", line), **more)


@pytest.mark.parametrize(("name", "expected", "whole"), [
    ("ip-address", (
        interface(1, "lo", "", ["127.0.0.1/8"], mtu=65536, index=1),
        interface(5, "eth0", "02:00:0a:00:02:0b", ["10.0.2.11/24", "fe80::aff:fe00:20b/64"], mtu=1400, index=2),
        interface(11, "eth1", "02:00:0a:00:03:0b", [], up=False, index=3)), True),
    ("ifconfig", (interface(1, "eth0", "02:00:0a:00:02:0b", ["10.0.2.11/24", "2001:db8:2::11/64"], mtu=1400),), False),
    ("windows-ipconfig", (interface(7, "Ethernet0", "02:00:0a:00:02:0b",
                                    ["fe80::aff:fe00:20b/64", "10.0.2.11/24"], index=12),), True),
    ("powershell", (interface(9, "Ethernet0", "", ["10.0.2.11/24"], index=12),), True),
])
def test_interfaces_are_what_the_text_says(name, expected, whole):
    found = host(name)
    assert found.interfaces == expected
    assert ("interfaces" in found.complete) == whole


@pytest.mark.parametrize(("name", "expected"), [
    ("arp", [("10.0.2.1", "02:00:0a:00:02:01", "eth0", "", 1), ("10.0.2.7", "", "eth0", "INCOMPLETE", 2)]),
    ("ip-neighbor", [("10.0.2.1", "02:00:0a:00:02:01", "eth0", "REACHABLE", 1),
                     ("fe80::1", "02:00:0a:00:02:01", "eth0", "STALE", 2), ("10.0.2.7", "", "eth0", "FAILED", 3)]),
    ("windows-arp", [("10.0.2.1", "02:00:0a:00:02:01", "10.0.2.11", "dynamic", 4)]),
])
def test_neighbors_are_what_the_text_says(name, expected):
    assert host(name).neighbors == tuple(
        Neighbor(ip_address(ip), mac, dev, state, Origin("h.txt", line)) for ip, mac, dev, state, line in expected)


def test_rules_are_what_the_text_says():
    found = host("ip-rule")
    assert found.rules[1] == Rule(99, 100, net("10.0.2.5/32"), incoming="eth0", mark=1, mask=0xFF, ip_protocol=6,
                                  destination_ports=(1000, 2000), inverted=True, origin=Origin("h.txt", 2))
    assert [(r.priority, r.table) for r in found.rules] == [(0, 255), (99, 100), (32766, 254), (32767, 253)]
    assert found.complete == {"rules"}


def test_switches_are_what_the_text_says():
    found = host("sysctl")
    assert found.sysctls == {
        "net.ipv4.ip_forward": "0", "net.ipv4.conf.all.rp_filter": "2", "net.ipv4.conf.eth0/100.rp_filter": "1",
        "kernel.hostname": "web1", "net.ipv4.tcp_rmem": "4096\t131072\t6291456"}
    assert found.complete == frozenset()    # it may be a selection


def test_the_many_names_of_a_windows_interface_are_one():
    found = host("windows-route", "windows-ipconfig", "windows-arp", "powershell")
    (nic, loop) = found.interfaces
    assert (nic.name, nic.index, nic.mac) == ("Ethernet0", 12, "02:00:0a:00:02:0b")
    assert {str(own) for own in nic.addresses} == {"10.0.2.11/24", "fe80::aff:fe00:20b/64"}
    assert loop.index == 1
    assert {hop.interface for route in found.routes for hop in route.next_hops} == {"Ethernet0", LOOP}
    assert found.neighbors[0].interface == "Ethernet0"
    assert sum(route.destination.prefixlen == 0 for route in found.routes) == 1


# The contract ------------------------------------------------------------------------------------


@pytest.mark.parametrize("reader", readers().values(), ids=readers())
def test_a_reader_introduces_itself(reader):
    assert reader.NAME in TEXTS
    assert "\n" not in reader.DESCRIPTION
    assert "\n\n" in reader.__doc__, "the docstring shows the input"
    assert reader.sniff("") is False


@pytest.mark.parametrize("name", TEXTS)
def test_exactly_one_reader_claims_a_text(name):
    assert [each for each, reader in readers().items() if reader.sniff(TEXTS[name])] == [name]


@pytest.mark.parametrize("path", REAL or [None], ids=lambda p: p.name.split("__")[-1] if p else "absent")
def test_a_real_file_is_read_or_refused_in_words(path):
    if path is None:
        pytest.skip("../shared/configs/route_tables is not here")
    text = path.read_text(encoding="latin-1")
    claims = [name for name, reader in readers().items() if reader.sniff(text)]
    if any(word in path.name for word in NO_HOST):
        with pytest.raises(ConfigError, match="expected the output of a host's command"):
            read_hosts([f"h={path}"])
    else:
        assert len(claims) == 1
        found = read_hosts([f"h={path}"])["h"]
        assert found.interfaces or found.routes or found.neighbors


def real(name):
    path = next((each for each in REAL if each.name.endswith(name)), None)
    if path is None:
        pytest.skip("../shared/configs/route_tables is not here")
    return host_of("h", read_text(path.read_text(encoding="latin-1"), "h.txt"))


def test_a_real_router():
    """Counted and copied by hand from the file."""
    found = real("cisco_ios_show_ip_route.raw")
    assert len(found.routes) == 32
    rows = {str(route.destination): route for route in found.routes}
    assert rows["1.1.1.1/32"].next_hops == (via("212.0.0.1"), via("192.168.0.1"))
    assert rows["2.2.2.0/24"].next_hops == (OnLink("FastEthernet0/0.100"),)
    assert rows["5.5.5.0/24"].next_hops == (via("10.0.1.2", "Serial0/0"),)
    assert rows["5.5.5.0/24"].metric == 2297856
    assert rows["11.1.0.0/17"].type is rows["12.0.0.0/16"].type is rows["13.14.128.0/17"].type is RouteType.BLACKHOLE
    assert rows["192.168.10.168/29"].next_hops == (via("7.7.7.170", "TenGigabitEthernet7/4"),)
    assert rows["10.63.184.0/23"].next_hops == (
        via("10.62.4.29", "TenGigabitEthernet1/15"), via("10.62.3.29", "TenGigabitEthernet1/16"))
    assert rows["0.0.0.0/0"].next_hops == (via("194.0.0.2", "FastEthernet0/0.100"),)


def test_a_real_mikrotik():
    found = real("print_terseIPv4.raw")
    default, *_ = found.routes
    assert [str(route.destination) for route in found.routes[:4]] == [
        "0.0.0.0/0", "23.90.232.243/32", "185.163.212.156/30", "192.168.1.0/24"]
    assert default.next_hops == (via("23.90.232.243"),)
    assert default.metric == 10
    assert found.routes[4].next_hops == (via("185.138.116.222"), via("185.138.116.223"))


def test_real_tables_of_linux():
    found = real("linux_ip_route_show2.raw")
    assert [(str(r.destination), r.metric, r.next_hops) for r in found.routes] == [
        ("0.0.0.0/0", 0, (OnLink("wlan0"),)), ("0.0.0.0/0", 0, (via("172.21.240.1", "eth0"),)),
        ("0.0.0.0/0", 100, (via("172.30.1.1", "eth0"),)), ("0.0.0.0/0", 600, (via("172.20.2.1", "wlan0"),)),
        ("172.20.2.0/23", 600, (OnLink("wlan0"),)), ("172.30.1.0/24", 100, (OnLink("eth0"),))]
    assert real("linux_ip_link_show_2.raw").complete == frozenset()    # links without addresses are not the whole
