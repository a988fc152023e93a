"""The order of routes in one table, and who is refused entry: IPv4 and IPv6 differ.

IPv4 identifies a route by prefix, tos and metric and keeps equals in the order
that add, append and prepend gave them.  IPv6 knows no tos, sorts by metric only,
puts a new equal behind the old ones whatever the verb, and reads several equal
routes with a gateway as one multipath route.  (Seen on Linux 6.18.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from analyzer.network.host import IPAddress
from analyzer.network.routing.fib import Entry, Errno, Refusal, Verb

NO_MATCH = Refusal(Errno.ENOENT, "Can not replace route - no match found")


@dataclass(slots=True)
class Table:
    """Rows by prefix length and prefix, so that a look-up costs one probe a length and not one a route."""

    rows: dict[tuple[int, int], list[Entry]] = field(default_factory=dict)
    lengths: tuple[int, ...] = ()

    def __iter__(self) -> Iterator[Entry]:
        """All rows as ``ip route show`` lists them: by prefix, then in the order of selection."""
        order = sorted(self.rows, key=lambda key: (self._first_address(key), -key[0]))
        return (entry for key in order for entry in self.rows[key])

    def _first_address(self, key: tuple[int, int]) -> int:
        return int(self.rows[key][0].destination.network_address)

    def matching(self, address: IPAddress) -> Iterator[Entry]:
        """Rows that cover ``address``, longest prefix first, equals in the order of selection."""
        number, width = int(address), address.max_prefixlen
        for length in self.lengths:
            yield from self.rows.get((length, number >> (width - length)), ())

    def row(self, entry: Entry) -> list[Entry]:
        """The rows of the same prefix, empty where there is none."""
        return self.rows.get(_key(entry), [])

    def branches(self, entry: Entry) -> bool:
        """Whether the kernel's tree has a node at the prefix though no row: the root, or rows in both halves of it."""
        length = entry.destination.prefixlen
        prefix = _key(entry)[1]
        halves = {each & 1 for longer, bits in self.rows if longer > length
                  for each in (bits >> (longer - length - 1),) if each >> 1 == prefix}
        return length == 0 or len(halves) == 2

    def place(self, index: int, entry: Entry) -> None:
        """Put ``entry`` at ``index`` among the rows of its prefix."""
        key = _key(entry)
        self.rows.setdefault(key, []).insert(index, entry)
        if key[0] not in self.lengths:
            self.lengths = tuple(sorted({*self.lengths, key[0]}, reverse=True))

    def discard(self, wanted: Callable[[Entry], bool]) -> None:
        """Drop every row that ``wanted`` answers True for."""
        for key, row in list(self.rows.items()):
            row[:] = [entry for entry in row if not wanted(entry)]
            if not row:
                del self.rows[key]

    def remove(self, prefix: Entry, matches: Callable[[Entry], bool]) -> Entry | None:
        """Delete the first row of the prefix of ``prefix`` that matches; None where there is none."""
        row = self.row(prefix)
        for index, entry in enumerate(row):
            if matches(entry):
                del row[index]
                if not row:
                    del self.rows[_key(entry)]
                return entry
        return None

    def copy(self) -> Table:
        """An independent table with the same rows (the rows themselves do not change)."""
        return Table({key: list(row) for key, row in self.rows.items()}, self.lengths)


def _key(entry: Entry) -> tuple[int, int]:
    net = entry.destination
    return net.prefixlen, int(net.network_address) >> (net.max_prefixlen - net.prefixlen)


def insert(table: Table, new: Entry, verb: Verb) -> Refusal | None:
    """Insert by the rules of the address family; None when accepted."""
    return _insert4(table, new, verb) if new.destination.version == 4 else _insert6(table, new, verb)


def _insert4(table: Table, new: Entry, verb: Verb) -> Refusal | None:
    row = table.row(new)
    equal = [i for i, entry in enumerate(row) if (entry.tos, entry.metric) == (new.tos, new.metric)]
    if not equal:
        if verb is Verb.CHANGE:
            return Refusal(Errno.ENOENT)
        table.place(sum((-e.tos, e.metric) < (-new.tos, new.metric) for e in row), new)
        return None
    if verb is Verb.ADD:
        return Refusal(Errno.EEXIST)
    twin = next((i for i in equal if row[i] == new), None)
    if verb in (Verb.REPLACE, Verb.CHANGE):
        if twin not in (None, equal[0]):
            return Refusal(Errno.EEXIST)     # it would stand in the table twice
        row[equal[0]] = new
        return None
    if twin is not None:
        return Refusal(Errno.EEXIST)
    table.place(equal[-1] + 1 if verb is Verb.APPEND else equal[0], new)
    return None


def _insert6(table: Table, new: Entry, verb: Verb) -> Refusal | None:
    row = table.row(new)
    equal = [i for i, entry in enumerate(row) if entry.metric == new.metric]
    if verb in (Verb.REPLACE, Verb.CHANGE):
        return _replace6(table, new, equal, may_create=verb is Verb.REPLACE)
    if equal and verb is Verb.ADD:
        return Refusal(Errno.EEXIST)
    if any(_way(row[i]) == _way(new) for i in equal):
        return Refusal(Errno.EEXIST)
    table.place(sum(entry.metric <= new.metric for entry in row), new)
    return None


def _replace6(table: Table, new: Entry, equal: list[int], *, may_create: bool) -> Refusal | None:
    """One with a gateway replaces the whole multipath group of its metric; else the first of the metric."""
    row = table.row(new)
    if not row and not may_create:
        return Refusal(Errno.ENOENT) if table.branches(new) else NO_MATCH
    if not equal:
        if not may_create:
            return Refusal(Errno.ENOENT)
        table.place(sum(entry.metric <= new.metric for entry in row), new)
        return None
    alike = [i for i in equal if multipath(row[i]) == multipath(new)]
    first = (alike or equal)[0]
    siblings = [i for i in equal if multipath(row[first]) and multipath(row[i])]
    row[first] = new
    for index in reversed([i for i in siblings if i != first]):
        del row[index]
    return None


def _way(entry: Entry) -> list[tuple[str, object]]:
    """What makes two IPv6 routes of one metric the same: interface and gateway, nothing else."""
    return [(hop.interface, hop.gateway) for hop in entry.hops]


def multipath(entry: Entry) -> bool:
    """Whether IPv6 counts the row among those that share the load: it has a gateway."""
    return any(hop.gateway is not None for hop in entry.hops)
