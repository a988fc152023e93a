"""The ladder: hosts as columns, packets as arrows, time downwards; drawn for pages and for terminals.

In plain characters it looks like this::

    0.000000  |------ [S] ----->|                 |
    0.000758  |<=============== [S.] =============|  skips the balancer
"""

from __future__ import annotations

import re
from collections.abc import Callable

from markupsafe import Markup

from analyzer.diagnose.finding import Ladder, LadderEvent
from analyzer.report.sentences import since
from analyzer.report.svg import captions, drawing, element, fitted, heads, label, titled
from analyzer.report.texts import say

OUTCOMES = ("ok", "stray", "rejected", "lost")

_MARGIN, _TOP, _ROW = 96, 92, 54
_SEGMENT = re.compile(r"(\S+) > (\S+) (\[[A-Z.]+\])(.*)")
_LINE = {"ok": "-", "stray": "=", "rejected": "-", "lost": "."}


def ladder_svg(
    ladder: Ladder, ident: str, title: str, link: Callable[[int], tuple[str, str]],
) -> Markup:
    """The ladder as SVG, empty without hosts or packets.

    ``link`` gives, for an index into the finding's evidence, the address within
    the page and the words ("client.pcap:6") of the frame.
    """
    if not ladder.hosts or not ladder.events:
        return Markup()
    apart = 330 if len(ladder.hosts) <= 3 else 270
    width = _MARGIN + 110 + max(1, len(ladder.hosts) - 1) * apart + 110
    height = _TOP + len(ladder.events) * _ROW + 14
    columns = [_MARGIN + 110 + place * apart for place in range(len(ladder.hosts))]
    start = min(event.time_ns for event in ladder.events)
    parts = [heads(ident, *dict.fromkeys(map(_outcome, ladder.events)))]
    for host, x in zip(ladder.hosts, columns, strict=True):
        parts += [
            element("line", x1=x, y1=_TOP - 22, x2=x, y2=height - 6, class_="life"),
            element("rect", x=x - 92, y=8, width=184, height=60, rx=4, class_=f"host {_word(host.kind)}"),
            *captions(host, (x, 38.0), 168),
        ]
    for row, event in enumerate(ladder.events):
        y = _TOP + 22 + row * _ROW
        frame = None if event.evidence is None else link(event.evidence)
        parts.append(label(_MARGIN - 8, y + 4, since(event.time_ns, start), anchor="end", kind="faint"))
        parts += _event_svg(event, y, (columns[event.sender], columns[event.receiver]), ident, frame)
    words = (title, " ".join(sentences(ladder)))
    return drawing((width, height), ident, words, *parts, kind="ladder")


def _word(kind: str) -> str:
    return kind if kind in {"client", "balancer", "server", "router"} else "other"


def _outcome(event: LadderEvent) -> str:
    return event.outcome if event.outcome in OUTCOMES else "ok"


def _event_svg(
    event: LadderEvent, y: float, ends: tuple[float, float], ident: str, frame: tuple[str, str] | None,
) -> list[Markup]:
    """One arrow with its text above and its frame and fate below."""
    here, there = ends
    outcome = _outcome(event)
    middle = (here + there) / 2
    step = 1 if there >= here else -1
    # A packet that nobody answered still arrived, for all that is known: dashed, with its head.
    parts = [
        element("line", x1=here + 2 * step, y1=y, x2=there - 3 * step, y2=y, class_=f"wire {outcome}",
                marker_end=f"url(#{ident}-{outcome})"),
        element("text", titled(brief(event), event.text, abs(there - here) + 80), x=middle, y=y - 8,
                class_="halo"),
    ]
    below: list[Markup | str] = []
    if frame is not None:
        target, words = frame
        below.append(element("a", element("tspan", fitted(words, 220), class_="link"), href=target))
    if outcome != "ok":
        below.append(element("tspan", ("  · " if below else "") + say(f"outcome.{outcome}"), class_=f"fate {outcome}"))
    if below:
        parts.append(element("text", *below, x=middle, y=y + 17, class_="halo small"))
    return parts


def brief(event: LadderEvent) -> str:
    """The packet without what its arrow shows: ``[S] to 203.0.113.100:80 seq 1000``, ``[S.] from 10.0.2.11:8080``."""
    match = _SEGMENT.fullmatch(event.text)
    if not match:
        return event.text
    source, destination, flags, rest = match.groups()
    stray = event.outcome == "stray"
    return say("packet.from" if stray else "packet.to", flags=flags, place=source if stray else destination) + rest


def sentences(ladder: Ladder) -> list[str]:
    """The ladder as one sentence per packet, for those who cannot see it."""
    if not ladder.events:
        return []
    start = min(event.time_ns for event in ladder.events)
    return [_sentence(ladder, event, since(event.time_ns, start)) for event in ladder.events]


def _remark(event: LadderEvent) -> str:
    return "" if event.outcome not in OUTCOMES[1:] else say(f"outcome.{event.outcome}")


def _sentence(ladder: Ladder, event: LadderEvent, time: str) -> str:
    sender, receiver = ladder.hosts[event.sender], ladder.hosts[event.receiver]
    remark = _remark(event)
    tail = f" ({remark})" if remark else ""
    return f"{time}  {sender.name} -> {receiver.name}  {event.text}{tail}"


def ladder_lines(ladder: Ladder, width: int) -> list[str]:
    """The ladder as lines of at most about ``width`` characters; empty without hosts or packets.

    Where a column would be narrower than fourteen characters it becomes a list of sentences.
    """
    if not ladder.hosts or not ladder.events:
        return []
    start = min(event.time_ns for event in ladder.events)
    times = [since(event.time_ns, start) for event in ladder.events]
    margin = max(map(len, times)) + 2
    remark = max(len(_remark(event)) for event in ladder.events) + 2
    column = min(30, (width - margin - remark - 2) // max(1, len(ladder.hosts) - 1))
    if column < 14 or len(ladder.hosts) == 1:
        return sentences(ladder)
    rows = zip(*((host.name, host.address) for host in ladder.hosts), strict=True)
    lines = [" " * margin + "".join(text[: column - 2].ljust(column) for text in row).rstrip() for row in rows]
    for event, time in zip(ladder.events, times, strict=True):
        drawn = _arrow(event, column, len(ladder.hosts))
        lines.append(f"{time.rjust(margin - 2)}  {drawn}  {_remark(event)}".rstrip())
    return lines


def _fitting(event: LadderEvent, room: int) -> str:
    """``[S] to 10.0.2.11:8080 seq 7``, or where there is less room without seq, without "to", at last ``[S]`` alone."""
    text = brief(event)
    words = text.split(" ")
    if ":" in "".join(words[2:3]):
        for shorter in (text, " ".join(words[:3]), " ".join((words[0], *words[2:3])), words[0]):
            if len(shorter) <= room:
                return shorter
    return text if len(text) <= room else text[: max(0, room - 1)].rstrip() + "…"


def _arrow(event: LadderEvent, column: int, hosts: int) -> str:
    """One row: a bar under each host, and the arrow between two of them with the packet's text on it."""
    row = [" "] * (column * (hosts - 1) + 1)
    for place in range(hosts):
        row[place * column] = "|"
    left, right = sorted((event.sender * column, event.receiver * column))
    if left == right:
        row[left] = "*"
        return "".join(row)
    body = right - left - 1
    text = _fitting(event, body - 4)
    drawn = list(f" {text} ".center(body, _LINE.get(event.outcome, "-")))
    if event.receiver > event.sender:
        drawn[-1] = ">"
    else:
        drawn[0] = "<"
    row[left + 1:right] = drawn
    return "".join(row)
