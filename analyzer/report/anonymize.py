"""A diagnosis without the network's own addresses and names, so that it can be shown to strangers.

Addresses change prefix by prefix: two that share their first n bits share n
bits afterwards too, so routes, masks and "on the same link" stay true.  Each
bit is flipped or not by a keyed hash of the bits before it (the construction of
Crypto-PAn, with HMAC-SHA-256 in place of AES).  The same key gives the same
replacement in every report; without the key nothing leads back.

What stays, on purpose: ports, times, sequence numbers, interface names, and
which special range an address belongs to (private stays private).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from analyzer.diagnose.finding import Diagnosis, Evidence
from analyzer.report.clean import COMMAND_FIELDS, map_texts
from analyzer.report.rewrite import rewritten
from analyzer.report.sentences import capture_name

KEPT = tuple(ip_network(text) for text in (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
    "224.0.0.0/4", "240.0.0.0/4", "::/8", "fc00::/8", "fd00::/8", "2000::/3", "fe80::/64", "ff00::/8",
    "64:ff9b::/96",
))
"""Ranges that an address stays in, because what it means depends on them."""

WHOLE = tuple(ip_network(text) for text in (
    "0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::/127", "ff00::/8",
))
"""Ranges whose addresses name no host of anybody's: left as they are.  Netmasks lie in 240.0.0.0/4."""

SOLICITED = ip_network("ff02::1:ff00:0/104")
"""Solicited-node multicast (RFC 4291 §2.7.1): its last 24 bits, and its MAC's, are those of the host's address."""
LOW = 0xFF_FFFF

_IPV4 = r"\d{1,3}(?:\.\d{1,3}){3}"
_TOKEN = re.compile(
    r"(?P<mac>(?<![0-9A-Fa-f:.-])(?:(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4})"
    r"(?![0-9A-Fa-f]|[:-][0-9A-Fa-f]))"
    rf"|(?P<masked>(?<![\d.])(?P<base>{_IPV4})(?P<between>\s+(?:netmask|mask)\s+)(?P<mask>{_IPV4})(?!\d))"
    rf"|(?P<v4>(?<![\d.]){_IPV4}(?!\d))(?:/(?P<v4length>\d{{1,2}})(?!\d))?"
    r"|(?P<stem>(?<![\d.])\d{1,3}(?:\.\d{1,3}){0,2})\.\*"
    r"|(?P<v6>(?<![0-9A-Za-z:.])(?:[0-9A-Fa-f]{0,4}:){2,7}(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4})"
    r"(?:(?=:\d{5}(?![0-9A-Za-z:]))|(?![0-9A-Za-z]|:[0-9A-Fa-f:])))"     # a port of five digits can be no part of it
    r"(?:/(?P<v6length>\d{1,3})(?!\d))?"
)
_GENERIC = frozenset({
    "", "client", "balancer", "balancer-front", "balancer-back", "server", "real server", "router", "other router",
    "mirror", "unknown", "capture", "other", "lb",
})
_MEANING = re.compile(r"00005e000[12]|00000c07ac|3333|01005e|f{12}|0{12}")
"""MACs that are nobody's: VRRP (RFC 9568 §7.3), HSRP (RFC 2281 §5), multicast (RFC 1112, RFC 2464), broadcast."""

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Pseudonyms:
    """Replacements under one key: the same thing always gets the same one."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._prefixes: dict[tuple[int, int, int], int] = {}

    def _bits(self, *parts: object) -> int:
        text = "|".join(map(str, parts)).encode()
        return int.from_bytes(hmac.digest(self._key, text, hashlib.sha256)[:8], "big")

    def address(self, address: Address) -> Address:
        """The replacement of an address, prefix by prefix."""
        if address.version == 6 and address in SOLICITED:
            return IPv6Address(int(SOLICITED.network_address) | self._bits("solicited", int(address) & LOW) & LOW)
        if any(address.version == net.version and address in net for net in WHOLE):
            return address
        return type(address)(self._prefix(address.version, int(address), address.max_prefixlen, 0))

    def _prefix(self, version: int, value: int, width: int, below: int) -> int:
        """The replacement of the first ``width - below`` bits of ``value``; neighbours share most of the way there."""
        if width == below:
            return 0
        prefix, length = value >> below, width - below
        known = self._prefixes.get((version, length, prefix))
        if known is None:
            before = prefix >> 1
            flip = 0 if _leads_to_kept(version, before, length - 1) \
                else self._bits("bit", version, length - 1, before) & 1
            known = self._prefix(version, value, width, below + 1) << 1 | (prefix & 1) ^ flip
            self._prefixes[version, length, prefix] = known
        return known

    def packed(self, octets: bytes) -> bytes:
        """The replacement of an address or MAC given as its octets (4, 16, 6); other octets are none, and stay."""
        match len(octets):
            case 4 | 16:
                return self.address(ip_address(octets)).packed
            case 6:
                return bytes.fromhex(self.mac(octets.hex()))
            case _:
                return octets

    def network(self, address: Address, length: int) -> Address:
        """The replacement of a network's address: its prefix replaced, its host bits zero as before."""
        mapped = int(self.address(address))
        hosts = address.max_prefixlen - length
        return type(address)(mapped >> hosts << hosts)

    def mac(self, text: str) -> str:
        """A locally administered unicast MAC instead, written as ``text`` is.

        Those of virtual routers (VRRP, HSRP), multicast and broadcast mean something, and stay.
        """
        plain = re.sub("[:.-]", "", text).lower()
        if plain.startswith("3333ff"):
            octets = iter(f"3333ff{self._bits('solicited', int(plain[6:], 16)) & LOW:06x}")
        elif _MEANING.match(plain):
            return text
        else:
            octets = iter(f"02{self._bits('mac', plain) & 0xFF_FFFF_FFFF:010x}")
        return "".join(sign if sign in ":.-" else next(octets) for sign in text)


@lru_cache(maxsize=1 << 14)
def _leads_to_kept(version: int, prefix: int, length: int) -> bool:
    """Do these first bits begin a range that must be kept?  Then the next bit stays as it is."""
    return any(
        net.version == version and length < net.prefixlen
        and int(net.network_address) >> (net.max_prefixlen - length) == prefix
        for net in KEPT
    )


def anonymize(diagnosis: Diagnosis, key: bytes) -> Diagnosis:
    """The same diagnosis with addresses, MACs and names replaced in every text, command and filter.

    ``key`` should be random (32 octets); who has it can recognise an address by trying all.
    """
    pseudonyms = Pseudonyms(key)
    seen: dict[tuple[str, bool], str] = {}
    files, names = _files(diagnosis), _names(diagnosis)
    bare = replace(
        diagnosis,
        findings=tuple(
            replace(finding, evidence=tuple(
                replace(item, octets=octets_replaced(item, pseudonyms), payload="") for item in finding.evidence))
            for finding in diagnosis.findings
        ),
        command=" ".join(["replypath analyze", *(capture.path for capture in diagnosis.captures)]),
    )

    def changed(text: str, field: str) -> str:
        if field == "octets":
            return text
        # A vantage point may be called eth0: what is typed into a shell keeps such words.
        typed = field in COMMAND_FIELDS
        if (text, typed) not in seen:
            seen[text, typed] = addresses_replaced(_renamed(text, files if typed else names), pseudonyms)
        return seen[text, typed]

    return map_texts(bare, changed)


def octets_replaced(item: Evidence, pseudonyms: Pseudonyms) -> str:
    """The headers of a frame with other addresses in them; see ``rewrite``."""
    try:
        octets = bytes.fromhex(item.octets)
    except ValueError:
        return ""
    return rewritten(octets, item.link_type, pseudonyms).hex()


def addresses_replaced(text: str, pseudonyms: Pseudonyms) -> str:
    """``text`` with every address, network and MAC in it replaced."""
    return _TOKEN.sub(_replacement(pseudonyms), text)


def _replacement(pseudonyms: Pseudonyms) -> Callable[[re.Match[str]], str]:
    def changed(match: re.Match[str]) -> str:
        groups = match.groupdict()
        try:
            if groups["mac"]:
                return pseudonyms.mac(groups["mac"])
            if groups["masked"]:
                net = ip_network(f"{groups['base']}/{groups['mask']}", strict=False)
                return f"{_mapped(groups['base'], net.prefixlen, pseudonyms)}{groups['between']}{groups['mask']}"
            if groups["stem"]:
                return _stem(groups["stem"], pseudonyms)
            version = "v4" if groups["v4"] else "v6"
            length = groups[f"{version}length"]
            tail = f"/{length}" if length else ""
            text, colon = _without_colon(groups[version])
            return f"{_mapped(text, int(length) if length else None, pseudonyms)}{colon}{tail}"
        except ValueError:      # looks like an address and is none: 999.1.1.1, 10:20:30
            return match.group()

    return changed


def _without_colon(text: str) -> tuple[str, str]:
    """An IPv6 address before a colon of the sentence, and that colon: ``2001:db8::5:`` ends in no address."""
    return (text[:-1], ":") if text.endswith(":") and (text[-2:] != "::" or ":::" in text) else (text, "")


def _mapped(text: str, length: int | None, pseudonyms: Pseudonyms) -> Address:
    """An address, or a network's address where its host bits are all zero."""
    address = ip_address(text)
    if length is None:
        return pseudonyms.address(address)
    if length > address.max_prefixlen:
        raise ValueError(text)
    is_network = int(address) & ((1 << (address.max_prefixlen - length)) - 1) == 0
    return pseudonyms.network(address, length) if is_network else pseudonyms.address(address)


def _stem(text: str, pseudonyms: Pseudonyms) -> str:
    """``192.168.11.*``, as Windows writes it: the octets that are there, as a network."""
    octets = text.split(".")
    network = pseudonyms.network(IPv4Address(".".join([*octets, "0", "0", "0"][:4])), 8 * len(octets))
    return ".".join([*str(network).split(".")[: len(octets)], "*"])


def _files(diagnosis: Diagnosis) -> dict[str, str]:
    """Names of files and what they are called instead, the longest first."""
    files: dict[str, str] = {}
    for number, capture in enumerate(diagnosis.captures, 1):
        for name in (capture.path, capture_name(capture)):
            files.setdefault(name, file_instead(number, capture.path))
    for number, service in enumerate(diagnosis.services, 1):
        path, _, line = service.source.rpartition(":")
        if path and line.isdigit():
            files.setdefault(path, f"mapping-{number}")
    return _longest_first(files)


def file_instead(number: int, path: str) -> str:
    """What the ``number``-th capture's file is called."""
    return f"capture-{number}{next((end for end in ('.pcapng', '.pcap', '.cap') if end in path), '')}"


def vantage_instead(number: int, vantage: str) -> str:
    """What the ``number``-th capture point is called: a word that says only its role stays."""
    return vantage if vantage.lower() in _GENERIC else f"vantage-{number}"


def _names(diagnosis: Diagnosis) -> dict[str, str]:
    """Names of files, vantage points and hosts, and what they are called instead, the longest first."""
    names = dict(_files(diagnosis))
    for number, capture in enumerate(diagnosis.captures, 1):
        names.setdefault(capture.vantage, vantage_instead(number, capture.vantage))
    hosts = dict.fromkeys(host.name for finding in diagnosis.findings for host in finding.ladder.hosts)
    for number, name in enumerate((name for name in hosts if name.lower() not in _GENERIC), 1):
        names.setdefault(name, f"host-{number}")
    return _longest_first(names)


def _longest_first(names: dict[str, str]) -> dict[str, str]:
    return dict(sorted(names.items(), key=lambda item: -len(item[0])))


def _renamed(text: str, names: dict[str, str]) -> str:
    """``text`` with every name in it replaced where it stands as a word of its own."""
    for name, instead in names.items():
        if len(name) > _LONG:       # longer than any path can be: no pattern is made of it
            text = text.replace(name, instead)
    return _pattern(tuple(name for name in names if 0 < len(name) <= _LONG)).sub(
        lambda match: names[match.group()], text)


_LONG = 4096


@lru_cache(maxsize=8)
def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(rf"(?<![\w.-]){re.escape(name)}(?![\w-])" for name in names) or r"(?!)")
