"""Nothing from a capture or a configuration reaches a command unvalidated: 100 strings in every place that holds text."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path

import pytest
from dialect_situations import BASE, BASE6, REAL, SITUATIONS
from remedy_payloads import PAYLOADS

from analyzer.api import analyze
from analyzer.balance.mapping import Endpoint, Forwarding, Mapping, RealServer, VirtualService
from analyzer.dialects import fixes
from analyzer.facts.reading import read_hosts
from analyzer.importers.reading import read_mappings
from analyzer.network.host import Host, Interface, OnLink, Route, Via
from analyzer.remedy import change as c
from analyzer.remedy.product import fitting, names_of, printable, product_of
from analyzer.remedy.situation import interface_or_unknown
from analyzer.units import Origin

NOT_AN_INTERFACE = [p for p in PAYLOADS if p not in ("", "0x10", "1e3")]
"""The empty string means "unknown", and the last two could be an interface's name."""


def test_there_are_a_hundred():
    assert len(set(PAYLOADS)) >= 100


@pytest.mark.parametrize("text", NOT_AN_INTERFACE)
def test_as_an_interface_name(text):
    assert interface_or_unknown(text) == ""
    for make in (
        lambda: replace(BASE, interface=text),
        lambda: replace(BASE, balancer_interface=text),
        lambda: c.RouteChange(ip_network("10.0.0.0/8"), OnLink(text)),
        lambda: c.RouteChange(ip_network("10.0.0.0/8"), Via(REAL, text)),
        lambda: c.RouteRemoval(ip_network("10.0.0.0/8"), Via(REAL, text)),
        lambda: c.MarkByMac(text, (), 1, 100, 1000),
        lambda: c.SwitchChange("rp_filter", 1, text),
        lambda: c.AddressRemoval(REAL, 24, text),
        lambda: c.AddressAddition(REAL, 24, text),
        lambda: c.NeighborFlush(REAL, text),
    ):
        with pytest.raises(ValueError, match="not an interface name"):
            make()


@pytest.mark.parametrize("text", [p for p in NOT_AN_INTERFACE if not p.isascii() or not p.isalnum()])
def test_as_a_balancers_name(text):
    assert printable(text) == ""
    for name in ("balancer_product", "balancer_service", "balancer_real"):
        with pytest.raises(ValueError, match="not a name"):
            replace(BASE, **{name: text})
        if not re.fullmatch(r"[A-Za-z0-9_.:/-]+", text):    # "web--help" is a name
            with pytest.raises(ValueError, match="not a name"):
                replace(BASE, **{name: f"web{text}"})


@pytest.mark.parametrize("text", [p for p in PAYLOADS if not p.isascii() or not p.isalnum()])
def test_in_a_balancers_configuration(text):
    """A service, a member and the file itself may be called as they like; none of it is printed."""
    origin = Origin(text, 1)
    real = RealServer(BASE.real, Forwarding.NAT, origin, name=text, handle=text)
    service = VirtualService(BASE.virtual, BASE.protocol, (real,), origin, name=text)
    mapping = Mapping((service,), importers=((text, "netscaler"),))
    assert names_of(mapping, BASE.virtual, BASE.real, BASE.protocol) == ("", "")
    assert product_of(mapping, BASE.virtual, BASE.protocol) == "netscaler"
    assert not any(fitting(text)) or not text


@pytest.mark.parametrize("text", PAYLOADS)
def test_as_a_mac_address(text):
    for macs in ((text,), ("02:00:5e:10:00:01" + text,) if text else ("02-00-5e-10-00-01",)):
        with pytest.raises(ValueError, match="not a MAC address"):
            replace(BASE, balancer_macs=macs)
        with pytest.raises(ValueError, match="not a MAC address"):
            c.MarkByMac("eth0", macs, 1, 100, 1000)
    if text:
        for name in ("wrong_next_hop_mac", "duplicate_mac"):
            with pytest.raises(ValueError, match="not a MAC address"):
                replace(BASE, **{name: text})


@pytest.mark.parametrize("text", [p for p in PAYLOADS if p])
def test_as_the_scope_of_an_address(text):
    """``ipaddress`` takes nearly everything behind a per cent sign."""
    try:
        scoped = IPv6Address(f"fe80::1%{text}")
        network = IPv6Network(scoped)
    except ValueError:
        return
    for make in (
        lambda: replace(BASE6, balancer_inside=scoped),
        lambda: replace(BASE6, clients=(scoped,)),
        lambda: replace(BASE6, real=Endpoint(scoped, 80)),
        lambda: replace(BASE6, virtual=Endpoint(scoped, 80)),
        lambda: replace(BASE6, balancer_host=scoped),
        lambda: replace(BASE6, wrong_next_hop=scoped),
        lambda: replace(BASE6, duplicate=scoped),
        lambda: replace(BASE6, other_reals=(scoped,)),
        lambda: replace(BASE6, lan=network),
        lambda: c.RouteChange(network, OnLink("eth0")),
        lambda: c.RouteChange(ip_network("::/0"), Via(scoped)),
        lambda: c.RuleChange(scoped, 100, 1000),
        lambda: c.HairpinSnat(network, REAL, 80, "tcp"),
        lambda: c.HairpinSnat(ip_network("::/0"), scoped, 80, "tcp"),
        lambda: c.MssClamp(scoped, 80, 1200),
    ):
        with pytest.raises(ValueError, match="scope"):
            make()


@pytest.mark.parametrize("text", PAYLOADS)
def test_as_what_ought_to_be_an_address_or_a_number(text):
    """A type annotation stops nobody at run time."""
    for make in (
        lambda: replace(BASE, balancer_inside=text),
        lambda: replace(BASE, clients=(text,)),
        lambda: replace(BASE, real=Endpoint(text, 80)),
        lambda: replace(BASE, real=Endpoint(REAL, text)),
        lambda: replace(BASE, virtual=Endpoint(text, 80)),
        lambda: replace(BASE, virtual=Endpoint(REAL, text)),
        lambda: replace(BASE, lan=text),
        lambda: replace(BASE, other_reals=(text,)),
        lambda: replace(BASE, path_mtu=text),
        lambda: c.RouteChange(text, OnLink("eth0")),
        lambda: c.RouteChange(ip_network("10.0.0.0/8"), Via(text)),
        lambda: c.RouteChange(ip_network("10.0.0.0/8"), Via(REAL), metric=text),
        lambda: c.RouteChange(ip_network("10.0.0.0/8"), Via(REAL), table=text),
        lambda: c.RouteChange(ip_network("10.0.0.0/8"), Via(REAL), how=text),
        lambda: c.RuleChange(REAL, text, 1000),
        lambda: c.RuleChange(REAL, 100, text),
        lambda: c.RuleChange(REAL, 100, 1000, text, 80),
        lambda: c.RuleChange(REAL, 100, 1000, "tcp", text),
        lambda: c.MarkByMac("eth0", ("02:00:5e:10:00:01",), text, 100, 1000),
        lambda: c.HairpinSnat(text, REAL, 80, "tcp"),
        lambda: c.HairpinSnat(ip_network("10.0.0.0/8"), REAL, text, "tcp"),
        lambda: c.HairpinSnat(ip_network("10.0.0.0/8"), REAL, 80, text),
        lambda: c.SwitchChange(text, 1, "eth0"),
        lambda: c.SwitchChange("rp_filter", text, "eth0"),
        lambda: c.SwitchChange("rp_filter", 1, "eth0", text),
        lambda: c.ConntrackSwitch(text, 1),
        lambda: c.AddressAddition(REAL, text, "eth0"),
        lambda: c.MssClamp(REAL, 80, text),
    ):
        with pytest.raises(ValueError, match="not "):
            make()


STORY = Path(__file__).resolve().parents[2] / "sample_pcaps" / "default-gateway-elsewhere"
CAUGHT = re.compile(r"reboot|calc|shutdown|passwd|shadow|IFS|COMSPEC|rm -rf|\x1b|\x00")


def test_from_files_to_commands():
    """The whole way: every name in the mapping and in the facts is all the strings at once."""
    text = "".join(PAYLOADS)
    mapping = read_mappings([STORY / "balancer.yaml"])
    services = tuple(
        replace(s, name=text, origin=Origin(text), reals=tuple(replace(r, name=text, handle=text) for r in s.reals))
        for s in mapping.services
    )
    facts = read_hosts([f"{path.name.partition('.')[0]}={path}" for path in sorted((STORY / "facts").iterdir())])
    hosts = {
        f"{name}{text}": replace(
            host, name=text, interfaces=tuple(replace(i, name=text) for i in host.interfaces), warnings=(text,),
        ) for name, host in facts.items()
    }
    captures = [f"{path.stem}={path}" for path in sorted(STORY.glob("*.pcap"))]
    hostile = replace(mapping, services=services, importers=((text, "netscaler"),))
    found = analyze(captures, mapping=hostile, hosts=hosts).findings
    lines = [
        line for each in found for fix in each.fixes
        for line in (*fix.check, *fix.commands, *fix.verify, *fix.undo, *fix.persist, fix.dead_man.arm if fix.dead_man else "",
                     *(line for way in fix.permanent for line in (*way.commands, *way.undo)))
    ]
    assert len(lines) > 100
    assert not [line for line in lines if CAUGHT.search(line)]


READS_FACTS = ("client-on-servers-link-v4", "more-specific-route-v4", "more-specific-route-v6-unnamed",
               "detour-dropped-v4-unnamed", "wrong-prefix-length-v4")


@pytest.mark.parametrize("text", PAYLOADS)
def test_in_facts_that_a_host_printed(text):
    """A host's own output may name interfaces as it likes: what cannot be printed is looked up instead."""
    hostile = Host(
        text, interfaces=(Interface(text, mac=text),),
        routes=(Route(ip_network("198.51.100.0/24"), (Via(ip_address("192.168.11.254"), text),), protocol=text),),
        sysctls={f"net.ipv4.conf.{text}.accept_redirects": text}, warnings=(text,),
    )
    for label in READS_FACTS:
        situation = SITUATIONS[label]
        given = replace(situation, server=hostile, balancer=hostile, system_doubt=text, balancer_product="")
        if situation.version == 4:
            given = replace(given, offending_route=hostile.routes[0])
        clean = replace(
            given, server=Host(""), balancer=Host(""),
            offending_route=None if given.offending_route is None else replace(
                given.offending_route, next_hops=(Via(ip_address("192.168.11.254"), interface_or_unknown(text)),)
            ) if situation.version == 4 else given.offending_route,
        )
        printed, plain = fixes(given), fixes(clean)
        assert [(f.commands, f.undo, f.verify, f.check, f.persist) for f in printed] == [
            (f.commands, f.undo, f.verify, f.check, f.persist) for f in plain
        ]
