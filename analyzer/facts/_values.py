"""Addresses, networks and numbers as commands print them; what is none raises ``Expected``."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_address, ip_interface, ip_network

from analyzer.facts._problems import Expected
from analyzer.network.host import IPAddress, IPInterface, IPNetwork

ANY = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}

_MAC = re.compile(r"[0-9a-fA-F]{1,2}(?:([:-])[0-9a-fA-F]{1,2}){5}")
_DOTTED_MAC = re.compile(r"[0-9a-fA-F]{4}(?:\.[0-9a-fA-F]{4}){2}")
_MOST_DIGITS = 20


def address(text: object, what: str = "") -> IPAddress:
    """An address; a zone behind ``%`` is left out (see ``zone``)."""
    try:
        return ip_address(str(text).partition("%")[0])
    except ValueError:
        raise Expected(f"an IPv4 or IPv6 address{what}", text) from None


def zone(text: str) -> str:
    """What stands behind ``%``: the interface of a link-local address (RFC 4007 §11)."""
    return text.partition("%")[2]


def network(text: object, what: str = "") -> IPNetwork:
    """A destination; host bits are taken away, as the kernel does, and without a length it is one address."""
    try:
        bare, slash, length = str(text).partition("/")
        return ip_network(bare.partition("%")[0] + slash + length, strict=False)
    except ValueError:
        raise Expected(f"a network such as 10.0.2.0/24{what}", text) from None


def interface_address(text: object, what: str = "") -> IPInterface:
    """An address with its prefix length or mask."""
    try:
        bare, slash, length = str(text).partition("/")
        found = ip_interface(bare.partition("%")[0] + slash + length)
    except ValueError:
        raise Expected(f"an address with its prefix length{what}", text) from None
    if isinstance(found, IPv4Interface):
        return IPv4Interface((found.ip, found.network.prefixlen))
    return IPv6Interface((found.ip, found.network.prefixlen))


def with_mask(ip: str, mask: str, what: str = "") -> IPInterface:
    """An IPv4 address and its mask, dotted or as 0xffffff00."""
    if re.fullmatch(r"0x[0-9a-fA-F]{8}", mask):
        mask = str(IPv4Address(int(mask, 16)))
    if re.search(r"[^0-9.]", mask):
        raise Expected(f"a mask such as 255.255.255.0{what}", mask)
    return interface_address(f"{ip}/{mask}", what)


def number(text: object, what: str, *, most: int = 0xFFFFFFFF) -> int:
    """A whole number, decimal or with 0x."""
    digits = str(text)
    if isinstance(text, bool) or len(digits) > _MOST_DIGITS:
        raise Expected(f"a number as {what}", text)
    try:
        found = int(digits, 0 if digits.lower().startswith("0x") else 10)
    except ValueError:
        raise Expected(f"a number as {what}", text) from None
    if not 0 <= found <= most:
        raise Expected(f"a number from 0 to {most} as {what}", text)
    return found


def mac(text: object) -> str:
    """A MAC as ``02:00:0a:00:02:0b``; zeros, and what is none, are an empty text."""
    told = str(text)
    if _DOTTED_MAC.fullmatch(told):
        plain = told.replace(".", "")
        found = ":".join(plain[i:i + 2] for i in range(0, 12, 2)).lower()
    elif _MAC.fullmatch(told):
        found = ":".join(part.zfill(2) for part in re.split("[:-]", told)).lower()
    else:
        return ""
    return "" if found == "00:00:00:00:00:00" else found


def is_address(text: str) -> bool:
    """Whether this is an address, perhaps with a zone."""
    try:
        address(text)
    except Expected:
        return False
    return True


__all__ = ["ANY", "IPv6Address", "address", "interface_address", "is_address", "mac", "network", "number", "with_mask",
           "zone"]
