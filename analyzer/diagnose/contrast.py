"""What the connections that fail have in common, and those that work have not: why trouble is not everywhere.

Candidates are tried from the plainest on: the balancer picks the caller itself, one
real server, one client prefix, both together, a span of time.  A candidate is said
only where it splits the connections without a remainder and a split like that would
hardly come about by chance; otherwise the sentence counts, and says that it only counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from math import comb

from analyzer.diagnose.evidence import Evidence as Tables
from analyzer.diagnose.evidence import Row
from analyzer.diagnose.frames import Names, end
from analyzer.tables import ICMP_REDIRECT

CHANCE = 0.01
"""A split that chance makes more often than this is no explanation."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

CANDIDATES = 6
"""So many explanations are tried, so each has to be that much rarer (Bonferroni)."""


@dataclass(frozen=True, slots=True)
class Call:
    """One connection to the service: who, which real server (0: not seen), when, and did it fail."""

    client: int
    net: str                       # packed prefix in hex: the /24 or /64 of the client
    real: int
    start_ns: int
    failed: bool


_CALLS = """
WITH call AS (
    SELECT a.client, c.net, coalesce(a.real, CASE WHEN a.virtual = $5 THEN a.virtual ELSE 0 END) AS real,
           a.first_ns AS start_ns, a.attempt,
           -- what fails for another reason fails as well: no split without it is exact
           a.attempt IN (SELECT unnest($7::INTEGER[]))
               OR coalesce(greatest(j.asked_count, j.forwarded_count) > 1, FALSE) AS failed,
           a.any_done AND a.attempt NOT IN (SELECT attempt FROM stalled) AND a.attempt NOT IN (SELECT attempt FROM flip)
               AS works
    FROM attempt AS a
    JOIN address AS c ON c.id = a.client
    LEFT JOIN judged AS j ON j.attempt = a.attempt
    WHERE a.kind = $1
      AND ((a.virtual, a.virtual_port) = ($3, $2) OR (a.real, a.real_port) = ($5, $4)
           -- at the server alone a connection that works looks like any other
           OR (NOT $6 AND (a.virtual, a.virtual_port) = ($5, $4)))
)
SELECT client, net, real, start_ns, failed FROM call WHERE failed OR works ORDER BY start_ns, attempt
"""


def contrast(row: Row, who: Names, failed: Sequence[int], tables: Tables) -> str:
    """The sentence for the finding whose first attempt is ``row`` and whose attempts are ``failed``.

    Empty where nothing of this service works in the captures.
    """
    rows = tables.rows(_CALLS, [
        row["kind"], row["virtual_port"] or 0, row["virtual"] or 0, row["real_port"] or 0, row["real"] or 0,
        row["virtual_from"] == "seen", list(failed),
    ])
    calls = [Call(**r) for r in rows]
    if all(call.failed for call in calls):
        return ""
    return _explained(calls, row, who, tables) or _counted(calls)


def _explained(calls: Sequence[Call], row: Row, who: Names, tables: Tables) -> str:
    """The plainest candidate that splits the calls exactly and not by chance, or nothing."""
    net = str(tables.rows("SELECT net FROM address WHERE id = ?", [row["client"]])[0]["net"])
    real = int(row["real"] or 0)
    prefix, server = _prefix(net, tables, int(row["client"])), end(who.real, who.real_port)
    known = [call for call in calls if call.real]

    def at_server(call: Call) -> bool:
        return call.real == real

    def in_prefix(call: Call) -> bool:
        return call.net == net

    both = _split(known, lambda call: at_server(call) and in_prefix(call))
    candidates = [
        (_split(known, lambda call: call.real == call.client),
         "exactly when the balancer sends a client to itself"),
        (both if _split(known, at_server) and _split(calls, in_prefix) else "",
         f"exactly for clients in {prefix}, all at {server}"),
        (_split(known, at_server), f"exactly at real server {server}, whoever calls"),
        (_split(calls, in_prefix), f"exactly for clients in {prefix}"),
        (both, f"exactly for clients in {prefix} on server {server}"),
    ]
    for counts, words in candidates:
        if counts:
            return f"Fails {words}: {counts}."
    return _in_time(calls, in_prefix, at_server, tables)


def _split(calls: Sequence[Call], inside: Callable[[Call], bool]) -> str:
    """``24 of 24 against 0 of 310`` where the split is exact and hardly chance."""
    failed = sum(call.failed for call in calls)
    if any(inside(call) != call.failed for call in calls) or not 0 < failed < len(calls):
        return ""
    # all failures in this cell and nothing else: one way of comb(n, k) to spread k failures over n calls
    chance = CANDIDATES / comb(len(calls), failed)
    if chance > CHANCE:
        return ""
    return f"{failed} of {failed} against 0 of {len(calls) - failed} (chance {_rarely(chance)})"


def _in_time(
    calls: Sequence[Call], in_prefix: Callable[[Call], bool], at_server: Callable[[Call], bool], tables: Tables,
) -> str:
    """A span of time in which all calls of these clients to this server fail, and none before or after."""
    alike = [call for call in calls if in_prefix(call) and (at_server(call) or not call.real)]
    places = [place for place, call in enumerate(alike) if call.failed]
    if not places:
        return ""
    first, last = places[0], places[-1]
    if len(places) != last - first + 1 or len(places) == len(alike):
        return ""
    # a run of k failures has n - k + 1 places among n calls
    chance = CANDIDATES * (len(alike) - len(places) + 1) / comb(len(alike), len(places))
    if chance > CHANCE:
        return ""
    since = alike[first].start_ns
    said = f"Fails from {_clock(since)}" if first else "Fails"
    said += f" until {_clock(alike[last].start_ns)}, and not after" if last < len(alike) - 1 else ""
    said += f": {len(places)} of {len(places)} against 0 of {len(alike) - len(places)} (chance {_rarely(chance)})."
    return said + (_event(alike[first - 1].start_ns, alike[first], tables) if first else "")


def _event(after_ns: int, call: Call, tables: Tables) -> str:
    """What happened between the last call that worked and the first that failed: a redirect, an address that moved."""
    redirects = tables.rows(
        "SELECT capture, first_frame AS frame, first_ns FROM icmp WHERE kind = ? AND quote_dst = ? "
        "AND first_ns BETWEEN ? AND ? ORDER BY first_ns DESC LIMIT 1",
        [ICMP_REDIRECT, call.client, after_ns, call.start_ns],
    )
    if redirects:
        return (f" Just before, frame {_frame(redirects[0])} is a redirect for this client; "
                "Linux keeps one for 300 s (IPv4).")
    moved = tables.rows(
        "SELECT c.capture, c.first_frame AS frame, c.ip, c.mac FROM claim AS c JOIN claim AS old "
        "ON old.ip = c.ip AND old.mac <> c.mac AND old.first_ns < c.first_ns "
        "WHERE c.first_ns BETWEEN ? AND ? AND c.ip NOT IN (SELECT id FROM address WHERE unspecified) "
        "ORDER BY c.gratuitous DESC, c.first_ns DESC LIMIT 1",
        [after_ns, call.start_ns],
    )
    if moved:
        text = tables.book.text
        return (f" Just before, in frame {_frame(moved[0])}, {text(moved[0]['ip'])} moves to {text(moved[0]['mac'])}: "
                "a failover.")
    return ""


def _frame(row: Row) -> str:
    return f"{row['frame']} of capture {int(row['capture']) + 1}"


def _counted(calls: Sequence[Call]) -> str:
    """No explanation, but what there is to count."""
    failed = [call for call in calls if call.failed]
    good = [call for call in calls if not call.failed]
    clients = len({call.client for call in good})
    whose = f"{clients} client{'s' if clients != 1 else ''}"
    return (
        f"{len(failed)} of {len(calls)} connections fail; {len(good)}, from {whose}, succeed. "
        "The counts alone do not say what makes the difference."
    )


def _prefix(net: str, tables: Tables, client: int) -> str:
    """The /24 or /64 as people write it."""
    bits = 24 if tables.book.ip(client).version == 4 else 64
    return str(ip_network((bytes.fromhex(net).ljust(4 if bits == 24 else 16, b"\0"), bits)))


def _clock(time_ns: int) -> str:
    return (_EPOCH + timedelta(microseconds=time_ns // 1000)).strftime("%H:%M:%S UTC")


def _rarely(chance: float) -> str:
    """``below 1 in 10,000``: rounded to the careful side."""
    tenfold = 1
    while tenfold * 10 * chance <= 1 and tenfold < 10**9:
        tenfold *= 10
    return f"below 1 in {tenfold:,}"
