"""One situation for each cause, on the addresses of DOMAIN 3: what the contract tests speak about."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

from analyzer.balance.mapping import Endpoint, Protocol
from analyzer.diagnose.finding import Cause
from analyzer.network.host import Host, Interface, Route, System, Via
from analyzer.remedy.causes import WAYS_OUT
from analyzer.remedy.situation import Situation
from analyzer.units import Origin

LAN, LAN6 = ip_network("192.168.11.0/24"), ip_network("2001:db8:11::/64")
REAL, INSIDE, CLIENT = (ip_address(f"192.168.11.{n}") for n in (10, 1, 50))
REAL6, INSIDE6, CLIENT6 = (ip_address(f"2001:db8:11::{n}") for n in (10, 1, 50))
MAC = "02:00:5e:10:11:04"

BASE = Situation(
    cause=Cause.CLIENT_ON_SERVERS_LINK,
    protocol=Protocol.TCP,
    clients=(CLIENT,),
    real=Endpoint(REAL, 8080),
    virtual=Endpoint(ip_address("203.0.113.100"), 80),
    balancer_inside=INSIDE,
    balancer_macs=(MAC,),
    lan=LAN,
    lan_origin="given",
    interface="eth0",
    balancer_interface="eth0",
    other_reals=(ip_address("192.168.11.11"),),
    wrong_next_hop=ip_address("192.168.11.254"),
    duplicate=INSIDE,
    duplicate_mac="02:00:5e:10:11:03",
    balancer_service="/Common/vs_web",
    balancer_real="service/svc-web-1",
    path_mtu=1200,
    offending_route=Route(
        ip_network("198.51.100.0/24"), (Via(ip_address("192.168.11.254"), "eth0"),), origin=Origin("routes.txt", 3)
    ),
    server=Host(
        "server1", System.LINUX, interfaces=(Interface("eth0", addresses=(ip_interface("192.168.11.10/16"),)),)
    ),
)

BASE6 = replace(
    BASE,
    clients=(CLIENT6,),
    real=Endpoint(REAL6, 8080),
    virtual=Endpoint(ip_address("2001:db8:113::100"), 80),
    balancer_inside=INSIDE6,
    lan=LAN6,
    other_reals=(ip_address("2001:db8:11::11"),),
    wrong_next_hop=ip_address("2001:db8:11::fe"),
    duplicate=INSIDE6,
    path_mtu=1280,
    offending_route=Route(ip_network("2001:db8:51::/64"), (Via(ip_address("2001:db8:11::fe"), "eth0"),), metric=1024),
    server=Host("server1", System.LINUX),
)

UNNAMED = replace(BASE, interface="", balancer_interface="")
UNNAMED6 = replace(BASE6, interface="", balancer_interface="")

SITUATIONS = {
    f"{cause.value}-{label}": replace(base, cause=cause)
    for cause in WAYS_OUT
    for label, base in {"v4": BASE, "v6": BASE6, "v4-unnamed": UNNAMED, "v6-unnamed": UNNAMED6}.items()
}
"""Every cause that has a way out, in both IP versions, with and without the interface's name."""
