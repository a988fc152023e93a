"""The insides of pcapng blocks: options, clocks, interfaces, statistics, names.

An option is a code and a length of 16 bits each, then its value, padded to 32
bits.  Code 0 ends the list, code 1 is a comment in every block.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Literal

from analyzer.capture import records as r
from analyzer.capture.interface import Interface, plain_link_type

Order = Literal["<", ">"]
Options = list[tuple[int, bytes]]

COMMENT = 1
IF_NAME, IF_DESCRIPTION, IF_RESOLUTION, IF_FILTER, IF_SYSTEM, IF_FCS, IF_OFFSET = 2, 3, 9, 11, 12, 13, 14
RECEIVED, DROPPED, SYSTEM_DROPPED = 4, 5, 7
IPV4_NAME, IPV6_NAME = 1, 2
TEXT_LIMIT = 1024
"""Octets of a name or a description that are kept."""


def options_of(octets: bytes, order: Order, most: int) -> Options:
    """The options of a block, at most ``most``; a list that overruns its block ends there."""
    found: Options = []
    at = 0
    while len(octets) - at >= 4 and len(found) < most:
        code, length = struct.unpack_from(order + "HH", octets, at)
        if code == 0 or length > len(octets) - at - 4:
            break
        found.append((code, octets[at + 4 : at + 4 + length]))
        at += 4 + rounded(length)
    return found


def rounded(octets: int) -> int:
    """A length with the padding to 32 bits."""
    return (octets + 3) // 4 * 4


def integer(octets: bytes, order: Order) -> int:
    """Octets as an unsigned number."""
    return int.from_bytes(octets, "big" if order == ">" else "little")


def texts(options: Options, code: int) -> list[str]:
    """The values of a text option.  What is not UTF-8 is shown as replaced, never refused."""
    return [value.decode("utf-8", "replace").rstrip("\0") for found, value in options if found == code]


def text(options: Options, code: int) -> str:
    """The first value of a text option, cut at ``TEXT_LIMIT`` octets; empty where there is none."""
    value = next((value for found, value in options if found == code), b"")
    return value[:TEXT_LIMIT].decode("utf-8", "replace").rstrip("\0")


def number(options: Options, code: int, order: Order, octets: int, *, signed: bool = False) -> int | None:
    """The first value of a number option that has the right size, or None."""
    for found, value in options:
        if found == code and len(value) == octets:
            return int.from_bytes(value, "big" if order == ">" else "little", signed=signed)
    return None


def clock(options: Options, order: Order) -> tuple[int, int, int, int, int]:
    """How an interface's ticks become nanoseconds: rule, number, offset in ns (held within 64 bits).

    Then the ticks in a second, and the offset in seconds as it stands.  The high
    bit of if_tsresol chooses a power of two, else it is one of ten; without the
    option ticks are microseconds.
    """
    resolution = number(options, IF_RESOLUTION, order, 1)
    exponent = 6 if resolution is None else resolution & 0x7F
    seconds = number(options, IF_OFFSET, order, 8, signed=True) or 0
    offset_ns = max(-(2**63), min(seconds * 10**9, 2**63 - 1))
    if resolution is not None and resolution & 0x80:
        return r.SHIFT, exponent, offset_ns, 2**exponent, seconds
    if exponent <= 9:
        return r.MULTIPLY, 10 ** (9 - exponent), offset_ns, 10**exponent, seconds
    divisor = 10 ** (exponent - 9)
    # No 64-bit count of ticks that fine reaches one nanosecond.
    return r.DIVIDE, divisor if divisor < 2**64 else 0, offset_ns, 10**exponent, seconds


def describe(body: bytes, order: Order, options: Options, section: int) -> Interface:
    """An interface description block, without its head and its trailing length."""
    link_type, _reserved, snap_length = struct.unpack_from(order + "HHI", body)
    _rule, _number, _offset_ns, ticks, seconds = clock(options, order)
    captured_with = next((value for code, value in options if code == IF_FILTER), b"")
    return Interface(
        link_type=plain_link_type(link_type),
        snap_length=snap_length,
        name=text(options, IF_NAME),
        description=text(options, IF_DESCRIPTION),
        # The first octet says what follows: 0 = a filter as text, 1 = as BPF code.
        capture_filter=captured_with[1:TEXT_LIMIT].decode("utf-8", "replace") if captured_with[:1] == b"\0" else "",
        system=text(options, IF_SYSTEM),
        ticks_per_second=ticks,
        offset_seconds=seconds,
        fcs_bytes=number(options, IF_FCS, order, 1),
        section=section,
    )


def statistics(options: Options, order: Order) -> tuple[int | None, int | None]:
    """Packets received, and packets lost by the interface and by the operating system together."""
    received = number(options, RECEIVED, order, 8)
    lost = [count for code in (DROPPED, SYSTEM_DROPPED) if (count := number(options, code, order, 8)) is not None]
    return received, sum(lost) if lost else None


def name_records(body: bytes, order: Order, most: int) -> Iterator[tuple[bytes, str]]:
    """Addresses (4 or 16 octets) and the first name of each, from a name resolution block's records."""
    at = found = 0
    while len(body) - at >= 4 and found < most:
        kind, length = struct.unpack_from(order + "HH", body, at)
        if kind == 0 or length > len(body) - at - 4:
            return
        value = body[at + 4 : at + 4 + length]
        size = {IPV4_NAME: 4, IPV6_NAME: 16}.get(kind, 0)
        name = value[size:].split(b"\0", 1)[0]
        if size and len(value) > size and name:
            found += 1
            yield value[:size], name[:TEXT_LIMIT].decode("utf-8", "replace")
        at += 4 + rounded(length)
