"""TCP header (RFC 9293 §3.1) and the two options that we follow (RFC 9293 §3.7.1, RFC 7323 §3.2).

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +-------------------------------+-------------------------------+
  0 |          Source port          |       Destination port        |
  4 |                        Sequence number                        |
  8 |                     Acknowledgment number                     |
    +-------+-------+---------------+-------------------------------+
 12 |Offset | 0     |C E U A P R S F|            Window             |
    +-------+-------+---------------+-------------------------------+
 16 |           Checksum            |        Urgent pointer         |
    +-------------------------------+-------------------------------+

Options: kind (8), and unless it is 0 (end) or 1 (nothing), length (8) and its value.
"""

from __future__ import annotations

from analyzer import tables
from analyzer.tables import MALFORMED
from analyzer.wire.frame import DONE, U32_MAX, Frame, Next, Stop

SRC_PORT, DST_PORT, SEQ, ACK, OFFSET, FLAGS, WINDOW, CHECKSUM, SIZE = 0, 2, 4, 8, 12, 13, 14, 16, 20
END, NOTHING, MSS, MSS_SIZE, TIMESTAMPS, TIMESTAMPS_SIZE = 0, 1, 2, 4, 8, 10


def read(frame: Frame, at: int) -> Next:
    """Field by field, so that a short frame keeps what it has; the payload counts by the lengths.

    Options behind the snap length are as if they were not sent: what names the
    segment stands before them, and captures of 68 octets a frame are common.
    """
    row = frame.row
    row["kind"] = tables.TCP
    frame.need(at, SEQ)
    row["src_port"] = frame.u16(at + SRC_PORT)
    row["dst_port"] = frame.u16(at + DST_PORT)
    row["seq"] = frame.u32(at + SEQ)
    row["ack"] = frame.u32(at + ACK)
    frame.need(at, WINDOW)
    row["flags"] = frame.u8(at + FLAGS)
    header = (frame.u8(at + OFFSET) >> 4) * 4
    fits = header >= SIZE and at + header <= frame.wire_end
    if fits:
        row["payload_bytes"] = min(frame.wire_end - at - header, U32_MAX)
    row["window"] = frame.u16(at + WINDOW)
    if not fits:
        raise Stop(MALFORMED)
    frame.need(at, SIZE)
    _options(frame, at + SIZE, min(at + header, frame.end))
    if not frame.cut:
        frame.need(at, header)
    return DONE


def _options(frame: Frame, at: int, stop: int) -> None:
    """The options that fit before ``stop``; one whose length lies ends the list."""
    octets, row = frame.octets, frame.row
    while at < stop and octets[at] != END:
        if octets[at] == NOTHING:
            at += 1
            continue
        size = octets[at + 1] if at + 1 < stop else 0
        if size < 2 or at + size > stop:
            return
        if octets[at] == MSS and size == MSS_SIZE:
            row["mss"] = frame.u16(at + 2)
        elif octets[at] == TIMESTAMPS and size == TIMESTAMPS_SIZE:
            row["has_ts"], row["tsval"], row["tsecr"] = 1, frame.u32(at + 2), frame.u32(at + 6)
        at += size
