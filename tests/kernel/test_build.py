"""The commands that build a network, read as text."""

from __future__ import annotations

import pytest

from analyzer.kernel.build import host_script, namespaces, script, switch_script
from analyzer.kernel.networks import dnat, two_arm
from analyzer.kernel.topology import Host, Interface, Topology

SMALL = Topology((Host("a", (Interface("eth0", "lan", ("10.0.2.9/24",), mtu=1400),)),))


def test_the_switch_has_a_bridge_for_the_link_and_a_cable_for_the_interface():
    assert list(switch_script(SMALL))[1:] == [
        "ip link add lan address 02:00:00:ff:00:01 type bridge mcast_snooping 0 forward_delay 0 stp_state 0",
        "ip link set lan up",
        "ip link add port1 type veth peer name eth0 netns a address 02:00:0a:00:02:09 mtu 1400",
        "ip link set port1 mtu 1400 master lan up",
        "bridge fdb add 02:00:0a:00:02:09 dev port1 master static",
    ]


def test_a_host_comes_up_in_the_order_of_a_host():
    host = Host(
        "a",
        (Interface("eth0", "lan", ("10.0.2.9/24", "2001:db8:2::9/64")),),
        routes=("default via 10.0.2.1", "default via 2001:db8:2::1"),
        rules=("from 10.0.2.9 lookup 100",),
        neighbors=("10.0.2.1 lladdr 02:00:00:00:00:01 dev eth0",),
        sysctls={"net.ipv4.ip_forward": 1},
        nft="table ip a {\n}\n",
        commands=("true",),
    )
    first, *rest = host_script(host)
    assert first.startswith("sysctl -qw ")
    assert first.endswith(" net.ipv4.ip_forward=1")
    assert rest == [
        "ip link set lo up",
        "ip address add 10.0.2.9/24 dev eth0",
        "ip address add 2001:db8:2::9/64 dev eth0",
        "ip link set eth0 up",
        "ip neigh add 10.0.2.1 lladdr 02:00:00:00:00:01 dev eth0",
        "ip route add default via 10.0.2.1",
        "ip -6 route add default via 2001:db8:2::1",
        "ip rule add from 10.0.2.9 lookup 100",
        "nft -f - <<'RULES'\ntable ip a {\n}\nRULES",
        "true",
    ]


def test_a_host_without_ipv6_addresses_says_nothing_in_ipv6():
    assert "disable_ipv6=1" in next(host_script(SMALL.host("a")))


def test_a_script_stops_at_the_first_command_that_fails():
    assert script(iter(["false", "true"])) == "set -ex\nfalse\ntrue\n"


def test_namespaces_are_the_switch_and_the_hosts():
    assert namespaces(two_arm()) == ("switch", "balancer", "server1", "server2", "client", "outside", "router")


@pytest.mark.parametrize(
    ("arguments", "target"),
    [
        (("203.0.113.10", 80, "10.0.2.11"), "ip daddr 203.0.113.10 tcp dport 80 dnat to 10.0.2.11:8080"),
        (
            ("203.0.113.10", 80, "10.0.2.11", "10.0.2.12"),
            "ip daddr 203.0.113.10 tcp dport 80 dnat to numgen inc mod 2 map { 0 : 10.0.2.11, 1 : 10.0.2.12 }:8080",
        ),
        (
            ("2001:db8:113::10", 80, "2001:db8:2::11"),
            "ip6 daddr 2001:db8:113::10 tcp dport 80 dnat to [2001:db8:2::11]:8080",
        ),
    ],
)
def test_the_smallest_balancer(arguments, target):
    assert target in dnat(*arguments)
