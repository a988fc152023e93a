"""The packet that an ICMP error or redirect quotes: as many octets of it as the sender cared to copy.

Where the quotation itself ends early (RFC 792 asks for 64 bits behind the IP
header), the columns keep what it said and the frame is ``ok``; where the snap
length ended it, the frame is ``cut``.
"""

from __future__ import annotations

from analyzer.wire import ipv4, ipv6
from analyzer.wire.frame import Frame

MAX_EXTENSIONS = 8
SCTP, UDP_LITE = 132, 136
WITH_PORTS = (ipv4.TCP, ipv4.UDP, SCTP, UDP_LITE)
ECHOES = {ipv4.ICMP: (0, 8), ipv4.ICMPV6: (128, 129)}
SKIPPED = (0, 43, 60)
"""Extension headers that are simply passed over."""


def _has(frame: Frame, at: int, octets: int) -> bool:
    """Whether the quotation holds ``octets`` at ``at``; stops the frame where it did and the capture does not."""
    if at + octets <= frame.end:
        return True
    if frame.end == frame.captured < frame.wire:
        frame.need(at, octets)
    return False


def read(frame: Frame, at: int) -> None:
    """Addresses, protocol, ports (echo: the identifier as both), and the sequence number of TCP."""
    if not _has(frame, at, 1):
        return
    row = frame.row
    version = frame.u8(at) >> 4
    if version == 4 and _has(frame, at, ipv4.SIZE):
        header = (frame.u8(at) & 0x0F) * 4
        if header < ipv4.SIZE:
            return
        row["quote_src"] = frame.address(at + ipv4.SRC, 4)
        row["quote_dst"] = frame.address(at + ipv4.DST, 4)
        row["quote_proto"] = frame.u8(at + ipv4.PROTOCOL)
        if not frame.u16(at + ipv4.FRAGMENT) & ipv4.FRAGMENT_OFFSET:
            _transport(frame, at + header)
    elif version == 6 and _has(frame, at, ipv6.SIZE):
        row["quote_src"] = frame.address(at + ipv6.SRC, 16)
        row["quote_dst"] = frame.address(at + ipv6.DST, 16)
        row["quote_proto"] = frame.u8(at + ipv6.NEXT_HEADER)
        _behind_extensions(frame, at + ipv6.SIZE)


def _behind_extensions(frame: Frame, at: int) -> None:
    row = frame.row
    for _ in range(MAX_EXTENSIONS):
        kind = row["quote_proto"]
        if kind not in SKIPPED and kind != ipv6.FRAGMENT:
            _transport(frame, at)
            return
        if not _has(frame, at, ipv6.EXTENSION_SIZE):
            return
        row["quote_proto"] = frame.u8(at + ipv6.EXTENSION_NEXT)
        if kind == ipv6.FRAGMENT:
            if frame.u16(at + ipv6.FRAGMENT_OFFSET) >> 3:
                return
            at += ipv6.EXTENSION_SIZE
        else:
            at += (frame.u8(at + ipv6.EXTENSION_LENGTH) + 1) * 8


def _transport(frame: Frame, at: int) -> None:
    row = frame.row
    protocol = row["quote_proto"]
    if protocol in WITH_PORTS and _has(frame, at, 4):
        row["quote_src_port"] = frame.u16(at)
        row["quote_dst_port"] = frame.u16(at + 2)
        if protocol == ipv4.TCP and _has(frame, at, 8):
            row["seq"] = frame.u32(at + 4)
    elif protocol in ECHOES and _has(frame, at, 6) and frame.u8(at) in ECHOES[protocol]:
        row["quote_src_port"] = row["quote_dst_port"] = frame.u16(at + 4)
