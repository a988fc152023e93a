"""When it failed: connections over time, those of a finding against the rest."""

from __future__ import annotations

from markupsafe import Markup

from analyzer.diagnose.finding import Connection
from analyzer.report.sentences import instant, since
from analyzer.report.svg import drawing, element, label
from analyzer.report.texts import say

BINS = 72
_WIDTH, _HEIGHT, _LEFT, _BASE = 900, 150, 44, 116


def binned(connections: tuple[Connection, ...], bins: int = BINS) -> tuple[list[int], list[int]]:
    """How many connections began in each of ``bins`` equal spans: (of a finding, of none)."""
    start = min(row.first_ns for row in connections)
    span = max(max(row.first_ns for row in connections) - start, 1)
    failed, other = [0] * bins, [0] * bins
    for row in connections:
        place = min((row.first_ns - start) * bins // span, bins - 1)
        (other if row.finding is None else failed)[place] += 1
    return failed, other


def timeline_svg(connections: tuple[Connection, ...], ident: str) -> Markup:
    """The picture; empty for fewer than two connections or where none failed."""
    if len(connections) < 2 or all(row.finding is None for row in connections):
        return Markup()
    failed, other = binned(connections)
    start = min(row.first_ns for row in connections)
    end = max(row.first_ns for row in connections)
    most = max(a + b for a, b in zip(failed, other, strict=True))
    step = (_WIDTH - _LEFT - 8) / BINS
    parts = [
        element("line", x1=_LEFT, y1=_BASE + 0.5, x2=_WIDTH - 8, y2=_BASE + 0.5, class_="life"),
        label(_LEFT - 8, 22, f"{most:,}", anchor="end", kind="faint"),
        label(_LEFT - 8, _BASE + 4, "0", anchor="end", kind="faint"),
        label(_LEFT, _BASE + 22, instant(start), anchor="start", kind="faint"),
        label(_WIDTH - 8, _BASE + 22, f"+{since(end, start)} s", anchor="end", kind="faint"),
    ]
    for place, (bad, good) in enumerate(zip(failed, other, strict=True)):
        base = float(_BASE)
        for count, kind in ((bad, "failed"), (good, "worked")):
            if count:
                height = max(2.0, count / most * (_BASE - 16))
                base -= height
                parts.append(element("rect", x=_LEFT + place * step + 0.5, y=base, width=step - 1, height=height,
                                     class_=f"bar {kind}"))
    bad_total = sum(failed)
    said = say("timeline.words", failed=f"{bad_total:,}", total=f"{len(connections):,}",
               start=instant(start), seconds=since(end, start))
    return drawing((_WIDTH, _HEIGHT), ident, (say("head.timeline"), said), *parts, kind="timeline")
