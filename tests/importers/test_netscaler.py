"""ns.conf: services, service groups, content switching, and whose address the servers see."""

import pytest

from analyzer.errors import ConfigSyntaxError
from analyzer.importers import netscaler


def problems(text):
    with pytest.raises(ConfigSyntaxError) as caught:
        netscaler.read(text, "n")
    return list(caught.value.problems)


def test_services_groups_switching_and_modes(sample, rows, warned):
    mapping = sample("netscaler", "ns.conf")
    assert rows(mapping) == [
        "203.0.113.10:80/tcp@22 proxy 10.0.2.11:8080@12",
        "203.0.113.10:80/tcp@22 proxy 10.0.2.12:8080@13 off",
        "203.0.113.25:25/tcp@23 nat 10.0.2.25:25@19",
        "203.0.113.25:25/tcp@23 nat 10.0.2.12:25@20 off",
        "203.0.113.20/tcp@24 nat 10.0.2.13@15",
        "203.0.113.20/udp@24 nat 10.0.2.13@15",
        "203.0.113.30:80/tcp@25 direct 10.0.2.11:80@16",
        "[2001:db8::53]:53/udp@26 full-nat 10.0.2.53:53@17",
        "203.0.113.40:443/tcp@28 proxy 10.0.2.11:8080@12",
        "203.0.113.40:443/tcp@28 proxy 10.0.2.12:8080@13 off",
    ]
    assert [str(a) for a in mapping.balancers] == ["10.0.9.5", "10.0.2.1"]
    assert warned(mapping) == [
        "11: server named: 'www.example.com' is a name; we do not ask the DNS",
        "37: vserver switch: no service called 'gone' in this file",
    ]


def test_the_mode_usip_counts_where_a_service_says_nothing(rows):
    text = "{}add server a 10.0.2.11\nadd service s a HTTP 80\nadd lb vserver v HTTP 203.0.113.10 80\nbind lb vserver v s\n"
    assert rows(netscaler.read(text.format(""), "n")) == ["203.0.113.10:80/tcp@3 proxy 10.0.2.11:80@2"]
    assert rows(netscaler.read(text.format("enable ns mode L3 USIP\n"), "n")) == ["203.0.113.10:80/tcp@4 nat 10.0.2.11:80@3"]


def test_every_damaged_line_is_named():
    assert problems("""\
add server a
add server b 10.0.2.400
add service s b HTTP
add serviice s b HTTP 80
bind serviceGroup gone a 80
add lb vsever v HTTP 203.0.113.10 80
add lb vserver v HTTP 203.0.113.10 80000
""") == [
        "n:1:13: expected add server NAME ADDRESS, got no address",
        "n:2:14: expected server b: an IPv4 or IPv6 address, got '10.0.2.400'",
        "n:3:21: expected add service NAME SERVER PROTOCOL PORT, got less",
        "n:4:5: expected a keyword that we know, got 'serviice'; did you mean 'service'?",
        "n:5:19: expected serviceGroup gone above, got none",
        "n:6:8: expected a keyword that we know, got 'vsever'; did you mean 'vserver'?",
        "n:7:36: expected vserver: a port from 1 to 65535, got '80000'",
    ]
