"""The ladder in plain characters, for terminals and tickets.

A bar under each host, an arrow per packet, what went wrong at the right::

    0.000000  |------ [S] ----->|                 |
    0.000758  |<=============== [S.] =============|  skips the balancer
"""

from __future__ import annotations

from analyzer.diagnose.finding import Ladder, LadderEvent
from analyzer.report.sentences import since
from analyzer.report.texts import say

LINE = {"ok": "-", "stray": "=", "rejected": "-", "lost": "."}
"""The character of an arrow's line; the words at the right say the same again."""


def ladder_lines(ladder: Ladder, width: int) -> list[str]:
    """The ladder as lines of at most about ``width`` characters; empty where there are no hosts or no packets.

    Narrower than twelve characters a column it becomes a list of sentences instead.
    """
    if not ladder.hosts or not ladder.events:
        return []
    start = min(event.time_ns for event in ladder.events)
    times = [since(event.time_ns, start) for event in ladder.events]
    margin = max(map(len, times)) + 2
    remark = max(len(_remark(event)) for event in ladder.events) + 2
    column = min(30, (width - margin - remark - 2) // max(1, len(ladder.hosts) - 1))
    if column < 14 or len(ladder.hosts) == 1:
        return [_sentence(ladder, event, time) for event, time in zip(ladder.events, times, strict=True)]
    heads = ["".join(text[: column - 2].ljust(column) for text in row).rstrip() for row in zip(
        *((host.name, host.address) for host in ladder.hosts), strict=True)]
    lines = [" " * margin + head for head in heads]
    for event, time in zip(ladder.events, times, strict=True):
        drawn = _arrow(event, column, len(ladder.hosts))
        lines.append(f"{time.rjust(margin - 2)}  {drawn}  {_remark(event)}".rstrip())
    return lines


def _remark(event: LadderEvent) -> str:
    return "" if event.outcome == "ok" else say(f"outcome.{event.outcome}")


def _sentence(ladder: Ladder, event: LadderEvent, time: str) -> str:
    sender, receiver = ladder.hosts[event.sender], ladder.hosts[event.receiver]
    remark = _remark(event)
    tail = f" ({remark})" if remark else ""
    return f"{time}  {sender.name} -> {receiver.name}  {event.text}{tail}"


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
    line = LINE.get(event.outcome, "-")
    text = event.text if len(event.text) <= body - 6 else event.text[: max(0, body - 7)].rstrip() + "…"
    drawn = list(f" {text} ".center(body, line))
    if event.receiver > event.sender:
        drawn[-1] = ">"
    else:
        drawn[0] = "<"
    row[left + 1:right] = drawn
    return "".join(row)
