"""The compiled scanners and their plain twins give the same rows, stops, tallies and notes on any octets."""

from __future__ import annotations

import random

import capture_files as files
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analyzer.capture import _reference, _search
from analyzer.capture import records as r

fast = pytest.importorskip("analyzer.capture._fast", reason="the kernels are not built")


def test_the_kernel_uses_the_words_of_records():
    assert {name: getattr(r, name) for name in fast.CONSTANTS} == fast.CONSTANTS


def pcap_layout(big=0, header=16, fraction_ns=1000, lengths=r.PLAIN, limit=300):
    return np.array([big, header, fraction_ns, lengths, limit, 1], np.int64)


def table(*entries):
    described = r.empty_interfaces(max(1, len(entries)))
    for number, entry in enumerate(entries):
        described.enter(number, (*entry, 0))
    return described


def stretch(octets, begin=0, end=None, eof=False, base=1000):
    return r.Stretch(np.frombuffer(bytes(octets), np.uint8), begin, len(octets) if end is None else end, eof, base)


def rows_of(columns, until):
    return [tuple(int(column[i]) for column in columns) for i in range(until)]


def run_pcap(scanner, view, layout, rows, row):
    columns, tallies = r.empty_columns(rows), np.zeros(r.TALLIES, np.int64)
    result = scanner(view, columns, row, layout, tallies)
    return tuple(map(int, result)), rows_of([column[row:] for column in columns], result[0] - row), tallies.tolist()


def run_pcapng(scanner, view, layout, interfaces, rows, room):
    columns, tallies = r.empty_columns(rows), np.zeros(r.TALLIES, np.int64)
    tallies[r.LAST_NS] = 77
    described, notes = table(*interfaces), np.zeros(room, np.int64)
    result = scanner(view, columns, 0, r.Section(layout, described, notes, tallies))
    taken = notes[: 2 * tallies[r.NOTES]].tolist()
    return tuple(map(int, result)), rows_of(columns, result[0]), tallies.tolist(), taken, described.drops.tolist()


lengths = st.one_of(st.integers(0, 80), st.sampled_from([0, 1, 300, 301, 2**32 - 1]))
pcap_records = st.builds(
    lambda seconds, fraction, captured, wire, octets, more: files.record(
        octets, seconds, fraction, captured=captured, wire=wire, more=more),
    st.sampled_from([0, 1, 2**32 - 1]), st.sampled_from([0, 5, 999_999, 1_000_000, 2**32 - 1]),
    st.one_of(st.none(), lengths), st.one_of(st.none(), lengths), st.binary(max_size=40),
    st.sampled_from([b"", bytes(8)]),
)
pieces = st.lists(st.one_of(pcap_records, st.binary(max_size=30), st.just(bytes(300))), max_size=8).map(b"".join)


@given(
    pieces, st.integers(0, 1), st.sampled_from([16, 20, 24, 28]), st.sampled_from([1, 1000]), st.integers(0, 2),
    st.booleans(), st.integers(0, 6), st.integers(0, 20),
)
@example(bytes(256), 0, 16, 1000, 0, False, 4, 0)
@example(bytes(255), 0, 16, 1000, 0, False, 4, 0)
@example(bytes(255), 0, 16, 1000, 0, True, 40, 0)
def test_pcap_scanners_agree(octets, big, header, fraction_ns, order, eof, rows, begin):
    layout = pcap_layout(big, header, fraction_ns, order)
    view = stretch(octets, min(begin, len(octets)), eof=eof)
    for row in {0, min(2, rows)}:
        assert run_pcap(fast.scan_pcap, view, layout, rows, row) == run_pcap(_reference.scan_pcap, view, layout, rows, row)


@given(pieces, st.integers(0, 1), st.sampled_from([16, 24]), st.integers(0, 2), st.booleans(),
       st.sampled_from([(-1, -1), (0, 2**62), (10**9, 0), (2**62, 10**18)]))
def test_pcap_searches_agree(octets, big, header, order, eof, near):
    layout = pcap_layout(big, header, 1000, order)
    view = stretch(octets, eof=eof)
    assert tuple(map(int, fast.find_pcap(view, layout, near))) == tuple(_search.find_pcap(view, layout, near))


options = st.lists(
    st.one_of(
        st.builds(files.option, st.sampled_from([0, 1, 1, 2, 4, 9]), st.binary(max_size=9)),
        st.builds(files.option, st.just(4), st.binary(min_size=8, max_size=8)),
        st.binary(max_size=5),
    ),
    max_size=4,
).map(b"".join)
sizes = st.one_of(st.none(), st.none(), st.sampled_from([0, 8, 12, 33, 89, 90, 91, 92, 96, 4000, 2**32 - 1]))
blocks = st.one_of(
    st.builds(
        lambda frame, ticks, more, which, captured, length, trailer: files.packet(
            frame, ticks, more, which=which, captured=captured, length=length, trailer=trailer),
        st.binary(max_size=40), st.integers(0, 2**64 - 1), options, st.sampled_from([0, 1, 2, 3, 2**32 - 1]),
        st.one_of(st.none(), st.sampled_from([0, 41, 301, 2**32 - 1])), sizes, sizes),
    st.builds(lambda frame, wire: files.simple(frame, wire=wire), st.binary(max_size=30), st.one_of(st.none(), lengths)),
    st.builds(lambda frame, ticks, more, drops: files.old_packet(frame, ticks, more, drops=drops),
              st.binary(max_size=30), st.integers(0, 2**64 - 1), options, st.sampled_from([0, 7, 0xFFFF])),
    st.builds(files.block, st.sampled_from([0, 1, 4, 5, 7, 9, 10, 0xBAD, 0x40000BAD, 0x204, 0x216, 0x221, 0x0A0D0D0A]),
              st.binary(max_size=40)),
    st.binary(max_size=24),
)
interfaces = st.lists(
    st.tuples(
        st.integers(0, 0xFFFF), st.sampled_from([0, 10, 96]), st.integers(0, 2),
        st.sampled_from([0, 1, 31, 32, 33, 63, 64, 95, 96, 97, 127, 1000, 10**9, 10**19]),
        st.sampled_from([0, 1, -1, 2**63 - 1, -(2**63)]), st.integers(0, 0xFFFF),
    ),
    max_size=3,
)


@given(st.lists(blocks, max_size=8).map(b"".join), interfaces, st.booleans(), st.booleans(), st.integers(0, 6),
       st.sampled_from([128, 130, 400]), st.integers(0, 3))
def test_pcapng_scanners_agree(octets, described, big, wanted, rows, room, most):
    # A number that multiplies is never 0: blocks.clock() makes no such interface.
    described = [(*entry[:3], max(1, entry[3]), *entry[4:]) if entry[2] == r.MULTIPLY else entry for entry in described]
    described = [(*entry[:3], entry[3] % 128, *entry[4:]) if entry[2] == r.SHIFT else entry for entry in described]
    layout = np.array([big, len(described), 300, 2000, most, wanted], np.int64)
    view = stretch(octets)
    assert (
        run_pcapng(fast.scan_pcapng, view, layout, described, rows, room)
        == run_pcapng(_reference.scan_pcapng, view, layout, described, rows, room)
    )


@given(st.lists(blocks, max_size=8).map(b"".join), st.booleans(), st.booleans())
def test_pcapng_searches_agree(octets, big, eof):
    layout = np.array([big, 0, 300, 2000, 3, 1], np.int64)
    view = stretch(octets, eof=eof)
    assert tuple(map(int, fast.find_pcapng(view, layout))) == tuple(map(int, _search.find_pcapng(view, layout)))


@pytest.mark.parametrize("kind", ["pcap", "pcapng"])
def test_twins_agree_on_mutated_octets(kind):
    """Whole captures with a few octets changed, which random octets hardly ever look like."""
    seeded = random.Random(11)
    whole = b"".join(
        files.record(bytes([i]) * (i % 50)) if kind == "pcap" else files.packet(bytes([i]) * (i % 50), i, which=i % 3)
        for i in range(60)
    )
    for _ in range(300):
        octets = bytearray(whole)
        for _ in range(seeded.randrange(1, 6)):
            octets[seeded.randrange(len(octets))] = seeded.choice([0, 1, 255, seeded.randrange(256)])
        view = stretch(octets, eof=True)
        if kind == "pcap":
            layout = pcap_layout()
            assert run_pcap(fast.scan_pcap, view, layout, 99, 0) == run_pcap(_reference.scan_pcap, view, layout, 99, 0)
            again = stretch(octets, seeded.randrange(40), eof=seeded.random() < 0.5)
            assert fast.find_pcap(again, layout, (10**18, 0)) == _search.find_pcap(again, layout, (10**18, 0))
        else:
            layout = np.array([0, 2, 300, 2000, 3, 1], np.int64)
            described = [(1, 0, r.MULTIPLY, 1000, 0, 0), (1, 96, r.SHIFT, 20, -5, 1)]
            assert run_pcapng(fast.scan_pcapng, view, layout, described, 99, 128) == run_pcapng(
                _reference.scan_pcapng, view, layout, described, 99, 128)
            again = stretch(octets, 4 * seeded.randrange(10), eof=seeded.random() < 0.5)
            assert tuple(map(int, fast.find_pcapng(again, layout))) == tuple(map(int, _search.find_pcapng(again, layout)))


ticks = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1]))


@settings(max_examples=300)
@given(ticks, st.integers(0, 127), st.booleans(), st.integers(-(2**63), 2**63 - 1))
def test_ticks_become_exact_nanoseconds(count, exponent, binary, offset_ns):
    """The sum of two held numbers is the exact one wherever neither had to be held."""
    if binary:
        rule, number, exact = r.SHIFT, exponent, count * 10**9 // 2**exponent
    elif exponent <= 9:
        rule, number, exact = r.MULTIPLY, 10 ** (9 - exponent), count * 10 ** (9 - exponent)
    else:
        rule, number = r.DIVIDE, 10 ** (exponent - 9) if exponent <= 28 else 0
        exact = count * 10**9 // 10**exponent
    ours, held = _reference.nanoseconds(count, rule, number, offset_ns)
    if exact < 2**63 and -(2**63) <= exact + offset_ns < 2**63:
        assert (ours, held) == (exact + offset_ns, False)
    else:
        assert held
    view = stretch(files.packet(b"", count))
    entry = (1, 0, rule, number, offset_ns, 0)
    layout = np.array([0, 1, 300, 2000, 3, 1], np.int64)
    (_, _, _, _), (row,), tallies, _, _ = run_pcapng(fast.scan_pcapng, view, layout, [entry], 1, 128)
    assert (row[3], tallies[r.CLAMPED]) == (ours, int(held))
