"""RouterOS: exported and printed rules, lists, jumps, and the source rules that meet them."""

import pytest

from analyzer.errors import ConfigSyntaxError
from analyzer.importers import mikrotik


def problems(text):
    with pytest.raises(ConfigSyntaxError) as caught:
        mikrotik.read(text, "m")
    return list(caught.value.problems)


def test_an_export(sample, rows, warned):
    mapping = sample("mikrotik", "export.rsc")
    assert rows(mapping) == [
        "203.0.113.10:80/tcp@10 nat 10.0.2.11:8080@10",
        "203.0.113.10:80/tcp@10 nat 10.0.2.12:8080@12",
        *(f"203.0.113.{vip}:{port}/udp@14 {mode} 10.0.2.{real}@14"
          for port in (53, 5353) for vip in (20, 21) for mode, real in (("full-nat", 53), ("nat", 54))),
    ]
    assert [str(a) for a in mapping.balancers] == ["203.0.113.2", "10.0.2.1"]
    assert [text.split(";")[0] for text in warned(mapping)] == [
        "15: left out: the rule is disabled",
        "10: 10.0.2.11:8080 behind 203.0.113.10: the source is rewritten for some clients (out ether1, line 9)",
        "12: 10.0.2.12:8080 behind 203.0.113.10: the source is rewritten for some clients (out ether1, line 9)",
        "14: 10.0.2.54 behind 203.0.113.20, 203.0.113.21: the source is rewritten for some clients (out ether1, line 9)",
        "16: what goes to 10.0.2.16:22 is for every address of the balancer, not for one address",
        "17: left out: the packet is redirected to the balancer itself",
    ]


def test_printed_rules(sample, rows, warned):
    mapping = sample("mikrotik", "print.txt")
    assert rows(mapping) == ["203.0.113.10:80/tcp@2 nat 10.0.2.11:8080@2"]
    assert warned(mapping) == [
        "6: left out: the rule is disabled",
        "2: 10.0.2.11:8080 behind 203.0.113.10: the source is rewritten for some clients (src-address=10.0.2.0/24, line 8)",
    ]


def test_a_print_of_others(shared, rows, warned):
    """By hand: it masquerades, redirects ICMP to itself, and has two disabled rules."""
    mapping = shared("other_vendors", "networktocode+ntc-templates__tests__mikrotik_routeros__ip_firewall_nat_print_all_without-paging"
                     "__mikrotik_routeros_ip_firewall_nat_print_all_without-paging.raw")
    assert rows(mapping) == []
    assert warned(mapping) == ["8: left out: the rule is disabled", "12: left out: the rule is disabled",
                               "6: left out: the packet is redirected to the balancer itself",
                               "0: read as mikrotik, but no virtual service in it"]


def test_every_damaged_line_is_named():
    assert problems("""\
/ip firewall nat
add action=dst-nat chain=dstnat dst-address=203.0.113.400 to-addresses=10.0.2.11
add action=dst-nt chain=dstnat dst-address=203.0.113.10 to-addresses=10.0.2.11
add action=dst-nat chain=dstnat dst-address=203.0.113.10 dst-port=80000 protocol=tcp to-addresses=10.0.2.11
add action=dst-nat chain=dstnat dst-address=203.0.113.10 dst-port=80 protocol=tcp to-adresses=10.0.2.11
add action=dst-nat chain=dstnat dst-address=203.0.113.10 dst-port=80 protocol=tcp \\
    to-addresses=10.0.2.1x to-ports=808000
""") == [
        "m:2:45: expected dst-address: an IPv4 or IPv6 address, got '203.0.113.400'",
        "m:3:12: expected an action of RouterOS, got 'dst-nt'",
        "m:4:67: expected a port or a range of ports, got '80000'",
        "m:5:83: expected a keyword that we know, got 'to-adresses'; did you mean 'to-addresses'?",
        "m:7:18: expected to-addresses: an IPv4 or IPv6 address, got '10.0.2.1x'",
        "m:7:37: expected to-ports: a port from 1 to 65535, got '808000'",
    ]
