"""The transition table, the history, and who began."""

import numpy as np
import pytest

from analyzer.flow import states
from analyzer.tables import FLOWS, STATES


def test_the_names_are_those_of_the_tables():
    for number, name in enumerate(STATES):
        ours = "ORPHAN" if name == "SH?" else name
        assert getattr(states, ours) == number


def test_every_tcp_state_is_reached_and_the_dense_table_is_the_table():
    reached = set(states.TRANSITIONS.values())
    assert reached == set(range(len(STATES))) - {states.UDP1, states.UDP2}
    for state in range(states.NOTHING + 1):
        for who in (states.I, states.R):
            for what in range(7):
                assert states.MOVES[state, who, what] == states.TRANSITIONS.get((state, who, what), state)


def test_an_end_is_an_end():
    """What was reset or closed is not opened again by a late segment, except by somebody who answers the SYN."""
    for state in (states.SF, states.RSTO, states.RSTR, states.RSTRH):
        assert np.all(states.MOVES[state] == state)
    assert {after for (before, _, _), after in states.TRANSITIONS.items() if before == states.REJ} == {states.S1}


def test_a_stale_segment_moves_nothing_once_something_was_seen():
    for state in range(states.NOTHING):
        for who in (states.I, states.R):
            assert states.MOVES[state, who, states.WRONG] == state


def test_the_history_fits_its_column_and_is_printed_in_one_order():
    everything = states.FLIPPED | (states.FLIPPED - 1)
    assert everything <= np.iinfo(FLOWS["history"].dtype).max
    assert states.history_text(everything) == "^SsHhAaDdFfRrTtGgWwQq"
    assert states.history_text(states.HIST_S | states.HIST_H << 1 | states.HIST_A) == "ShA"
    assert states.history_text(0) == ""


def test_swapping_twice_is_nothing():
    bits = states.HIST_S | states.HIST_H << 1 | states.HIST_D | states.FLIPPED
    assert states.history_text(states.swapped(bits)) == "^sHd"
    assert states.swapped(states.swapped(bits)) == bits


@pytest.mark.parametrize("src, dst, initiates", [
    (40000, 80, True), (80, 40000, False),          # a well-known port is the responder's
    (40000, 8080, True), (8080, 40000, False),      # an ephemeral one the initiator's
    (5000, 6000, True), (6000, 5000, True),         # nothing to go by: who speaks first
    (1023, 1024, False), (32767, 32768, False),
])
def test_who_began_by_the_ports(src, dst, initiates):
    assert states.sender_initiates(src, dst) is initiates
