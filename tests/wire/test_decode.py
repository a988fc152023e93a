"""The front door: which kernel works, what it fills, what it never does."""

import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from analyzer.tables import PACKETS, AddressBook
from analyzer.wire.build import batches
from analyzer.wire.decode import Decoder

BUILT = find_spec("analyzer.wire._fast") is not None
TUNNEL = "0 10.0.2.9:1 > 10.0.2.1:2 [S] seq 1"


def test_the_columns_are_those_of_the_schema(batch_of):
    decoder = Decoder(AddressBook())
    for frames in ([], [(b"", 0, 1)], [(b"\x45" * 40, 40, 101)] * 3):
        table = decoder.decode(batch_of(frames))
        assert {name: column.dtype for name, column in table.columns.items()} == {
            name: np.dtype(field.dtype) for name, field in PACKETS.items()}
        assert {len(column) for column in table.columns.values()} == {len(frames)}
        assert all(column.flags.c_contiguous for column in table.columns.values())


def test_what_the_batch_holds_is_passed_on():
    batch = batches("0.5 10.0.2.9:1 > 10.0.2.1:2 [S]\n0.7 10.0.2.9:1 > 10.0.2.1:2 [S]")[""]
    table = Decoder(AddressBook()).decode(batch)
    assert table.first_frame == 1
    assert table.columns["time_ns"].tolist() == [500_000_000, 700_000_000]
    assert table.columns["position"].tolist() == batch.start.tolist()
    assert table.columns["captured_bytes"].tolist() == batch.captured_bytes.tolist()


def test_two_captures_share_a_book():
    book = AddressBook()
    points = batches(f"{TUNNEL} @a\n{TUNNEL} @b")
    one, other = (Decoder(book).decode(batch).columns for batch in points.values())
    assert one["src"].tolist() == other["src"].tolist()
    assert one["dst_mac"].tolist() == other["dst_mac"].tolist()


def test_tunnels_grow_with_the_batches(batch_of):
    from .octets import ipv4, tcp
    decoder = Decoder(AddressBook())
    assert decoder.tunnels == [""]
    inner = ipv4(6, tcp())
    for last in (1, 2, 1):
        octets = ipv4(4, inner, dst=bytes((10, 0, 3, last)))
        row = decoder.decode(batch_of([(octets, len(octets), 101)])).columns["tunnel"][0]
        assert row == last
    assert decoder.tunnels == ["", "ipip 10.0.2.9<>10.0.3.1", "ipip 10.0.2.9<>10.0.3.2"]


@pytest.mark.parametrize(("setting", "compiled"), [("", BUILT), ("1", False)])
def test_the_environment_may_ask_for_the_plain_kernel(setting, compiled):
    code = ("from analyzer.wire.decode import Decoder; from analyzer.tables import AddressBook; "
            "print(Decoder(AddressBook()).compiled)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env={**os.environ, "REPLYPATH_PURE": setting})
    assert done.stdout.strip() == str(compiled)


def test_threads_with_books_of_their_own_run_side_by_side(batch_of):
    from concurrent.futures import ThreadPoolExecutor

    from .octets import ipv4, tcp
    octets = [ipv4(6, tcp(), src=at.to_bytes(4, "big")) for at in range(1, 5001)]
    batch = batch_of([(each, len(each), 101) for each in octets])
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: Decoder(AddressBook()).decode(batch).columns["src"].tolist(), range(4)))
    assert all(each == found[0] for each in found)
