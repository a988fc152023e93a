"""Rows of one iproute2 output, gathered until it is known what the output was: whole, or a selection.

A listing is whole unless the command above it says otherwise, or a row of it
had to be left out.  What is partial proves only what it holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from analyzer.facts import _iproute2
from analyzer.facts._command import asked
from analyzer.facts._gathered import ALL_TABLES, Facts
from analyzer.facts._iproute2 import LeftOut, Row
from analyzer.facts._problems import Expected, Problems
from analyzer.network.host import LOCAL_TABLE, MAIN_TABLE, Interface, Neighbor, OnLink, Route, Rule, System
from analyzer.units import Origin

_VERBS = {"show", "sh", "s", "list", "lst", "ls", "l", "sho", "lis"}


@dataclass(slots=True)
class Selection:
    """What the command asked for; without a command, everything."""

    family: int = 0
    table: int | None = None    # None: not said
    whole: bool = True
    table_name: str = ""        # a name that only the host can resolve


def selection(text: str) -> Selection:
    """From ``ip -6 route show table 100`` above the output."""
    words = asked(text)
    if not words or words[0].rpartition("/")[2] != "ip":
        return Selection()
    options = [word for word in words[1:] if word.startswith("-")]
    rest = [word for word in words[1:] if not word.startswith("-")][1:]
    if "|" in rest:    # a filter follows: what it let through is not the whole
        return Selection(whole=False)
    found = Selection(6 if "-6" in options else 4 if {"-4", "-0"} & set(options) else 0)
    if rest and rest[0] in _VERBS:
        rest = rest[1:]
    while rest:
        if rest[0] in {"table", "t"} and len(rest) > 1:
            _choose(found, rest[1])
            rest = rest[2:]
        else:
            found.whole = False
            rest = rest[1:]
    return found


def _choose(found: Selection, name: str) -> None:
    if name in {"all", "0", "unspec"}:
        found.table = ALL_TABLES
    else:
        try:
            found.table = _iproute2.table(name)
        except (LeftOut, Expected):
            found.table_name = name


def _stands_alone(route: Route) -> bool:
    """Whether a table can hold this route without another one for its gateway."""
    return any(isinstance(hop, OnLink) or hop.onlink for hop in route.next_hops)


@dataclass(slots=True)
class Listing:
    """The rows so far, and what was wrong with them."""

    text: str
    source: str
    chosen: Selection = field(init=False)
    problems: Problems = field(init=False)
    notes: list[str] = field(default_factory=list)
    waiting: list[tuple[int, Row]] = field(default_factory=list)
    interfaces: list[Interface] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    neighbors: list[Neighbor] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)
    partial: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Look at the command first."""
        self.chosen = selection(self.text)
        self.problems = Problems(self.source)

    def _try(self, kind: str, line: int, make: Callable[[], None]) -> None:
        self.kinds.add(kind)
        try:
            make()
        except Expected as wrong:
            self.problems.add(line, wrong)
        except LeftOut as reason:
            self.leave_out(kind, line, str(reason))

    def leave_out(self, kind: str, line: int, reason: str) -> None:
        """Note a row that is not in the facts: they are not the whole any more."""
        self.partial.add(kind)
        self.notes.append(f"{self.source}:{line}: left out: {reason}")

    def interface(self, line: int, row: Row) -> None:
        """One interface; without its addresses (``ip link``) it is not the whole story."""
        self._try("interfaces", line, lambda: self.interfaces.append(
            _iproute2.interface(row, Origin(self.source, line))))
        if "addr_info" not in row:
            self.chosen.whole = False

    def rule(self, line: int, row: Row) -> None:
        """One policy rule."""
        self._try("rules", line, lambda: self.rules.append(_iproute2.rule(row, Origin(self.source, line))))

    def neighbor(self, line: int, row: Row) -> None:
        """One neighbour."""
        self._try("neighbors", line, lambda: self.neighbors.append(
            _iproute2.neighbor(row, Origin(self.source, line))))

    def route(self, line: int, row: Row) -> None:
        """One route; it waits until the others have shown the family of a bare ``default``."""
        self.kinds.add("routes")
        self.waiting.append((line, row))

    def _settle_routes(self) -> frozenset[tuple[int, int]]:
        families = {_iproute2.family(row) for _, row in self.waiting} - {0}
        unsaid = self.chosen.family or (6 if families == {6} else 4)
        listing = MAIN_TABLE if self.chosen.table in {None, ALL_TABLES} else self.chosen.table or MAIN_TABLE
        for line, row in self.waiting:
            if self.chosen.table_name:
                self.leave_out("routes", line, f"the table {self.chosen.table_name!r} is named in the host's own "
                                               "rt_tables: give the output of 'ip -N route show table all' instead")
                break
            self._try("routes", line, lambda line=line, row=row: self.routes.append(    # type: ignore[misc]
                _iproute2.route(row, unsaid, listing, Origin(self.source, line))))
        every = self.chosen.table == ALL_TABLES or any(route.table == LOCAL_TABLE for route in self.routes)
        if not self.chosen.whole or self.chosen.table_name:
            return frozenset()
        main = [route for route in self.routes if route.table == MAIN_TABLE]
        if not every and any(route.next_hops for route in main) and not any(map(_stands_alone, main)):
            self.leave_out("routes", self.waiting[0][0], "this listing has gateways, but no route of a link that they "
                                                         "are on: give the whole output of 'ip route'")
            return frozenset()
        table = ALL_TABLES if every else listing
        found = {self.chosen.family} if self.chosen.family else families or {unsaid}
        return frozenset((family, table) for family in found)

    def facts(self, kind: str = "") -> Facts:
        """All of it; ``kind`` is what the output is, where it has no row to show it."""
        kinds = self.kinds | ({kind} if kind else set())
        listed = self._settle_routes() if "routes" in kinds else frozenset()
        self.problems.raise_if_any()
        whole = kinds - self.partial - {"routes"} if self.chosen.whole else set()
        return Facts(
            System.LINUX, tuple(self.interfaces), tuple(self.routes), tuple(self.rules), tuple(self.neighbors),
            complete=frozenset(whole), listed=listed, partial=frozenset(self.partial), warnings=tuple(self.notes),
        )
