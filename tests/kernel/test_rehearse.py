"""A change tried with many connections at once: repaired, newly broken, unchanged - in the words of the model."""

from __future__ import annotations

import io

import dpkt
import pytest

from analyzer.diagnose.finding import Applicability
from analyzer.kernel.connection import HTTP, Outcome, Probe, Result
from analyzer.kernel.networks import SERVER1, dnat, two_arm
from analyzer.kernel.rehearse import Effect, Rehearsal, Row, rehearse

OUTSIDE = Probe("outside", send=HTTP.send, expect=-1)
SSH = Probe(address=SERVER1, port=22, expect=22)
SSH_AROUND = Probe("server2", SERVER1, 22, expect=22)
PROBES = (HTTP, OUTSIDE, SSH, SSH_AROUND)
STRICT = """table ip strict {
 chain forward { type filter hook forward priority filter; policy accept; ct state invalid drop; }
}
"""
TOPOLOGY = two_arm().with_host("balancer", nft=dnat("203.0.113.10", 80, SERVER1) + STRICT)
HOST_ROUTE = ("server1", "ip route add 10.0.2.50/32 via 10.0.2.1")
SUBNET_ROUTE = ("server1", "ip route prepend 10.0.2.0/24 via 10.0.2.1")
BY_PORT = (
    ("server1", "ip rule add ipproto tcp sport 8080 lookup 77"),
    ("server1", "ip route add default via 10.0.2.1 table 77"),
)


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("change", "word", "broken"),
    [
        ([("server1", "ip route add 10.0.2.0/24 via 10.0.2.1")], Applicability.INEFFECTIVE, ()),
        ([HOST_ROUTE], Applicability.HARMFUL, ("client -> 10.0.2.11:22/tcp",)),
        ([SUBNET_ROUTE], Applicability.HARMFUL, ("client -> 10.0.2.11:22/tcp", "server2 -> 10.0.2.11:22/tcp")),
        (BY_PORT, Applicability.PROVEN, ()),
    ],
    ids=["refused", "host route", "subnet route", "rule by port"],
)
def test_the_word_is_computed_from_what_the_connections_did(change, word, broken):
    done = rehearse(TOPOLOGY, PROBES, change, patience_s=0.7)
    assert done.proof.applicability is word
    assert done.proof.broken_connections == broken
    assert done.proof.repaired == (word is not Applicability.INEFFECTIVE)
    assert done.proof.repaired + done.proof.newly_broken + done.proof.unchanged == len(PROBES)


@pytest.mark.kernel
def test_both_passes_are_captured_apart():
    done = rehearse(TOPOLOGY, [HTTP], BY_PORT, points={"client": ("client", "eth0")}, patience_s=0.7)
    assert {name: synacks(octets) for name, octets in done.before.items()} == {"client": {"10.0.2.11"}}
    assert {name: synacks(octets) for name, octets in done.after.items()} == {"client": {"203.0.113.10"}}


def synacks(octets: bytes) -> set[str]:
    frames = [dpkt.ethernet.Ethernet(frame) for _, frame in dpkt.pcap.Reader(io.BytesIO(octets))]
    return {
        ".".join(map(str, frame.data.src))
        for frame in frames
        if isinstance(frame.data, dpkt.ip.IP) and frame.data.p == 6 and frame.data.data.flags == 0x12
    }


GOOD, BAD = Outcome(Result.ANSWERED), Outcome(Result.TIMEOUT)


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        (BAD, GOOD, Effect.REPAIRED),
        (GOOD, BAD, Effect.BROKEN),
        (GOOD, GOOD, Effect.UNCHANGED),
        (BAD, Outcome(Result.REFUSED), Effect.UNCHANGED),
    ],
)
def test_the_effect_of_a_change_on_one_connection(before, after, effect):
    assert Row(HTTP, before, after).effect is effect


def test_one_broken_connection_outweighs_a_hundred_repaired():
    rows = (Row(HTTP, GOOD, BAD), *[Row(HTTP, BAD, GOOD)] * 100)
    assert Rehearsal(rows, ()).proof.applicability is Applicability.HARMFUL


def test_a_row_reads_like_a_line_of_a_report():
    assert str(Row(HTTP, BAD, GOOD)) == "client -> 203.0.113.10:80/tcp: timeout -> answered  repaired"
    assert str(Probe(address="2001:db8::1")) == "client -> [2001:db8::1]:80/tcp"
