"""ACOS: servers, groups and virtual servers, entered once or again."""

import pytest

from analyzer.errors import ConfigSyntaxError
from analyzer.importers import a10

BATFISH = "batfish+batfish__vendor__a10__grammar__testconfigs__"


def problems(text):
    with pytest.raises(ConfigSyntaxError) as caught:
        a10.read(text, "a")
    return list(caught.value.problems)


def test_source_nat_direct_return_and_disabled_members(sample, rows, warned):
    mapping = sample("a10", "running.txt")
    assert rows(mapping) == [
        "203.0.113.10:80/tcp@36 full-nat 10.0.2.11:8080@26",
        "203.0.113.10:80/tcp@36 full-nat 10.0.2.12:8080@27 off",
        "203.0.113.10:443/tcp@39 nat 10.0.2.11:8080@26",
        "203.0.113.10:443/tcp@39 nat 10.0.2.12:8080@27 off",
        "203.0.113.10:8443/tcp@55 full-nat 10.0.2.11:8080@26",
        "203.0.113.10:8443/tcp@55 full-nat 10.0.2.12:8080@27 off",
        "203.0.113.53:53/udp@43 direct 10.0.2.11:53@32 off",
        "203.0.113.53:54/udp@46 none",
        "[2001:db8::10]:25/tcp@51 nat 10.0.2.11:8080@26 off",
        "[2001:db8::10]:25/tcp@51 nat 10.0.2.12:8080@27 off",
    ]
    assert [str(a) for a in mapping.balancers] == ["10.0.2.1", "10.0.2.254", "10.0.2.200", "10.0.2.201", "10.0.2.202"]
    assert warned(mapping) == [
        "19: server named: 'www.example.com' is a name; we do not ask the DNS",
        "29: no server called 'old' in this file",
        "43: virtual-server dns: of the range of ports only 53 is read",
        "47: no service-group called 'gone' in this file",
        "46: udp 203.0.113.53:54 has no real server with an address",
    ]


def test_members_and_servers_that_are_switched_off(shared, rows):
    """By hand: SERVER1 is disabled as member, SERVER2 as server; VS2 as a whole."""
    mapping = shared("a10", BATFISH + "virtual_server_convert")
    assert rows(mapping) == [
        "10.0.0.100:81/tcp@38 full-nat 10.0.0.1:80@30 off",
        "10.0.0.100:81/tcp@38 full-nat 10.0.0.2:80@32 off",
        "10.0.0.100:81/tcp@38 full-nat 10.0.0.3:80@34",
        "10.0.0.101:81/tcp@44 full-nat 10.0.0.1:80@30 off",
        "10.0.0.101:81/tcp@44 full-nat 10.0.0.2:80@32 off",
        "10.0.0.101:81/tcp@44 full-nat 10.0.0.3:80@34 off",
    ]
    assert [str(a) for a in mapping.balancers] == ["10.0.0.10", "10.10.10.10"]


def test_ipv6_in_front_of_ipv4(shared, rows):
    mapping = shared("a10", BATFISH + "virtual_server_ipv6")
    assert rows(mapping) == [
        "[dead:beef::1]:80/tcp@52 full-nat 192.0.2.2:1234@44",
        "[dead:beef::1]:443/tcp@58 full-nat 192.0.2.2:1234@44",
    ]
    assert [str(a) for a in mapping.balancers] == ["10.0.0.1", "10.0.1.1", "192.0.2.1"]


def test_every_damaged_line_is_named():
    assert problems("""\
slb server web1 10.0.2.400
slb sever web2 10.0.2.12
slb server web3 10.0.2.13
slb service-group web tcp
  membr web1 8080
  member web3 80800
  member web3
slb virtual-server shop 203.0.113.10
  port 80
  port 80000 tcp
  port 81 tcp
    service-grup web
    service-group web
""") == [
        "a:1:17: expected server web1: an IPv4 or IPv6 address, got '10.0.2.400'",
        "a:2:5: expected a keyword that we know, got 'sever'; did you mean 'server'?",
        "a:5:3: expected a keyword that we know, got 'membr'; did you mean 'member'?",
        "a:6:15: expected member web3: a port from 1 to 65535, got '80800'",
        "a:7:10: expected member SERVER PORT, got 'member web3'",
        "a:9:8: expected port NUMBER TYPE, got 'port 80'",
        "a:10:8: expected virtual-server shop: a port from 1 to 65535, got '80000'",
        "a:12:5: expected a keyword that we know, got 'service-grup'; did you mean 'service-group'?",
    ]
