"""Decoded rows as text: what a reader of a report sees."""

import pytest

from analyzer.tables import AddressBook
from analyzer.wire.build import batches
from analyzer.wire.decode import Decoder
from analyzer.wire.text import from_row

from .octets import ethernet, ipv4, tcp, udp


def lines(batch, **options):
    book = AddressBook()
    columns = Decoder(book).decode(batch).columns
    return [None if packet is None else str(packet)
            for packet in (from_row(columns, row, book, **options) for row in range(len(batch)))]


def test_brief_leaves_out_what_a_ladder_does_not_need():
    batch = batches("""
        5.25 10.0.2.9:40000 > 203.0.113.10:80 [S] seq 1 ts 5/0 mss 1460 win 1000 ttl 3 id 9 vlan 7
        5.5 arp who-has 10.0.2.9 tell 10.0.2.11
    """)[""]
    assert lines(batch, brief=True, zero_ns=5_000_000_000, vantage="client") == [
        "0.250000 10.0.2.9:40000 > 203.0.113.10:80 [S] seq 1 @client",
        "0.500000 arp who-has 10.0.2.9 tell 10.0.2.11 @client",
    ]


def test_a_clock_that_ran_backwards_shows_no_negative_time():
    batch = batches("1 10.0.2.9:1 > 10.0.2.1:2 [S] seq 1")[""]
    assert lines(batch, brief=True, zero_ns=2_000_000_000) == ["0.000000 10.0.2.9:1 > 10.0.2.1:2 [S] seq 1"]


@pytest.mark.parametrize(("octets", "line"), [
    (ethernet(0x88CC, bytes(40)), None),
    (ethernet(0x0800, ipv4(6, tcp(flags=4))), "0.000000 10.0.2.9:40000 > 10.0.2.1:80 [R] seq 1000 ack 2000"),
    (ethernet(0x0800, ipv4(17, udp(b"\0\0\0\0\1"))), "0.000000 10.0.2.9:5353 > 10.0.2.1:53 udp len 5"),
    (ethernet(0x0800, ipv4(17, bytes(100), fragment=5)), "0.000000 10.0.2.9 > 10.0.2.1 proto 17 len 100"),
    (ethernet(0x0800, ipv4(1, b"\x0d\0\0\0" + bytes(16))), "0.000000 10.0.2.9 > 10.0.2.1 proto 1"),
    (ethernet(0x0800, ipv4(1, b"\x05\x01\0\0\x0a\0\x02\xfe")),          # a redirect that quotes nothing
     "0.000000 10.0.2.9 > 10.0.2.1 icmp redirect 10.0.2.1 to 10.0.2.254"),
    (ethernet(0x0800, ipv4(1, b"\x03\x09\0\0" + bytes(4))), "0.000000 10.0.2.9 > 10.0.2.1 icmp error 3 9"),
])
def test_rows_that_no_line_was_built_from(batch_of, octets, line):
    assert lines(batch_of([(octets, len(octets), 1)]), brief=True) == [line]


def test_a_cooked_row_has_no_destination_mac_to_show(batch_of):
    cooked = b"\0\0\0\1\0\6" + b"\2\0\0\0\0\1" + b"\0\0" + b"\x08\0" + ipv4(6, tcp())
    assert lines(batch_of([(cooked, len(cooked), 113)])) == [
        "0.000000 10.0.2.9:40000 > 10.0.2.1:80 [P.] seq 1000 ack 2000 win 500 ttl 64 id 7"]


def test_every_shared_frame_has_a_line(corpus, batch_of):
    """No decoded row is beyond words, however odd the frame."""
    every = lines(batch_of(corpus))
    assert sum(line is not None for line in every) > 20_000
