"""The probability of coincidence against a simulation of connections that have nothing to do with each other."""

from __future__ import annotations

import random
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.balance.coincidence import COMPARED, ISN_CHANCE, chance, probability
from analyzer.balance.full_nat import TOGETHER_NS
from analyzer.diagnose.ladders import evidence_of
from analyzer.tables import TCP, UDP


@pytest.mark.parametrize(("fronts", "backs", "values"), [(40, 50, 2**10), (200, 100, 2**14), (30, 30, 2**8)])
def test_random_sequence_numbers_agree_as_often_as_the_formula_says(fronts, backs, values):
    """Initial sequence numbers drawn at random, from fewer than 2**32 so that accidents happen at all."""
    chances = np.random.default_rng(4)
    runs = 4000
    before, after = (chances.integers(values, size=(runs, n)) for n in (fronts, backs))
    agreements = (before[:, :, None] == after[:, None, :]).sum(axis=(1, 2))
    for support in range(1, 12):
        seen = (agreements >= support).mean()
        said = probability(support, fronts * backs, 1 / values)
        # three standard deviations of the simulation; and the formula never says "less likely" by more than a tenth
        noise = 3 * (max(said, 1 / runs) / runs) ** 0.5
        assert said == pytest.approx(seen, abs=noise + 0.1 * seen), (support, said, seen)


@settings(deadline=None, derandomize=True, database=None)
@given(st.integers(1, 50), st.integers(1, 10**12), st.floats(1e-15, 1))
def test_it_is_a_probability_and_falls_with_support(support, comparisons, q):
    said = probability(support, comparisons, q)
    assert 0 <= said <= 1
    assert probability(support + 1, comparisons, q) <= said + 1e-9
    assert said <= comparisons * q * (1 + 1e-9) or comparisons * q > 1      # no more than the expected number


def test_one_agreement_in_one_comparison_is_the_chance_itself():
    assert probability(1, 1, ISN_CHANCE) == pytest.approx(2**-32, rel=1e-9)
    assert probability(0, 1, ISN_CHANCE) == 1
    assert probability(1, 0, ISN_CHANCE) == 0


def test_what_is_beside_the_sequence_number_counts_as_far_as_it_was_measured():
    assert chance(TCP, replaced=False, agreed=5, compared=10) == ISN_CHANCE
    assert chance(TCP, replaced=True, agreed=0, compared=0) == ISN_CHANCE
    assert chance(TCP, replaced=True, agreed=0, compared=999) == ISN_CHANCE / 1000
    assert chance(UDP, replaced=False, agreed=0, compared=0) == 2**-16
    assert chance(UDP, replaced=False, agreed=2**16, compared=2**16) == pytest.approx(0.5, rel=1e-4)


def requests(seed, count):
    """SYNs of few clients to few servers, at random times of ten seconds."""
    chances = random.Random(seed)
    return [
        (round(chances.uniform(0, 10), 6), f"10.0.0.{chances.randrange(3)}", 1000 + chances.randrange(2),
         f"10.0.1.{chances.randrange(3)}", chances.randrange(2**32), 1 + chances.randrange(3))
        for _ in range(count)
    ]


@settings(max_examples=6, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 10**6))
def test_the_comparisons_are_counted(seed):
    made = {(r[1], r[2], r[3]): r for r in requests(seed, 14)}.values()       # one flow each
    ladder = "\n".join(
        f"{t:.6f} {client}:{port} > {server}:80 [S] seq {isn} ts {tsval}/0 ttl 64"
        for t, client, port, server, isn, tsval in sorted(made)
    )
    row = evidence_of(ladder).rows(COMPARED)[0]
    pairs = list(combinations(made, 2))
    assert row["kept_pairs"] == sum(a[1:3] == b[1:3] for a, b in pairs)
    assert row["replaced_pairs"] == sum(abs(round((a[0] - b[0]) * 1e9)) <= TOGETHER_NS for a, b in pairs)
    assert row["agreed"] == sum(a[5] == b[5] for a, b in pairs)
    assert row["compared"] == len(pairs)
