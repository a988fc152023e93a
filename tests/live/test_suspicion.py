"""The cheap look passes over what works, and notices whatever a rule could ask about."""

import pytest

from analyzer.live import suspicion
from analyzer.tables import FLOWS, TCP, UDP, empty


def flows(**more):
    table = empty(FLOWS, 2)
    for name, value in {"kind": TCP, "syn_frame": 1, "synack_frame": 2, "estab_frame": 3, "bytes_i": 10, "bytes_r": 10,
                        "state": 2}.items():
        table[name][:] = value
    for name, value in more.items():
        table[name][1] = value
    return table


def test_connections_that_work_are_nothing_however_many_and_whatever_arp_says():
    assert suspicion.of([flows()], (0, 0)) == suspicion.of([flows(packets_i=500), flows()], (7, 9)) == ()


@pytest.mark.parametrize("odd", [
    {"synack_frame": 0}, {"estab_frame": 0}, {"syn_frame": 0}, {"rst_r_count": 1}, {"retrans_r": 2}, {"retrans_i": 3},
    {"kind": UDP}, {"fin_i_frame": 9, "bytes_r": 0},
])
def test_whatever_else_is_told_apart(odd):
    before = suspicion.of([flows(**odd)], (0, 0))
    assert before != ()
    assert suspicion.of([flows(**odd)], (0, 0)) == before
    assert suspicion.of([flows(**odd, syn_count=2)], (0, 0)) != before
    assert suspicion.of([flows(**odd)], (1, 1)) != before
