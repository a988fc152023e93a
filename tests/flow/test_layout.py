"""Records, and memory that is only taken where something is written."""

from pathlib import Path

import numpy as np
import pytest

from analyzer.flow import layout
from analyzer.tables import FLOWS, MARKS


@pytest.mark.parametrize("record", [layout.FLOW, layout.SIDE, layout.RING])
def test_what_every_packet_touches_fits_a_cache_line(record):
    assert record.itemsize == 64


def test_the_fields_of_a_mark_are_those_of_flows():
    for mark in MARKS:
        for field in layout.MARK_FIELDS:
            assert layout.MARK[field] == np.dtype(FLOWS[f"{mark}_{field}"].dtype)
        assert sum(name.startswith(f"{mark}_") and name[len(mark) + 1:] in layout.MARK_FIELDS
                   for name in FLOWS) == len(layout.MARK_FIELDS)


def test_every_slot_is_a_mark():
    assert [layout.SLOTS[slot] for slot in (layout.SYN, layout.SYN2, layout.SYNACK, layout.SYNACK2, layout.ESTAB,
                                            layout.RST, layout.DATA, layout.DATA2, layout.FIN, layout.LAST)] == [
        "syn", "syn2", "synack", "synack2", "estab", "rst", "data", "data2", "fin", "last"]


@pytest.mark.parametrize("rows", [0, 1, 1000, 100_000])
def test_zeros_are_zeros_at_a_cache_line(rows):
    table = layout.zeros((2, rows), layout.FLOW)
    assert table.shape == (2, rows)
    assert table.dtype == layout.FLOW
    assert not table.view(np.uint8).any()
    assert rows == 0 or table.ctypes.data % 64 == 0


def test_a_larger_table_holds_what_the_smaller_did():
    table = layout.zeros((2, 5000), layout.MARK)
    table["seq"][1, 4999], table["frame"][0, 0] = 7, 9
    larger = layout.larger(table, 20_000)
    assert larger.shape == (2, 20_000)
    np.testing.assert_array_equal(larger[:, :5000], table)
    assert not larger[:, 5000:].view(np.uint8).any()


def test_what_is_not_written_takes_no_memory():
    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    try:
        before = resident()
    except OSError:
        pytest.skip("no /proc")
    table = layout.zeros((500_000_000,), np.dtype(np.uint8))
    table[12345] = 1
    assert resident() - before < 50_000_000
