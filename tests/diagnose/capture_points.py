"""What capture points keep of a random network, disturbed as captures are, and the pipeline's answer to it."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

import numpy as np
from networks import MACS, MS, Case, Hop, Play

from analyzer import api
from analyzer.balance.mapping import EMPTY, Endpoint, Forwarding, Mapping, Protocol, RealServer, VirtualService
from analyzer.balance.vantage import declared_role
from analyzer.diagnose.evidence import Observed
from analyzer.diagnose.finding import Diagnosis
from analyzer.diagnose.overview import CaptureRead
from analyzer.flow.events import EventCollector
from analyzer.flow.tracker import FlowTracker
from analyzer.reading import Read
from analyzer.tables import AddressBook, Batch
from analyzer.units import Origin
from analyzer.wire.build import batch, frame
from analyzer.wire.decode import Decoder
from analyzer.wire.packet import Packet

ETHERNET, SLL = 1, 113
TO_US, BROADCAST, FROM_US = 0, 1, 4
"""Link types, and the packet types of a Linux cooked capture."""

Kept = list[tuple[int, bytes, int, str]]
"""Time in ns, octets, the call it belongs to, the packet as text."""


@dataclass(slots=True)
class Captured:
    """One capture: its point's name, its frames."""

    point: str
    kept: Kept = field(default_factory=list)
    link_type: int = ETHERNET


def captures(play: Play) -> list[Captured]:
    """Every capture point's frames, disturbed; points that hold nothing are left out."""
    case = play.case
    found = []
    for number, point in enumerate(case.points):
        if case.arms == "one" and point in ("lb_front", "mirror_front"):
            continue
        seen = [hop for hop in play.hops if _sees(play, point, hop)]
        kept = _disturbed(seen, case, random.Random(case.seed * 31 + number), point)
        if not kept:
            continue
        if case.cooked and not point.startswith("mirror"):
            own = _place(play, point)[1]
            kept = [(time, cooked(octets, own), call, text) for time, octets, call, text in kept]
            found.append(Captured(point, kept, SLL))
        else:
            found.append(Captured(point, kept))
    return found


def cooked(octets: bytes, own: set[str]) -> bytes:
    """An Ethernet frame as ``tcpdump -i any`` keeps it at the host with these MACs: no destination MAC."""
    source, target = octets[6:12], octets[:6]
    kind = FROM_US if source.hex(":") in own else BROADCAST if target[0] & 1 else TO_US
    return struct.pack("!HHH", kind, 1, 6) + source + b"\0\0" + octets[12:]


def _place(play: Play, point: str) -> tuple[set[str], set[str]]:
    """The links and the MACs of a capture point; no MACs: a mirror of the whole link."""
    case = play.case
    front, virtual = ("front" if case.arms == "two" else "lan"), MACS["virtual"]
    server = {MACS["server1"], MACS["server1-2"]}
    victim = next((c for c in play.calls if c.cause), play.calls[-1])
    mac = MACS["server2"] if victim.client == play_address(play, 12) else _client_mac(play, victim.client)
    return {
        "client": ({"lan", "lan2", "wan", "front"}, {mac}),
        "lb_front": ({front}, {MACS["front"] if case.arms == "two" else MACS["inside"], virtual}),
        "lb_back": ({"lan"}, {MACS["inside"], virtual}),
        "server1": ({"lan"}, server),
        "server1_any": ({"lan", "lan2"}, server),
        "mirror": ({"lan"}, set()),
        "mirror_front": ({front}, set()),
    }[point]


def _sees(play: Play, point: str, hop: Hop) -> bool:
    case = play.case
    links, macs = _place(play, point)
    if hop.link not in links:
        return False
    if not macs:
        return True
    if case.direction != "both" and point != "client" and (hop.macs[0] in macs) != (case.direction == "out"):
        return False
    if hop.macs[1].startswith(("ff:", "33:")):
        return point != "client" or hop.link == _client_link(play, next(iter(macs)))
    return hop.macs[0] in macs or (hop.macs[1] in macs and hop.arrived)


def play_address(play: Play, host: int) -> str:
    return f"2001:db8:2::{host:x}" if play.case.version == 6 else f"10.0.2.{host}"


def _client_mac(play: Play, client: str) -> str:
    index = next((i for i, c in enumerate(play.calls) if c.client == client), -1)
    return next((h.macs[0] for h in play.hops if h.call == index), "")


def _client_link(play: Play, mac: str) -> str:
    return next((h.link for h in play.hops if h.macs[0] == mac), "")


def _disturbed(seen: Sequence[Hop], case: Case, chance: random.Random, point: str) -> Kept:
    if not seen:
        return []
    first, last = seen[0].time_ns, seen[-1].time_ns
    begin, end = first + int((last - first) * case.begins), first + int((last - first) * case.ends)
    kept: Kept = []
    for hop in seen:
        if not begin <= hop.time_ns <= end or chance.random() < case.loss:
            continue
        packet = Packet(hop.time_ns, hop.body, hop.ttl, None if hop.ttl is None else hop.ip_id, 0, hop.macs, point)
        octets, text = frame(packet), str(packet)
        kept.append((hop.time_ns, octets, hop.call, text))
        if chance.random() < case.copies:
            kept.append((hop.time_ns + chance.randrange(1000, MS), octets, hop.call, text + "  # a copy"))
    if case.reorder:
        for at in range(len(kept) - 1):
            if kept[at + 1][0] - kept[at][0] < MS and chance.random() < 0.3:
                kept[at], kept[at + 1] = kept[at + 1], kept[at]
    return kept


def mapping_of(play: Play) -> Mapping:
    """What the balancer of this network is configured to do."""
    case = play.case
    if not case.mapping or case.mode == "none":
        return EMPTY
    dialled = next(c.dialled for c in play.calls if c.dialled[1] == 80)
    mode = {"nat": Forwarding.NAT, "full-nat": Forwarding.FULL_NAT, "direct": Forwarding.DIRECT,
            "proxy": Forwarding.PROXY}[case.mode]
    origin = Origin("network:1")
    port = 80 if case.mode == "direct" else 8080
    reals = tuple(RealServer(Endpoint(ip_address(play_address(play, 10 + n)), port), mode, origin)
                  for n in range(1, case.servers + 1 + (case.fault == "server-is-client")))
    if case.fault == "server-is-client":
        reals = reals[:2]
    protocol = Protocol.UDP if case.protocol == "udp" and case.mode != "proxy" else Protocol.TCP
    service = VirtualService(Endpoint(ip_address(dialled[0]), dialled[1]), protocol, reals, origin)
    return Mapping((service,), (ip_address(play_address(play, 1)),))


def diagnose(play: Play, captured: Sequence[Captured], *, cut: int = 0) -> Diagnosis:
    """The pipeline's answer; ``cut`` > 0 feeds so many frames a batch."""
    book = AddressBook()
    decoder, mapping, case = Decoder(book), mapping_of(play), play.case
    read = Read(Observed([], [], [], book, mapping))
    flows, claims, icmp, names = [], [], [], []
    for number, capture in enumerate(captured):
        tracker, events = FlowTracker(number, book), EventCollector(number)
        for piece in _batches(capture, case.snaplen, cut):
            table = decoder.decode(piece)
            tracker.feed(table)
            events.feed(table)
        flows.append(tracker.finish())
        claims.append(events.claims())
        icmp.append(events.icmp())
        named = capture.point if case.named else ""
        names.append(named)
        read.captures.append(CaptureRead(capture.point + ".pcap", capture.point, frames=len(capture.kept),
                                         role=declared_role(named)))
    read.observed.flows, read.observed.claims, read.observed.icmp, read.observed.vantages = flows, claims, icmp, names
    return api.diagnose(read, mapping=mapping, hosts={})


def _batches(capture: Captured, snaplen: int, cut: int) -> list[Batch]:
    kept = capture.kept
    pieces = [kept[at : at + cut] for at in range(0, len(kept), cut)] if cut else [kept]
    made, number, position = [], 1, 0
    for piece in pieces:
        one = batch([(time, octets) for time, octets, _, _ in piece], first_frame=number)
        held = np.minimum(one.captured_bytes, snaplen or 65535).astype(one.captured_bytes.dtype)
        one = replace(one, captured_bytes=held, position=one.position + position,
                      link_type=np.full_like(one.link_type, capture.link_type))
        number, position = number + len(piece), position + int(one.wire_bytes.sum())
        made.append(one)
    return made
