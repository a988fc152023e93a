"""PAN-OS: rules with objects and services, and the listing of the running policy."""

import pytest

from analyzer.errors import ConfigSyntaxError
from analyzer.importers import paloalto


def problems(text):
    with pytest.raises(ConfigSyntaxError) as caught:
        paloalto.read(text, "p")
    return list(caught.value.problems)


def test_rules_objects_and_services(sample, rows, warned):
    mapping = sample("paloalto", "config.txt")
    assert rows(mapping) == [
        "203.0.113.10:8080/tcp@11 nat 10.0.2.11:80@11",
        "203.0.113.10:8443/tcp@11 nat 10.0.2.11:80@11",
        "203.0.113.11:443/tcp@16 full-nat 10.0.2.12@17 off",
        "203.0.113.12:443/tcp@16 full-nat 10.0.2.12@17 off",
    ]
    assert warned(mapping) == ["22: rule wide: 'net' is not one address"]


def test_the_running_policy(sample, rows):
    assert rows(sample("paloalto", "running.txt")) == ["203.0.113.10:80/tcp@2 nat 10.0.2.11:8080@9"]


def test_a_running_policy_of_others(shared, rows):
    mapping = shared("other_vendors", "networktocode+ntc-templates__tests__paloalto_panos__show_running_nat-policy"
                     "__paloalto_panos_show_running_nat-policy.raw")
    assert rows(mapping) == [f"200.10.10.100/{protocol}@14 nat 10.1.2.10@21" for protocol in ("tcp", "udp", "icmp")]


def test_rules_of_others_for_any_destination(shared, rows, warned):
    mapping = shared("other_vendors", "batfish+batfish__grammar__palo_alto__testconfigs__destination-nat")
    assert rows(mapping) == []
    assert [text.partition(": ")[2] for text in warned(mapping)][:3] == [
        f"rule {name}: any destination, not one address" for name in ("DEST_NAT_NAME1", "DEST_NAT_NEVER_REACHED", "DEST_NAT_NAME2")]


def test_every_damaged_line_is_named():
    assert problems("""\
rulebase { nat { rules {
  a { destination-translation { translated-address 10.0.2.400; } destination 203.0.113.10; }
  b { destination-translation { translated-address 10.0.2.11; translated-port 80800; } destination 203.0.113.10; }
  c { destination-translation { translated-address 10.0.2.11; } destination 203.0.113.1x; }
} }
""") == [
        "p:1:1: expected a '}' for the block that begins here, got the end of the file",
        "p:2:52: expected rule a: an IPv4 or IPv6 address, got '10.0.2.400'",
        "p:3:79: expected rule b: a port from 1 to 65535, got '80800'",
        "p:4:77: expected rule c: an IPv4 or IPv6 address, got '203.0.113.1x'",
    ]
