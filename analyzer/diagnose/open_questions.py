"""What could not be told, why not, and the smallest next capture that would tell.

An attempt that no rule explains and that was never completed is an open
question; those alike (one service, one kind of silence) are one.
"""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.diagnose.evidence import Evidence, Row
from analyzer.diagnose.finding import CannotTell, CaptureNext
from analyzer.diagnose.frames import Names, names
from analyzer.diagnose.judge import Group
from analyzer.diagnose.overview import CaptureRead

MOST_QUESTIONS = 8
"""More than this nobody reads; the rest is counted."""

SECONDS = 60
"""How long the next capture should run: long enough for several retries of a SYN."""

SNAPLEN = 128
"""Octets of each frame: a cooked header, IPv6 and TCP with all its options are 120."""

_ANYTHING = "tcp or udp or icmp or icmp6 or arp"

_OPEN = """
SELECT any_value(COLUMNS(j.*)), count(*) AS alike,
       bool_or(greatest(j.asked_count, j.forwarded_count, j.answered_count, j.translated_count) > 1) AS failing,
       CASE WHEN j.asked AND NOT j.forwarded AND NOT j.answered AND NOT j.translated AND EXISTS (
                SELECT 1
                FROM leg AS l
                WHERE (l.kind, l.client, l.client_port, l.isn) = (j.kind, j.client, j.client_port, j.isn)
                  AND l.reply IS NOT NULL) THEN 'crossed'
            WHEN j.kind = 2 AND j.asked AND NOT j.answered AND NOT j.translated AND EXISTS (
                SELECT 1
                FROM leg AS l
                WHERE (l.kind, l.client, l.client_port) = (j.kind, j.virtual, j.virtual_port)
                  AND l.server <> j.client) THEN 'unasked'
            WHEN (j.answered OR j.translated) AND NOT j.asked AND NOT j.forwarded THEN 'orphan'
            WHEN NOT j.asked AND NOT j.forwarded AND NOT j.answered AND NOT j.translated THEN 'rejected'
            WHEN j.answered AND j.went = 'back' THEN 'went back'
            WHEN j.left_elsewhere THEN 'left'
            WHEN j.forwarded AND NOT j.answered THEN 'server'
            WHEN j.asked AND NOT j.answered AND NOT j.translated THEN 'dialled'
            ELSE 'half-open' END AS gap
FROM judged AS j
WHERE j.attempt NOT IN (SELECT unnest(?::INTEGER[]))
  AND (? OR NOT j.translated OR (j.translated_as = 'syn-ack' AND greatest(j.asked_count, j.translated_count) > 1)
       OR (j.translated_as = 'reset' AND NOT j.asked AND NOT j.forwarded))
GROUP BY gap, j.kind, j.virtual, j.virtual_port, j.real, j.real_port
ORDER BY min(j.attempt)
LIMIT ?
"""


def open_questions(
    groups: Sequence[Group], evidence: Evidence, captures: Sequence[CaptureRead],
) -> tuple[tuple[CannotTell, ...], bool]:
    """One question for each kind of silence at each service, the earliest first; and whether one stands for a failure.

    A request that is repeated, or answered again and again, has failed, whatever
    the reason: with such a question open nothing is called healthy.
    """
    explained = [attempt for group in groups for attempt in group.attempts]
    rows = evidence.rows(_OPEN, [explained, False, MOST_QUESTIONS])
    stalled = evidence.rows(_STALLED, [explained, MOST_QUESTIONS])
    if not rows and not stalled and not groups and not evidence.rows("SELECT 1 FROM attempt WHERE any_done LIMIT 1"):
        rows = evidence.rows(_OPEN, [explained, True, MOST_QUESTIONS])    # a single reply may be all that there is
    asked = [_question(row, names(row, evidence)) for row in rows]
    asked += [_stalled(row, names(row, evidence)) for row in stalled]
    [sides] = evidence.rows(_SIDES)
    one_sided = not groups and sides["answered"] * 10 < sides["completed"]
    if one_sided:
        asked.append(_one_sided(sides, captures))
    elif not asked and not groups and not evidence.rows("SELECT 1 FROM attempt WHERE any_reply OR any_done LIMIT 1"):
        asked.append(_nothing(captures))
    return tuple(asked), one_sided or bool(stalled) or any(row["failing"] or row["gap"] == "crossed" for row in rows)


def _question(row: Row, who: Names) -> CannotTell:
    """One kind of silence, in words."""
    many = f" ({row['alike']} such connections)" if row["alike"] > 1 else ""
    match row["gap"]:
        case "orphan":
            return CannotTell(
                f"What did {who.client_end} dial when {who.real or who.virtual} answered it?{many}",
                "Only the answer is in the capture, not the request: it began earlier or passed elsewhere.",
                capture_next("the client", who),
            )
        case "crossed":
            return CannotTell(
                f"Did {who.client_end} dial {who.virtual_end}, or the address that answers it?{many}",
                "The answer to its request comes from another address. Either that reply skips the balancer, or "
                "request and reply were captured on the balancer's two sides: nothing here tells which.",
                capture_next("the client", who),
            )
        case "unasked":
            return CannotTell(
                f"Does {who.client_end} answer what {who.virtual} asked of another address?{many}",
                f"Its datagrams come to {who.virtual_end}, from which another address was asked: they may be that "
                "one's answers, past the balancer, or have nothing to do with it.",
                capture_next(f"the host of {who.virtual}", who),
            )
        case "server":
            return CannotTell(
                f"Does {who.real_end} answer {who.client} at all, and which way does its reply go?{many}",
                "The request is on its way to the real server, and no reply passes this capture point: "
                "the server may be silent, or its reply may take another way.",
                capture_next(f"the real server {who.real}", who, interface="any"),
            )
        case "left":
            return CannotTell(
                f"Is the reply of {who.real or who.virtual} to {who.client} meant to skip the host "
                f"that the request came from?{many}",
                "The reply leaves for another MAC address than the request came from, which redundant routers do as "
                "well; nothing here shows what the client had dialled.",
                capture_next("the client", who),
            )
        case "went back":
            return CannotTell(
                f"What becomes of the reply of {who.real or who.virtual} after it went back "
                f"to where the request came from?{many}",
                "The reply is sent back towards the balancer, and the capture does not show what follows.",
                capture_next("the balancer", who, interface="any"),
            )
        case "rejected":
            return CannotTell(
                f"Which reply of {who.real or who.virtual} does {who.client} reset?{many}",
                "Only the client's reset is in the capture, neither its request nor the reply.",
                capture_next("the client", who),
            )
        case "dialled":
            return CannotTell(
                f"Where do requests of {who.client} to {who.virtual_end} end?{many}",
                "They are never answered at this capture point, and no other shows what becomes of them.",
                capture_next("the balancer", who, interface="any"),
            )
        case _:
            return CannotTell(
                f"Why is the connection of {who.client_end} to {who.virtual_end} never completed?{many}",
                "The answer is in the capture, but no sign that the client accepted or refused it.",
                capture_next("the client", who),
            )


_STALLED = """
SELECT any_value(COLUMNS(a.*)), count(*) AS alike
FROM attempt AS a
WHERE a.attempt IN (SELECT attempt FROM stalled) AND a.attempt NOT IN (SELECT unnest(?::INTEGER[]))
GROUP BY a.kind, a.virtual, a.virtual_port, a.real, a.real_port
ORDER BY min(a.attempt)
LIMIT ?
"""


def _stalled(row: Row, who: Names) -> CannotTell:
    """A connection that began well and then got stuck."""
    many = f" ({row['alike']} such connections)" if row["alike"] > 1 else ""
    return CannotTell(
        f"What becomes of the payload that {who.real or who.virtual} sends to {who.client_end}?{many}",
        "The handshake is complete; then the server repeats its last payload and the client says nothing more. "
        "It may be lost on the way, or arrive with an address that the client does not know.",
        capture_next("the client", who),
    )


_SIDES = """
WITH completed AS (
    SELECT *
    FROM attempt AS a
    WHERE any_done
      -- replies of these pass the balancer by for good reason
      AND NOT EXISTS (SELECT 1
                      FROM nat AS n
                      WHERE n.kind = a.kind AND n.vip = a.virtual AND n.vport IN (0, a.virtual_port)
                        AND n.forwarding IN ('direct', 'tunnel'))
)
SELECT count(*) AS completed,
       count(*) FILTER (any_reply OR (kind, client, client_port, isn) IN (
           -- the SYN-ACK alone may be missing: it was lost by the capture, or older than it
           SELECT (l.kind, l.client, l.client_port, l.isn)
           FROM leg AS l
           JOIN flow AS f ON f.capture = l.capture AND f.flow = l.flow
           WHERE l.done AND l.reply IS NULL AND f.packets_i > 0 AND f.packets_r > 0)) AS answered
FROM completed
"""


def _one_sided(sides: Row, captures: Sequence[CaptureRead]) -> CannotTell:
    """Fewer than a tenth of the connections that went on have a reply in sight (DOMAIN K4): these are requests only."""
    where = f"the host of {captures[0].vantage}" if len(captures) == 1 else "the same points"
    unheard = sides["completed"] - sides["answered"]
    connections = "1 connection that was" if unheard == 1 else f"{unheard} connections that were"
    return CannotTell(
        "Which way do replies go?",
        f"Of {connections} completed, no packet of the server is captured: only one direction was recorded, "
        "or replies pass where nobody captured.",
        CaptureNext(f"{where}, in both directions", _command("any", _ANYTHING)),
    )


def _nothing(captures: Sequence[CaptureRead]) -> CannotTell:
    frames = sum(c.frames for c in captures)
    return CannotTell(
        "Does any connection fail here?",
        f"None of the {frames} frames begins or answers a TCP connection, and no UDP exchange is in them."
        if frames else "The captures hold no frames.",
        CaptureNext("the balancer, while somebody calls the service",
                    _command("any", _ANYTHING)),
    )


def capture_next(where: str, who: Names, *, interface: str = "any") -> CaptureNext:
    """The command that records what is missing: this client, this service, a minute, nothing held back in a buffer."""
    ends = " or ".join(f"host {address}" for address in dict.fromkeys((who.client, who.virtual, who.real)) if address)
    return CaptureNext(where, _command(interface, f"({ends}) and ({who.protocol} or icmp or icmp6 or arp)"))


def _command(interface: str, expression: str) -> str:
    """A minute of tcpdump: headers only, and no packet kept back when it is stopped (DOMAIN section 4)."""
    return (f"timeout {SECONDS} tcpdump --immediate-mode -nn -s {SNAPLEN} -i {interface} -w replypath.pcap "
            f"'{expression}'")
