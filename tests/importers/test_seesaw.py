"""Seesaw: entries, backends, modes and both IP versions."""

import pytest

from analyzer.errors import ConfigSyntaxError
from analyzer.importers import seesaw


def problems(text):
    with pytest.raises(ConfigSyntaxError) as caught:
        seesaw.read(text, "s")
    return list(caught.value.problems)


def test_entries_backends_and_modes(sample, rows, warned):
    mapping = sample("seesaw", "cluster.pb")
    assert rows(mapping) == [
        "203.0.113.10:80/tcp@15 direct 10.0.2.11:80@26",
        "203.0.113.10:80/tcp@15 direct 10.0.2.12:80@30 off",
        "[2001:db8::10]:80/tcp@15 direct [2001:db8::11]:80@26",
        "203.0.113.10:53/udp@19 nat 10.0.2.11:53@26",
        "203.0.113.10:53/udp@19 nat 10.0.2.12:53@30 off",
        "[2001:db8::10]:53/udp@19 nat [2001:db8::11]:53@26",
    ]
    assert [str(a) for a in mapping.balancers] == ["10.0.2.1", "10.0.2.2"]
    assert warned(mapping) == ["34: backend: 'web3.example.com.' has no address in this file"]


def test_servers_of_others(shared, rows):
    """By hand: a resolver without backends, one with two, and IRC on three ports with one."""
    mapping = shared("other_vendors", "google+seesaw__engine__config__testdata__vservers1.pb")
    assert rows(mapping) == [
        *(f"{vip}:53/{protocol}@{line} none" for protocol, line in (("tcp", 15), ("udp", 19))
          for vip in ("192.168.36.1", "[2015:cafe:36:0:a800:1ff:ffee:dd01]")),
        *(f"192.168.255.1:53/{protocol}@{line} direct 192.168.36.{host}:53@{at}"
          for protocol, line in (("udp", 32), ("tcp", 49)) for host, at in ((2, 57), (3, 65))),
        *(f"192.168.255.2:{port}/tcp@{line} direct 192.168.36.4:{port}@115" for port, line in ((6667, 88), (6697, 93), (80, 107))),
    ]


def test_every_damaged_line_is_named():
    assert problems("""\
vserver: <
  entry_address: < ipv4: "203.0.113.400/24" >
  vserver_entry: < protocol: TPC port: 80 >
  vserver_entry: < protocol: TCP port: 80000 >
  vserver_entry: < protocol: TCP port: 80 mode: DRS >
  bacckend: < host: < ipv4: "10.0.2.11/24" > >
  backend: < host: < ipv4: "10.0.2.1x/24" > >
>
>
vserver: <
""") == [
        "s:2:27: expected vserver ?: an IPv4 or IPv6 address, got '203.0.113.400'",
        "s:3:30: expected protocol TCP or UDP, got 'TPC'; did you mean 'TCP'?",
        "s:4:40: expected vserver ?: a port from 1 to 65535, got '80000'",
        "s:5:49: expected mode DSR, NAT or TUN, got 'DRS'",
        "s:6:3: expected a keyword that we know, got 'bacckend'; did you mean 'backend'?",
        "s:7:29: expected backend: an IPv4 or IPv6 address, got '10.0.2.1x'",
        "s:9:1: expected a '<' before this '>', got none",
        "s:10:1: expected a '>' for the block that begins here, got the end of the file",
    ]
