"""Findings over the whole run: which are new, which have changed, which are mended.

A checkpoint sees a window.  What it says of a fault that was announced before is
news only where the fault reaches other clients (another /24 or /64), is shown
better, or fails again after it was mended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network

from analyzer.diagnose.finding import Certainty, Diagnosis, Finding, ServiceAddress
from analyzer.diagnose.judge import STRENGTH
from analyzer.live.events import Event, Found, Known, Mended
from analyzer.live.recovery import successes
from analyzer.tables import AddressBook, Table
from analyzer.units import UnixNs

Key = tuple[str, str, ServiceAddress | None, ServiceAddress | None]

MOST_KNOWN = 1000
"""Faults that are told apart; a scan of a whole network can look like very many."""


@dataclass(slots=True)
class _Entry:
    """One fault: a rule and a cause at one real server behind one virtual service."""

    known: Known
    prefixes: set[str]
    certainty: Certainty
    before: int = 0                # its connections that have left the window
    last_failed_ns: int = 0        # when the last connection began that failed
    mended_ns: int = 0


@dataclass(slots=True)
class Chronicle:
    """What has been announced, and what has left the window."""

    entries: dict[Key, _Entry] = field(default_factory=dict)
    left: Counter[str] = field(default_factory=Counter)
    """Connections by outcome that are no longer in the window."""
    crowded: int = 0
    """Findings that were not told apart any more."""

    def update(self, diagnosis: Diagnosis, now_ns: UnixNs) -> list[Event]:
        """Take in a checkpoint's diagnosis; what is to be announced."""
        events: list[Event] = []
        failed = _last_failed(diagnosis)
        for index, finding in enumerate(diagnosis.findings):
            events += self._finding(finding, failed.get(index, int(finding.first_ns)), now_ns)
        return events

    def recovered(self, flows: Sequence[Table], book: AddressBook, now_ns: UnixNs) -> list[Event]:
        """Look whether faults are mended: announced once, counted from then on.  Cheap: no rule is asked."""
        events: list[Event] = []
        for entry in self.entries.values():
            events += _recovery(entry, flows, book, now_ns)
        return events

    def leave(self, diagnosis: Diagnosis) -> None:
        """What ``diagnosis`` counts will not be in the window again."""
        self.left.update(diagnosis.connection_counts)
        for finding in diagnosis.findings:
            entry = self.entries.get(key_of(finding))
            if entry:
                entry.before += finding.connections

    @property
    def known(self) -> list[Known]:
        """Every fault so far, in the order of the announcements."""
        return [entry.known for entry in self.entries.values()]

    def whole(self, diagnosis: Diagnosis) -> tuple[tuple[Finding, ...], dict[str, int]]:
        """The findings and the connection counts of the whole run: ``diagnosis``, and what has left the window."""
        findings = []
        seen = set()
        for finding in diagnosis.findings:
            entry = self.entries.get(key_of(finding))
            seen.add(key_of(finding))
            before = entry.before if entry else 0
            findings.append(replace(finding, connections=finding.connections + before) if before else finding)
        findings += [replace(entry.known.finding, connections=entry.known.connections)
                     for key, entry in self.entries.items() if key not in seen]
        counts = Counter(diagnosis.connection_counts)
        counts.update(self.left)
        return tuple(findings), dict(counts)

    def _finding(self, finding: Finding, failed_ns: int, now_ns: UnixNs) -> Iterator[Event]:
        key = key_of(finding)
        prefixes = {prefix(client) for client in finding.clients}
        entry = self.entries.get(key)
        if entry is None:
            if len(self.entries) >= MOST_KNOWN:
                self.crowded += 1
                return
            known = Known(len(self.entries) + 1, finding, finding.connections)
            self.entries[key] = _Entry(known, prefixes, finding.certainty, last_failed_ns=failed_ns)
            yield Found(now_ns, "new", known.number, finding, waited_ns=now_ns - _shown_ns(finding))
            return
        entry.known.finding = finding
        entry.known.connections = entry.before + finding.connections
        reasons = []
        if entry.mended_ns and failed_ns > entry.last_failed_ns:
            reasons.append("fails again")
            entry.mended_ns = entry.known.mended = 0
        if added := prefixes - entry.prefixes:
            reasons.append(f"also for {', '.join(sorted(added)[:8])}")
        if STRENGTH[finding.certainty] < STRENGTH[entry.certainty]:
            reasons.append(f"now {finding.certainty.value}, was {entry.certainty.value}")
            entry.certainty = finding.certainty
        entry.prefixes |= prefixes
        entry.last_failed_ns = max(entry.last_failed_ns, failed_ns)
        if reasons:
            news = "again" if reasons[0] == "fails again" else "changed"
            yield Found(now_ns, news, entry.known.number, finding, "; ".join(reasons))


def key_of(finding: Finding) -> Key:
    """What makes two findings the same fault."""
    return finding.rule, finding.cause.value, finding.virtual, finding.real


def prefix(address: str) -> str:
    """The /24 or /64 that an address would be in."""
    length = 24 if ip_address(address).version == 4 else 64
    return str(ip_network(f"{address}/{length}", strict=False))


def _shown_ns(finding: Finding) -> int:
    """When the packets first showed it: the first reply, else the first packet."""
    replies = [int(item.time_ns) for item in finding.evidence if "[S.]" in item.segment]
    return min(replies, default=int(finding.first_ns))


def _last_failed(diagnosis: Diagnosis) -> dict[int, int]:
    """By finding: when the last of its connections began."""
    found: dict[int, int] = {}
    for row in diagnosis.connections:
        if row.finding is not None:
            found[row.finding] = max(found.get(row.finding, 0), int(row.first_ns))
    return found


def _recovery(entry: _Entry, flows: Sequence[Table], book: AddressBook, now_ns: UnixNs) -> Iterator[Event]:
    count, since_ns = successes(entry.known.finding, entry.last_failed_ns, flows, book)
    if not count:
        return
    entry.known.mended = count
    if not entry.mended_ns:
        entry.mended_ns = int(now_ns)
        yield Mended(now_ns, entry.known.number, entry.known.finding, count, UnixNs(since_ns))
