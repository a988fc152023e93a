"""A frame under pseudonyms: its headers with other addresses in them, checksums that fit, and no payload.

Only octets that were understood are taken over: fields that ``headers`` reads, and
what belongs to the form of a header.  Everything else is zero (in the options of
TCP: one, no operation).  Checksums are computed anew as if the payload were all
zeros: those that were captured would tell a guessed address from a wrong one.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from analyzer.report import headers
from analyzer.report.fields import NOP

if TYPE_CHECKING:
    from analyzer.report.anonymize import Pseudonyms
    from analyzer.report.headers import Frame, Header

NETWORK = {"IPv4": 20, "IPv6": 40}
PROTOCOLS = {"TCP": 6, "UDP": 17, "ICMPv6": 58}
"""What has a checksum over a pseudo-header (RFC 9293 §3.1, RFC 768, RFC 4443 §2.3)."""


def rewritten(octets: bytes, link_type: int, pseudonyms: Pseudonyms) -> bytes:
    """The headers of a frame of this link type (LINKTYPE_), as long as they are; nothing where none is understood."""
    frame = headers.read(octets, link_type)
    made = bytearray(frame.end)
    for header in frame.headers:
        if header.name == "TCP":
            start, stop = header.at + 20, min(header.at + (frame.number(header.at + 12, 1) >> 4) * 4, frame.end)
            made[start:stop] = bytes([NOP]) * max(0, stop - start)
    for place in frame.kept:
        made[place] = octets[place]
    for header in frame.headers:
        for part in header.parts:
            place = slice(part.at, part.at + part.size)
            match part.kind:
                case "mac":
                    made[place] = bytes.fromhex(pseudonyms.mac(part.text).replace(":", ""))
                case "ipv4" | "ipv6":
                    made[place] = pseudonyms.address(ip_address(part.text)).packed
                case "sum":
                    pass
                case _:
                    made[place] = octets[place]
    for number in reversed(range(len(frame.headers))):   # a tunnel's covers what is inside
        _sum(frame, number, made)
    return bytes(made)


def understood(octets: bytes, link_type: int) -> bool:
    """Whether every header up to an IP or ARP packet is known, so that nothing but payload is missing behind."""
    frame = headers.read(octets, link_type)
    return not frame.strange and any(header.name in {"ARP", *NETWORK} for header in frame.headers)


def _sum(frame: Frame, number: int, made: bytearray) -> None:
    """Write the checksum of one header; of a quoted packet only that of its IP header, which is all there."""
    header = frame.headers[number]
    part = next((part for part in header.parts if part.kind == "sum"), None)
    if part is None or (header.quoted and header.name not in NETWORK):
        return
    if header.name == "IPv4":
        found = checksum(made[header.at:header.at + (frame.number(header.at, 1) & 15) * 4])
    else:
        network = _network(frame.headers[:number])
        if network is None or (header.name == "UDP" and part.text == "0x0000"):   # none was sent (RFC 768)
            return
        length = _stop(frame, network) - header.at
        data = bytes(made[header.at:header.at + max(0, length)])
        if header.name in PROTOCOLS:
            size = 4 if network.name == "IPv4" else 16
            ends = slice(network.at + (12 if size == 4 else 8), network.at + (20 if size == 4 else 40))
            data = bytes(made[ends]) + max(0, length).to_bytes(4, "big") + bytes((0, PROTOCOLS[header.name])) + data
        found = checksum(data) or (0xFFFF if header.name == "UDP" else 0)
    made[part.at:part.at + 2] = found.to_bytes(2, "big")


def _network(before: list[Header]) -> Header | None:
    """The IP header that carries what follows ``before``."""
    return next((header for header in reversed(before) if header.name in NETWORK and not header.quoted), None)


def _stop(frame: Frame, network: Header) -> int:
    """Where a packet ends by its own length, also where the capture ends before."""
    if network.name == "IPv4":
        return network.at + (frame.number(network.at + 2, 2) or len(frame.octets) - network.at)
    return network.at + 40 + (frame.number(network.at + 4, 2) or len(frame.octets) - network.at - 40)


def checksum(octets: bytes | bytearray) -> int:
    """The Internet checksum (RFC 1071 §1)."""
    padded = bytes(octets) + b"\0" * (len(octets) % 2)
    total = sum(int.from_bytes(padded[at:at + 2], "big") for at in range(0, len(padded), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF
