"""Parts of a capture put together are the whole: wherever it is cut, in whatever order they are merged."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.capture.source import open_capture
from analyzer.flow.events import EventCollector
from analyzer.flow.merge import LOOSE, Partial, merge, part, renumbered, restored
from analyzer.flow.timeouts import Limits
from analyzer.flow.tracker import FlowTracker
from analyzer.tables import CLAIMS, ICMP_EVENTS, AddressBook, PacketTable
from analyzer.wire.decode import Decoder

CAPTURES = Path(__file__).resolve().parents[3] / "shared" / "captures"
SHORT = Limits(half_open_ns=2 * 10**8, established_ns=5 * 10**8, closed_ns=4 * 10**8, settled_ns=10**8, datagram_ns=3 * 10**8)


def scattered(t, seed, size=120):
    """Thrown dice with pauses that let flows end in the middle."""
    table = t.dice_table(seed, size, calm=True)
    dice = np.random.default_rng(seed)
    table.columns["time_ns"][:] += np.cumsum(np.where(dice.random(size) < 0.15, 3 * 10**9, 0))
    return table


def whole(tables, limits):
    tracker, events = FlowTracker(2, AddressBook(), limits), EventCollector(2)
    for table in tables:
        tracker.feed(table)
        events.feed(table)
    return tracker.finish(), events.claims(), events.icmp()


def same_as_whole(t, merged, tables, limits):
    flows, claims, icmp = whole(tables, limits)
    t.same(merged.flows(), flows)
    t.same(merged.claims, claims)
    t.same(merged.icmp, icmp)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.integers(0, 10**6), st.lists(st.integers(0, 120), max_size=5))
def test_cutting_anywhere_is_not_cutting(t, seed, places):
    table = scattered(t, seed)
    parts = [part([piece], 2, SHORT) for piece in t.cut(table, *places)]
    same_as_whole(t, merge(parts), [table], SHORT)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.integers(0, 10**6), st.integers(0, 120), st.integers(0, 120))
def test_merging_is_associative(t, seed, one, other):
    a, b, c = (part([piece], 2, SHORT) for piece in t.cut(scattered(t, seed), one, other))
    left, right = merge([merge([a, b]), c]), merge([a, merge([b, c])])
    t.same(left.flows(), right.flows())
    t.same(left.flows(), merge([a, b, c]).flows())
    t.same(left.claims, right.claims)


def test_what_is_far_from_the_edges_is_settled_and_leaves(t):
    settled = loose = 0
    for seed in range(20):
        piece = part([scattered(t, seed)], 2, SHORT)
        settled += len(piece.first_frames)
        loose += len(piece.loose["frame"])
    assert settled > 20
    assert 0 < loose < 20 * 120


@pytest.mark.parametrize("seed", range(5))
def test_a_part_survives_a_file(t, seed):
    table = scattered(t, seed)
    parts = []
    for piece in t.cut(table, 40, 80):
        file = io.BytesIO()
        np.savez(file, **part([piece], 2, SHORT).columns())
        parts.append(restored(np.load(io.BytesIO(file.getvalue())), SHORT))
    same_as_whole(t, merge(parts), [table], SHORT)


def test_a_part_of_nothing(t):
    nothing = part([], 2, SHORT)
    table = scattered(t, 1)
    assert len(nothing.flows()["flow"]) == 0
    assert restored(nothing.columns(), SHORT).edges is None
    same_as_whole(t, merge([nothing, part([table], 2, SHORT), nothing]), [table], SHORT)
    with pytest.raises(ValueError, match="nothing to merge"):
        merge([])


def test_ids_of_another_book_are_translated(t):
    one, other, both = AddressBook(), AddressBook(), AddressBook()
    other.intern(b"\x01\x02\x03\x04")       # so that its ids differ
    rows = [t.seg("c", "S", 1), t.seg("s", "S.", 9, 2)], [t.seg("c", ".", 2, 10, t=0.01)]
    parts = [part([t.table(rows[0], one)]), part([t.table(rows[1], other, first_frame=3)])]
    flows = merge([renumbered(parts[0], one.packed, both), renumbered(parts[1], other.packed, both)]).flows()
    [flow] = t.readable(flows, both)
    assert (flow.i, flow.r, flow.state, flow.estab_frame) == (t.CLIENT, t.SERVER, "S1", 3)


def test_tunnel_paths_of_another_book_are_translated(t):
    piece = part([t.table([t.seg("c", "S", 1, tunnel=1)])])
    new = renumbered(piece, [*AddressBook().packed, b"\0\0\0\1", b"\0\0\0\2"], AddressBook(), np.array([0, 7], np.uint32))
    assert new.flows()["tunnel"].tolist() == [7]


def test_every_shared_capture_cut_in_three(t):
    if not CAPTURES.is_dir():
        pytest.skip("../shared/captures is not here")
    flows = 0
    for path in sorted(CAPTURES.glob("lab/*.pcap")):
        decoder = Decoder(AddressBook())
        for batch in open_capture(path).batches():
            table = decoder.decode(batch)
            pieces = t.cut(table, len(table) // 3, 2 * len(table) // 3)
            merged = merge([part([piece], 2) for piece in pieces])
            same_as_whole(t, merged, [table], Limits())
            flows += len(merged.flows()["flow"])
    assert flows > 150


def test_the_columns_of_a_part_are_documented():
    names = set(part([PacketTable({name: np.zeros(0, field.dtype) for name, field in __import__(
        "analyzer.tables", fromlist=["PACKETS"]).PACKETS.items()}, 1)]).columns())
    assert {f"loose.{name}" for name in LOOSE} <= names
    assert {f"claims.{name}" for name in CLAIMS} | {f"icmp.{name}" for name in ICMP_EVENTS} <= names
    assert Partial.__doc__
