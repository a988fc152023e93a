"""A cheap look at the flows, which tells whether anything has changed that a rule could ask about.

Connections that were opened and answered, and go on without repeating
themselves, are what every rule passes over.  Everything else adds to a few
sums; the same sums mean that the rules would say what they said before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzer.tables import TCP, Table

_SUMMED = ("syn_count", "synack_count", "rst_i_count", "rst_r_count", "retrans_i", "retrans_r", "state")


def plain(flows: dict[str, Any]) -> NDArray[np.bool_]:
    """TCP connections with a whole handshake whose ends neither reset nor repeat themselves."""
    whole: NDArray[np.bool_] = (
        (flows["kind"] == TCP) & (flows["syn_frame"] > 0) & (flows["synack_frame"] > 0) & (flows["estab_frame"] > 0)
        & (flows["rst_r_count"] == 0) & (flows["retrans_i"] < 2) & (flows["retrans_r"] < 2)
        & ((flows["fin_i_frame"] == 0) | (flows["bytes_r"] > 0) | (flows["bytes_i"] == 0))
    )
    return whole


def of(flows: Sequence[Table], said: tuple[int, int]) -> tuple[int, ...]:
    """The sums; ``said`` counts what ARP, neighbour discovery and ICMP say."""
    sums = []
    for table in flows:
        odd = ~plain(table)
        sums.append(int(odd.sum()))
        sums += [int(table[name][odd].sum(dtype=np.int64)) for name in _SUMMED]
    return (*sums, said[0]) if any(sums) else ()
