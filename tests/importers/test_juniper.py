"""Junos: destination and static translation, as set lines and in braces."""

import pytest

from analyzer.errors import ConfigSyntaxError
from analyzer.importers import juniper

ALL = ("tcp", "udp", "icmp")
BATFISH = "batfish+batfish__grammar__juniper__testconfigs__"


def problems(text):
    with pytest.raises(ConfigSyntaxError) as caught:
        juniper.read(text, "j")
    return list(caught.value.problems)


def test_set_lines(sample, rows, warned):
    mapping = sample("juniper", "set.txt")
    assert rows(mapping) == [
        "203.0.113.10:80/tcp@7 nat 10.0.2.11:8080@10",
        *(f"203.0.113.12/{protocol}@11 nat 10.0.2.25@12" for protocol in ALL),
        *(f"203.0.113.30/{protocol}@16 nat 10.0.2.30@17" for protocol in ALL),
    ]
    assert [str(a) for a in mapping.balancers] == ["10.0.2.1"]
    assert warned(mapping) == ["4: pool farm: left out, a range of addresses"]


def test_braces(sample, rows):
    assert rows(sample("juniper", "braces.txt")) == [
        "203.0.113.10:80/tcp@12 nat 10.0.2.11:8080@19", "203.0.113.10:80/udp@12 nat 10.0.2.11:8080@19"]


@pytest.mark.parametrize("name", ["nat-dest", "juniper-nat-static"])
def test_rules_of_others_translate_networks(shared, warned, name):
    """By hand: their pools and prefixes are networks, ranges and undefined names; no row, and each is said."""
    mapping = shared("other_vendors", BATFISH + name)
    assert not mapping.services
    said = warned(mapping)
    if name == "nat-dest":
        assert "10: pool POOL5: left out, a range of addresses" in said
        assert "6: pool POOL1: 10.10.10.10/24 is a network, not one address" in said
        assert "24: rule RULE2: no address called 'DA-NAME' in this file" in said
    else:
        assert "15: rule RULE1: left out, static-nat prefix-name routing-instance RI1 is not one address" in said
        assert "20: rule RULE2: 2.0.0.0/24 is a network, not one address" in said


def test_every_damaged_line_is_named():
    assert problems("""\
set security nat destination pool web address 10.0.2.400/32 port 8080
set security nat destination pool two address 10.0.2.12/32 port 80800
set security nat destination rule-set in rule a match destination-address 203.0.113.10/32
set security nat destination rule-set in rule a then destination-nat pool web
set security nat destination rule-set in rule b match destination-address 203.0.113.1x/32
set security nat destination rule-set in rule b then destination-nat pool two
set security nat destination rule-set in rule c mattch destination-port 80
set security nat destinattion rule-set in rule d match destination-port 80
set security nat static rule-set in rule e match destination-address 203.0.113.x
set security nat static rule-set in rule e match destination-port 99999
set security nat static rule-set in rule e then static-nat prefix 10.0.2.5/32
""") == [
        "j:1:47: expected pool web: an IPv4 or IPv6 address, got '10.0.2.400'",
        "j:2:65: expected pool two: a port from 1 to 65535, got '80800'",
        "j:5:75: expected rule b: an IPv4 or IPv6 address, got '203.0.113.1x'",
        "j:7:49: expected match or then, got 'mattch'; did you mean 'match'?",
        "j:8:18: expected a keyword that we know, got 'destinattion'; did you mean 'destination'?",
        "j:9:70: expected rule e: an IPv4 or IPv6 address, got '203.0.113.x'",
        "j:10:67: expected rule e: a port from 1 to 65535, got '99999'",
    ]
    assert problems("security {\n nat {\n") == [
        "j:1:1: expected a '}' for the block that begins here, got the end of the file",
        "j:2:2: expected a '}' for the block that begins here, got the end of the file"]
