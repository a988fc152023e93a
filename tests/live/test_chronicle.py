"""What is news: a fault is announced once, again where it changes, and mended where connections succeed."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from live_examples import BALANCER_MAC, DIAGNOSIS, FINDING

from analyzer.diagnose.finding import Certainty, Connection
from analyzer.live.chronicle import MOST_KNOWN, Chronicle, prefix
from analyzer.live.recovery import successes
from analyzer.tables import FLOWS, TCP, AddressBook, empty
from analyzer.units import FrameNo, UnixNs

NOW = UnixNs(10**18)


def says(chronicle, *findings, failed_ns=1_000):
    rows = tuple(Connection("tcp", "10.0.2.50", 40000, "203.0.113.10", 80, "10.0.2.11", 8080, "bypass", "S0", 0, FrameNo(1),
                            UnixNs(failed_ns), index) for index in range(len(findings)))
    events = chronicle.update(replace(DIAGNOSIS, findings=findings, connections=rows), NOW)
    return [(event.news, event.number, event.reason) for event in events]


def test_new_once_then_silence_then_what_has_changed():
    chronicle = Chronicle()
    assert says(chronicle, FINDING) == [("new", 1, "")]
    assert says(chronicle, replace(FINDING, connections=900)) == []
    assert says(chronicle, replace(FINDING, clients=("10.0.2.50", "10.0.2.51"))) == []       # the same /24
    assert says(chronicle, replace(FINDING, clients=("10.0.2.50", "192.0.2.7"))) == [("changed", 1, "also for 192.0.2.0/24")]
    certain = replace(FINDING, certainty=Certainty.CERTAIN)
    assert says(chronicle, certain) == [("changed", 1, "now certain, was likely")]
    assert says(chronicle, FINDING) == says(chronicle, certain) == []                        # no flapping
    assert says(chronicle, certain, replace(FINDING, rule="RP205")) == [("new", 2, "")]


def test_the_delay_is_from_the_reply_that_shows_it():
    [event] = Chronicle().update(DIAGNOSIS, UnixNs(5_000))
    assert event.waited_ns == 3_000


def test_so_many_faults_are_told_apart():
    chronicle = Chronicle()
    many = [replace(FINDING, real=replace(FINDING.real, port=port)) for port in range(MOST_KNOWN + 5)]
    assert len(says(chronicle, *many)) == MOST_KNOWN
    assert chronicle.crowded == 5


def test_what_has_left_the_window_stays_counted():
    chronicle = Chronicle()
    chronicle.update(DIAGNOSIS, NOW)
    chronicle.leave(DIAGNOSIS)
    findings, counts = chronicle.whole(replace(DIAGNOSIS, findings=(replace(FINDING, connections=4),)))
    assert [finding.connections for finding in findings] == [5]
    assert counts == {"established": 10, "bypass": 2}
    chronicle.update(replace(DIAGNOSIS, findings=()), NOW)
    findings, _ = chronicle.whole(replace(DIAGNOSIS, findings=()))
    assert [finding.rule for finding in findings] == ["RP101"]


def flows(book, *rows):
    """FLOWS rows: first_ns, initiator, port, responder, MACs of the SYN's source and of the SYN-ACK's destination."""
    table = empty(FLOWS, len(rows))
    table["kind"][:] = TCP
    for name in ("syn_frame", "synack_frame", "estab_frame"):
        table[name][:] = 1
    for row, (first_ns, port, client, (address, responder_port), syn_from, reply_to) in enumerate(rows):
        table["first_ns"][row], table["initiator_port"][row], table["responder_port"][row] = first_ns, port, responder_port
        for name, octets in (("initiator", packed(client)), ("responder", packed(address)),
                             ("syn_src_mac", mac(syn_from)), ("synack_dst_mac", mac(reply_to))):
            table[name][row] = book.intern(octets)
    return table


def packed(address):
    return bytes(map(int, address.split(".")))


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


VIP, RIP, OWN = ("203.0.113.10", 80), ("10.0.2.11", 8080), "02:00:0a:00:02:32"


@pytest.mark.parametrize("row, counts", [
    ((50, 1, "10.0.2.50", VIP, OWN, OWN), 1),                        # dialled the service
    ((50, 1, "10.0.2.50", RIP, BALANCER_MAC, BALANCER_MAC), 1),      # passed on by the balancer, answered through it
    ((50, 1, "10.0.2.50", RIP, OWN, OWN), 0),                        # called the real server itself
    ((50, 1, "10.0.2.50", RIP, BALANCER_MAC, OWN), 0),               # answered past the balancer: the fault
    ((50, 1, "10.0.2.77", VIP, OWN, OWN), 0),                        # another client
    ((30, 1, "10.0.2.50", VIP, OWN, OWN), 0),                        # before the last failure
    ((50, 1, "10.0.2.50", ("203.0.113.10", 443), OWN, OWN), 0),      # another service
])
def test_which_connections_speak_for_a_mended_fault(row, counts):
    book = AddressBook()
    assert successes(FINDING, 40, [flows(book, row)], book)[0] == counts


def test_two_points_see_one_connection():
    book = AddressBook()
    row = (50, 1, "10.0.2.50", VIP, OWN, OWN)
    assert successes(FINDING, 40, [flows(book, row), flows(book, row)], book) == (1, 50)
    assert successes(FINDING, 40, [], AddressBook()) == (0, 0)


def test_mended_once_counted_on_and_again_where_it_fails_again():
    chronicle, book = Chronicle(), AddressBook()
    says(chronicle, FINDING, failed_ns=40)
    good = [(50, 1, "10.0.2.50", VIP, OWN, OWN), (60, 2, "10.0.2.50", VIP, OWN, OWN)]
    [mended] = chronicle.recovered([flows(book, *good[:1])], book, NOW)
    assert (mended.connections, mended.since_ns) == (1, 50)
    assert chronicle.recovered([flows(book, *good)], book, NOW) == []
    assert chronicle.known[0].mended == 2
    assert says(chronicle, FINDING, failed_ns=40) == []
    assert says(chronicle, FINDING, failed_ns=70) == [("again", 1, "fails again")]
    assert chronicle.known[0].mended == 0
    assert chronicle.recovered([flows(book, *good)], book, NOW) == []
    assert len(chronicle.recovered([flows(book, (80, 3, "10.0.2.50", VIP, OWN, OWN))], book, NOW)) == 1


def test_prefixes():
    assert (prefix("10.0.2.50"), prefix("2001:db8:2::50")) == ("10.0.2.0/24", "2001:db8:2::/64")
    assert Counter() == Chronicle().left
    assert np.uint8(TCP) == TCP
