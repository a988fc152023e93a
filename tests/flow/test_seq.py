"""Numbers on a circle."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.flow import seq

NUMBERS = st.integers(0, seq.MODULUS - 1)
STEPS = st.integers(-seq.HALF + 1, seq.HALF - 1)


@pytest.mark.parametrize("start, octets, end", [
    (0, 1, 1),
    (0xFFFFFFFF, 1, 0),            # the SYN of an unlucky ISN wraps
    (0xFFFFFF00, 0x200, 0x100),
    (0, -1, 0xFFFFFFFF),
])
def test_rfc9293_3_4_advance_wraps(start, octets, end):
    assert seq.advance(start, octets) == end


@settings(deadline=None, derandomize=True)
@given(NUMBERS, STEPS)
def test_distance_undoes_advance(start, octets):
    assert seq.distance(start, seq.advance(start, octets)) == octets


@settings(deadline=None, derandomize=True)
@given(NUMBERS, NUMBERS)
def test_after_is_the_sign_of_the_distance(one, other):
    assert seq.after(one, other) == (seq.distance(other, one) > 0)


def test_rfc1982_3_2_half_the_circle_has_no_order():
    assert seq.distance(0, seq.HALF) == -seq.HALF
    assert not seq.after(seq.HALF, 0)
    assert not seq.after(0, seq.HALF)
