"""GTP-U version 1 (3GPP TS 29.281 §5.1), behind UDP.

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +-----+-+-+-+-+-+---------------+-------------------------------+
  0 | Ver |P|0|E|S|N|     Type      |            Length             |
  4 |                  Tunnel endpoint identifier                   |
    +-------------------------------+---------------+---------------+
  8 |       Sequence number         |     N-PDU     |   Next type   |   with any of E, S, N
    +-------------------------------+---------------+---------------+

Extension header: length in units of 4 octets (8), content, next type (8)
"""

from __future__ import annotations

from analyzer.wire import paths
from analyzer.wire.frame import DONE, Frame, Layer, Next

FLAGS, TYPE, SIZE, LONG_SIZE, NEXT_TYPE = 0, 1, 8, 12, 11
VERSION_AND_TYPE, GTP_1, OPTIONAL, EXTENDED, GPDU = 0xF0, 0x30, 0x07, 0x04, 255
MAX_EXTENSIONS = 8


def read(frame: Frame, at: int) -> Next:
    """Only user data (type 255) that is IP is followed; all else is a datagram to that port."""
    if at + SIZE > frame.wire_end:
        return DONE
    frame.need(at, SIZE)
    flags = frame.u8(at + FLAGS)
    if flags & VERSION_AND_TYPE != GTP_1 or frame.u8(at + TYPE) != GPDU:
        return DONE
    after = at + SIZE
    if flags & OPTIONAL:
        frame.need(at, LONG_SIZE)
        after = at + LONG_SIZE
        following = frame.u8(at + NEXT_TYPE) if flags & EXTENDED else 0
        for _ in range(MAX_EXTENSIONS):
            if not following:
                break
            size = frame.u8(after) * 4
            if not size:
                return DONE
            following = frame.u8(after + size - 1)
            after += size
        if following:
            return DONE
    if after >= frame.wire_end or frame.u8(after) >> 4 not in (4, 6):
        return DONE
    frame.enter(paths.GTP, paths.NO_KEY, frame.row["src"], frame.row["dst"])
    return Layer.IP, after
