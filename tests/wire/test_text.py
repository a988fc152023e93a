"""One text form: what is printed can be read, and says the same."""

from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import given

from analyzer.errors import ConfigSyntaxError
from analyzer.wire.packet import Echo, IcmpError, IsAt, Packet, Quote, Redirect, Tcp, Udp, WhoHas
from analyzer.wire.text import parse

from .strategies import packets

CLIENT, SERVER, BALANCER = (IPv4Address(address) for address in ("10.0.2.9", "10.0.2.11", "10.0.2.1"))
MAC, OTHER_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"


@given(packets)
def test_what_is_printed_is_read_back(packet):
    assert parse(str(packet)) == packet


@pytest.mark.parametrize(("line", "packet"), [
    ("0.000400 10.0.2.11:8080 > 10.0.2.9:40000 [S.] seq 9000 ack 1001",
     Packet(400_000, Tcp(SERVER, 8080, CLIENT, 40000, 0x12, 9000, 1001))),
    ("1 10.0.2.11:8080 > 10.0.2.9:40000 [none]", Packet(10**9, Tcp(SERVER, 8080, CLIENT, 40000, 0))),
    ("0.1 [2001:db8::1]:80 > [2001:db8::9]:4000 [R] seq 5",
     Packet(10**8, Tcp(ip_address("2001:db8::1"), 80, ip_address("2001:db8::9"), 4000, 4, 5))),
    ("0.1 10.0.2.9:5353 > 10.0.2.1:53 udp len 30 [data 1234abcd]",
     Packet(10**8, Udp(CLIENT, 5353, BALANCER, 53, 30, bytes.fromhex("1234abcd")))),
    ("0.1 10.0.2.9:5353 > 10.0.2.1:53 udp [data 1234abcd]",
     Packet(10**8, Udp(CLIENT, 5353, BALANCER, 53, 4, bytes.fromhex("1234abcd")))),
    ("0.1 10.0.2.9 > 10.0.2.1 icmp echo request id 5 seq 1", Packet(10**8, Echo(CLIENT, BALANCER, False, 5, 1))),
    ("0.1 10.0.2.9 > 10.0.2.1 icmp echo reply id 5 seq 1 id 7", Packet(10**8, Echo(CLIENT, BALANCER, True, 5, 1), ip_id=7)),
    ("0.1 10.0.2.9 > 10.0.2.11 icmp unreachable port (10.0.2.11:53 > 10.0.2.9:4000 udp)",
     Packet(10**8, IcmpError(CLIENT, SERVER, 3, 3, Quote(SERVER, CLIENT, 17, 53, 4000)))),
    ("0.1 10.0.2.1 > 10.0.2.11 icmp redirect 10.0.2.9 to 10.0.2.9 (10.0.2.11:8080 > 10.0.2.9:40000 tcp)",
     Packet(10**8, Redirect(BALANCER, SERVER, CLIENT, CLIENT, Quote(SERVER, CLIENT, 6, 8080, 40000)))),
    ("0.1 arp who-has 10.0.2.9 tell 10.0.2.11", Packet(10**8, WhoHas(CLIENT, SERVER))),
    ("0.1 nd reply 2001:db8::9 is-at 02:00:00:00:00:01", Packet(10**8, IsAt(ip_address("2001:db8::9"), MAC))),
    ("0.1 10.0.2.11:1 > 10.0.2.9:2 [P.] @server mss 1460 len 100 win 7 vlan 7 ts 100/0 ttl 63 ack 2 id 9 mac 02:00:00:00:00:01>02:00:00:00:00:02 seq 1",
     Packet(10**8, Tcp(SERVER, 1, CLIENT, 2, 0x18, 1, 2, 100, (100, 0), 7, 1460), 63, 9, 7, (MAC, OTHER_MAC), "server")),
])
def test_trailing_words_stand_in_any_order(line, packet):
    assert parse(line) == packet


@pytest.mark.parametrize(("line", "column", "expected"), [
    ("", 1, "a time"),
    ("soon 10.0.2.9:1 > 10.0.2.1:2 [S]", 1, "a time"),
    ("0.1234567890 10.0.2.9:1 > 10.0.2.1:2 [S]", 1, "a time"),
    ("0.1 10.0.2.9:1 10.0.2.1:2 [S]", 16, "'>'"),
    ("0.1 10.0.2.9:1 > 10.0.2.1 [S]", 18, "both with a port or none"),
    ("0.1 10.0.2.9:1 > [2001:db8::1]:1 [S]", 18, "both IPv4 or both IPv6"),
    ("0.1 10.0.2.300:1 > 10.0.2.1:2 [S]", 5, "ADDRESS:PORT"),
    ("0.1 10.0.2.9:65536 > 10.0.2.1:2 [S]", 5, "a port up to 65535"),
    ("0.1 10.0.2.9:1 > 10.0.2.1:2 [SYN]", 29, "TCP flags"),
    ("0.1 10.0.2.9:1 > 10.0.2.1:2 [S] seq 4294967296", 37, "0 to 4294967295"),
    ("0.1 10.0.2.9:1 > 10.0.2.1:2 [S] seq ack 1", 37, "a number after 'seq'"),
    ("0.1 10.0.2.9:1 > 10.0.2.1:2 [S] seq 1 seq 1", 39, "the end of the line"),
    ("0.1 10.0.2.9:1 > 10.0.2.1:2 [S] ts 5", 36, "TSval/TSecr"),
    ("0.1 10.0.2.9:1 > 10.0.2.1:2 [S] ts a/5", 36, "TSval/TSecr"),
    ("0.1 10.0.2.9:1 > 10.0.2.1:2 [S] ts 5/", 36, "TSval/TSecr"),
    ("0.1 10.0.2.9:1 > 10.0.2.1:2 [S] ts 5/4294967296", 36, "TSval/TSecr"),
    ("0.1 10.0.2.9:1 > 10.0.2.1:2 [S", 29, "TCP flags"),
    ("0.1 10.0.2.9:1 > 10.0.2.1:2 S]", 29, "TCP flags"),
    ("0.1 arp banana", 9, "'who-has' or 'reply'"),
    ("0.1 10.0.2.9:1 > 10.0.2.1:2 [S] mac 02:00", 37, "two MACs"),
    ("0.1 10.0.2.9:1 > 10.0.2.1:2 udp mss 5", 33, "one of len"),
    ("0.1 10.0.2.9:1 > 10.0.2.1:2 udp len 1 [data 0102]", 50, "at least 2"),
    ("0.1 10.0.2.9:1 > 10.0.2.1:2 udp [data 01", 39, "hexadecimal"),
    ("0.1 10.0.2.9 > 10.0.2.1 icmp banana", 30, "'echo', 'redirect', 'error TYPE CODE'"),
    ("0.1 10.0.2.9 > 10.0.2.1 icmp echo id 5 seq 1", 35, "'request'"),
    ("0.1 10.0.2.9 > 10.0.2.1 icmp redirect 10.0.2.9 to 10.0.2.8 (10.0.2.1 > 10.0.2.2 icmp id 1)", 60, "a packet to 10.0.2.9"),
    ("0.1 10.0.2.9 > 10.0.2.1 icmp unreachable port (10.0.2.1 > 10.0.2.9 tcp", 71, "')'"),
    ("0.1 arp who-has 2001:db8::1 tell 10.0.2.1", 17, "an IPv4 address"),
    ("0.1 arp reply 10.0.2.1 is-at 02-00-00-00-00-01", 30, "a MAC"),
    ("0.1 10.0.2.9 > 10.0.2.1 ospf", 25, "'proto'"),
])
def test_an_error_names_its_column_and_what_was_expected(line, column, expected):
    with pytest.raises(ConfigSyntaxError) as caught:
        parse(line, "RP101.md:12")
    message = str(caught.value)
    assert message.startswith(f"RP101.md:12:{column}: expected ")
    assert expected in message
    assert "\n" not in message
