"""What the frames of one attempt say, in words and as a ladder."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from analyzer.balance.legs import TURNED
from analyzer.diagnose.evidence import Evidence as Tables
from analyzer.diagnose.evidence import Row
from analyzer.diagnose.finding import Evidence, Ladder, LadderEvent, LadderHost
from analyzer.diagnose.frames import STEPS, Names, evidence_of, frame_filter, sights_of
from analyzer.units import FrameNo, UnixNs

MOST_POINTED_OUT = 8
"""Frames of one finding that a rule adds to those of the handshake."""

ANSWER_WORDS = {"syn-ack": "SYN-ACK", "reset": "refusal (RST,ACK)", "datagram": "datagram", "echo": "echo reply"}
REQUEST_WORDS = {"tcp": "SYN", "udp": "datagram", "icmp": "echo request"}


def _says(step: str, sight: Row, who: Names, judged: Row, tables: Tables) -> str:
    """The sentence under one frame."""
    text = tables.book.text
    request = REQUEST_WORDS.get(who.protocol, "packet")
    answer = ANSWER_WORDS.get(sight.get(f"{step}_as") or "", "reply")
    match step:
        case "asked":
            count = int(sight["asked_count"] or 1)
            never = "answered from there at first" if judged["isn"] >= TURNED else "never answered from there"
            again = f" ({count} times, {never})" if count > 1 and not judged.get("translated") else ""
            return f"The client calls the virtual service {who.virtual_end}{again}."
        case "forwarded":
            by = text(sight["forwarded_src_mac"] or 0)
            if judged.get("direct"):
                return f"The client calls {who.real_end} itself" + (f", from MAC {by}." if by else ".")
            return f"The balancer passes the {request} on to the real server" + (f", from MAC {by}." if by else ".")
        case "answered":
            to, back = text(sight["answered_dst_mac"] or 0), text(sight["forwarded_src_mac"] or 0)
            way = f", to MAC {to}" if to else ""
            way += f" and not back to {back}" if to and back and to != back else ""
            return f"The real server answers with its own address{way}: {answer} from {who.real_end}."
        case "translated":
            return f"The reply reaches the client as it should: {answer} from {who.virtual_end}."
        case _:
            what = "says that nobody there had asked" if who.protocol == "udp" else "resets it"
            return f"The client never called {who.real_end} and {what}."


def collect(attempt: int, who: Names, judged: Row, tables: Tables) -> list[tuple[str, Evidence]]:
    """The frames of one attempt, step by step, the same step from each capture that saw it."""
    sights = sights_of(attempt, tables)
    return [
        (step, evidence_of(step, sight, who, int(judged["isn"]), tables, _says(step, sight, who, judged, tables)))
        for step in STEPS
        for sight in sights
        if sight[f"{step}_frame"] is not None
    ]


def pointed_out(rows: Sequence[Row], attempt: int, who: Names, tables: Tables) -> list[tuple[str, Evidence]]:
    """The frames that a rule names itself: columns seen_capture, seen_frame, seen_says and the packet's marks."""
    text = tables.book.text
    found = []
    for row in rows:
        if int(row["attempt"]) != attempt or not row.get("seen_frame"):
            continue
        found.append((str(row.get("seen_step", "seen")), Evidence(
            capture=int(row["seen_capture"]),
            frame=FrameNo(int(row["seen_frame"])),
            says=str(row["seen_says"]),
            time_ns=UnixNs(int(row["seen_ns"])),
            segment=str(row.get("seen_segment", "")).format(
                client=who.client_end, real=who.real_end, virtual=who.virtual_end,
                client_address=who.client, real_address=who.real,
            ),
            filter=frame_filter(int(row["seen_frame"])),
            src_mac=text(row.get("seen_src_mac") or 0),
            dst_mac=text(row.get("seen_dst_mac") or 0),
            ttl_hops=int(row["seen_ttl"]) if row.get("seen_ttl") else None,
        )))
    return found[:MOST_POINTED_OUT]


def ladder(who: Names, judged: Row, steps: Sequence[tuple[str, Evidence]], tables: Tables) -> Ladder:
    """The broken handshake: client, balancer, real server and, where the reply took one, the router.

    Where the client called the real server itself, the balancer stands there only if the reply went to it.
    """
    mac = tables.book.text
    direct, bypass = bool(judged.get("direct")), bool(judged.get("bypass"))
    detour = direct and bool(judged.get("next_hop_is_balancer"))
    by_router = judged.get("went") == "router" and not detour
    hosts = {"client": LadderHost("client", "client", who.client)}
    if detour or not direct:
        seen = judged.get("next_hop_mac" if detour else "from_mac") or 0
        hosts["balancer"] = LadderHost("balancer", "balancer", who.virtual or "", mac(seen))
    hosts["server"] = LadderHost("server", "real server", who.real)
    if by_router:
        hosts["router"] = LadderHost("router", "other router", "", mac(judged.get("next_hop_mac") or 0))
    place = {name: number for number, name in enumerate(hosts)}
    ends = {**_ENDS, "forwarded": ("client", "server", "ok")} if direct else _ENDS
    events: list[LadderEvent] = []
    for step in (*STEPS, "strayed"):
        # the earliest sight of a step stands for it, by the first capture's clock
        sights = [(*_by_one_clock(shown, tables), i) for i, (name, shown) in enumerate(steps) if name == step]
        if not sights:
            continue
        when, unsure, chosen = min(sights)
        if events and when < events[-1].time_ns <= when + unsure:
            when = events[-1].time_ns           # a packet that another one brought about is not earlier than that
        shown = steps[chosen][1]
        sender, receiver, outcome = ends[step]
        if step == "answered":
            receiver = "router" if by_router else "client" if bypass or (direct and not detour) else "balancer"
            outcome = "stray" if bypass else "lost" if direct and receiver != "client" else "ok"
        if sender in place and receiver in place:
            events.append(LadderEvent(shown.time_ns, place[sender], place[receiver], shown.segment, outcome, chosen))
    return Ladder(tuple(hosts.values()), tuple(events))


def _by_one_clock(shown: Evidence, tables: Tables) -> tuple[int, int]:
    """A frame's time by the clock that the captures are compared with, and how far it may be off, in ns."""
    clock = tables.clocks.get(shown.capture)
    if clock is None:
        return shown.time_ns, 0
    return clock.corrected(shown.time_ns), ceil(clock.bound_at(shown.time_ns))


_ENDS = {
    "strayed": ("server", "client", "stray"),
    "asked": ("client", "balancer", "ok"),
    "forwarded": ("balancer", "server", "ok"),
    "answered": ("server", "balancer", "ok"),
    "translated": ("balancer", "client", "ok"),
    "rejected": ("client", "server", "rejected"),
}
