"""What nft's expressions ask, and how their values read (nft(8), "Primary expressions", "Payload expressions")."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address, ip_network, summarize_address_range

from analyzer.network.commands.nft_sets import Line
from analyzer.network.commands.words import Misuse
from analyzer.network.host import IPNetwork
from analyzer.network.match import EVERY_BIT, Nets, Span, State

PROTOCOLS = {"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "ah": 51, "icmpv6": 58,
             "ipv6-icmp": 58, "ospf": 89, "vrrp": 112, "sctp": 132}
"""/etc/protocols, as far as a ruleset of a balancer names them; any other is refused, or a number."""

FLAGS = {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ecn": 64, "cwr": 128}
NFPROTO = {"ipv4": 4, "ipv6": 6}
_ICMP = frozenset({
    "echo-request", "echo-reply", "destination-unreachable", "time-exceeded", "packet-too-big",   # these are walked
    "parameter-problem", "redirect", "source-quench", "router-advertisement", "router-solicitation",
    "timestamp-request", "timestamp-reply", "info-request", "info-reply", "address-mask-request", "address-mask-reply",
    "nd-router-solicit", "nd-router-advert", "nd-neighbor-solicit", "nd-neighbor-advert", "nd-redirect",
    "router-renumbering", "mld-listener-query", "mld-listener-report", "mld-listener-done", "mld-listener-reduction",
    "mld2-listener-report", "ind-neighbor-solicit", "ind-neighbor-advert",
})

Fields = dict[str, object]
Key = Callable[[Sequence[str]], Fields]
"""The values of a condition in, the fields of ``Match`` that say the same out."""


def named(field: str) -> Key:
    """Names, compared as they are written."""
    return lambda values: {field: frozenset(values)}


def addresses(field: str, version: int) -> Key:
    """Addresses, prefixes, and ranges of addresses."""
    return lambda values: {field: Nets.of(version, (net for value in values for net in nets(value)))}


def nets(text: str) -> Iterable[IPNetwork]:
    """``10.0.2.0/24``, ``10.0.2.1-10.0.2.9``."""
    first, dash, last = text.partition("-")
    if not dash:
        return (ip_network(text),)
    low, high = ip_address(first), ip_address(last)
    return tuple(summarize_address_range(low, high))


def spans(values: Iterable[str]) -> tuple[Span, ...]:
    """Ports and ranges of ports, by number and in order."""
    pairs = (value.partition("-") for value in values)
    return tuple(sorted((int(low), int(high or low)) for low, _, high in pairs))


def _ports(field: str, protocol: str = "") -> Key:
    fixed: Fields = {"protocols": frozenset({PROTOCOLS[protocol]})} if protocol else {}
    return lambda values: {**fixed, field: spans(values)}


def protocol(word: str) -> int:
    """A protocol's number by its name."""
    return PROTOCOLS[word] if word in PROTOCOLS else int(word)


def _protocols(version: int | None = None) -> Key:
    fixed: Fields = {"version": version} if version else {}
    return lambda values: {**fixed, "protocols": frozenset(map(protocol, values))}


def _marks(field: str) -> Key:
    return lambda values: {field: frozenset((int(value, 0), EVERY_BIT) for value in values)}


def _icmp_types(number: int) -> Key:
    def types(values: Sequence[str]) -> Fields:
        unknown = sorted(set(values) - _ICMP)
        if unknown:
            raise Misuse(1, f"Error: the model does not know the ICMP type {unknown[0]!r}")
        return {"protocols": frozenset({number}), "icmp": frozenset(values)}

    return types


def _one(field: str, words: dict[str, object], asked: str) -> Key:
    """One of a few words."""
    def value(values: Sequence[str]) -> Fields:
        if len(values) != 1 or values[0] not in words:
            raise Misuse(1, f"Error: the model does not know '{asked} {', '.join(values)}'")
        return {field: words[values[0]]}

    return value


KEYS: dict[str, Key] = {
    **{word: named(field) for field, words in (("incoming", ("iifname", "iif", "meta iifname", "meta iif")),
                                               ("outgoing", ("oifname", "oif", "meta oifname", "meta oif")))
       for word in words},
    **{f"{family} {word}": addresses(field, version) for family, version in (("ip", 4), ("ip6", 6))
       for word, field in (("saddr", "source"), ("daddr", "destination"))},
    **{f"{name} {word}": _ports(field, "" if name == "th" else name) for name in ("tcp", "udp", "sctp", "th")
       for word, field in (("sport", "source_ports"), ("dport", "destination_ports"))},
    "meta l4proto": _protocols(), "ip protocol": _protocols(4), "ip6 nexthdr": _protocols(6),
    "ether saddr": lambda values: {"macs": frozenset(value.lower() for value in values)},
    "ct state": lambda values: {"states": frozenset(map(State, values))},
    "ct status": _one("dnatted", {"dnat": True}, "ct status"),
    "ct direction": _one("reply", {"original": False, "reply": True}, "ct direction"),
    "ct mark": _marks("connection_marks"), "meta mark": _marks("marks"), "mark": _marks("marks"),
    "icmp type": _icmp_types(1), "icmpv6 type": _icmp_types(58),
    "meta nfproto": _one("version", dict(NFPROTO), "meta nfproto"),
    "fib daddr type": _one("to_own", {"local": True}, "fib daddr type"),
}
"""Expressions by their words."""


def number(text: str) -> int:
    """In any base that nft prints."""
    return int(text, 0)


_BITWISE: dict[str, Callable[[int, int, int], tuple[int, int]]] = {
    "&": lambda keep, turned, word: (keep & word, turned & word),
    "|": lambda keep, turned, word: (keep & ~word & EVERY_BIT, turned & ~word | word),
    "^": lambda keep, turned, word: (keep, turned ^ word),
}
_BITWISE |= {"and": _BITWISE["&"], "or": _BITWISE["|"], "xor": _BITWISE["^"]}


def bits(line: Line) -> tuple[int, int]:
    """``& 0xff | 0x1``: the bits that are kept, and those that are turned over then."""
    keep, turned = EVERY_BIT, 0
    while line.peek() in _BITWISE:
        keep, turned = _BITWISE[line.take()](keep, turned, number(line.take()))
    return keep, turned


def masked(line: Line) -> int:
    """``& 0xff``: the bits that are compared; all of them where nothing is said."""
    return number(line.take()) if line.accept("&") or line.accept("and") else EVERY_BIT


_TCP_FLAGS = re.compile(
    r"(?:&|and) \(?([a-z |,]+?)\)? == \(?([a-z |,]+?)\)?(?= |$)|([a-z,]+) / ([a-z,]+)|(==)? ?([a-z]+)(?= |$)")


def tcp_flags(line: Line) -> Fields:
    """``syn``; ``& (fin | syn | rst) == syn``; ``syn / fin,syn,rst``, as newer ones list it."""
    words = " ".join(line.left)
    found = _TCP_FLAGS.match(words)
    if found is None or (found[6] and found[6] not in FLAGS):
        raise Misuse(1, f"Error: the model does not know 'tcp flags {words}'")
    del line.left[: len(found[0].split())]
    if found[6]:
        bit = FLAGS[found[6]]
        return {"protocols": frozenset({6}), "tcp_flags": (bit, 0xFF if found[5] else bit)}
    value, mask = (found[2], found[1]) if found[1] else (found[3], found[4])
    return {"protocols": frozenset({6}), "tcp_flags": (_flags(value), _flags(mask))}


def _flags(text: str) -> int:
    return sum(FLAGS[word] for word in set(re.findall(r"[a-z]+", text)))
