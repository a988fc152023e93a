"""The kernel's short way for the frame that most frames are says what the long one does."""

import random
from dataclasses import replace

import numpy as np
import pytest

from analyzer.tables import AddressBook

from . import octets
from .test_twins import ETHERNET, agree, fast

TIME_STAMP = b"\x01\x01\x08\x0a" + bytes(range(8))
TAG = (0x8100).to_bytes(2, "big") + (0x2005).to_bytes(2, "big")


def usual(*, tagged=False, options=TIME_STAMP, src=octets.A, dst=octets.B, macs=octets.MACS):
    inner = (0x0800).to_bytes(2, "big") + octets.ipv4(6, octets.tcp(b"data", options=options), src=src, dst=dst)
    return macs + (TAG if tagged else b"") + inner


@pytest.mark.parametrize("tagged", [False, True])
@pytest.mark.parametrize("options", [b"", TIME_STAMP])
def test_a_usual_frame_with_any_octet_another_or_cut_anywhere(batch_of, tagged, options):
    whole = usual(tagged=tagged, options=options)
    frames = [(whole[:size], len(whole), ETHERNET) for size in range(len(whole) + 1)]
    frames += [(whole[:size], size, ETHERNET) for size in range(len(whole) + 1)]
    frames += [(whole + bytes(6), len(whole) + 6, ETHERNET)]
    for at in range(len(whole)):
        for other in (0, 0xFF, whole[at] ^ 1, whole[at] ^ 0x10, whole[at] - 1 & 0xFF):
            changed = bytearray(whole)
            changed[at] = other
            frames.append((bytes(changed), len(whole), ETHERNET))
    columns = agree(batch_of(frames))
    assert columns["has_ts"][len(whole)] == bool(options)
    assert columns["vlan"][len(whole)] == (5 if tagged else 0)


def test_pairs_of_addresses_that_push_each_other_out_of_the_tables(batch_of):
    """So many pairs that they meet in their places; some come back, some the other way round."""
    dice = random.Random(1)
    hosts = [dice.randbytes(4) for _ in range(250)]
    links = [dice.randbytes(6) for _ in range(80)]
    frames = [usual(src=dice.choice(hosts), dst=dice.choice(hosts), macs=dice.choice(links) + dice.choice(links))
              for _ in range(15_000)]
    columns = agree(batch_of([(each, len(each), ETHERNET) for each in frames]))
    assert len(set(zip(columns["src"].tolist(), columns["dst"].tolist(), strict=True))) > 10_000


@pytest.mark.parametrize("start", [[0, 71], [0, -1], [-71, 0], [2**62, 0]])
def test_usual_frames_of_a_batch_that_lies(batch_of, start):
    good = batch_of([(usual(), len(usual()), ETHERNET)] * 2)
    kernel = fast.Kernel(AddressBook())
    with pytest.raises(IndexError):
        kernel.decode(replace(good, start=np.array(start, dtype=np.int64)))
    assert kernel.decode(good)["has_ts"].tolist() == [1, 1]
