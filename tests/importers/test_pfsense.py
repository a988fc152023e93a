"""config.xml: port forwards with aliases, 1:1, relayd, and the HAProxy packages."""

import pytest

from analyzer.errors import ConfigSyntaxError
from analyzer.importers import pfsense


def problems(text):
    with pytest.raises(ConfigSyntaxError) as caught:
        pfsense.read(text, "p")
    return list(caught.value.problems)


def test_everything_that_translates_or_balances(sample, rows, warned):
    mapping = sample("pfsense", "pfsense.xml")
    assert rows(mapping) == [
        "203.0.113.10:80/tcp@17 nat 10.0.2.11:8080@17",
        "203.0.113.10:80/tcp@17 nat 10.0.2.12:8080@17",
        "203.0.113.10:443/tcp@17 nat 10.0.2.11:8080@17",
        "203.0.113.10:443/tcp@17 nat 10.0.2.12:8080@17",
        *(f"203.0.113.2:{5000 + n}/{protocol}@22 nat 10.0.2.13:{6000 + n}@22 off" for n in range(3) for protocol in ("tcp", "udp")),
        *(f"203.0.113.30/{protocol}@38 nat 10.0.2.30@38" for protocol in ("tcp", "udp", "icmp")),
        "203.0.113.40:80/tcp@50 nat 10.0.2.41:8000@48",
        "203.0.113.40:80/tcp@50 nat 10.0.2.42:8000@48",
        "203.0.113.40:80/tcp@50 nat 10.0.2.43:8000@48 off",
        "203.0.113.50:443/tcp@61 nat 10.0.2.51:8080@70",
        "203.0.113.50:443/tcp@61 nat 10.0.2.52:8080@71 off",
        "203.0.113.2:8443/tcp@62 nat 10.0.2.51:8080@70",
        "203.0.113.2:8443/tcp@62 nat 10.0.2.52:8080@71 off",
    ]
    assert [str(a) for a in mapping.balancers] == ["10.0.2.1", "10.0.2.254"]
    assert warned(mapping) == [
        "29: the address of opt1 is not in this file (dhcp)",
        "34: port forward 'mail': any destination, not one address",
    ]


def test_opnsense_knows_by_uuid(sample, rows, warned):
    mapping = sample("pfsense", "opnsense.xml")
    assert rows(mapping) == [
        "203.0.113.60:80/tcp@6 proxy 10.0.2.61:8080@15",
        "203.0.113.60:80/tcp@6 proxy 10.0.2.62@16 off",
        "[2001:db8::60]:80/tcp@6 proxy 10.0.2.61:8080@15",
        "[2001:db8::60]:80/tcp@6 proxy 10.0.2.62@16 off",
    ]
    assert warned(mapping) == ["17: server web3: 'web3.example.com' is a name; we do not ask the DNS"]


@pytest.mark.parametrize("name, own", [
    ("TKCERT+pfFocus__tests__configs__pfSense-CE-2.3.4-RELEASE-amd64-config.xml", ["192.168.1.1"]),
    ("opnsense+core__src__opnsense__mvc__tests__app__models__OPNsense__Base__FieldTypes__VirtualIPFieldTest__config.xml", ["10.100.0.10", "10.100.0.11"]),
])
def test_firewalls_that_forward_nothing(shared, warned, name, own):
    """By hand: no rule of translation in either; the fixed addresses of interfaces and of CARP are its own."""
    mapping = shared("pfsense_opnsense", name)
    assert not mapping.services
    assert [str(a) for a in mapping.balancers] == own
    assert warned(mapping) == ["0: read as pfsense, but no virtual service in it"]


def test_entities_are_not_expanded():
    bomb = '<?xml version="1.0"?>\n<!DOCTYPE pfsense [<!ENTITY a "aaaa"><!ENTITY b SYSTEM "file:///etc/passwd">]>\n<pfsense>&a;&b;</pfsense>'
    assert problems(bomb) == ["p:2:19: expected XML without a document type, got <!DOCTYPE"]
    assert problems("<pfsense>" + "<a>" * 100_000)[0].endswith("expected at most 64 levels of nesting, got more")
    assert problems("<pfsense>&a;</pfsense>") == ["p:1:10: expected XML, got undefined entity"]


def test_every_damaged_line_is_named():
    assert problems("""\
<pfsense>
  <nat>
    <rule>
      <destination><address>203.0.113.400</address><port>80</port></destination>
      <protocol>tcp</protocol><target>10.0.2.11</target><local-port>80</local-port>
    </rule>
    <rule>
      <destination><address>203.0.113.10</address><port>80-x</port></destination>
      <protocol>tcp</protocol><target>10.0.2.11</target><local-port>99999</local-port>
    </rule>
    <rule>
      <destination><address>203.0.113.10</address><port>80</port></destination>
      <protocol>tcp</protocol><target>10.0.2.1x</target><local-port>80</local-port>
    </rule>
    <rule>
      <destination><address>203.0.113.10</address><port>81</port></destination>
      <protocol>tcp</protocol>
    </rule>
  </nat>
</pfsense>
""") == [
        "p:4:20: expected port forward: an IPv4 or IPv6 address, got '203.0.113.400'",
        "p:8:54: expected port forward: a port from 1 to 65535, got 'x'",
        "p:9:57: expected port forward: a port from 1 to 65535, got '99999'",
        "p:13:31: expected port forward: an IPv4 or IPv6 address, got '10.0.2.1x'",
        "p:15:5: expected port forward: a <target>, got none",
    ]
    assert problems("<pfsense>\n<nat>\n</pfsense>") == ["p:3:3: expected XML, got mismatched tag"]
