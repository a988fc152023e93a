"""The picture of the network: the way that the request took, the way that the reply took, the way it should have taken.

Everything is read off the finding's ladder: which host handed the packet to
which, and where the reply first left the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

from markupsafe import Markup

from analyzer.diagnose.finding import Finding, Ladder, LadderEvent, LadderHost
from analyzer.report.svg import captions, drawing, element, heads, label
from analyzer.report.texts import say

WIDTH = 660
_BOX_WIDTH, _BOX_HEIGHT = 188, 78
_ASIDE = 13
"""How far an arrow runs beside the line between two centres, in px."""

_PLACES = {"client": (104, 268), "balancer": (330, 66), "server": (556, 268)}
_BELOW = (330, 396)
"""Where routers and everything else stand."""


Hop = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Ways:
    """Hops as pairs of indexes into the ladder's hosts, in the order in which they were taken."""

    request: tuple[Hop, ...]
    reply: tuple[Hop, ...]
    missing: tuple[Hop, ...]


def ways(finding: Finding) -> Ways:
    """The request's way, the way of the reply that strayed or was lost, and (for a bypass) that way as it should be."""
    events = finding.ladder.events
    servers = {place for place, host in enumerate(finding.ladder.hosts) if host.kind == "server"}
    first = next((place for place, event in enumerate(events) if event.outcome == "stray"
                  or (event.outcome == "lost" and event.sender in servers)), len(events))
    request = _chain(events[:first], ("ok", "lost"), servers)
    reply = _chain(events[first:], ("stray", "lost"), {request[0][0]} if request else set())
    missing = tuple((there, here) for here, there in reversed(request)) if finding.bypass and reply else ()
    return Ways(request, reply, tuple(hop for hop in missing if hop not in reply))


def _chain(
    events: tuple[LadderEvent, ...], wanted: tuple[str, ...], ends: set[int],
) -> tuple[Hop, ...]:
    """Hops that follow each other, to the first of ``ends``; retransmissions and answers are passed over."""
    hops: list[Hop] = []
    for event in events:
        if hops and hops[-1][1] in ends:
            break
        hop = (event.sender, event.receiver)
        follows = not hops or event.sender == hops[-1][1]
        returns = any(event.receiver == here for here, _ in hops)
        if event.outcome in wanted and follows and not returns and hop not in hops and hop[0] != hop[1]:
            hops.append(hop)
    return tuple(hops)


def topology_svg(finding: Finding, ident: str, title: str) -> Markup:
    """The picture as SVG; empty where the ladder does not show any way."""
    taken = ways(finding)
    hosts = finding.ladder.hosts
    if not taken.request or len(hosts) < 2:
        return Markup()
    centres = _centres(hosts)
    kinds = ["request", *(["stray"] if taken.reply else []), *(["missing", "fixed"] if taken.missing else [])]
    parts = [heads(ident, *kinds)]
    parts += _hops(taken.request, centres, ident, "request")
    for hops, kind, shown in (
        (taken.missing, "missing", "broken"), (taken.reply, "stray", "broken"), (taken.missing, "fixed", "mended"),
    ):
        if hops:
            parts.append(element("g", *_hops(hops, centres, ident, kind), class_=shown))
    parts += [_box(host, centre, changes=host.address in finding.hosts)
              for host, centre in zip(hosts, centres, strict=True)]
    height = max(y for _, y in centres) + _BOX_HEIGHT / 2 + 24
    return drawing((WIDTH, height), ident, (title, described(finding.ladder, taken)), *parts, kind="net")


def described(ladder: Ladder, taken: Ways) -> str:
    """The picture in words."""
    def path(hops: tuple[Hop, ...]) -> str:
        return ", ".join([ladder.hosts[hops[0][0]].name, *(ladder.hosts[there].name for _, there in hops)])

    said = [say("picture.request.words", path=path(taken.request))]
    if taken.reply:
        said.append(say("picture.reply.words", path=path(taken.reply)))
    if taken.missing:
        said.append(say("picture.missing.words", path=path(taken.missing)))
    return " ".join(said)


def _centres(hosts: tuple[LadderHost, ...]) -> list[tuple[float, float]]:
    """A place per host by what it is; further hosts of one kind go below the first."""
    seen: dict[str, int] = {}
    centres = []
    for host in hosts:
        kind = host.kind if host.kind in _PLACES else ""
        x, y = _PLACES.get(kind, _BELOW)
        centres.append((float(x), float(y + seen.get(kind, 0) * (_BOX_HEIGHT + 22))))
        seen[kind] = seen.get(kind, 0) + 1
    return centres


def _hops(hops: tuple[Hop, ...], centres: list[tuple[float, float]], ident: str, kind: str) -> list[Markup]:
    """Arrows from box to box, each a little to its left, so that two directions do not lie on each other."""
    parts = []
    middles = []
    for here, there in hops:
        (x1, y1), (x2, y2) = centres[here], centres[there]
        length = hypot(x2 - x1, y2 - y1) or 1.0
        ahead = (x2 - x1) / length, (y2 - y1) / length
        left = ahead[1], -ahead[0]
        start = _leave(centres[here], (left[0] * _ASIDE, left[1] * _ASIDE), ahead)
        end = _leave(centres[there], (left[0] * _ASIDE, left[1] * _ASIDE), (-ahead[0], -ahead[1]))
        middles.append(((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, left))
        parts.append(element("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1],
                             class_=f"way {kind}", marker_end=f"url(#{ident}-{kind})"))
    if kind in {"missing", "fixed"} and len(middles) > 1:
        # Both hops lie inside the triangle; their words stand between them.
        x, y = (sum(values) / len(middles) for values in ([m[0] for m in middles], [m[1] for m in middles]))
        parts.append(label(x, y + 30, say(f"picture.{kind}"), kind=f"note halo {kind}"))
    elif middles:
        x, y, (across, down) = middles[0]
        anchor = "start" if across > 0.3 else "end" if across < -0.3 else "middle"
        parts.append(label(x + across * 12, y + 4 + down * 14, say(f"picture.{kind}"), anchor=anchor,
                           kind=f"note halo {kind}"))
    return parts


def _leave(centre: tuple[float, float], aside: tuple[float, float], ahead: tuple[float, float]) -> tuple[float, float]:
    """Where a line that starts ``aside`` of a box's centre and runs ``ahead`` leaves the box."""
    reach = min(
        (half - place * (1 if step > 0 else -1)) / abs(step)
        for half, place, step in zip((_BOX_WIDTH / 2 + 4, _BOX_HEIGHT / 2 + 4), aside, ahead, strict=True)
        if abs(step) > 1e-9
    )
    return centre[0] + aside[0] + ahead[0] * reach, centre[1] + aside[1] + ahead[1] * reach


def _box(host: LadderHost, centre: tuple[float, float], *, changes: bool) -> Markup:
    x, y = centre
    left, top = x - _BOX_WIDTH / 2, y - _BOX_HEIGHT / 2
    parts = [
        element("rect", x=left, y=top, width=_BOX_WIDTH, height=_BOX_HEIGHT, rx=4,
                class_="host changes" if changes else "host"),
        *captions(host, centre, 176),
    ]
    if changes:
        # Above the corner that no arrow leaves from.
        corner, anchor = (left, "start") if host.kind == "client" else (left + _BOX_WIDTH, "end")
        parts.append(label(corner, top - 8, say("label.hosts"), anchor=anchor, kind="note halo changes"))
    return element("g", *parts)
