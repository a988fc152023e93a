"""Random networks with a balancer in them, played packet by packet: what every capture point would have recorded.

Nothing of the forwarding engine is in here: paths are written down hop by hop,
so that a mistake in the engine cannot agree with itself.  ``play`` makes the
hops of one ``Case``, ``captures`` what its capture points keep of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

from analyzer.wire.packet import IsAt, Tcp, WhoHas

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
MS = 1_000_000
SECOND = 1000 * MS

CHOICES = {
    "fault": ("none", "on-link", "server-is-client", "gateway", "gateway-drops", "specific-route", "second-interface",
              "closed", "closed-behind-bypass", "silent", "redirect", "state-lost"),
    "mode": ("nat", "full-nat", "direct", "proxy", "none"),
    "arms": ("two", "one"),
    "version": (4, 6),
    "protocol": ("tcp", "tcp", "udp"),
    "servers": (1, 2),
    "place": ("lan", "front", "far"),
    "clients": (1, 2, 3),
    "calls": (1, 2, 3),
    "retries": (2, 0, 1),
    "quiet": (False, True),            # the client's host firewall drops what it did not ask for: no RST
    "reset_way": ("balancer", "gateway", "lost"),
    "timestamps": (True, False),
    "start_ttl": (64, 128, 255),
    "virtual_mac": ("no", "answers", "sends"),
    "claims": (True, False),           # ARP or neighbour discovery is there to be captured
    "same_router": (False, True),      # the wrong gateway is the one that the client's requests came through
    "lost": ("nothing", "request", "reply", "translated"),   # really lost once, sent again
    "noise": ("none", "healthy", "dead", "half-open", "direct", "reuse"),
    "mapping": (False, True),
    "named": (True, False),            # the user says what each capture point is
}
"""What a network is drawn from, the plainest first."""

DISTURBANCES = {
    "loss": (0.0, 0.05, 0.3),
    "copies": (0.0, 0.1),
    "reorder": (False, True),
    "begins": (0.0, 0.2, 0.6),         # the capture misses this part of what happened
    "ends": (1.0, 0.8, 0.4),
    "snaplen": (0, 128, 68, 54),       # octets; 0 = whole
    "cooked": (False, False, True),    # captured with `-i any`: no destination MACs
    "direction": ("both", "both", "both", "both", "in", "out"),     # a tap that holds one direction of its link only
}
POINTS = ("client", "lb_front", "lb_back", "server1", "server1_any", "mirror", "mirror_front")


@dataclass(frozen=True, slots=True)
class Case:
    """One network, what is wrong with it, and how it was captured."""

    network: dict[str, object]
    disturbed: dict[str, object]
    points: tuple[str, ...]
    seed: int

    def __getattr__(self, name: str):
        return {**self.network, **self.disturbed}[name]


def compose(choose: Callable[[str, Sequence], object], *, disturbed: bool = True) -> Case:
    """A case; ``choose`` picks one of some options under a name."""
    network = {name: choose(name, options) for name, options in CHOICES.items()}
    if network["fault"] != "none":
        network["mode"] = "nat"
    if network["protocol"] == "udp" and network["fault"] in ("state-lost", "closed", "closed-behind-bypass"):
        network["protocol"] = "tcp"
    disturbance = {n: choose(n, o) if disturbed else o[0] for n, o in DISTURBANCES.items()}
    points = tuple(p for p in POINTS if choose(f"at {p}", (True, False)))
    return Case(network, disturbance, points or ("client",), int(choose("seed", range(1000))))


@dataclass(frozen=True, slots=True)
class Hop:
    """One frame on one link; ``call`` is the connection that it belongs to, -1 for none."""

    time_ns: int
    link: str
    macs: tuple[str, str]
    body: object
    ttl: int | None
    ip_id: int
    call: int
    arrived: bool = True               # lost on this link: only its sender's capture holds it


@dataclass(slots=True)
class Call:
    """One connection as it really was."""

    client: str
    client_port: int
    place: str
    dialled: tuple[str, int]
    real: tuple[str, int]
    cause: str = ""                    # empty = nothing is wrong with it
    weak: bool = False                 # not a connection that a diagnosis has to explain (scans, dead addresses)


@dataclass(slots=True)
class Play:
    """What happened: frames in order of time, connections."""

    case: Case
    hops: list[Hop] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)


MACS = {
    "front": "02:00:00:00:01:01", "inside": "02:00:00:00:02:01", "virtual": "00:00:5e:00:01:07",
    "server1": "02:00:00:00:02:11", "server2": "02:00:00:00:02:12", "server1-2": "02:00:00:00:03:11",
    "up-wan": "02:00:00:00:04:fe", "up": "02:00:00:00:01:fe", "up-2": "02:00:00:00:03:fe",
    "gw": "02:00:00:00:02:fd", "gw-wan": "02:00:00:00:04:fd", "gw-front": "02:00:00:00:01:fd",
    "other": "02:00:00:00:02:fc", "other-wan": "02:00:00:00:04:fc",
}
BYPASSES = {"client-on-servers-link", "server-is-client", "default-gateway-elsewhere", "more-specific-route",
            "second-interface", "icmp-redirect"}


class Player:
    """Plays one case."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.play = Play(case)
        self.random = random.Random(case.seed)
        self.now = SECOND
        self.six = case.version == 6
        self.front = "front" if case.arms == "two" else "lan"
        inside = MACS["inside"]
        front = MACS["front"] if case.arms == "two" else inside
        virtual = MACS["virtual"]
        self.inside_to = virtual if case.virtual_mac != "no" else inside
        self.inside_from = virtual if case.virtual_mac == "sends" else inside
        self.front_to = virtual if case.virtual_mac != "no" else front
        self.front_from = virtual if case.virtual_mac == "sends" else front
        self.vip = (self.address(9 if case.arms == "two" else 2, 100), 80)
        self.port = 41000
        self.sought: set[str] = set()

    def address(self, net: int, host: int) -> str:
        """Nets: 1 front, 2 the servers' link, 3 behind the second interface, 4 and 5 far away, 9 the VIP's."""
        if self.six:
            return str(ip_address(f"2001:db8:{net}::{host:x}"))
        prefix = {1: "192.0.2", 2: "10.0.2", 3: "10.0.3", 4: "198.51.100", 5: "198.51.101", 9: "203.0.113"}[net]
        return f"{prefix}.{host}"

    def real(self, number: int) -> tuple[str, int]:
        return self.address(2, 10 + number), 8080

    def send(self, call: int, body, ttl: int, hops, ip_id: int | None = None, lost_on: int | None = None) -> None:
        """One packet along (link, source MAC, destination MAC, body from here on or None)."""
        if ip_id is None:
            ip_id = self.random.randrange(1, 65536)
        for number, (link, source, target, other) in enumerate(hops):
            body = other or body
            here = Hop(self.now, link, (source, target), body, ttl, 0 if self.six else ip_id, call, number != lost_on)
            self.play.hops.append(here)
            self.now += 40_000
            if number == lost_on:
                return
            ttl -= 1

    def arp(self, asker: str, asker_mac: str, target: str, target_mac: str | None, link: str = "lan") -> None:
        if not self.case.claims:
            return
        asked = WhoHas(ip_address(target), ip_address(asker))
        everybody = "33:33:ff:00:00:01" if self.six else "ff:ff:ff:ff:ff:ff"
        self.play.hops.append(Hop(self.now, link, (asker_mac, everybody), asked, None, 0, -1))
        self.now += 20_000
        if target_mac:
            said = IsAt(ip_address(target), target_mac, ip_address(asker))
            self.play.hops.append(Hop(self.now, link, (target_mac, asker_mac), said, None, 0, -1))
            self.now += 20_000

    # who stands where

    def client(self, number: int, place: str) -> tuple[str, str, str]:
        """Address, MAC, link."""
        net = {"lan": 2, "front": 1, "far": 4, "far2": 5, "net2": 3}[place]
        link = {"lan": "lan", "front": self.front, "far": "wan", "far2": "wan", "net2": "lan2"}[place]
        return self.address(net, 50 + number), f"02:00:00:00:0{net}:{50 + number:02x}", link

    def up_to_balancer(self, place: str, mac: str, link: str) -> list:
        match place:
            case "lan":
                return [(link, mac, self.inside_to, None)]
            case "front":
                return [(link, mac, self.front_to, None)]
            case "net2":
                return [(link, mac, MACS["up-2"], None), (self.front, MACS["up"], self.front_to, None)]
        return [(link, mac, MACS["up-wan"], None), (self.front, MACS["up"], self.front_to, None)]

    def down_from_balancer(self, place: str, mac: str, link: str, body) -> list:
        match place:
            case "lan":
                return [(link, self.inside_from, mac, body)]
            case "front":
                return [(link, self.front_from, mac, body)]
            case "net2":
                return [(self.front, self.front_from, MACS["up"], body), (link, MACS["up-2"], mac, None)]
        return [(self.front, self.front_from, MACS["up"], body), (link, MACS["up-wan"], mac, None)]


@dataclass(slots=True)
class Ends:
    """The three ends of a call in play."""

    index: int
    client: str
    port: int
    mac: str
    link: str
    place: str
    real: tuple[str, int]
    server: str                        # its MAC
    isn: int
    ts: int


def tcp(src, dst, flags: int, seq: int, ack: int | None = None, size: int = 0, ts=None) -> Tcp:
    return Tcp(ip_address(src[0]), src[1], ip_address(dst[0]), dst[1], flags, seq & 0xFFFFFFFF,
               None if ack is None else ack & 0xFFFFFFFF, size, ts, None, None)
