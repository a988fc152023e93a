"""Numbers for what we add - routing table, rule priority, mark - that nothing on this host uses yet."""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.network.host import Host
from analyzer.remedy.situation import Situation

FIRST_TABLE = 100
FIRST_PRIORITY = 1000
MARK = 0x5250
"""Two letters as a number, so that whoever meets it in a rule can tell whose it is ("RP")."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """A routing table, a rule's priority and a mark."""

    table: int
    priority: int
    mark: int


def numbers_for(situation: Situation) -> Numbers:
    """The first free numbers on the server, by what its own commands printed (the defaults where nothing is known)."""
    host = situation.server or Host("")
    tables = {r.table for r in host.routes} | {r.table for r in host.rules}
    priorities = {r.priority for r in host.rules}
    marks = {r.mark for r in host.rules}
    return Numbers(_free(FIRST_TABLE, tables), _free(FIRST_PRIORITY, priorities), _free(MARK, marks))


def _free(first: int, used: set[int] | set[int | None]) -> int:
    number = first
    while number in used:
        number += 1
    return number
