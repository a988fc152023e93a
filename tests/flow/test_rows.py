"""FLOWS while it grows."""

import numpy as np

from analyzer.flow.rows import Store, table_of
from analyzer.tables import FLOWS


def test_a_store_has_every_column_of_flows_in_its_type():
    store = Store()
    assert set(store.columns) == set(FLOWS) | {"first_frame"}
    for name, field in FLOWS.items():
        assert store.columns[name].dtype == np.dtype(field.dtype), name
        assert len(store.columns[name]) == store.capacity


def test_columns_do_not_overlap():
    store = Store()
    for number, column in enumerate(store.columns.values()):
        column[:] = number % 250 + 1
    for number, column in enumerate(store.columns.values()):
        assert np.all(column == number % 250 + 1)


def test_growing_keeps_what_is_there():
    store = Store()
    for name, column in store.columns.items():
        column[:] = np.arange(1, len(column) + 1).astype(FLOWS[name].dtype if name in FLOWS else "u4")
    before = {name: column.copy() for name, column in store.columns.items()}
    used = store.capacity
    store.grow()
    assert store.capacity > used
    for name, column in store.columns.items():
        np.testing.assert_array_equal(column[:used], before[name], err_msg=name)
        assert not column[used:].any()


def test_a_table_is_the_first_rows_and_a_copy_stays_as_it_was():
    store = Store()
    store.columns["flow"][:3] = [0, 1, 2]
    copied, shared = store.table(3, 7, copy=True), store.table(3, 7, copy=False)
    store.columns["flow"][1] = 99
    assert copied["flow"].tolist() == [0, 1, 2]
    assert shared["flow"].tolist() == [0, 99, 2]
    assert copied["capture"].tolist() == [7, 7, 7]
    assert list(copied) == list(FLOWS)


def test_no_flows_are_an_empty_table():
    table = table_of([], 0)
    assert {name: column.dtype for name, column in table.items()} == {
        name: np.dtype(field.dtype) for name, field in FLOWS.items()}
