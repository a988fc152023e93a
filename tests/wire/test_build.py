"""A ladder runs through the real decoder and comes back as it was written."""

import pytest

from analyzer.errors import ConfigSyntaxError
from analyzer.tables import OK, AddressBook
from analyzer.wire.build import batches, ladder, packets
from analyzer.wire.decode import Decoder
from analyzer.wire.text import from_row

LADDER = """
    0.000000 10.0.2.9:40000 > 203.0.113.10:80 [S] seq 4294967295 ts 100/0 win 64240 mss 1460 ttl 64 mac 02:00:00:00:00:01>02:00:00:00:00:02
    0.000400 10.0.2.11:8080 > 10.0.2.9:40000 [S.] seq 9000 ack 0 win 65160 ttl 63 id 7 mac 02:00:00:00:00:03>02:00:00:00:00:01
    0.100000 [2001:db8::9]:5353 > [2001:db8::1]:53 udp len 30 [data 1234abcd] ttl 63 vlan 7 mac 02:00:00:00:00:01>02:00:00:00:00:02
    0.100001 10.0.2.9 > 10.0.2.1 icmp echo request id 5 seq 1 len 56 ttl 64 ip-id 9 mac 02:00:00:00:00:01>02:00:00:00:00:02
    0.100002 2001:db8::1 > 2001:db8::2 icmp echo reply id 5 seq 1 ttl 64 mac 02:00:00:00:00:01>02:00:00:00:00:02
    0.100003 10.0.2.9 > 10.0.2.11 icmp unreachable port (10.0.2.11:53 > 10.0.2.9:4000 udp) ttl 64 mac 02:00:00:00:00:01>02:00:00:00:00:02
    0.100004 10.0.2.1 > 10.0.2.11 icmp unreachable frag-needed mtu 1200 (10.0.2.11:80 > 10.0.2.9:4000 tcp seq 5) ttl 64 mac 02:00:00:00:00:01>02:00:00:00:00:02
    0.100005 10.0.2.1 > 10.0.2.11 icmp unreachable admin (10.0.2.11:80 > 10.0.2.9:4000 tcp) ttl 64 mac 02:00:00:00:00:01>02:00:00:00:00:02
    0.100006 10.0.2.1 > 10.0.2.11 icmp error 3 10 (10.0.2.11 > 10.0.2.9 icmp id 77) ttl 64 mac 02:00:00:00:00:01>02:00:00:00:00:02
    0.100007 2001:db8::1 > 2001:db8::2 icmp packet too big mtu 1280 ([2001:db8::2]:53 > [2001:db8::1]:4000 udp) ttl 64 mac 02:00:00:00:00:01>02:00:00:00:00:02
    0.100008 10.0.2.1 > 10.0.2.11 icmp redirect 10.0.2.9 to 10.0.2.8 (10.0.2.11:8080 > 10.0.2.9:40000 tcp) ttl 255 mac 02:00:00:00:00:01>02:00:00:00:00:02
    0.100009 2001:db8::1 > 2001:db8::11 icmp redirect 2001:db8::9 to 2001:db8::8 ([2001:db8::11]:8080 > [2001:db8::9]:40000 tcp) ttl 255 mac 02:00:00:00:00:01>02:00:00:00:00:02
    0.100010 arp who-has 10.0.2.9 tell 10.0.2.11 claims 02:00:00:00:00:07 mac 02:00:00:00:00:01>ff:ff:ff:ff:ff:ff
    0.100011 arp reply 10.0.2.9 is-at 02:00:00:00:00:01 mac 02:00:00:00:00:01>ff:ff:ff:ff:ff:ff
    0.100012 arp reply 10.0.2.9 is-at 02:00:00:00:00:01 to 10.0.2.11 mac 02:00:00:00:00:01>02:00:00:00:00:02
    0.100013 nd who-has 2001:db8::9 tell 2001:db8::11 mac 02:00:00:00:00:01>33:33:ff:00:00:09
    0.100014 nd reply 2001:db8::9 is-at 02:00:00:00:00:01 to 2001:db8::11 mac 02:00:00:00:00:01>02:00:00:00:00:02
    0.100015 nd reply 2001:db8::9 is-at 02:00:00:00:00:01 mac 02:00:00:00:00:01>33:33:00:00:00:01
    0.200000 10.0.2.11 > 10.0.2.9 proto 89 len 40 ttl 1 mac 02:00:00:00:00:01>02:00:00:00:00:02
"""


def test_a_ladder_survives_building_and_decoding():
    book = AddressBook()
    table = Decoder(book).decode(batches(LADDER)[""])
    assert table.columns["verdict"].tolist() == [OK] * len(table)
    back = "\n".join(f"    {from_row(table.columns, row, book)}" for row in range(len(table)))
    # A SYN's window is always in the packet; what the text left out comes back as the default.
    assert back.replace(" win 64240", "") == LADDER.strip("\n").rstrip().replace(" win 64240", "")


def test_lines_belong_to_their_vantage_point_and_keep_their_order():
    points = ladder("""
        # who saw what
        0.2 10.0.2.9:40000 > 203.0.113.10:80 [S] @client

        0.1 10.0.2.9:40000 > 203.0.113.10:80 [S] @balancer
        0.3 10.0.2.9:40000 > 203.0.113.10:80 [S] seq 1 @client
    """)
    assert {name: [time_ns for time_ns, _ in frames] for name, frames in points.items()} == {
        "client": [200_000_000, 300_000_000], "balancer": [100_000_000]}


def test_a_ladder_names_every_line_that_it_cannot_read():
    with pytest.raises(ConfigSyntaxError) as caught:
        packets("0.1 arp who-has 10.0.2.9\n0.2 10.0.2.9:1 > 10.0.2.1:2 [S]\n0.3 10.0.2.9:1 > 10.0.2.1:2 [X]", "RP101")
    assert caught.value.problems == (
        "RP101:1:25: expected 'tell', got 'the end' in '0.1 arp who-has 10.0.2.9'",
        "RP101:3:29: expected 'udp', or TCP flags as [S.], got '[X]' in '0.3 10.0.2.9:1 > 10.0.2.1:2 [X]'",
    )
