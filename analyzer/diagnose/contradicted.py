"""Where the packets contradict the declared mapping, in sentences: the balancer does something else.

A contradiction is a warning, not a finding: connections may work all the same, and the
contract has no cause for it.  It is said first of all because everything else that is
concluded with the mapping rests on a configuration that may be an old one, or another box's.
"""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.diagnose.evidence import Evidence, Row
from analyzer.diagnose.finding import Cause
from analyzer.diagnose.frames import end
from analyzer.diagnose.judge import Group
from analyzer.diagnose.overview import CaptureRead

MOST_CONTRADICTIONS = 8
"""So many are said, those of most connections first."""

_ALIKE = """
SELECT arg_min(COLUMNS(c.*), c.seen_ns), count(DISTINCT attempt) AS connections
FROM contradiction AS c
WHERE attempt NOT IN (SELECT unnest(?::INTEGER[]))
GROUP BY what, kind, vip, vport, rip, rport, declared_mode, seen_mode
ORDER BY connections DESC, min(seen_ns), min(attempt)
LIMIT ?
"""


def contradictions(
    groups: Sequence[Group], evidence: Evidence, captures: Sequence[CaptureRead],
) -> tuple[str, ...]:
    """One sentence for each way in which a service is served otherwise than declared, with the frame that shows it.

    Missing source translation is a finding of its own (RP202), and not said twice.
    """
    said = [attempt for group in groups if group.rule.cause is Cause.MISSING_SNAT for attempt in group.attempts]
    return tuple(_sentence(row, evidence, captures) for row in evidence.rows(_ALIKE, [said, MOST_CONTRADICTIONS]))


def _sentence(row: Row, evidence: Evidence, captures: Sequence[CaptureRead]) -> str:
    """One contradiction: where it is declared, what is declared, what the packets show, and where to look."""
    text = evidence.book.text
    virtual = end(text(row["vip"]), int(row["vport"]))
    declared = end(text(row["declared_rip"]), int(row["declared_rport"] or row["vport"]))
    real = end(text(row["rip"]), int(row["rport"])) if row["rip"] else ""
    does = "goes to" if row["certainty"] == "certain" else "is answered by"
    match row["what"]:
        case "other-real":
            shows = f"{virtual} {does} {real}, which is not among its declared real servers"
        case "other-port":
            shows = f"{virtual} {does} {real}; declared is {declared}"
        case "answers-itself":
            shows = (f"the host that holds {virtual} answers by itself; declared is translation to {declared} "
                     f"({row['declared_mode']})")
        case _:
            shows = (f"{virtual} is declared as {row['declared_mode']}, "
                     f"and the packets show {row['seen_mode']} to {real}")
    number = int(row["connections"])
    many = f"{number} connections, first in" if number > 1 else "see"
    also = " None of its declared real servers is ever chosen: is this the balancer's running configuration?" \
        if row["never_chosen"] and row["what"] in ("other-real", "other-port") else ""
    where = captures[int(row["seen_capture"])].path
    return (f"{row['source']}: the packets contradict the configuration: {shows} "
            f"({many} frame {row['seen_frame']} of {where}).{also}")
