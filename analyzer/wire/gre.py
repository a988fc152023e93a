"""GRE (RFC 2784 §2, RFC 2890 §2), and what runs in it: NVGRE, PPTP, ERSPAN, WCCP, EoIP.

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +-+-+-+-+---------+-+-----+-----+-------------------------------+
  0 |C|R|K|S|         |A|     | Ver |           Protocol            |
    +-+-+-+-+---------+-+-----+-----+-------------------------------+
    with C: checksum, offset (4 octets); with K: key (4); with S: sequence number (4);
    version 1 (PPTP, RFC 2637 §4.1), with A: acknowledgment number (4)

EoIP (MikroTik): version 1, protocol 6400, and in place of the key: length (16), tunnel id (16, little-endian).
NVGRE (RFC 7637 §3.2): protocol 6558 with a key = VSID (24), flow identifier (8).
ERSPAN (draft-foschiano-erspan-03 §4): protocol 88BE; type I has no sequence number and no
header, type II has both (8 octets); type III is 22EB with 12 octets, and 8 more with the O bit:

  8 | SGT (16) | P (1) | Frame type (5) | Hardware (6) | D (1) | Gra (2) | O (1) |
"""

from __future__ import annotations

from analyzer.wire import paths
from analyzer.wire.ethernet import ETHERTYPES
from analyzer.wire.frame import DONE, Frame, Layer, Next

FLAGS, PROTOCOL, SIZE = 0, 2, 4
WITH_CHECKSUM, WITH_ROUTING, WITH_KEY, WITH_SEQUENCE, WITH_ACK, VERSION = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080, 0x7
TRANSPARENT_ETHERNET, PPP, WCCP, ERSPAN, ERSPAN3, EOIP = 0x6558, 0x880B, 0x883E, 0x88BE, 0x22EB, 0x6400
WCCP_SIZE = 4
ERSPAN2_SIZE, ERSPAN3_SIZE, ERSPAN3_MORE, ERSPAN3_FRAME_TYPE, ERSPAN3_FLAGS = 8, 12, 8, 10, 11
ERSPAN3_OPTIONAL, ERSPAN3_IP = 0x01, 2


def read(frame: Frame, at: int) -> Next:
    """The optional words, then the payload by its protocol; one that we do not follow leaves the outer packet."""
    frame.need(at, SIZE)
    flags, protocol = frame.u16(at + FLAGS), frame.u16(at + PROTOCOL)
    if flags & WITH_ROUTING or flags & VERSION > 1:
        return DONE
    version = flags & VERSION
    key, after = paths.NO_KEY, at + SIZE
    if flags & WITH_CHECKSUM and not version:
        after += 4
    if flags & WITH_KEY:
        frame.need(after, 4)
        key = frame.u32(after)
        after += 4
    if flags & WITH_SEQUENCE:
        after += 4
    if version:
        return _version_1(frame, protocol, key, after + 4 if flags & WITH_ACK else after)
    return _payload(frame, protocol, flags, key, after)


def _version_1(frame: Frame, protocol: int, key: int, at: int) -> Next:
    """PPTP carries PPP, and a packet that only acknowledges has none; EoIP carries Ethernet, and keepalives nothing."""
    if at >= frame.wire_end:
        return DONE
    if protocol == PPP:
        _enter(frame, paths.PPTP, paths.NO_KEY)
        return Layer.PPP, at
    if protocol == EOIP and key != paths.NO_KEY:
        _enter(frame, paths.EOIP, (key & 0xFF) << 8 | key >> 8 & 0xFF)
        return Layer.ETHERNET, at
    return DONE


def _enter(frame: Frame, kind: int, key: int) -> None:
    frame.enter(kind, key, frame.row["src"], frame.row["dst"])


def _payload(frame: Frame, protocol: int, flags: int, key: int, at: int) -> Next:
    if protocol in (ERSPAN, ERSPAN3):
        return _erspan(frame, protocol, flags, at)
    if protocol == TRANSPARENT_ETHERNET:
        if key != paths.NO_KEY and not flags & (WITH_CHECKSUM | WITH_SEQUENCE):
            frame.enter(paths.NVGRE, key >> 8)
        else:
            _enter(frame, paths.GRETAP, key)
        return Layer.ETHERNET, at
    if protocol == WCCP:
        if frame.u8(at) >> 4 != 4:     # WCCP version 2 redirects with four more octets, version 1 without
            at += WCCP_SIZE
        _enter(frame, paths.WCCP, paths.NO_KEY)
        return Layer.IPV4, at
    if protocol == PPP:
        _enter(frame, paths.GRE, key)
        return Layer.PPP, at
    layer = ETHERTYPES.get(protocol)
    if layer in (Layer.IPV4, Layer.IPV6, Layer.MPLS):
        _enter(frame, paths.GRE, key)
        return layer, at
    return DONE


def _erspan(frame: Frame, protocol: int, flags: int, at: int) -> Next:
    """A mirror's transport: the frame inside is a frame of the mirrored link."""
    layer = Layer.ETHERNET
    if protocol == ERSPAN3:
        frame.need(at, ERSPAN3_SIZE)
        if frame.u8(at + ERSPAN3_FRAME_TYPE) >> 2 & 0x1F == ERSPAN3_IP:
            layer = Layer.IP
        at += ERSPAN3_SIZE + (ERSPAN3_MORE if frame.u8(at + ERSPAN3_FLAGS) & ERSPAN3_OPTIONAL else 0)
    elif flags & WITH_SEQUENCE:
        frame.need(at, ERSPAN2_SIZE)
        at += ERSPAN2_SIZE
    frame.enter(paths.ERSPAN, paths.NO_KEY)
    return layer, at
