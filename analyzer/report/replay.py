"""The replay of a fix, packet by packet: what happens now beside what happens with the fix.

A trace is lines of text: a title such as ``SYN:`` at the left edge, below it
the hops that this packet takes, indented::

    SYN-ACK:
      server1      out      eth0   10.0.2.11:8080 > 10.0.2.50:40002 [S.]  via 10.0.2.1 (...)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Lines = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leg:
    """One packet of the connection: its hops on the network as it is, and on the changed one (empty: never sent)."""

    title: str
    now: Lines
    then: Lines

    @property
    def same(self) -> bool:
        """Whether the fix makes no difference to this packet."""
        return self.now == self.then


def parts(trace: Lines) -> Iterator[tuple[str, Lines]]:
    """A trace as (title, hops); what stands before the first title has none."""
    title, hops = "", list[str]()
    for line in trace:
        if line[:1].strip() and line.endswith(":"):
            if hops:
                yield title, tuple(hops)
            title, hops = line[:-1], []
        else:
            hops.append(" ".join(line.split()))
    if hops:
        yield title, tuple(hops)


def compared(before: Lines, after: Lines) -> list[Leg]:
    """The packets of both traces, those of the first in their order, then what only the second one sends."""
    now, then = dict(parts(before)), dict(parts(after))
    return [Leg(title, now.get(title, ()), then.get(title, ())) for title in dict.fromkeys((*now, *then))]
