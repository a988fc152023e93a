"""Huawei: the listing of published servers, and the lines that publish them."""

import pytest

from analyzer.errors import ConfigSyntaxError
from analyzer.importers import huawei


def problems(text):
    with pytest.raises(ConfigSyntaxError) as caught:
        huawei.read(text, "h")
    return list(caught.value.problems)


def test_listing_and_configuration(sample, rows, warned):
    mapping = sample("huawei", "nat.txt")
    assert rows(mapping) == [
        "203.0.113.2:8080/tcp@4 nat 10.0.2.11:80@4",
        "203.0.113.10/udp@10 nat 10.0.2.12@10",
        "203.0.113.11:80/tcp@15 nat 10.0.2.13:8080@15",
        *(f"203.0.113.12/{protocol}@16 nat 10.0.2.14@16" for protocol in ("tcp", "udp", "icmp")),
    ]
    assert warned(mapping) == ["17: the address of the interface is not in this line; give display nat server"]


def test_a_listing_of_others(shared, rows):
    mapping = shared("other_vendors", "networktocode+ntc-templates__tests__huawei_vrp__display_nat_server__huawei_vrp_nat_server.raw")
    assert rows(mapping) == [
        "192.214.198.156:8080/tcp@4 nat 192.168.1.24:80@4",
        "192.214.198.156:8080/udp@12 nat 192.168.1.24:80@12",
        "2.2.2.2/tcp@21 nat 10.1.1.1@21",
    ]


def test_every_damaged_line_is_named():
    assert problems("""\
nat server protocol tcp global 203.0.113.400 80 inside 10.0.2.11 80
nat server protocol tcp global 203.0.113.10 80000 inside 10.0.2.11 80
nat server protocol tcp global 203.0.113.10 80
nat server protocol tcp global 203.0.113.10 80 inside 10.0.2.1x 80
""") == [
        "h:1:32: expected global: an IPv4 or IPv6 address, got '203.0.113.400'",
        "h:2:45: expected global: a port from 1 to 65535, got '80000'",
        "h:3:1: expected nat server ... global ADDRESS inside ADDRESS, got 'nat server protocol tcp global 203.0.113.10 80'",
        "h:4:55: expected inside: an IPv4 or IPv6 address, got '10.0.2.1x'",
    ]
