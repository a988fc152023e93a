"""What nft's expressions ask, and how their values read (nft(8), "Primary expressions", "Payload expressions")."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address, ip_network, summarize_address_range

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
