"""``File exists`` is foreseen where the host's own table was given."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest
from dialect_situations import BASE, BASE6, INSIDE, INSIDE6

from analyzer.dialects import fixes
from analyzer.network.host import Host, OnLink, Route, Via
from analyzer.remedy.change import RouteChange, RouteRemoval, RuleChange, SwitchChange
from analyzer.remedy.foreseen import foreseen, outweighed

CLIENT, LAN = ip_network("192.168.11.50/32"), ip_network("192.168.11.0/24")
OTHER = ip_address("192.168.11.254")
WANTED = RouteChange(CLIENT, Via(INSIDE))


def host(*routes):
    return Host("server1", routes=routes)


def test_without_a_table_nothing_is_foreseen():
    assert foreseen((WANTED,), None) == (WANTED,)
    assert foreseen((WANTED,), host()) == (WANTED,)


def test_a_route_that_is_there_is_left_out():
    assert foreseen((WANTED,), host(Route(CLIENT, (Via(INSIDE, "eth0"),)))) == ()


def test_another_route_of_the_same_prefix_is_taken_away_first_and_can_be_put_back():
    there = Route(CLIENT, (Via(OTHER, "eth0"),), protocol="static", source=ip_address("192.168.11.10"))
    removed, added = foreseen((WANTED,), host(there))
    assert removed == RouteRemoval(CLIENT, Via(OTHER, "eth0"), None, "static", ip_address("192.168.11.10"))
    assert added == WANTED
    fix = next(f for f in fixes(replace(BASE, server=host(there)), ("linux-iproute2",)) if f.kind == "host-route-per-client")
    assert fix.commands[:2] == (
        "ip route del 192.168.11.50/32 via 192.168.11.254 dev eth0", "ip route add 192.168.11.50/32 via 192.168.11.1",
    )
    assert fix.undo[-1] == (
        "ip route prepend 192.168.11.50/32 via 192.168.11.254 dev eth0 proto static src 192.168.11.10"
    )


@pytest.mark.parametrize("there", [
    Route(CLIENT, (Via(OTHER),), metric=100),                      # another metric: no twin
    Route(CLIENT, (Via(OTHER),), table=100),                       # another table
    Route(CLIENT, (Via(OTHER),), tos=0x10),                        # another type of service
    Route(ip_network("192.168.11.50/31"), (Via(OTHER),)),          # another prefix
    Route(CLIENT, (Via(OTHER), Via(INSIDE))),                      # multipath: not ours to replace
], ids=["metric", "table", "tos", "prefix", "multipath"])
def test_what_is_no_twin_is_left_alone(there):
    assert foreseen((WANTED,), host(there)) == (WANTED,)


def test_the_default_metric_of_ipv6_is_1024():
    client = ip_network("2001:db8:11::50/128")
    wanted = RouteChange(client, Via(INSIDE6))
    assert foreseen((wanted,), host(Route(client, (OnLink("eth0"),), metric=0))) == (wanted,)
    removed, _ = foreseen((wanted,), host(Route(client, (OnLink("eth0"),), metric=1024)))
    assert removed == RouteRemoval(client, OnLink("eth0"), 1024)
    assert BASE6.version == 6


def test_a_host_route_to_the_balancer_is_there_already():
    ours = RouteChange(ip_network("192.168.11.1/32"), OnLink(""))
    assert foreseen((ours,), host(Route(ours.destination, (OnLink("eth0"),)))) == ()


def test_what_is_put_in_front_needs_no_room():
    pair = RouteChange(LAN, Via(INSIDE), how="prepend")
    assert foreseen((pair, SwitchChange("rp_filter", 2, "eth0")), host(Route(LAN, (OnLink("eth0"),)))) == (
        pair, SwitchChange("rp_filter", 2, "eth0"),
    )


HALVES = tuple(RouteChange(half, Via(INSIDE)) for half in LAN.subnets())
HERE = (ip_address("192.168.11.50"),)


@pytest.mark.parametrize("there, lost", [
    (Route(LAN, (OnLink("eth0"),)), False),                                    # the connected route is shorter
    (Route(CLIENT, (OnLink("eth0"),)), True),                                  # a host route is longer
    (Route(CLIENT, (OnLink("eth0"),), table=100), False),                      # nobody asks that table
    (Route(ip_network("192.168.11.64/26"), (OnLink("eth0"),)), False),         # the client is not in it
    (Route(ip_network("192.168.11.0/25"), (Via(OTHER),), metric=0), False),    # a twin: ours takes its place
])
def test_what_is_longer_than_ours_wins(there, lost):
    assert outweighed(foreseen(HALVES, host(there)), host(there), HERE) is lost


def test_with_equal_prefixes_the_lower_metric_wins():
    """KERNEL 9: a plain IPv6 route of the subnet gets 1024 and loses to the connected route's 256."""
    lan = ip_network("2001:db8:11::/64")
    table, clients = host(Route(lan, (OnLink("eth0"),), metric=256)), (ip_address("2001:db8:11::50"),)
    assert outweighed((RouteChange(lan, Via(INSIDE6)),), table, clients)
    assert not outweighed((RouteChange(lan, Via(INSIDE6), metric=1),), table, clients)
    front = RouteChange(LAN, Via(INSIDE), how="prepend")
    assert not outweighed((front,), host(Route(LAN, (OnLink("eth0"),))), HERE)


def test_a_rule_does_not_care_what_the_table_says():
    there = host(Route(CLIENT, (OnLink("eth0"),)))
    assert not outweighed((*HALVES, RuleChange(BASE.real.address, 100, 1000)), there, HERE)


def test_what_would_do_nothing_is_not_printed():
    printed = {f.kind for f in fixes(replace(BASE, server=host(Route(CLIENT, (OnLink("eth0"),)))))}
    assert not printed & {"two-halves", "vendor-pair"}
    assert "host-route-per-client" in printed
