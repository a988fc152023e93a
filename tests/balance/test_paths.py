"""Which way a reply went, where MACs and hops say it and where they do not."""

from __future__ import annotations

import pytest

from analyzer.diagnose.ladders import evidence_of


@pytest.mark.parametrize(("ttl", "went"), [(64, "client"), (128, "client"), (61, None)])
def test_a_reply_to_the_neighbour_that_the_request_came_from_reached_the_client_if_that_is_the_client(ttl, went):
    """A request with hops behind it came from a router: the reply was given to that router."""
    evidence = evidence_of(f"""
        0.0 198.51.100.9:40000 > 203.0.113.10:80 [S] seq 1000 ttl {ttl} mac 02:00:00:00:00:fe>02:00:00:00:00:01
        0.1 10.0.2.11:8080 > 198.51.100.9:40000 [S.] seq 9000 ack 1001 ttl 64 mac 02:00:00:00:00:11>02:00:00:00:00:fe
    """)
    assert [row["reply_went"] for row in evidence.rows("SELECT reply_went FROM way")] == [went]
