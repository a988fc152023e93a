"""Parts of one capture, followed apart and put together: the result is that of following it whole.

    one = part(tables[:5], capture=0)
    two = part(tables[5:], capture=0)
    merge([one, two]).flows() == FlowTracker(...) over all tables

What a flow is depends on what came before, so a part cannot settle the flows
that may reach over its edges.  It keeps their packets (as narrow columns), and
settles a stretch of packets between two ends only if the pauses around it, and
towards both edges, are longer than any time-out.  Merging joins the packets and
settles what is now free of the edges.  That is exact and associative, on two
conditions: no packet is more than ``REORDER_NS`` late, and nothing is evicted.
The price: a part is as large as the packets near its edges, which is all of a
capture that lasts minutes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analyzer.flow._side import Packet
from analyzer.flow.events import LIMIT, EventCollector, grouped
from analyzer.flow.timeouts import DEFAULT, FRAGMENT_FRAMES, REORDER_NS, Limits
from analyzer.flow.tracker import FlowTracker
from analyzer.tables import (
    CLAIMS,
    FLOWS,
    ICMP_ECHO,
    ICMP_EVENTS,
    LATER_FRAGMENT,
    OK,
    PACKETS,
    TCP,
    UDP,
    AddressBook,
    Column,
    PacketTable,
    Schema,
    Table,
    empty,
)

LOOSE: Schema = {name: PACKETS[name] for name in Packet._fields if name in PACKETS} | {
    "frame": FLOWS["syn_frame"],
}
"""The columns of a packet whose flow is not settled."""


@dataclass(frozen=True, slots=True)
class Partial:
    """What is known of a part of a capture: NumPy columns, and nothing else.

    ``settled`` are FLOWS rows that no other part can change, ``first_frames``
    their first packets' frame numbers; ``loose`` the packets of all other flows
    (columns of ``LOOSE``, in the order of the capture).  ``edges`` are the
    earliest and the latest time in the part.
    """

    capture: int
    edges: tuple[int, int] | None
    settled: Table
    first_frames: NDArray[np.uint32]
    loose: Table
    claims: Table
    icmp: Table
    dropped: int = 0
    limits: Limits = DEFAULT

    def flows(self) -> Table:
        """FLOWS, where no further part will come: in the order of first packets, numbered from 0."""
        rest, frames = _followed(self.loose, self.capture, self.limits)
        table = {name: np.concatenate([self.settled[name], rest[name]]) for name in FLOWS}
        order = np.argsort(np.concatenate([self.first_frames, frames]), kind="stable")
        table = {name: column[order] for name, column in table.items()}
        table["flow"] = np.arange(len(order), dtype=np.uint32)
        return table

    def columns(self) -> Table:
        """Everything as flat columns, for a file or another process; ``restored`` is the way back."""
        flat: Table = {"capture": np.array([self.capture]), "dropped": np.array([self.dropped]),
                       "edges": np.array(self.edges or (), dtype=np.int64), "first_frames": self.first_frames}
        for prefix, table in (("settled", self.settled), ("loose", self.loose), ("claims", self.claims),
                              ("icmp", self.icmp)):
            flat |= {f"{prefix}.{name}": column for name, column in table.items()}
        return flat


def restored(columns: Mapping[str, Column], limits: Limits = DEFAULT) -> Partial:
    """The part that ``Partial.columns`` wrote."""

    def table(prefix: str, schema: Schema) -> Table:
        return {name: np.asarray(columns[f"{prefix}.{name}"]) for name in schema}

    edges = [int(edge) for edge in columns["edges"].tolist()]
    return Partial(
        capture=int(columns["capture"][0]),
        edges=(edges[0], edges[1]) if edges else None,
        settled=table("settled", FLOWS),
        first_frames=columns["first_frames"].astype(np.uint32),
        loose=table("loose", LOOSE),
        claims=table("claims", CLAIMS),
        icmp=table("icmp", ICMP_EVENTS),
        dropped=int(columns["dropped"][0]),
        limits=limits,
    )


def part(tables: Iterable[PacketTable], capture: int = 0, limits: Limits = DEFAULT) -> Partial:
    """A part of a capture, from its decoded batches."""
    events = EventCollector(capture)
    kept: list[Table] = []
    for table in tables:
        events.feed(table)
        verdict, kind = table.columns["verdict"], table.columns["kind"]
        rows = np.flatnonzero((verdict == OK) & np.isin(kind, (TCP, UDP, ICMP_ECHO)) | (verdict == LATER_FRAGMENT))
        packets = {name: table.columns[name][rows] for name in LOOSE if name != "frame"}
        packets["frame"] = (rows + table.first_frame).astype(np.uint32)
        kept.append(packets)
    loose = _joined(kept, LOOSE)
    times = loose["time_ns"].astype(np.int64)
    edges = (int(times.min()), int(times.max())) if len(times) else None
    none = np.zeros(0, dtype=np.uint32)
    return _settled(Partial(capture, edges, empty(FLOWS), none, loose, events.claims(), events.icmp(),
                            events.dropped, limits))


def merge(parts: Sequence[Partial]) -> Partial:
    """Consecutive parts of one capture as one.  Their ids must be of one book (see ``renumbered``)."""
    if not parts:
        raise ValueError("there is nothing to merge")
    edges = [edge for each in parts if each.edges for edge in each.edges]
    claims, no_claims = grouped([each.claims for each in parts], CLAIMS, LIMIT)
    icmp, no_icmp = grouped([each.icmp for each in parts], ICMP_EVENTS, LIMIT)
    loose = _joined([each.loose for each in parts], LOOSE)
    order = np.argsort(loose["frame"], kind="stable")
    return _settled(Partial(
        capture=parts[0].capture,
        edges=(min(edges), max(edges)) if edges else None,
        settled=_joined([each.settled for each in parts], FLOWS),
        first_frames=np.concatenate([each.first_frames for each in parts]),
        loose={name: column[order] for name, column in loose.items()},
        claims=claims,
        icmp=icmp,
        dropped=sum(each.dropped for each in parts) + no_claims + no_icmp,
        limits=parts[0].limits,
    ))


def renumbered(
    one: Partial, packed: Sequence[bytes], book: AddressBook, tunnels: NDArray[np.uint32] | None = None,
) -> Partial:
    """A part whose ids came from another book (its ``packed``), with ids of ``book``.

    ``tunnels`` gives the new path id for each old one, where there are any.
    """
    addresses = np.array([book.intern(octets) for octets in packed], dtype=np.uint32)

    def table(columns: Table, schema: Schema) -> Table:
        new = dict(columns)
        for name, field in schema.items():
            if field.unit == "address id":
                new[name] = addresses[columns[name].astype(np.int64)]
            elif field.unit == "path id" and tunnels is not None:
                new[name] = tunnels[columns[name].astype(np.int64)]
        return new

    return replace(one, settled=table(one.settled, FLOWS), loose=table(one.loose, LOOSE),
                   claims=table(one.claims, CLAIMS), icmp=table(one.icmp, ICMP_EVENTS))


def _joined(tables: Sequence[Table], schema: Schema) -> Table:
    return {name: np.concatenate([empty({name: field})[name], *(table[name] for table in tables)])
            for name, field in schema.items()}


def _followed(packets: Table, capture: int, limits: Limits) -> tuple[Table, NDArray[np.uint32]]:
    """The flows of these packets, and their first frames."""
    tracker = FlowTracker(capture, AddressBook(), replace(limits, live_flows=max(1, len(packets["frame"]))))
    tracker.feed(PacketTable(packets, 0))
    frames = tracker.first_frames()
    return tracker.finish(), frames


def _settled(one: Partial) -> Partial:
    """Follow what cannot reach over the edges any more, and keep the rest loose."""
    if one.edges is None or not len(one.loose["frame"]):
        return one
    free = _free_of_edges(one.loose, one.edges, one.limits)
    if not free.any():
        return one
    flows, frames = _followed({name: column[free] for name, column in one.loose.items()}, one.capture, one.limits)
    return replace(
        one,
        settled=_joined([one.settled, flows], FLOWS),
        first_frames=np.concatenate([one.first_frames, frames]),
        loose={name: column[~free] for name, column in one.loose.items()},
    )


def _free_of_edges(packets: Table, edges: tuple[int, int], limits: Limits) -> NDArray[np.bool_]:
    """Which packets belong to a stretch with a pause longer than any time-out on both sides."""
    times = packets["time_ns"].astype(np.int64)
    longest = max(limits.established_ns, limits.half_open_ns, limits.closed_ns, limits.settled_ns)
    pause = np.where(packets["kind"] == TCP, longest, limits.datagram_ns) + 2 * REORDER_NS
    one = packets["src"].astype(np.uint64) << np.uint64(16) | packets["src_port"].astype(np.uint64)
    other = packets["dst"].astype(np.uint64) << np.uint64(16) | packets["dst_port"].astype(np.uint64)
    keys = (packets["kind"], np.maximum(one, other), np.minimum(one, other))
    order = np.lexsort((packets["frame"], *keys))       # tunnels do not count: halves may meet
    new_ends = np.ones(len(order), dtype=bool)
    new_ends[1:] = np.any([key[order][1:] != key[order][:-1] for key in keys], axis=0)
    group = np.cumsum(new_ends) - 1
    latest = _running_maximum(times[order], np.flatnonzero(new_ends), group)
    begins = new_ends.copy()
    begins[1:] |= times[order][1:] - latest[:-1] > pause[order][1:]
    starts = np.flatnonzero(begins)
    stretch = np.cumsum(begins) - 1
    first, last = np.minimum.reduceat(times[order], starts), np.maximum.reduceat(times[order], starts)
    apart = (first - edges[0] > pause[order][starts]) & (edges[1] - last > pause[order][starts])
    free, group_of = np.empty(len(order), dtype=bool), np.empty(len(order), dtype=np.intp)
    free[order], group_of[order] = apart[stretch], group
    fragments = np.flatnonzero(packets["verdict"] == LATER_FRAGMENT)
    whole = [fragments, *(_firsts(packets, row) for row in fragments.tolist())]
    free[np.isin(group_of, group_of[np.concatenate(whole)])] = False
    return free


def _firsts(packets: Table, row: int) -> NDArray[np.intp]:
    """The packets that a later fragment may belong to: all between the same ends stays with it."""
    frames = packets["frame"].astype(np.int64)
    near = np.arange(np.searchsorted(frames, frames[row] - FRAGMENT_FRAMES), row)
    same = [packets[name][near] == packets[name][row] for name in ("src", "dst", "ip_proto", "ip_id")]
    return near[np.all(same, axis=0)]


def _running_maximum(times: NDArray[np.int64], starts: NDArray[np.intp], group: NDArray[np.intp]) -> NDArray[np.int64]:
    """The latest time so far within each group of neighbours."""
    ranks = np.empty(len(times), dtype=np.int64)
    ranks[np.argsort(times, kind="stable")] = np.arange(len(times))
    # Ranks lie below len(times), so a group's offset keeps the groups before it below its own.
    highest = np.maximum.accumulate(ranks + group * len(times)) - group * len(times)
    return np.sort(times)[highest] if len(starts) else times
