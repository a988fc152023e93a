"""Two traces beside each other, packet by packet."""

from __future__ import annotations

from analyzer.report.replay import Leg, compared, parts

NOW = ("SYN:", "  client   out   eth0  a > b", "SYN-ACK:", "  server  out  b > a", "  client  end  no such connection",
       "RST:", "  client  out  a > b")
THEN = ("SYN:", "  client   out   eth0  a > b", "SYN-ACK:", "  server  out  via lb", "ACK:", "  client  out")


def test_each_packet_stands_beside_itself_in_the_order_in_which_it_was_sent():
    assert compared(NOW, THEN) == [
        Leg("SYN", ("client out eth0 a > b",), ("client out eth0 a > b",)),
        Leg("SYN-ACK", ("server out b > a", "client end no such connection"), ("server out via lb",)),
        Leg("RST", ("client out a > b",), ()),
        Leg("ACK", (), ("client out",)),
    ]
    assert [leg.same for leg in compared(NOW, THEN)] == [True, False, False, False]


def test_a_trace_without_titles_is_one_packet():
    assert list(parts(("a  b", "c"))) == [("", ("a b", "c"))]
    assert compared((), ()) == []
    assert list(parts(("SYN:",))) == []


def test_a_hop_that_ends_in_a_colon_is_no_title():
    assert list(parts(("SYN:", "  2001:db8::"))) == [("SYN", ("2001:db8::",))]
