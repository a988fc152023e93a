"""The route that draws replies away, as the kernel would choose it from the table that was given."""

from __future__ import annotations

from ipaddress import ip_address as ip
from ipaddress import ip_network

import pytest

from analyzer.diagnose.finding import Cause
from analyzer.network.host import Host, OnLink, Route, System, Via
from analyzer.remedy.told import offending_route

BALANCER, OTHER, CLIENT = ip("10.0.2.1"), ip("10.0.2.254"), ip("198.51.100.20")


def via(prefix, gateway, metric=0, table=254):
    return Route(ip_network(prefix), (Via(gateway, "eth0"),), metric=metric, table=table)


LAN = Route(ip_network("10.0.2.0/24"), (OnLink("eth0"),))
DEFAULT = via("0.0.0.0/0", BALANCER)


@pytest.mark.parametrize("cause, routes, number", [
    (Cause.MORE_SPECIFIC_ROUTE, (DEFAULT, LAN, via("198.51.100.0/24", OTHER)), 2),
    (Cause.MORE_SPECIFIC_ROUTE, (DEFAULT, via("198.51.0.0/16", OTHER), via("198.51.100.0/24", OTHER, 9)), 2),
    (Cause.MORE_SPECIFIC_ROUTE, (via("198.51.100.0/24", OTHER, 20), via("198.51.100.0/24", OTHER, 10)), 1),
    (Cause.MORE_SPECIFIC_ROUTE, (DEFAULT, via("198.51.100.0/24", BALANCER)), None),    # leads to the balancer
    (Cause.MORE_SPECIFIC_ROUTE, (via("0.0.0.0/0", OTHER),), None),                     # a default route is another fault
    (Cause.MORE_SPECIFIC_ROUTE, (DEFAULT, via("198.51.100.0/24", OTHER, table=100)), None),
    (Cause.DETOUR_DROPPED, (LAN, via("198.51.100.0/24", BALANCER)), 1),
    (Cause.DETOUR_DROPPED, (LAN, via("198.51.100.0/24", OTHER)), None),
    (Cause.CLIENT_ON_SERVERS_LINK, (DEFAULT, via("198.51.100.0/24", OTHER)), None),
])
def test_the_route_that_the_kernel_would_take(cause, routes, number):
    server = Host("server1", System.LINUX, routes=routes)
    wanted = None if number is None else routes[number]
    assert offending_route(cause, server, (CLIENT,), BALANCER) == wanted


def test_without_the_servers_table_nothing_is_named():
    assert offending_route(Cause.MORE_SPECIFIC_ROUTE, None, (CLIENT,), BALANCER) is None
