"""VLAN tag (IEEE 802.1Q §9.6), behind its ethertype; tags stack.

  0 | PCP (3) | DEI (1) | VLAN identifier (12) | Type (16) |

The tag next to the IP header is the one that names the link.
"""

from __future__ import annotations

from analyzer.wire.ethernet import by_ethertype
from analyzer.wire.frame import Frame, Next

TCI, TYPE, SIZE = 0, 2, 4
IDENTIFIER = 0x0FFF


def read(frame: Frame, at: int) -> Next:
    """The inner tag overwrites the outer; identifier 0 is only a priority."""
    frame.need(at, SIZE)
    frame.row["vlan"] = frame.u16(at + TCI) & IDENTIFIER
    return by_ethertype(frame, frame.u16(at + TYPE), at + SIZE)
