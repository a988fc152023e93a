"""LVS in its three spellings; the same service must come out of all of them."""

import pytest

from analyzer.errors import ConfigSyntaxError
from analyzer.importers import ipvsadm


def problems(text):
    with pytest.raises(ConfigSyntaxError) as caught:
        ipvsadm.read(text, "i")
    return list(caught.value.problems)


def test_saved_commands(sample, rows, warned):
    mapping = sample("ipvsadm", "saved.txt")
    assert rows(mapping) == [
        "203.0.113.10:80/tcp@1 nat 10.0.2.11:8080@2",
        "203.0.113.10:80/tcp@1 nat 10.0.2.12:8080@3 off",
        "203.0.113.53:53/udp@4 direct 10.0.2.13:53@5",
        "203.0.113.53:53/udp@4 tunnel 198.51.100.14:53@6",
        "[2001:db8::10]:443/tcp@7 nat [2001:db8::11]:443@8",
    ]
    assert [text[:2] for text in warned(mapping)] == ["9:", "10"]


def test_a_table_says_the_same(sample, rows, warned):
    mapping = sample("ipvsadm", "listed.txt")
    assert rows(mapping) == [
        "203.0.113.10:80/tcp@4 nat 10.0.2.11:8080@5",
        "203.0.113.10:80/tcp@4 nat 10.0.2.12:8080@6 off",
        "203.0.113.53:53/udp@7 direct 10.0.2.13:53@8",
        "203.0.113.53:53/udp@7 tunnel 198.51.100.14:53@10",
        "[2001:db8::10]:443/tcp@11 nat [2001:db8::11]:443@12",
    ]
    assert warned(mapping) == [
        "9: 127.0.0.1:53: left out, it is the balancer itself",
        "13: firewall mark 1 has no address; write a mapping file of your own",
    ]


def test_the_kernels_own_table_is_hexadecimal(sample, rows):
    assert rows(sample("ipvsadm", "proc.txt")) == [
        "203.0.113.10:80/tcp@4 nat 10.0.2.11:8080@5",
        "203.0.113.10:80/tcp@4 nat 10.0.2.12:8080@6 off",
        "203.0.113.53:53/udp@7 direct 10.0.2.13:53@8",
        "[2001:db8::10]:443/tcp@9 nat [2001:db8::11]:443@10",
    ]


def test_the_examples_of_the_manual_page(shared, rows, warned):
    """Example 1 masquerades, example 3 declares the same service again with tunnels: the first stays, and it is said."""
    mapping = shared("ipvsadm", "ipvsadm_man_examples.txt")
    assert rows(mapping) == [
        *(f"207.175.44.110:80/tcp@9 nat 192.168.10.{i}:80@{9 + i}" for i in range(1, 6)),
        "10.0.0.1:80/tcp@111 tunnel 192.168.11.1:80@112",
        "[2001:db8::80]:80/tcp@119 nat [2001:db8::a0a0]:80@120",
    ]
    said = warned(mapping)
    assert sum("firewall mark 1 has no address" in text for text in said) == 6
    assert "79: 192.168.10.1:80 behind 207.175.44.110:80 is nat by line 10 and tunnel here; the first is kept" in said


def test_as_a_shell_script_with_long_options_and_continued_lines(rows, warned):
    mapping = ipvsadm.read("""\
#!/bin/sh
/sbin/ipvsadm -C
/sbin/ipvsadm --add-service --tcp-service 203.0.113.10:http --scheduler rr
ipvsadm --add-server --tcp-service 203.0.113.10:http \\
    --real-server 10.0.2.11 --masquerading
ipvsadm -a -t 203.0.113.10:http -r $WEB2:80 -m
ipvsadm -a -t 203.0.113.10:http -r 10.0.2.13
ipvsadm -d -t 203.0.113.10:http -r 10.0.2.11
""", "i")
    assert rows(mapping) == [
        "203.0.113.10:80/tcp@3 nat 10.0.2.11:80@4",
        "203.0.113.10:80/tcp@3 direct 10.0.2.13:80@7",
    ]
    assert [text[:30] for text in warned(mapping)] == ["6: real server: '$WEB2' is fil", "8: -d -t 203.0.113.10:http -r "]


def test_a_table_of_rates_does_not_say_how_it_forwards(warned):
    mapping = ipvsadm.read("""\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes
  -> RemoteAddress:Port
TCP  203.0.113.10:80                    12       60       48     4000    90000
  -> 10.0.2.11:8080                      6       30       24     2000    45000
""", "i")
    assert mapping.services[0].reals == ()
    assert warned(mapping)[0] == (
        "5: 10.0.2.11:8080: left out, this table does not say how it forwards; give the output of ipvsadm -S -n")


def test_every_damaged_line_is_named():
    assert problems("""\
-A -t oops
-A -t 203.0.113.10:80800 -s rr
-A -t 203.0.113.1o:80
-A
-a -t 203.0.113.11:80 -r 10.0.2.11:80 -m
-A -t 203.0.113.12:80
-a -t 203.0.113.12:80 -m
-a -t 203.0.113.12:80 -r [2001:db8::1 -m
TCP  203.0.113.10:80 rr
  ->
  -> 10.0.2.11:80   Mask  1 0 0
""") == [
        "i:1:7: expected VIP:PORT, got 'oops'",
        "i:2:20: expected virtual service: a port from 1 to 65535, got '80800'",
        "i:3:7: expected virtual service: an IPv4 or IPv6 address, got '203.0.113.1o'",
        "i:4:1: expected -A -t VIP:PORT, -u VIP:PORT or -f MARK, got '-A'",
        "i:5:7: expected -A -t 203.0.113.11:80 before its servers, got none",
        "i:7:23: expected -r SERVER:PORT, got '-a -t 203.0.113.12:80 -m'",
        "i:8:38: expected a closing ']' after the IPv6 address, got '[2001:db8::1'; write [2001:db8::1]:80",
        "i:10:3: expected -> SERVER:PORT FORWARD WEIGHT, got nothing",
        "i:11:21: expected Masq, Route, Tunnel or Local, got 'Mask'",
    ]
