"""A packet as a value, and as one line of text: the form that tests, rules, traces and reports share.

    0.000400 10.0.2.11:8080 > 10.0.2.9:40000 [S.] seq 9000 ack 1001
    0.1 10.0.2.9:5353 > 10.0.2.1:53 udp len 30 [data 1234abcd]
    0.1 10.0.2.9 > 10.0.2.1 icmp echo request id 5 seq 1
    0.1 10.0.2.9 > 10.0.2.11 icmp unreachable port (10.0.2.11:53 > 10.0.2.9:4000 udp)
    0.1 10.0.2.1 > 10.0.2.11 icmp redirect 10.0.2.9 to 10.0.2.9 (10.0.2.11:8080 > 10.0.2.9:40000 tcp)
    0.1 arp who-has 10.0.2.9 tell 10.0.2.11
    0.1 arp reply 10.0.2.9 is-at 02:00:00:00:00:01 to 10.0.2.11

Behind any of them, in any order: ``ttl 63``, ``id 7`` (IP identification; behind an echo
``ip-id 7``), ``vlan 7``, ``mac 02:00:00:00:00:01>02:00:00:00:00:02``, ``@server`` (the vantage
point); behind TCP also ``len``, ``ts 100/0``, ``win``, ``mss``.  ``None`` means "not said".
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from analyzer.units import SECOND_NS

IP = IPv4Address | IPv6Address

FLAG_LETTERS = "FSRP.UEW"
"""tcpdump's letters, from the lowest bit up."""

ERRORS_V4 = {
    (3, 0): "unreachable net",
    (3, 1): "unreachable host",
    (3, 2): "unreachable proto",
    (3, 3): "unreachable port",
    (3, 4): "unreachable frag-needed",
    (3, 13): "unreachable admin",
    (11, 0): "time exceeded",
}
"""ICMP type and code in words (RFC 792, RFC 1812 §5.2.7.1); any other pair is written ``error TYPE CODE``."""

ERRORS_V6 = {
    (1, 0): "unreachable net",
    (1, 1): "unreachable admin",
    (1, 3): "unreachable host",
    (1, 4): "unreachable port",
    (2, 0): "packet too big",
    (3, 0): "time exceeded",
}
"""The same for ICMPv6 (RFC 4443 §3)."""

PROTOCOL_WORDS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp6"}


def endpoint(address: IP, port: int) -> str:
    """``10.0.2.9:80``, ``[2001:db8::1]:80``."""
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def flag_text(flags: int) -> str:
    """``[S.]``; ``[none]`` where no flag is set."""
    letters = "".join(letter for bit, letter in enumerate(FLAG_LETTERS) if flags >> bit & 1)
    return f"[{letters or 'none'}]"


@dataclass(frozen=True, slots=True)
class Tcp:
    """A TCP segment."""

    src: IP
    src_port: int
    dst: IP
    dst_port: int
    flags: int
    seq: int = 0
    ack: int | None = None
    payload_bytes: int = 0
    timestamps: tuple[int, int] | None = None
    window: int | None = None
    mss: int | None = None

    def __str__(self) -> str:
        words = [f"{endpoint(self.src, self.src_port)} > {endpoint(self.dst, self.dst_port)} {flag_text(self.flags)}",
                 f"seq {self.seq}"]
        if self.ack is not None:
            words.append(f"ack {self.ack}")
        if self.payload_bytes:
            words.append(f"len {self.payload_bytes}")
        if self.timestamps is not None:
            words.append("ts {}/{}".format(*self.timestamps))
        if self.window is not None:
            words.append(f"win {self.window}")
        if self.mss is not None:
            words.append(f"mss {self.mss}")
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class Udp:
    """A UDP datagram; ``data`` is how its payload begins (the rest is zeros), never longer than ``payload_bytes``."""

    src: IP
    src_port: int
    dst: IP
    dst_port: int
    payload_bytes: int = 0
    data: bytes = b""

    def __str__(self) -> str:
        begin = f" [data {self.data.hex()}]" if self.data else ""
        return (f"{endpoint(self.src, self.src_port)} > {endpoint(self.dst, self.dst_port)} udp"
                f" len {self.payload_bytes}{begin}")


@dataclass(frozen=True, slots=True)
class Echo:
    """An ICMP echo request or reply."""

    src: IP
    dst: IP
    reply: bool
    identifier: int
    seq: int
    payload_bytes: int = 0

    def __str__(self) -> str:
        size = f" len {self.payload_bytes}" if self.payload_bytes else ""
        kind = "reply" if self.reply else "request"
        return f"{self.src} > {self.dst} icmp echo {kind} id {self.identifier} seq {self.seq}{size}"


@dataclass(frozen=True, slots=True)
class Quote:
    """The packet inside an ICMP message; ports are 0 where it has none (echo: both are the identifier)."""

    src: IP
    dst: IP
    protocol: int
    src_port: int = 0
    dst_port: int = 0
    seq: int | None = None

    def __str__(self) -> str:
        word = PROTOCOL_WORDS.get(self.protocol, f"proto {self.protocol}")
        seq = "" if self.seq is None else f" seq {self.seq}"
        if self.protocol in (1, 58):
            return f"({self.src} > {self.dst} {word} id {self.src_port}{seq})"
        if self.src_port or self.dst_port:
            return f"({endpoint(self.src, self.src_port)} > {endpoint(self.dst, self.dst_port)} {word}{seq})"
        return f"({self.src} > {self.dst} {word}{seq})"


@dataclass(frozen=True, slots=True)
class IcmpError:
    """Unreachable, time exceeded, too big, parameter problem; ``mtu`` is the next hop's where it is said, else 0."""

    src: IP
    dst: IP
    type: int
    code: int
    quote: Quote | None
    mtu: int = 0

    def __str__(self) -> str:
        names = ERRORS_V4 if self.src.version == 4 else ERRORS_V6
        word = names.get((self.type, self.code), f"error {self.type} {self.code}")
        mtu = f" mtu {self.mtu}" if self.mtu else ""
        return f"{self.src} > {self.dst} icmp {word}{mtu}" + (f" {self.quote}" if self.quote else "")


@dataclass(frozen=True, slots=True)
class Redirect:
    """An ICMP redirect: packets to ``destination`` had better go to ``gateway``."""

    src: IP
    dst: IP
    destination: IP
    gateway: IP
    quote: Quote | None = None

    def __str__(self) -> str:
        return (f"{self.src} > {self.dst} icmp redirect {self.destination} to {self.gateway}"
                + (f" {self.quote}" if self.quote else ""))


@dataclass(frozen=True, slots=True)
class WhoHas:
    """An ARP request or a neighbour solicitation.  ``mac`` is the asker's claim where it is not the frame's source."""

    target: IP
    asker: IP
    mac: str | None = None

    def __str__(self) -> str:
        word = "arp" if self.target.version == 4 else "nd"
        return f"{word} who-has {self.target} tell {self.asker}" + (f" claims {self.mac}" if self.mac else "")


@dataclass(frozen=True, slots=True)
class IsAt:
    """An ARP reply or a neighbour advertisement; without ``to``, nobody asked for it (gratuitous, unsolicited)."""

    address: IP
    mac: str
    to: IP | None = None

    def __str__(self) -> str:
        word = "arp" if self.address.version == 4 else "nd"
        return f"{word} reply {self.address} is-at {self.mac}" + (f" to {self.to}" if self.to else "")


@dataclass(frozen=True, slots=True)
class OtherIp:
    """Any other IP packet, or a later fragment: addresses and protocol, and how much it carries."""

    src: IP
    dst: IP
    protocol: int
    payload_bytes: int = 0

    def __str__(self) -> str:
        size = f" len {self.payload_bytes}" if self.payload_bytes else ""
        return f"{self.src} > {self.dst} proto {self.protocol}{size}"


Body = Tcp | Udp | Echo | IcmpError | Redirect | WhoHas | IsAt | OtherIp


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet at one instant at one vantage point."""

    time_ns: int
    body: Body
    ttl: int | None = None
    ip_id: int | None = None
    vlan: int = 0
    macs: tuple[str, str] | None = None
    """Source and destination, lower case, with colons."""
    vantage: str = ""

    def __str__(self) -> str:
        words = [clock(self.time_ns), str(self.body)]
        if self.ttl is not None:
            words.append(f"ttl {self.ttl}")
        if self.ip_id is not None:
            words.append(f"{'ip-id' if isinstance(self.body, Echo) else 'id'} {self.ip_id}")
        if self.vlan:
            words.append(f"vlan {self.vlan}")
        if self.macs is not None:
            words.append(f"mac {self.macs[0]}>{self.macs[1]}")
        if self.vantage:
            words.append(f"@{self.vantage}")
        return " ".join(words)


def clock(time_ns: int) -> str:
    """Seconds with six digits, or nine where microseconds do not say it all."""
    seconds, rest = divmod(time_ns, SECOND_NS)
    digits = f"{rest:09}"
    return f"{seconds}.{digits[:6] if digits.endswith('000') else digits}"
