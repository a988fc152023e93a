"""What a vantage point observed of a connection, in Zeek's words: conn_state and history.

The state says *observed*, not what a kernel believes: nobody at a capture point
knows that.  All moves between states are in ``TRANSITIONS``; both trackers read
them as the dense array ``MOVES``.  Who is the initiator is decided before a move
is looked up: the sender of the SYN; of a SYN-ACK without SYN its receiver; else
the end whose port looks like a client's (``sender_initiates``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.tables import STATES

I, R = 0, 1  # noqa: E741 - as in Zeek: originator and responder are one letter each
"""Who sent the segment: the initiator or the responder (RFC 5103)."""

SYN_, SYNACK, WRONG, ACK_, DATA, FIN_, RST_ = range(7)
"""What it was.  ``WRONG`` is a segment that acknowledges nothing that the other
end has sent here (a SYN-ACK for another SYN, a stale ACK): it moves nothing."""

S0, S1, SF, REJ, S2, S3, RSTO, RSTR, RSTOS0, RSTRH, SH, SHR, OTH, ORPHAN, UDP1, UDP2 = range(len(STATES))
NOTHING = len(STATES)
"""Before the first packet."""

_ANYTHING = (ACK_, DATA, FIN_, RST_, WRONG)

TRANSITIONS: dict[tuple[int, int, int], int] = {
    # state,   who, what     -> state
    (NOTHING, I, SYN_): S0,
    (NOTHING, R, SYNACK): ORPHAN,
    **{(NOTHING, who, what): OTH for who in (I, R) for what in _ANYTHING},

    (S0, R, SYNACK): S1,
    (S0, I, SYNACK): S1,        # simultaneous open (RFC 9293 §3.5): both ends send SYN, then SYN-ACK
    (S0, R, DATA): S1,          # the SYN-ACK was not captured; a bare ACK would be a challenge (RFC 5961 §4)
    (S0, I, ACK_): S1,          # one-way capture: the initiator accepts a SYN-ACK that we did not see
    (S0, I, DATA): S1,
    (S0, R, FIN_): S3,
    (S0, I, FIN_): SH,
    (S0, I, RST_): RSTOS0,
    (S0, R, RST_): REJ,

    (S1, I, FIN_): S2,
    (S1, R, FIN_): S3,
    **{(s, I, RST_): RSTO for s in (S1, S2, S3)},
    **{(s, R, RST_): RSTR for s in (S1, S2, S3)},
    (S2, R, FIN_): SF,
    (S3, I, FIN_): SF,

    (SH, R, SYNACK): S2,        # captured in the wrong order
    (SH, R, DATA): S2,
    (SH, R, FIN_): SF,
    (SH, R, RST_): RSTR,
    (SH, I, RST_): RSTOS0,
    (RSTOS0, R, SYNACK): RSTO,
    (REJ, R, SYNACK): S1,       # the same SYN again, and this time somebody answers

    (ORPHAN, I, SYN_): S1,      # captured in the wrong order, or a SYN sent again
    (ORPHAN, I, ACK_): S1,      # the capture began inside the handshake: the initiator accepts
    (ORPHAN, I, DATA): S1,
    (ORPHAN, I, FIN_): S2,
    (ORPHAN, R, FIN_): SHR,
    (ORPHAN, R, RST_): RSTRH,   # an RST of the initiator (RFC 9293 §3.5.2: no such connection) leaves SH?
    (SHR, I, SYN_): S3,
    (SHR, I, ACK_): S3,
    (SHR, I, DATA): S3,
    (SHR, I, FIN_): SF,
    (SHR, R, RST_): RSTRH,

    (OTH, I, SYN_): S0,         # only a SYN that belongs to what was seen gets here (see tracker)
    (OTH, R, SYNACK): ORPHAN,
}
"""All moves; what is not here leaves the state as it is."""


def _dense() -> NDArray[np.uint8]:
    moves = np.empty((NOTHING + 1, 2, 7), dtype=np.uint8)
    for state in range(NOTHING + 1):
        moves[state] = state
    for (state, who, what), after in TRANSITIONS.items():
        moves[state, who, what] = after
    return moves


MOVES = _dense()

HALF_OPEN = frozenset({S0, REJ, RSTOS0, RSTRH, SH, SHR, ORPHAN})
"""States in which the handshake was never seen to complete: the next attempt may come a minute later."""

# History ---------------------------------------------------------------------------------------

LETTERS = "SHADFRTGWQ"
"""Zeek's history letters that we keep.  Bit ``2 * i`` is the initiator's letter ``i``,
bit ``2 * i + 1`` the responder's.  S SYN, H SYN-ACK, A bare ACK, D payload, F FIN,
R RST, T payload sent again, G gap before the segment, W window zero,
Q flags that exclude each other (SYN with FIN or RST, FIN with RST)."""

FLIPPED = 1 << (2 * len(LETTERS))
"""Zeek's ``^``: the first packet came from the end that we take for the responder."""

HIST_S, HIST_H, HIST_A, HIST_D, HIST_F, HIST_R, HIST_T, HIST_G, HIST_W, HIST_Q = (
    1 << (2 * i) for i in range(len(LETTERS))
)
INITIATORS = sum(1 << (2 * i) for i in range(len(LETTERS)))


def history_text(bits: int) -> str:
    """``ShADadFf``: upper case from the initiator, lower case from the responder.

    A set, printed in one fixed order: unlike Zeek's it does not say what came first.
    """
    text = "^" if bits & FLIPPED else ""
    for number, letter in enumerate(LETTERS):
        text += letter if bits >> (2 * number) & 1 else ""
        text += letter.lower() if bits >> (2 * number + 1) & 1 else ""
    return text


def swapped(bits: int) -> int:
    """The same history with initiator and responder exchanged; ``FLIPPED`` stays."""
    ours, theirs = bits & INITIATORS, bits >> 1 & INITIATORS
    return ours << 1 | theirs | bits & FLIPPED


# Who began ---------------------------------------------------------------------------------------

WELL_KNOWN_END = 1024
EPHEMERAL_BEGIN = 32768
"""IANA's system ports end at 1023 (RFC 6335 §6); Linux takes client ports from 32768 up."""


def sender_initiates(src_port: int, dst_port: int) -> bool:
    """True where, without SYN or SYN-ACK, the sender looks like the initiator.

    A well-known port is the responder's, an ephemeral one the initiator's; where
    the ports say nothing, who speaks first began.
    """
    for edge in (WELL_KNOWN_END, EPHEMERAL_BEGIN):
        if (src_port < edge) != (dst_port < edge):
            return dst_port < edge
    return True
