"""What is said beside the findings: the captures, the connections and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from analyzer.balance.clocks import MOST_DRIFT, Clock
from analyzer.balance.vantage import contradicts
from analyzer.diagnose.evidence import Evidence, Row
from analyzer.diagnose.finding import Capture, Connection
from analyzer.diagnose.frames import names
from analyzer.diagnose.judge import Group
from analyzer.tables import STATES
from analyzer.units import FrameNo, UnixNs

MOST_CONNECTIONS = 100_000
MOST_GOOD_CONNECTIONS = 2_000
"""So many rows go into a Diagnosis, those that failed first; of the good ones so many.  All are counted."""


@dataclass(slots=True)
class CaptureRead:
    """One capture as the reading left it."""

    path: str
    vantage: str
    frames: int = 0
    first_ns: int = 0
    last_ns: int = 0
    packets: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    role: str = ""                 # declared by the user; empty = inferred


def captures_seen(read: Sequence[CaptureRead], evidence: Evidence) -> tuple[Capture, ...]:
    """The captures with their roles."""
    roles = {int(r["capture"]): r for r in evidence.rows("SELECT * FROM role")}
    seen = []
    for number, capture in enumerate(read):
        inferred = roles.get(number)
        seen.append(Capture(
            path=capture.path,
            vantage=capture.vantage,
            role=capture.role or (str(inferred["role"]) if inferred else "unknown"),
            role_origin="declared" if capture.role else "inferred",
            frames=capture.frames,
            first_ns=UnixNs(capture.first_ns),
            last_ns=UnixNs(capture.last_ns),
            warnings=tuple(capture.warnings),
            role_reasons=_reasons(capture.role, inferred),
            packets=dict(capture.packets),
            **_clock(evidence.clocks.get(number)),
        ))
    return tuple(seen)


def _reasons(declared: str, inferred: Row | None) -> tuple[str, ...]:
    """Why a capture has its role; a declared one that the packets speak against hears what they say."""
    if inferred is None:
        return ()
    if not declared:
        return (str(inferred["reason"]),)
    if contradicts(declared, inferred["role"]):
        return (f"declared as {declared}, but the packets speak for {inferred['role']}: {inferred['reason']}",)
    return ()


def _clock(clock: Clock | None) -> dict[str, Any]:
    """The fields of a capture that say how its clock goes; what nothing bounds stays None."""
    if clock is None:
        return {}
    told = {"clock_offset_ns": round(clock.offset_ns), "clock_bound_ns": ceil(clock.bound_ns)}
    if clock.drift_bound >= MOST_DRIFT:
        return told
    return told | {
        "clock_drift_ppm": round(clock.drift * 1e6, 3), "clock_drift_bound_ppm": round(clock.drift_bound * 1e6, 3),
    }


_OUTCOME = """
CREATE TEMP TABLE IF NOT EXISTS outcome AS
SELECT a.attempt,
       CASE
           {stalled}
           WHEN a.any_done THEN 'established'
           {judged}
           ELSE 'beginning not captured'
       END AS outcome
FROM attempt AS a
{joined}
"""
_OF_STALLED = "WHEN a.any_done AND a.attempt IN (SELECT attempt FROM stalled) THEN 'stalled'"
_OF_JUDGED = """
           WHEN (j.translated_as = 'reset' AND j.asked)      -- by whom it was asked for, else nobody knows
                OR (j.answered_as = 'reset' AND j.virtual_from <> 'seen' AND j.went = 'back') THEN 'refused'
           WHEN j.translated THEN 'answered'
           WHEN j.direct AND j.answered THEN 'half-open'
           WHEN j.answered THEN 'answered by the real server'
           WHEN j.asked OR j.forwarded THEN 'unanswered'
"""


def _outcome(evidence: Evidence) -> str:
    """The statement, without the parts for tables that are empty (planning those is most of its cost)."""
    judged = not evidence.is_empty("judged")
    return _OUTCOME.format(
        stalled="" if evidence.is_empty("stalled") else _OF_STALLED,
        judged=_OF_JUDGED if judged else "",
        joined="LEFT JOIN judged AS j USING (attempt)" if judged else "",
    )


def outcomes(groups: Sequence[Group], evidence: Evidence) -> dict[str, int]:
    """How many connection attempts ended how; the attempts of findings count under their cause."""
    evidence.asked(_outcome(evidence))
    in_findings = {attempt: group.rule.cause.value for group in groups for attempt in group.attempts}
    rows = evidence.rows(
        "SELECT outcome, count(*) AS n FROM outcome WHERE attempt NOT IN (SELECT unnest(?::INTEGER[])) "
        "GROUP BY outcome ORDER BY outcome",
        [list(in_findings)],
    )
    counts = {str(row["outcome"]): int(row["n"]) for row in rows}
    for cause in in_findings.values():
        counts[cause] = counts.get(cause, 0) + 1
    if evidence.unfollowed:
        counts["unanswered"] = counts.get("unanswered", 0) + evidence.unfollowed
    return counts


def left_out(evidence: Evidence) -> tuple[str, ...]:
    """The warning that most attempts of a flood are only counted."""
    if not evidence.unfollowed:
        return ()
    said = (f"{evidence.unfollowed:,} more connection attempts, of which only SYNs were captured, are counted as "
            "unanswered and were not followed one by one (REPLYPATH_UNANSWERED)")
    return (said,)


_CONNECTIONS = """
WITH chosen AS (
    SELECT a.*, o.outcome
    FROM attempt AS a
    JOIN outcome AS o USING (attempt)
    QUALIFY o.outcome <> 'established' OR row_number() OVER (PARTITION BY o.outcome ORDER BY a.first_ns, a.attempt) <= ?
    ORDER BY o.outcome = 'established', a.first_ns, a.attempt
    LIMIT ?
), shown AS (
    SELECT c.attempt, l.capture, l.flow, l.syn_ns, l.reply_ns,
           coalesce(l.syn_frame, l.reply_frame, l.reject_frame, 0) AS frame
    FROM chosen AS c
    JOIN leg AS l USING (kind, client, client_port, isn)
    QUALIFY row_number() OVER (PARTITION BY c.attempt ORDER BY l.syn_frame IS NULL, l.capture, l.flow) = 1
)
SELECT c.*, f.capture, f.state, s.frame,
       CASE WHEN s.syn_ns > 0 AND s.reply_ns > s.syn_ns THEN s.reply_ns - s.syn_ns END AS rtt_ns
FROM chosen AS c
JOIN shown AS s USING (attempt)
JOIN flow AS f ON f.capture = s.capture AND f.flow = s.flow
ORDER BY c.outcome = 'established', c.first_ns, c.attempt
"""


def connections(groups: Sequence[Group], evidence: Evidence) -> tuple[Connection, ...]:
    """The connection table, failures first, at most ``MOST_CONNECTIONS`` rows."""
    finding_of = {attempt: number for number, group in enumerate(groups) for attempt in group.attempts}
    cause_of = {attempt: group.rule.cause.value for group in groups for attempt in group.attempts}
    rows = evidence.rows(_CONNECTIONS, [MOST_GOOD_CONNECTIONS, MOST_CONNECTIONS])
    found = []
    for row in rows:
        who = names(row, evidence)
        attempt = int(row["attempt"])
        found.append(Connection(
            protocol=who.protocol,
            client=who.client,
            client_port=who.client_port,
            dialled=who.virtual,
            dialled_port=who.virtual_port,
            real=who.real,
            real_port=who.real_port,
            outcome=cause_of.get(attempt, str(row["outcome"])),
            state=STATES[int(row["state"])],
            capture=int(row["capture"]),
            frame=FrameNo(int(row["frame"])),
            first_ns=UnixNs(int(row["first_ns"])),
            finding=finding_of.get(attempt),
            rtt_ns=None if row["rtt_ns"] is None else int(row["rtt_ns"]),
        ))
    return tuple(found)
