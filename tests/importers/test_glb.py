"""GLB Director: binds and backends, through a tunnel."""

import pytest

from analyzer.errors import ConfigSyntaxError
from analyzer.importers import glb


def problems(text):
    with pytest.raises(ConfigSyntaxError) as caught:
        glb.read(text, "g")
    return list(caught.value.problems)


def test_binds_and_backends(sample, rows, warned):
    mapping = sample("glb", "table.json")
    assert rows(mapping) == ["203.0.113.10:80/tcp@4 tunnel 10.0.2.11:80@8", "203.0.113.10:80/tcp@4 tunnel 10.0.2.12:80@9 off"]
    assert warned(mapping) == ["5: bind 203.0.113.0/24: a whole network, not one address"]


def test_tables_of_others(shared, rows):
    """By hand: two tables of three and four backends; an IPv6 bind over IPv4 servers, as tunnels may."""
    mapping = shared("other_vendors", "github+glb-director__src__glb-director__tests__data__table.json")
    first = [("1.2.3.4", 11), ("2.3.4.5", 12), ("3.4.5.6", 13)]
    second = [("4.5.6.7", 25), ("5.6.7.8", 26), ("6.7.8.9", 27), ("7.8.9.0", 28)]
    assert rows(mapping) == [
        *(f"1.1.1.1:{port}/tcp@{line} tunnel {ip}:{port}@{at}" for port, line in ((80, 7), (443, 8)) for ip, at in first),
        *(f"{vip}:80/tcp@{line} tunnel {ip}:80@{at}" for vip, line in (
            ("1.1.1.2", 20), ("1.1.1.3", 21), ("[fdb4:98ce:52d4::42]", 22)) for ip, at in second),
    ]


def test_every_damaged_line_is_named():
    assert problems("""\
{"tables": [{"name": "a",
  "binds": [{"ip": "203.0.113.400", "port": 80}, {"ip": "203.0.113.10", "port": 0}, {"ip": "203.0.113.10"}, {"ip": "203.0.113.11", "prot": "tcp", "port": 1},
            {"ip": "203.0.113.12", "proto": "tpc", "port": 80}],
  "bacckends": [{"ip": "10.0.2.11"}]}]}
""") == [
        "g:2:21: expected bind: an IPv4 or IPv6 address, got '203.0.113.400'",
        "g:2:81: expected bind: a port from 1 to 65535, got '0'",
        "g:2:85: expected a bind with ip and port, got less",
        "g:2:132: expected a keyword that we know, got 'prot'; did you mean 'proto'?",
        "g:3:13: expected proto tcp or udp, got 'tpc'",
        "g:4:3: expected a keyword that we know, got 'bacckends'; did you mean 'backends'?",
    ]
