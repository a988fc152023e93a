"""Addresses and ports as people write them: "203.0.113.10:80", "[2001:db8::10]:80", "203.0.113.10:*".

What is not an address is an ``Expected`` that says what was missing and where.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from analyzer.balance.mapping import Endpoint, IPAddress
from analyzer.importers._problems import Expected

ANY_PORT = "*"
_OCTETS = {str(number): number for number in range(256)}
_LONGEST = len("[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535")


@lru_cache(maxsize=65536)
def address(text: str) -> IPAddress:
    """An IPv4 or IPv6 address without prefix length and scope.

    An IPv4-mapped address (RFC 4291 §2.5.5.2) comes back as the IPv4 address
    that it stands for, because that is what the packets carry.
    """
    octets = text.split(".")
    if len(octets) == 4 and all(octet in _OCTETS for octet in octets):
        return IPv4Address(_number(octets))    # ten times ip_address()'s speed
    if "/" in text:
        raise Expected("an address without a prefix length", f"write {text.partition('/')[0]}", text.index("/"))
    if "%" in text:
        raise Expected("an address without a scope", f"write {text.partition('%')[0]}", text.index("%"))
    if len(text) > _LONGEST:
        raise Expected("an IPv4 or IPv6 address")
    try:
        found = ip_address(text)
    except ValueError:
        raise Expected("an IPv4 or IPv6 address") from None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found


def _number(octets: list[str]) -> int:
    a, b, c, d = octets
    return _OCTETS[a] << 24 | _OCTETS[b] << 16 | _OCTETS[c] << 8 | _OCTETS[d]


def unicast(text: str) -> IPAddress:
    """An address that one host can own: not 0.0.0.0 or ::, not multicast, not the broadcast."""
    found = address(text)
    if found.is_unspecified or found.is_multicast or found == IPv4Address("255.255.255.255"):
        raise Expected("the address of one host")
    return found


def port(text: str, *, offset: int = 0) -> int:
    """A port from 1 to 65535, in digits."""
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536):
        raise Expected("a port from 1 to 65535", offset=offset)
    return int(text)


def split(text: str) -> tuple[str, str | None, int]:
    """An endpoint's host text, its port text (None where it has none), and where the port begins."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket:
            raise Expected("a closing ']' after the IPv6 address", f"write {text}]:80", len(text))
        if rest and not rest.startswith(":"):
            raise Expected("':' and a port after ']'", offset=len(host) + 2)
        return host, rest[1:] if rest else None, len(host) + 3
    if text.count(":") > 1:
        return text, None, len(text)
    host, colon, rest = text.partition(":")
    return host, rest if colon else None, len(host) + 1


@lru_cache(maxsize=65536)
def endpoint(text: str) -> Endpoint:
    """``ADDRESS:PORT``; the port must be there, ``*`` means every port (0 in the value)."""
    host, port_text, at = split(text)
    if host.count(":") and not text.startswith("["):
        head, _, tail = host.rpartition(":")
        hint = f"write [{host}]:80" if _is_address(host) else f"write [{head}]:{tail}" if _is_address(head) else ""
        raise Expected("an IPv6 address in brackets and a port", hint)
    try:
        found = unicast(host)
    except Expected as wrong:
        shift = 1 if text.startswith("[") else 0
        hint = wrong.hint and f"{wrong.hint}:{port_text}" if not shift and port_text else wrong.hint
        raise Expected(wrong.expected, hint, wrong.offset + shift) from None
    if text.startswith("[") and found.version == 4 and ":" not in host:
        raise Expected("an IPv4 address without brackets", f"write {host}:{port_text or 80}")
    if port_text is None or port_text == "":
        hint = f"write {_joined(host, '80')}, or {_joined(host, ANY_PORT)} for every port"
        raise Expected(f"a port after {host}", hint, len(text))
    return Endpoint(found, 0 if port_text == ANY_PORT else port(port_text, offset=at))


def _joined(host: str, port_text: str) -> str:
    return f"[{host}]:{port_text}" if ":" in host else f"{host}:{port_text}"


def _is_address(text: str) -> bool:
    try:
        address(text)
    except Expected:
        return False
    return True
