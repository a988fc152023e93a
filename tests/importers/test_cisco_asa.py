"""Cisco ASA: object rules, twice rules, and whether the source is rewritten too."""

import pytest

from analyzer.errors import ConfigSyntaxError
from analyzer.importers import cisco_asa

BATFISH = "batfish+batfish__grammar__cisco_asa__testconfigs__"
ALL = ("tcp", "udp", "icmp")


def problems(text):
    with pytest.raises(ConfigSyntaxError) as caught:
        cisco_asa.read(text, "a")
    return list(caught.value.problems)


def test_object_and_twice_rules(sample, rows, warned):
    mapping = sample("cisco-asa", "asa.txt")
    assert rows(mapping) == [
        "203.0.113.10:80/tcp@22 nat 10.0.2.11:8080@22",
        "203.0.113.2:2222/tcp@24 nat 10.0.2.12:22@24",
        *(f"203.0.113.12/{protocol}@27 nat 10.0.2.12@27" for protocol in ALL),
        "203.0.113.12:80/tcp@28 full-nat 10.0.2.11:8080@28",
    ]
    assert [str(a) for a in mapping.balancers] == ["10.0.2.1"]
    assert warned(mapping) == ["26: left out: 'farm' stands for more than one address"]


def test_object_rules_of_others(shared, rows, warned):
    """By hand: two hosts; two subnets are left out."""
    mapping = shared("cisco", BATFISH + "asa-nat-object-static")
    assert rows(mapping) == [f"{virtual}/{protocol}@{line} nat {real}@{line}" for virtual, real, line in (
        ("192.168.1.1", "1.1.1.1", 34), ("192.168.3.0", "3.3.3.3", 38)) for protocol in ALL]
    assert [text.partition(":")[0] for text in warned(mapping)] == ["36", "36", "40"]


def test_twice_rules_of_others(shared, rows):
    """By hand: dest-mapped becomes dest-real with a new source; source-mapped is source-real from outside."""
    mapping = shared("cisco", BATFISH + "asa-nat-twice-static")
    assert rows(mapping) == [
        *(f"3.3.3.3/{protocol}@36 full-nat 4.4.4.4@36" for protocol in ALL),
        *(f"2.2.2.2/{protocol}@37 nat 1.1.1.1@37" for protocol in ALL),
    ]


def test_every_damaged_line_is_named():
    assert problems("""\
ASA Version 9.9
object network a
 hots 10.0.2.11
object network b
 host 10.0.2.400
object network c
 host 10.0.2.13
 nat (inside,outside) statik 203.0.113.10
object network d
 host 10.0.2.14
 nat (inside,outside) static 203.0.113.14 service tcp 80800 80
 nat (inside,outside) static
object service s
 service tcp destination eq httpx
""") == [
        "a:3:2: expected a keyword that we know, got 'hots'; did you mean 'host'?",
        "a:5:7: expected object b: an IPv4 or IPv6 address, got '10.0.2.400'",
        "a:8:23: expected static or dynamic, got 'statik'",
        "a:11:55: expected nat service: a port from 1 to 65535, got '80800'",
        "a:12:23: expected static ADDRESS or OBJECT, got nothing",
        "a:14:29: expected object s: a port from 1 to 65535, got 'httpx'",
    ]
