"""Cisco IOS and Arista: server load balancing, static and rotary translation, and a table of translations."""

import pytest

from analyzer.errors import ConfigSyntaxError
from analyzer.importers import cisco_ios

BATFISH = "batfish+batfish__"
ALL = ("tcp", "udp", "icmp")


def problems(text):
    with pytest.raises(ConfigSyntaxError) as caught:
        cisco_ios.read(text, "c")
    return list(caught.value.problems)


def test_slb_rotary_and_static(sample, rows, warned):
    mapping = sample("cisco-ios", "router.txt")
    assert rows(mapping) == [
        "203.0.113.20/tcp@54 nat 10.0.2.21@48",
        "203.0.113.20/tcp@54 nat 10.0.2.22@48",
        "203.0.113.25:25/tcp@55 nat 10.0.2.21@48",
        "203.0.113.25:25/tcp@55 nat 10.0.2.22@48",
        *(f"203.0.113.30/{protocol}@57 nat 10.0.2.30@57" for protocol in ALL),
        "203.0.113.31:80/tcp@58 nat 10.0.2.31:8080@58",
        "203.0.113.2:2222/tcp@59 nat 10.0.2.32:22@59",
        *(f"10.0.2.99/{protocol}@62 nat 198.51.100.9@62" for protocol in ALL),
        "203.0.113.10:80/tcp@34 nat 10.0.2.11:8080@18",
        "203.0.113.10:80/tcp@34 nat 10.0.2.12:8080@21 off",
        "203.0.113.10:80/tcp@34 full-nat 10.0.2.13@27",
        "203.0.113.53:53/udp@39 direct 10.0.2.14:53@31",
    ]
    assert [str(a) for a in mapping.balancers] == ["10.0.2.1", "10.0.2.200", "10.0.2.201", "203.0.113.100", "203.0.113.101"]
    assert warned(mapping) == [
        "51: access list 2: 'permit 10.0.0.0 0.0.255.255' is not one address",
        "60: the address of interface Dialer0 is not in this file",
        "61: left out: it translates a whole network",
        "45: vserver NET: virtual 203.0.113.128 255.255.255.128 tcp 0 is for a whole network, not for one address",
    ]


def test_a_module_for_content_switching(rows):
    assert rows(cisco_ios.read("""\
ip nat inside source static 10.0.2.1 203.0.113.1
module ContentSwitchingModule 3
 serverfarm WEB
  nat server
  no nat client
  real 10.0.2.11 8080
   inservice
 vserver SHOP
  virtual 203.0.113.10 tcp https
  serverfarm WEB
  inservice
""", "c"))[-1] == "203.0.113.10:443/tcp@8 nat 10.0.2.11:8080@6"


def test_translations_that_are_configured_have_no_outside(sample, rows):
    assert rows(sample("cisco-ios", "translations.txt")) == [
        "203.0.113.10:80/tcp@2 nat 10.0.2.11:8080@2",
        *(f"203.0.113.30/{protocol}@4 nat 10.0.2.30@4" for protocol in ALL),
    ]


def test_static_translations_of_others(shared, rows, warned):
    """By hand: inside names the server first, outside the far host first; networks are left out."""
    mapping = shared("cisco", BATFISH + "grammar__cisco__testconfigs__ios-nat-static")
    assert rows(mapping) == [f"{virtual}/{protocol}@{line} nat {real}@{line}" for virtual, real, line in (
        ("2.2.2.2", "1.1.1.1", 27), ("7.7.7.7", "6.6.6.6", 31), ("4.4.4.4", "3.3.3.3", 33), ("9.9.9.9", "8.8.8.8", 34))
        for protocol in ALL]
    assert [text.partition(":")[0] for text in warned(mapping)] == ["28", "29"]


def test_arista_writes_under_its_interfaces(shared, rows):
    mapping = shared("other_vendors", BATFISH + "vendor__arista__grammar__testconfigs__ip-nat-destination")
    assert rows(mapping) == [
        *(f"1.1.1.1/{protocol}@8 nat 172.16.52.9@8" for protocol in ALL),
        *(f"1.1.1.2:5001/{protocol}@9 nat 172.16.52.9:5002@9" for protocol in ALL[:2]),
        *(f"1.1.1.3/{protocol}@10 nat 172.16.52.9@10" for protocol in ALL),
        *(f"1.1.1.4:5001/{protocol}@11 nat 172.16.52.9:5002@11" for protocol in ALL[:2]),
        "1.1.1.5:5001/tcp@12 nat 172.16.52.9:5002@12",
    ]


def test_a_table_of_others(shared, rows):
    mapping = shared("cisco", "networktocode+ntc-templates__tests__cisco_ios__show_ip_nat_translations__show_ip_nat_translations.raw")
    assert rows(mapping) == ["100.95.3.180:8080/tcp@6 nat 192.168.1.12:80@6",
                             *(f"10.9.0.0/{protocol}@8 nat 10.1.0.2@8" for protocol in ALL)]


def test_every_damaged_line_is_named():
    assert problems("""\
ip nat inside source static 10.0.2.400 203.0.113.30
ip nat inside source static tcp 10.0.2.31 80800 203.0.113.31 80
ip nat inside source static tcp 10.0.2.31 80
ip nat insiide source static 10.0.2.32 203.0.113.32
ip slb serverfarm WEB
 nat server
 reaal 10.0.2.11
 real 10.0.2.1x 80
 real
ip slb vserver SHOP
 virtuaal 203.0.113.10 tcp 80
ip slb vserver MAIL
 virtual 203.0.113.11 tcp 99999
 serverfarm WEB
""") == [
        "c:1:29: expected ip nat: an IPv4 or IPv6 address, got '10.0.2.400'",
        "c:2:43: expected ip nat: a port from 1 to 65535, got '80800'",
        "c:3:43: expected two addresses after static, got 'tcp 10.0.2.31 80'",
        "c:4:8: expected a keyword that we know, got 'insiide'; did you mean 'inside'?",
        "c:7:2: expected a keyword that we know, got 'reaal'; did you mean 'real'?",
        "c:8:7: expected real: an IPv4 or IPv6 address, got '10.0.2.1x'",
        "c:9:2: expected real ADDRESS [PORT], got no address",
        "c:11:2: expected a keyword that we know, got 'virtuaal'; did you mean 'virtual'?",
        "c:13:27: expected vserver MAIL: a port from 1 to 65535, got '99999'",
    ]
