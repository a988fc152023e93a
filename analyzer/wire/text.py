"""Text to packet, and decoded row to packet; the text itself is ``str(packet)`` (see ``packet.py``)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from analyzer.wire.packet import (
    ERRORS_V4,
    ERRORS_V6,
    IP,
    PROTOCOL_WORDS,
    Body,
    Echo,
    IcmpError,
    IsAt,
    OtherIp,
    Packet,
    Quote,
    Redirect,
    Tcp,
    Udp,
    WhoHas,
)
from analyzer.wire.rows import from_row
from analyzer.wire.words import U8, U12, U16, U32, Words

__all__ = ["Packet", "from_row", "parse"]

LIMITS = {"seq": U32, "ack": U32, "len": U16, "win": U16, "mss": U16, "ttl": U8, "id": U16, "vlan": U12}
ANYWHERE = ("ttl", "id", "vlan", "mac", "@VANTAGE")
OF_TCP = ("seq", "ack", "len", "win", "mss", "ts")

Options = dict[str, Any]
"""The words behind the head of a line: name -> value."""


def parse(line: str, source: str = "packet") -> Packet:
    """The packet that one line describes.

    Raises ``ConfigSyntaxError`` naming ``source``, the column (from 1), what was
    expected there and what was found.
    """
    words = Words(line, source)
    time_ns = words.time_ns()
    allowed, finish = _head(words)
    options = _options(words, allowed)
    return Packet(time_ns, finish(options), options.get("ttl"), options.get("id"), options.get("vlan", 0),
                  options.get("mac"), options.get("@", ""))


Head = tuple[Collection[str], Callable[[Options], Body]]
"""Which words may follow beside ``ANYWHERE``, and how they complete the body."""


def _head(words: Words) -> Head:
    for word, version in (("arp", 4), ("nd", 6)):
        if words.accept(word):
            return _finished(_claim(words, version))
    (src, src_port), (dst, dst_port) = words.pair()
    if src_port is not None and dst_port is not None:
        if words.accept("udp"):
            return ("len", "[data"), lambda options: Udp(src, src_port, dst, dst_port, options.get("len", 0),
                                                         options.get("[data", b""))
        flags = words.flags()
        return OF_TCP, lambda options: Tcp(src, src_port, dst, dst_port, flags, options.get("seq", 0),
                                           options.get("ack"), options.get("len", 0), options.get("ts"),
                                           options.get("win"), options.get("mss"))
    if words.accept("icmp"):
        return _icmp(words, src, dst)
    words.expect("proto")
    protocol = words.number(U8, "an IP protocol number")
    return ("len",), lambda options: OtherIp(src, dst, protocol, options.get("len", 0))


def _claim(words: Words, version: int) -> Body:
    if words.accept("who-has"):
        target = words.address(version)
        words.expect("tell")
        asker = words.address(version)
        return WhoHas(target, asker, words.mac() if words.accept("claims") else None)
    if not words.accept("reply"):
        words.fail("'who-has' or 'reply'")
    address = words.address(version)
    words.expect("is-at")
    return IsAt(address, words.mac(), words.address(version) if words.accept("to") else None)


def _icmp(words: Words, src: IP, dst: IP) -> Head:
    if words.accept("echo"):
        reply = words.accept("reply")
        if not reply:
            words.expect("request")
        words.expect("id")
        identifier = words.number(U16, "an identifier")
        words.expect("seq")
        seq = words.number(U16, "a sequence number")
        return ("len",), lambda options: Echo(src, dst, reply, identifier, seq, options.get("len", 0))
    body: Body
    if words.accept("redirect"):
        destination = words.address(src.version)
        words.expect("to")
        gateway, at = words.address(src.version), words.next
        quote = _quote(words)
        if quote is not None and quote.dst != destination:
            words.next = at
            words.fail(f"a packet to {destination} in the parentheses, since that is what is redirected")
        body = Redirect(src, dst, destination, gateway, quote)
    else:
        kind, code = _error(words, ERRORS_V4 if src.version == 4 else ERRORS_V6)
        mtu = words.number(U16 if src.version == 4 else U32, "an MTU") if words.accept("mtu") else 0
        body = IcmpError(src, dst, kind, code, _quote(words), mtu)
    return _finished(body)


def _finished(body: Body) -> Head:
    """A body that no later word completes."""
    return (), lambda _: body


def _error(words: Words, names: dict[tuple[int, int], str]) -> tuple[int, int]:
    for pair, name in names.items():
        if words.accept(*name.split()):
            return pair
    if not words.accept("error"):
        words.fail("'echo', 'redirect', 'error TYPE CODE' or one of " + ", ".join(map(repr, names.values())))
    return words.number(U8, "an ICMP type"), words.number(U8, "an ICMP code")


def _quote(words: Words) -> Quote | None:
    if not words.accept("("):
        return None
    (src, src_port), (dst, dst_port) = words.pair()
    protocol = next((number for number, word in PROTOCOL_WORDS.items() if words.accept(word)), None)
    if protocol is None:
        if not words.accept("proto"):
            words.fail("'tcp', 'udp', 'icmp', 'icmp6' or 'proto'")
        protocol = words.number(U8, "an IP protocol number")
    if words.accept("id"):
        src_port = dst_port = words.number(U16, "an identifier")
    seq = words.number(U32, "a sequence number") if words.accept("seq") else None
    words.expect(")")
    return Quote(src, dst, protocol, src_port or 0, dst_port or 0, seq)


def _options(words: Words, allowed: Collection[str]) -> Options:
    """The words behind the head, each once, in any order."""
    found: Options = {}
    while word := words.peek():
        name = "@" if word.startswith("@") and len(word) > 1 else "id" if word == "ip-id" else word
        if name in found or (name != "@" and name not in ANYWHERE and name not in allowed):
            free = [each for each in (*allowed, *ANYWHERE) if each not in found]
            words.fail(f"one of {', '.join(free)} or the end of the line")
        words.next += 1
        match name:
            case "@":
                found[name] = word[1:]
            case "mac":
                found[name] = words.macs()
            case "ts":
                found[name] = words.timestamps()
            case "[data":
                found[name] = words.data()
            case _:
                found[name] = words.number(LIMITS[name], f"a number after {word!r}")
    data = found.get("[data", b"")
    if found.setdefault("len", len(data)) < len(data):
        words.fail(f"len to be at least {len(data)}, the octets of [data ...]")
    return found
