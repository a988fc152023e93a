"""VyOS and EdgeOS: set lines, braces without semicolons, and a listing."""

import pytest

from analyzer.errors import ConfigSyntaxError
from analyzer.importers import vyos


def problems(text):
    with pytest.raises(ConfigSyntaxError) as caught:
        vyos.read(text, "v")
    return list(caught.value.problems)


def test_set_lines(sample, rows, warned):
    mapping = sample("vyos", "set.txt")
    assert rows(mapping) == [
        "203.0.113.10:80/tcp@2 nat 10.0.2.11:8080@7",
        "203.0.113.10:443/tcp@2 nat 10.0.2.11:8080@7",
        *(f"203.0.113.11:{5000 + n}/{protocol}@9 nat 10.0.2.{host}:{6000 + n}@12 off"
          for n in range(2) for protocol in ("tcp", "udp") for host in (21, 22)),
    ]
    assert [str(a) for a in mapping.balancers] == ["10.0.2.1"]
    assert warned(mapping) == ["15: rule 30: every destination, not one address"]


def test_braces_end_with_their_line(sample, rows):
    assert rows(sample("vyos", "edge.txt")) == ["203.0.113.10:80/tcp@5 nat 10.0.2.11:8080@9"]


def test_a_listing_of_others(shared, rows):
    """By hand: six rules of destination translation, three of them for TCP and UDP."""
    mapping = shared("other_vendors", "networktocode+ntc-templates__tests__ubiquiti_edgerouter__show_nat_rules__show_nat_rules.raw")
    assert rows(mapping) == [
        f"23.90.233.198:{port}/{protocol}@{line} nat 192.168.1.{host}:{real}@{line}" for port, host, real, line, protocols in (
            (8080, 100, 80, 6, ["tcp"]), (65001, 231, 3389, 9, ["tcp"]), (6666, 2, 6666, 12, ["tcp"]),
            (83, 111, 83, 15, ["tcp", "udp"]), (80, 110, 80, 18, ["tcp", "udp"]), (81, 1, 81, 21, ["tcp", "udp"]))
        for protocol in protocols]


def test_every_damaged_line_is_named():
    assert problems("""\
set nat destination rule 10 destination address 203.0.113.400
set nat destination rule 10 translation address 10.0.2.11
set nat destination rule 20 destination address 203.0.113.10
set nat destination rule 20 destination port 80000
set nat destination rule 20 protocol tpc
set nat destination rule 20 translation address 10.0.2.12
set nat destination rule 30 destination address 203.0.113.10
set nat destination rule 30 destination port 80,8o
set nat destination rule 30 translaton address 10.0.2.12
set nat destination rule 30 translation address 10.0.2.1x
""") == [
        "v:1:49: expected rule 10: an IPv4 or IPv6 address, got '203.0.113.400'",
        "v:4:46: expected rule 20: a port from 1 to 65535, got '80000'",
        "v:5:38: expected a protocol, got 'tpc'; did you mean 'tcp'?",
        "v:8:49: expected rule 30: a port from 1 to 65535, got '8o'",
        "v:9:29: expected a keyword that we know, got 'translaton'; did you mean 'translation'?",
        "v:10:49: expected rule 30: an IPv4 or IPv6 address, got '10.0.2.1x'",
    ]
