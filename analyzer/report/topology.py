"""The picture of the network: the way that the request took, the way that the reply took, the way it should have taken.

Everything is read off the finding's ladder: which host handed the packet to
which, and where the reply first left the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

from markupsafe import Markup

from analyzer.diagnose.finding import Finding, Ladder, LadderEvent, LadderHost
from analyzer.report.svg import drawing, element, fitted, heads, label
from analyzer.report.texts import say

WIDTH, HEIGHT = 900, 360
_BOX_WIDTH, _BOX_HEIGHT = 196, 76
_PLACES = {"client": (130, 262), "balancer": (450, 62), "server": (770, 262), "router": (450, 300), "other": (450, 190)}

Hop = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Ways:
    """Hops as pairs of indexes into the ladder's hosts, in the order in which they were taken."""

    request: tuple[Hop, ...]
    reply: tuple[Hop, ...]
    missing: tuple[Hop, ...]


def ways(finding: Finding) -> Ways:
    """The request's way, the stray reply's way, and the reply's way as it should have been (for a bypass)."""
    events = finding.ladder.events
    first = next((place for place, event in enumerate(events) if event.outcome == "stray"), len(events))
    request = _chain(events[:first])
    reply = _chain(events[first:], wanted=("stray", "lost"))
    missing = tuple((there, here) for here, there in reversed(request)) if finding.bypass and reply else ()
    return Ways(request, reply, tuple(hop for hop in missing if hop not in reply))


def _chain(events: tuple[LadderEvent, ...], wanted: tuple[str, ...] = ("ok", "lost")) -> tuple[Hop, ...]:
    """Hops that follow each other, beginning with the first event; retransmissions and answers are passed over."""
    hops: list[Hop] = []
    for event in events:
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
    parts = [heads(ident, "request", "stray", "missing", "fixed")]
    parts += _hops(taken.request, centres, ident, "request")
    parts += [_group("broken", _hops(taken.missing, centres, ident, "missing", note=say("picture.missing")))]
    parts += [_group("strayed", _hops(taken.reply, centres, ident, "stray", note=say("picture.stray")))]
    parts += [_group("mended", _hops(taken.missing, centres, ident, "fixed", note=say("picture.fixed")))]
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
        kind = host.kind if host.kind in _PLACES else "other"
        x, y = _PLACES[kind]
        centres.append((float(x), float(y + seen.get(kind, 0) * (_BOX_HEIGHT + 22))))
        seen[kind] = seen.get(kind, 0) + 1
    return centres


def _group(kind: str, children: list[Markup]) -> Markup:
    return element("g", *children, class_=kind)


def _hops(
    hops: tuple[Hop, ...], centres: list[tuple[float, float]], ident: str, kind: str, note: str = "",
) -> list[Markup]:
    """Arrows from box to box, each a little to its left, so that two directions do not lie on each other."""
    parts = []
    for number, (here, there) in enumerate(hops):
        (x1, y1), (x2, y2) = centres[here], centres[there]
        length = hypot(x2 - x1, y2 - y1) or 1.0
        across_x, across_y = (y2 - y1) / length * 12, -(x2 - x1) / length * 12
        start, end = _edge(centres[here], centres[there]), _edge(centres[there], centres[here])
        parts.append(element(
            "line", x1=start[0] + across_x, y1=start[1] + across_y, x2=end[0] + across_x, y2=end[1] + across_y,
            class_=f"way {kind}", marker_end=f"url(#{ident}-{kind})",
        ))
        if note and number == 0:
            x, y = (x1 + x2) / 2 + across_x * 1.4, (y1 + y2) / 2 + across_y * 1.4
            parts.append(label(x, y + (18 if kind == "stray" else 4), note, kind=f"note halo {kind}"))
    return parts


def _edge(centre: tuple[float, float], towards: tuple[float, float]) -> tuple[float, float]:
    """Where the line from ``centre`` towards another box leaves its own box."""
    dx, dy = towards[0] - centre[0], towards[1] - centre[1]
    if dx == dy == 0:
        return centre
    scale = min(
        (_BOX_WIDTH / 2 + 5) / abs(dx) if dx else float("inf"),
        (_BOX_HEIGHT / 2 + 5) / abs(dy) if dy else float("inf"),
    )
    return centre[0] + dx * scale, centre[1] + dy * scale


def _box(host: LadderHost, centre: tuple[float, float], *, changes: bool) -> Markup:
    x, y = centre
    left, top = x - _BOX_WIDTH / 2, y - _BOX_HEIGHT / 2
    parts = [
        element("rect", x=left, y=top, width=_BOX_WIDTH, height=_BOX_HEIGHT, rx=4,
                class_="host changes" if changes else "host"),
        element("text", fitted(host.name, 180), x=x, y=y - 14, text_anchor="middle", class_="name"),
        element("text", fitted(host.address, 180), x=x, y=y + 5, text_anchor="middle"),
        element("text", fitted(host.mac, 180), x=x, y=y + 23, text_anchor="middle", class_="faint"),
    ]
    if changes:
        parts.append(label(x, top - 7, say("label.hosts"), kind="note halo changes"))
    return element("g", *parts)
