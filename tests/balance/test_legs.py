"""Which packets belong to one attempt, and which do not although they carry its addresses and ports."""

from __future__ import annotations

import pytest

from analyzer.diagnose.ladders import evidence_of


@pytest.mark.parametrize(("number", "rejects"), [(1001, True), (1000, False), (1002, False), (700_001, False)])
@pytest.mark.parametrize("begun", ["[S] seq 1000", "[S.]"], ids=["request", "answer"])
def test_a_reset_rejects_the_answer_whose_number_it_carries(number, rejects, begun):
    """Elsewhere in the number space it ends an old connection of the same port (RFC 9293 §3.5.1)."""
    first = ("0.0 198.51.100.9:40000 > 10.0.2.11:8080 [S] seq 1000 ttl 61" if begun != "[S.]"
             else "0.0 10.0.2.11:8080 > 198.51.100.9:40000 [S.] seq 9000 ack 1001 ttl 64")
    evidence = evidence_of(f"{first}\n0.1 198.51.100.9:40000 > 10.0.2.11:8080 [R] seq {number} ttl 61\n")
    assert [row["reject_frame"] for row in evidence.rows("SELECT reject_frame FROM leg")] == [2 if rejects else None]
