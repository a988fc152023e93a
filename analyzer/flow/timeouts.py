"""How long a flow is kept, in packet time, and how many at once.

A flow ends when the next packet of its ends comes later than its time-out; the
sweep that frees memory only takes what could not be continued any more, so it
never changes an answer (as long as no packet is more than ``REORDER_NS`` late).
"""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.limits import stated
from analyzer.units import SECOND_NS

REORDER_NS = SECOND_NS
"""How late a packet may be in the capture and still be put where it belongs."""

FRAGMENT_FRAMES = 64
"""How many frames after its first fragment a later one may come and still find its flow (within ``REORDER_NS``)."""

SWEEP = 4
"""Slots looked at for each new flow: what has timed out keeps at most a quarter more memory in use."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a tracker: nanoseconds of packet time, and flows.

    ``half_open_ns`` spans the longest pause between two SYNs of one attempt
    (Linux doubles from 1 s: 1, 2, 4 ... 32 s, and 64 s until it gives up).
    ``closed_ns``, Linux's TIME-WAIT, is after an RST or both FINs: what was not
    acknowledged is sent again for long, and reset again.  ``settled_ns`` is after
    both FINs were acknowledged: nothing is left to send.  ``established_ns`` is longer than the idle
    time-outs of balancers (minutes), so that what comes after such a time-out
    is seen as the same connection.
    """

    live_flows: int = 1_000_000
    half_open_ns: int = 120 * SECOND_NS
    established_ns: int = 3600 * SECOND_NS
    closed_ns: int = 60 * SECOND_NS
    settled_ns: int = 5 * SECOND_NS
    datagram_ns: int = 120 * SECOND_NS


DEFAULT = stated(Limits)
