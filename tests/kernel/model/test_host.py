"""A host as its facts describe it, built again: the kernel then shows the same tables."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface, ip_network

import pytest

from analyzer.kernel.bench import Bench
from analyzer.kernel.model.host import bench_host, route_text, rule_text
from analyzer.kernel.topology import Topology
from analyzer.network.host import Host, Interface, Neighbor, OnLink, Route, RouteType, Rule, Via

ANY, ANY6 = ip_network("0.0.0.0/0"), ip_network("::/0")
GATEWAY, BALANCER = ip_address("10.0.2.254"), ip_address("10.0.2.1")
LAN = ip_network("10.0.2.0/24")


def eth0(*addresses: str, metric: int | None = None, name: str = "eth0") -> Interface:
    return Interface(name, "02:00:00:00:00:0b", tuple(map(ip_interface, addresses)), metric=metric)


CONNECTED = Route(LAN, (OnLink("eth0"),), protocol="kernel", scope="link", source=ip_address("10.0.2.11"))
DEFAULT = Route(ANY, (Via(GATEWAY, "eth0"),))

SERVER = Host(
    "server1",
    interfaces=(eth0("10.0.2.11/24", "10.0.2.12/24", "192.0.2.9/32"),),
    routes=(
        DEFAULT,
        CONNECTED,
        Route(ip_network("10.0.2.50/32"), (Via(BALANCER, "eth0"),)),
        Route(ip_network("192.0.2.0/25"), (Via(BALANCER, "eth0"),), metric=50, source=ip_address("10.0.2.12")),
        Route(ip_network("198.51.100.0/24"), (Via(ip_address("203.0.113.1"), "eth0", onlink=True),), protocol="static"),
        Route(ip_network("198.18.0.0/15"), (), type=RouteType.BLACKHOLE),
        Route(ip_network("203.0.113.0/24"), (Via(BALANCER, "eth0"), Via(GATEWAY, "eth0"))),
        Route(ANY, (Via(BALANCER, "eth0"),), table=77),
    ),
    rules=(
        Rule(0, 255),
        Rule(1000, 77, source=ip_network("10.0.2.11/32"), ip_protocol=6, source_ports=(8080, 8080)),
        Rule(32766, 254),
        Rule(32767, 253),
    ),
    neighbors=(Neighbor(BALANCER, "02:00:0a:00:02:01", "eth0", "STALE"),),
    sysctls={
        "net.ipv4.ip_forward": "1",
        "net.ipv4.conf.all.accept_redirects": "1",
        "net.ipv4.conf.eth0.rp_filter": "2",
        "net.ipv4.conf.wlan0.rp_filter": "1",
        "net.ipv4.tcp_mem": "1 2 3",
    },
    complete=frozenset({"interfaces", "routes", "rules", "sysctls"}),
)


def shown(host: Host, command: str) -> list[str]:
    """What the command prints on the bench's copy of the host."""
    built = bench_host(host, {"eth0": "lan", "eth1": "other"})
    with Bench(Topology((built.host,))) as bench:
        done = bench.shell(host.name, command)
        assert done.returncode == 0, done.stderr
        return [" ".join(line.split()) for line in done.stdout.splitlines()]


@pytest.mark.kernel
def test_tables_rules_neighbours_and_switches_are_the_same_again():
    said = shown(
        SERVER,
        "ip route show table all | grep -v 'table local'; echo; ip rule; echo; ip neigh; echo;"
        " sysctl -n net.ipv4.conf.all.accept_redirects net.ipv4.conf.eth0.rp_filter net.ipv4.ip_forward",
    )
    routes, rules, neighbors, switches = "\n".join(said).split("\n\n")
    assert set(routes.splitlines()) == {
        "default via 10.0.2.1 dev eth0 table 77",
        "default via 10.0.2.254 dev eth0",
        "10.0.2.0/24 dev eth0 proto kernel scope link src 10.0.2.11",
        "10.0.2.50 via 10.0.2.1 dev eth0",
        "192.0.2.0/25 via 10.0.2.1 dev eth0 src 10.0.2.12 metric 50",
        "198.51.100.0/24 via 203.0.113.1 dev eth0 proto static onlink",
        "blackhole 198.18.0.0/15",
        "203.0.113.0/24",
        "nexthop via 10.0.2.1 dev eth0 weight 1",
        "nexthop via 10.0.2.254 dev eth0 weight 1",
    }
    assert rules.splitlines() == [
        "0: from all lookup local",
        "1000: from 10.0.2.11 ipproto tcp sport 8080 lookup 77",
        "32766: from all lookup main",
        "32767: from all lookup default",
    ]
    assert neighbors == "10.0.2.1 dev eth0 lladdr 02:00:0a:00:02:01 STALE"
    assert switches == "1\n2\n1"


@pytest.mark.kernel
def test_a_connected_route_that_the_table_does_not_have_is_not_built():
    replaced = Route(LAN, (Via(BALANCER, "eth0"),))
    host = Host(
        "server1",
        interfaces=(eth0("10.0.2.11/24"),),
        routes=(replaced, Route(ip_network("10.0.2.1/32"), (OnLink("eth0"),), scope="link")),
        complete=frozenset({"routes"}),
    )
    assert shown(host, "ip route") == ["10.0.2.0/24 via 10.0.2.1 dev eth0", "10.0.2.1 dev eth0 scope link"]


@pytest.mark.kernel
def test_a_connected_route_with_a_metric_keeps_it():
    assert shown(Host("a", interfaces=(eth0("10.0.2.11/24", metric=100),)), "ip route") == [
        "10.0.2.0/24 dev eth0 proto kernel scope link src 10.0.2.11 metric 100"
    ]


@pytest.mark.kernel
def test_ipv6_routes_and_the_link_local_that_the_kernel_makes():
    gateway = ip_address("2001:db8:2::1")
    host = Host(
        "a",
        interfaces=(eth0("2001:db8:2::11/64", "fe80::ff:fe00:b/64"),),
        routes=(
            Route(ip_network("2001:db8:2::/64"), (OnLink("eth0"),), metric=256, protocol="kernel"),
            Route(ip_network("fe80::/64"), (OnLink("eth0"),), metric=256, protocol="kernel"),
            Route(ip_network("2001:db8:2::50/128"), (Via(gateway, "eth0"),), metric=1024),
            Route(ANY6, (Via(gateway, "eth0"),), metric=1024),
        ),
        complete=frozenset({"routes"}),
    )
    assert set(shown(host, "ip -6 route")) == {
        "2001:db8:2::50 via 2001:db8:2::1 dev eth0 metric 1024 pref medium",
        "2001:db8:2::/64 dev eth0 proto kernel metric 256 pref medium",
        "default via 2001:db8:2::1 dev eth0 metric 1024 pref medium",
        "fe80::/64 dev eth0 proto kernel metric 256 pref medium",
    }


def test_what_cannot_be_built_is_named():
    host = Host(
        "server1",
        interfaces=(eth0("10.0.2.11/24"), eth0("10.0.9.11/24", name="eth1")),
        routes=(Route(ip_network("192.0.2.0/24"), (OnLink("eth1"),)),),
    )
    built = bench_host(host, {"eth0": "lan"})
    assert [i.name for i in built.host.interfaces] == ["eth0"]
    assert built.left_out == (
        "server1: eth1 is on no link",
        "server1: the route 192.0.2.0/24 dev eth1 leaves by an interface that is on no link",
    )


def test_forwarding_is_set_before_the_switches_that_it_changes():
    keys = list(bench_host(SERVER, {"eth0": "lan"}).host.sysctls)
    assert keys == ["net.ipv4.ip_forward", "net.ipv4.conf.all.accept_redirects", "net.ipv4.conf.eth0.rp_filter"]


def test_an_interface_that_is_down_is_taken_down_last():
    host = Host("a", interfaces=(Interface("eth0", addresses=(ip_interface("10.0.2.1/24"),), up=False),))
    assert bench_host(host, {"eth0": "lan"}).host.commands == ("ip link set eth0 down",)


@pytest.mark.parametrize(
    ("route", "text"),
    [
        (DEFAULT, "0.0.0.0/0 via 10.0.2.254 dev eth0"),
        (Route(LAN, (OnLink("eth0"),), tos=16, mtu=1400), "10.0.2.0/24 dev eth0 tos 0x10 mtu 1400"),
        (Route(LAN, (), type=RouteType.PROHIBIT, table=5), "prohibit 10.0.2.0/24 table 5"),
        (Route(LAN, (Via(BALANCER),), scope="global"), "10.0.2.0/24 via 10.0.2.1"),
    ],
)
def test_a_route_as_ip_route_takes_it(route, text):
    assert route_text(route) == text


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (Rule(5, 77, mark=5), "pref 5 from all fwmark 0x5/0xffffffff lookup 77"),
        (
            Rule(5, 77, source=LAN, destination=ANY, incoming="eth0", outgoing="eth1", tos=16, inverted=True),
            "pref 5 not from 10.0.2.0/24 to 0.0.0.0/0 iif eth0 oif eth1 tos 0x10 lookup 77",
        ),
        (Rule(5, 77, destination_ports=(80, 90)), "pref 5 from all dport 80-90 lookup 77"),
    ],
)
def test_a_rule_as_ip_rule_takes_it(rule, text):
    assert rule_text(rule) == text
