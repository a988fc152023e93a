"""ICMP (RFC 792), ICMPv6 (RFC 4443 §2.1) and neighbour discovery (RFC 4861 §4).

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +---------------+---------------+-------------------------------+
  0 |     Type      |     Code      |           Checksum            |
    +---------------+---------------+-------------------------------+
  4 | echo: identifier, sequence number; redirect: the better gateway;
    | too big: MTU (v4 type 3 code 4: its lower 16 bits); advertisement: R, S, O
  8 | echo: data; errors and v4 redirect: the packet that caused it;
    | neighbour discovery: target (16 octets)
 24 | v6 redirect: destination (16 octets), options; others: options

Option of neighbour discovery (RFC 4861 §4.6): type (8), length in units of 8 octets (8), value.
"""

from __future__ import annotations

from analyzer.tables import ICMP_ECHO, ICMP_ERROR, ICMP_OTHER, ICMP_REDIRECT, ND_ADVERT, ND_SOLICIT
from analyzer.wire import quote
from analyzer.wire.frame import DONE, U32_MAX, Frame, Next

TYPE, CODE, IDENTIFIER, SEQUENCE, MTU, MTU16, GATEWAY, QUOTE, SIZE = 0, 1, 4, 6, 4, 6, 4, 8, 8
FIXED_SIZE = 4
ECHO_REPLY, UNREACHABLE, QUENCH, REDIRECT, ECHO, TIME_EXCEEDED, PARAMETER = 0, 3, 4, 5, 8, 11, 12
FRAGMENTATION_NEEDED = 4

V6_UNREACHABLE, V6_TOO_BIG, V6_TIME_EXCEEDED, V6_PARAMETER, V6_ECHO, V6_ECHO_REPLY = 1, 2, 3, 4, 128, 129
V6_SOLICIT, V6_ADVERT, V6_REDIRECT = 135, 136, 137
ND_FLAGS, ND_TARGET, ND_SIZE, REDIRECT_DESTINATION, REDIRECT_SIZE = 4, 8, 24, 24, 40
SOLICITED = 0x40
SOURCE_MAC, TARGET_MAC, REDIRECTED = 1, 2, 4
OPTION_UNIT, OPTION_MAC, OPTION_QUOTE = 8, 2, 8

KINDS = {
    ECHO: ICMP_ECHO, ECHO_REPLY: ICMP_ECHO, REDIRECT: ICMP_REDIRECT,
    UNREACHABLE: ICMP_ERROR, QUENCH: ICMP_ERROR, TIME_EXCEEDED: ICMP_ERROR, PARAMETER: ICMP_ERROR,
}
KINDS_V6 = {
    V6_ECHO: ICMP_ECHO, V6_ECHO_REPLY: ICMP_ECHO, V6_REDIRECT: ICMP_REDIRECT,
    V6_SOLICIT: ND_SOLICIT, V6_ADVERT: ND_ADVERT,
    V6_UNREACHABLE: ICMP_ERROR, V6_TOO_BIG: ICMP_ERROR, V6_TIME_EXCEEDED: ICMP_ERROR, V6_PARAMETER: ICMP_ERROR,
}


def _head(frame: Frame, at: int, kinds: dict[int, int]) -> int:
    """Type and code, and the kind that they make."""
    frame.need(at, FIXED_SIZE)
    row = frame.row
    row["flags"], row["code"] = frame.u8(at + TYPE), frame.u8(at + CODE)
    row["kind"] = kinds.get(row["flags"], ICMP_OTHER)
    if row["kind"] != ICMP_OTHER:
        frame.need(at, SIZE)
    return row["kind"]


def _echo(frame: Frame, at: int) -> None:
    row = frame.row
    row["src_port"] = row["dst_port"] = frame.u16(at + IDENTIFIER)
    row["seq"] = frame.u16(at + SEQUENCE)
    row["payload_bytes"] = min(frame.wire_end - at - SIZE, U32_MAX)


def read(frame: Frame, at: int) -> Next:
    """ICMP for IPv4."""
    row = frame.row
    kind = _head(frame, at, KINDS)
    if kind == ICMP_ECHO:
        _echo(frame, at)
    elif kind == ICMP_ERROR:
        if row["flags"] == UNREACHABLE and row["code"] == FRAGMENTATION_NEEDED:
            row["ack"] = frame.u16(at + MTU16)
        quote.read(frame, at + QUOTE)
    elif kind == ICMP_REDIRECT:
        row["about_ip"] = frame.address(at + GATEWAY, 4)
        quote.read(frame, at + QUOTE)
    return DONE


def read_v6(frame: Frame, at: int) -> Next:
    """ICMPv6, neighbour discovery included."""
    row = frame.row
    kind = _head(frame, at, KINDS_V6)
    if kind == ICMP_ECHO:
        _echo(frame, at)
    elif kind == ICMP_ERROR:
        if row["flags"] == V6_TOO_BIG:
            row["ack"] = frame.u32(at + MTU)
        quote.read(frame, at + QUOTE)
    elif kind in (ND_SOLICIT, ND_ADVERT):
        row["code"] = 0
        frame.need(at, ND_SIZE)
        row["about_ip"] = frame.address(at + ND_TARGET, 16)
        if kind == ND_ADVERT:
            row["code"] = int(not frame.u8(at + ND_FLAGS) & SOLICITED)
        _options(frame, at + ND_SIZE, SOURCE_MAC if kind == ND_SOLICIT else TARGET_MAC)
    elif kind == ICMP_REDIRECT:
        frame.need(at, REDIRECT_SIZE)
        row["about_ip"] = frame.address(at + ND_TARGET, 16)
        destination = row["quote_dst"] = frame.address(at + REDIRECT_DESTINATION, 16)
        try:
            _options(frame, at + REDIRECT_SIZE, TARGET_MAC)
        finally:   # also where the snap length ends the quotation
            row["quote_dst"] = destination
    return DONE


def _options(frame: Frame, at: int, mac: int) -> None:
    """The first link-layer address option ``mac`` and redirected packet; length 0 ends the list (RFC 4861 §4.6)."""
    while at + 2 <= frame.wire_end:
        kind, size = frame.u8(at), frame.u8(at + 1) * OPTION_UNIT
        if not size:
            return
        if kind == mac and size == OPTION_UNIT and not frame.row["about_mac"]:
            frame.row["about_mac"] = frame.address(at + OPTION_MAC, 6)
        elif kind == REDIRECTED and frame.row["kind"] == ICMP_REDIRECT and not frame.row["quote_src"]:
            quote.read(frame, at + OPTION_QUOTE)
        at += size
