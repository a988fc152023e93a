"""The legacy ``route`` command (net-tools): it talks to the kernel by ioctl and prepends what it adds.

route add -net 10.0.2.0 netmask 255.255.255.0 gw 10.0.2.1
route add -host 10.0.2.1 dev eth0
route -A inet6 add 2001:db8:2::/64 gw 2001:db8:2::1
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from analyzer.network.commands.show import table_text
from analyzer.network.commands.words import DONE, Answer, Misuse, Words
from analyzer.network.host import LOCAL_TABLE, MAIN_TABLE, IPAddress, RouteType
from analyzer.network.routing.fib import Errno, Refusal, Scope, Verb
from analyzer.network.routing.lookup import Match, Query, in_table
from analyzer.network.routing.removal import remove
from analyzer.network.routing.request import Asked, AskedHop, install
from analyzer.network.stack import Stack


@dataclass(slots=True)
class _Draft:
    """What the words have said so far."""

    target: str = ""
    host: bool = False
    net: bool = False
    mask: str = ""
    gateway: IPAddress | None = None
    device: str = ""
    metric: int | None = None
    reject: bool = False


def run(stack: Stack, words: Words) -> Answer:
    """One ``route`` command."""
    six = False
    while words.peek().startswith("-") and words.peek() not in ("-net", "-host"):
        option = words.take()
        if option in ("-A", "--family"):
            six = words.take() == "inet6"
        six = six or option in ("-6", "--inet6")
    if not words:
        return Answer(output=table_text(stack, 6 if six else 4, MAIN_TABLE))
    command = words.take()
    if command not in ("add", "del", "delete"):
        raise Misuse(3, "Usage: inet_route [-vF] del {-host|-net} Target[/prefix] [gw Gw] [metric M] [[dev] If]")
    draft = _parse(words)
    if draft.device and draft.device not in stack.ports:
        call = "SIOGIFINDEX" if six else "SIOCADDRT" if command == "add" else "SIOCDELRT"
        return Answer(7, error=f"{call}: {Errno.ENODEV}")
    adding = command == "add"
    asked = _asked6(draft, adding=adding) if six else _asked4(stack, draft, adding=adding)
    refused = install(stack, asked, Verb.PREPEND) if adding else remove(stack, asked)
    return _ioctl("SIOCADDRT" if adding else "SIOCDELRT", refused)


def _ioctl(call: str, refused: Refusal | None) -> Answer:
    return DONE if refused is None else Answer(7, error=f"{call}: {refused.errno}")


def _parse(words: Words) -> _Draft:  # noqa: C901 - a word of route(8) a branch
    draft = _Draft()
    while words:
        word = words.take()
        match word:
            case "-net":
                draft.net = True
            case "-host":
                draft.host = True
            case "gw" | "gateway":
                draft.gateway = words.address()
            case "netmask":
                draft.mask = words.take()
            case "metric":
                draft.metric = words.number("metric")
            case "dev" | "device":
                draft.device = words.take()
            case "reject":
                draft.reject = True
            case "mss" | "window" | "irtt":
                words.take()
            case _ if not draft.target:
                draft.target = word
            case _:
                draft.device = word
    return draft


def _asked4(stack: Stack, draft: _Draft, *, adding: bool) -> Asked:
    address, length = _target4(draft)
    hop = AskedHop(draft.gateway, draft.device)
    said = draft.gateway is not None or draft.device or adding
    if draft.reject:
        kind = RouteType.UNREACHABLE
        return Asked(address, length, (), draft.metric or 0, kind, scope=Scope.HOST if adding else None)
    near = draft.gateway is None or _addresses_nobody_else(stack, draft.gateway)
    scope = (Scope.LINK if near else Scope.UNIVERSE) if adding else None
    return Asked(address, length, (hop,) if said else (), draft.metric or 0, None, scope=scope)


def _addresses_nobody_else(stack: Stack, gateway: IPAddress) -> bool:
    """Own, broadcast and multicast addresses: the ioctl then gives the route the scope of the link.

    It asks the main table, which holds the local one only until the first policy rule.
    """
    if stack.split:
        return gateway.is_multicast
    return gateway.is_multicast or isinstance(in_table(stack, LOCAL_TABLE, Query(gateway)), Match)


def _target4(draft: _Draft) -> tuple[IPAddress, int]:
    if draft.target == "default":
        return ip_address(0), 0
    head, slash, tail = draft.target.partition("/")
    try:
        address = IPv4Address(head)
    except ValueError:
        raise Misuse(6, f"{head}: Unknown host") from None
    if slash:
        length = int(tail)
    elif draft.mask:
        length = _mask_length(draft.mask)
    elif draft.net:
        if int(address):
            raise Misuse(7, "SIOCADDRT: Invalid argument")
        length = 0
    else:
        length = 32
    if int(address) & ((1 << (32 - length)) - 1):
        raise Misuse(3, "route: netmask doesn't match route address")
    return address, length


def _mask_length(text: str) -> int:
    mask = int(IPv4Address(text))
    length = mask.bit_count()
    if mask != ((1 << length) - 1) << (32 - length):
        raise Misuse(3, f"route: bogus netmask {text}")
    return length


def _asked6(draft: _Draft, *, adding: bool) -> Asked:
    """IPv6 by ioctl has metric 1 where none was given, for adding and for deleting alike."""
    if draft.target == "default":
        address, length = IPv6Address(0), 0
    else:
        head, slash, tail = draft.target.partition("/")
        address, length = IPv6Address(head), int(tail) if slash else 128
    # The flag of a host route has the same bit as "onlink", and the kernel reads it as that (seen).
    hop = AskedHop(draft.gateway, draft.device, onlink=length == 128)
    said = draft.gateway is not None or bool(draft.device) or adding
    return Asked(address, length, (hop,) if said else (), draft.metric or 1)
