"""The checks that a value passes before it may become part of a command; each returns the value or raises.

``ipaddress`` accepts ``fe80::1%$(reboot)`` and a pcapng file may call its interface
as it likes, so nothing here trusts a type annotation.  All raise ``ValueError``.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from analyzer.network.host import IPAddress, IPNetwork, OnLink, Via

INTERFACE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,14}\Z")
"""What we print as an interface name without quoting, in any shell (Linux: IFNAMSIZ - 1 octets).

Not beginning with ``-`` (an option) or ``.`` (``..`` climbs out of a sysctl's folder).
"""

MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\Z")

OBJECT_NAME = re.compile(r"(?!.*\.\.)/?[A-Za-z0-9][A-Za-z0-9_.:/-]{0,254}\Z")
"""A balancer's name for a service or a member ("/Common/web"), an ARN: what needs no quoting anywhere."""

UNKNOWN_INTERFACE = ""
"""The capture does not show the interface's name: dialects print a placeholder that no shell accepts."""


def checked(address: IPAddress) -> IPAddress:
    """``address``, or ``ValueError`` where it carries a scope: ``ipaddress`` takes ``fe80::1%$(reboot)``."""
    if not isinstance(address, IPv4Address | IPv6Address):
        raise ValueError(f"not an address, but {address!r}")  # noqa: TRY004 - one exception for all bad values
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        raise ValueError(f"an address with a scope cannot go into a command: {str(address)!r}")
    return address


def checked_network(network: IPNetwork) -> IPNetwork:
    """``network``, or ``ValueError``: a network made from a scoped address keeps the scope when it is printed."""
    if not isinstance(network, IPv4Network | IPv6Network):
        raise ValueError(f"not a network, but {network!r}")  # noqa: TRY004 - one exception for all bad values
    checked(network.network_address)
    return network


def checked_number(number: int, low: int, high: int, what: str) -> int:
    """``number``, or ``ValueError`` where it is no whole number in ``[low, high]``."""
    if not isinstance(number, int) or isinstance(number, bool) or not low <= number <= high:
        raise ValueError(f"{what} must be a whole number from {low} to {high}, not {number!r}")
    return number


def checked_interface(name: str) -> str:
    """``name``, or ``ValueError`` where a shell could read more than a name."""
    if not isinstance(name, str) or (name != UNKNOWN_INTERFACE and not INTERFACE_NAME.match(name)):
        raise ValueError(f"not an interface name that we print into a command: {name!r}")
    return name


def checked_word(word: str, words: tuple[str, ...]) -> str:
    """``word``, or ``ValueError`` where it is none of ``words``."""
    if word not in words:
        raise ValueError(f"not one of {', '.join(words)}: {word!r}")
    return word


def checked_name(name: str) -> str:
    """``name``, or ``ValueError`` where it is no object's name that can stand in a command as it is."""
    if not isinstance(name, str) or (name and not OBJECT_NAME.match(name)):
        raise ValueError(f"not a name that we print into a command: {name!r}")
    return name


def checked_macs(macs: tuple[str, ...]) -> tuple[str, ...]:
    """``macs``, or ``ValueError`` where one is not written as ``02:00:5e:10:00:01``."""
    for mac in macs:
        if not isinstance(mac, str) or not MAC.match(mac):
            raise ValueError(f"not a MAC address in canonical form: {mac!r}")
    return macs


def checked_next_hop(next_hop: OnLink | Via) -> OnLink | Via:
    """``next_hop`` with its gateway and its interface checked."""
    checked_interface(next_hop.interface)
    if isinstance(next_hop, Via):
        checked(next_hop.gateway)
    return next_hop
