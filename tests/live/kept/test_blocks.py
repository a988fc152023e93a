"""A batch's blocks at once are the blocks of its frames one by one."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.capture.write import Frame, packet_block
from analyzer.live.kept.blocks import lengths, packet_blocks
from analyzer.wire.build import batch

FRAME = st.tuples(st.integers(0, 2**62), st.binary(max_size=70))


@given(st.lists(FRAME, max_size=12), st.data())
@settings(max_examples=150, deadline=None)
def test_at_once_is_one_by_one(frames, data):
    places = np.array(data.draw(st.lists(st.integers(0, 9), min_size=len(frames), max_size=len(frames))), np.uint16)
    made = batch(frames)
    single = [packet_block(Frame(octets, time_ns, place)) for (time_ns, octets), place in zip(frames, places, strict=True)]
    assert packet_blocks(made, places) == b"".join(single)
    assert lengths(made).tolist() == [len(block) for block in single]
