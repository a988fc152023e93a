"""One packet captured twice, and one sent twice."""

import pytest

from analyzer.flow import duplicates as d

WORDS = (1, 2, 3)
MS = 1_000_000


def copy(after_ns, ip_id=7, ttl=(64, 64), datagram=False, at=10**18, words=WORDS):
    then, now = d.memory(5, WORDS, ttl[0], at), d.memory(5, words, ttl[1], at + after_ns)
    return d.is_copy(then, now, ip_id, datagram=datagram)


@pytest.mark.parametrize("after_ns, found", [(0, True), (51 * MS, True), (149 * MS, True), (-149 * MS, True),
                                             (151 * MS, False), (200 * MS, False), (-200 * MS, False)])
def test_a_copy_comes_before_any_retransmission_could(after_ns, found):
    assert copy(after_ns) is found


@pytest.mark.parametrize("after_ns, found", [(0, True), (4 * MS, True), (6 * MS, False)])
def test_without_an_identification_only_a_copy_at_once_is_believed(after_ns, found):
    assert copy(after_ns, ip_id=0) is found


@pytest.mark.parametrize("ttl", [(64, 63), (63, 64), (16, 255)])
def test_another_ttl_proves_another_hop(ttl):
    assert copy(50 * MS, ip_id=0, ttl=ttl)


@pytest.mark.parametrize("ttl, found", [((64, 64), False), ((64, 63), True), ((63, 64), False)])
def test_a_datagram_without_identification_is_a_copy_only_one_hop_on(ttl, found):
    """Many streams begin every datagram alike: RTP, QUIC, game traffic."""
    assert copy(0, ip_id=0, ttl=ttl, datagram=True) is found


def test_another_packet_is_none():
    assert not copy(0, words=(1, 2, 4))


@pytest.mark.parametrize("at", [0, -(2**62), 2**62, (1 << 41) - 1])
def test_the_clock_of_the_memory_runs_round(at):
    assert copy(MS, at=at)
    assert not copy(300 * MS, at=at)


def test_the_secret_decides_what_looks_alike():
    assert d.memory(5, WORDS, 64, 0) >> d.PRINT_SHIFT != d.memory(6, WORDS, 64, 0) >> d.PRINT_SHIFT
