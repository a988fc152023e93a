"""Plain tables: separators, headings, order of the columns, and slips of the pen."""

import pytest

from analyzer.errors import ConfigSyntaxError
from analyzer.importers import table


def problems(text):
    with pytest.raises(ConfigSyntaxError) as caught:
        table.read(text, "t")
    return list(caught.value.problems)


def test_csv_with_heading(sample, rows):
    assert rows(sample("table", "services.csv")) == [
        "203.0.113.10:80/tcp@3 nat 10.0.2.11:8080@3",
        "203.0.113.10:80/tcp@3 nat 10.0.2.12:8080@4",
        "203.0.113.53:53/udp@5 direct 10.0.2.53:53@5",
        "[2001:db8::10]:443/tcp@6 full-nat [2001:db8::11]:443@6",
    ]


def test_columns_in_the_other_order(sample, rows):
    assert rows(sample("table", "columns.txt")) == [
        "203.0.113.10:80/tcp@3 nat 10.0.2.11:8080@3",
        "203.0.113.11/udp@4 nat 10.0.2.12@4",
        "203.0.113.12/icmp@5 nat 10.0.2.13@5",
    ]


def test_arrows(sample, rows):
    assert rows(sample("table", "arrows.txt")) == [
        "203.0.113.10:80/tcp@1 nat 10.0.2.11:8080@1",
        "203.0.113.10:80/tcp@1 proxy 10.0.2.12:8080@2",
        "[2001:db8::10]:443/tcp@3 nat [2001:db8::11]:8443@3",
    ]


@pytest.mark.parametrize("text", [
    "127.0.0.1 localhost\n10.0.0.1 gateway\n",                                       # a hosts file
    "0.0.0.0         10.0.2.1        0.0.0.0         UG    0      0        0 eth0\n",   # route -n
    "10.0.2.11 dev eth0 lladdr 02:00:00:00:00:01 REACHABLE\n",                       # ip neigh
    "10.0.2.1    0x1   0x2   02:00:00:00:00:01   *   eth0\n",                        # /proc/net/arp
    "tcp 0 0 10.0.2.1:22 10.0.2.9:40000 ESTABLISHED\n",                              # netstat
    "203.0.113.10:80 -> 10.0.2.11:8080\n" + "one line of prose\n" * 3,
])
def test_what_only_looks_like_a_table_is_not_claimed(text):
    assert not table.sniff(text)


def test_every_damaged_line_is_named():
    assert problems("""\
203.0.113.10 80 10.0.2.11 8080
203.0.113.400 80 10.0.2.11 8080
203.0.113.10 80000 10.0.2.11 8080
203.0.113.10 80
203.0.113.10 10.0.2.11 8080
203.0.113.10 80 10.0.2.11 8080 tpc
203.0.113.10:80 [2001:db8::1:80
203.0.113.10 80 10.0.2.11 8080 udp direkt
""") == [
        "t:2:1: expected table: an IPv4 or IPv6 address, got '203.0.113.400'",
        "t:3:14: expected table: a port from 1 to 65535, got '80000'",
        "t:4:1: expected VIRTUAL PORT REAL PORT, got '203.0.113.10 80'",
        "t:5:13: expected a port after '203.0.113.10', got none",
        "t:6:32: expected a protocol (tcp, udp, icmp) or a mode (nat, direct, ...), got 'tpc'; did you mean 'tcp'?",
        "t:7:32: expected a closing ']' after the IPv6 address, got '[2001:db8::1:80'; write [2001:db8::1:80]:80",
        "t:8:36: expected a protocol (tcp, udp, icmp) or a mode (nat, direct, ...), got 'direkt'; did you mean 'direct'?",
    ]
