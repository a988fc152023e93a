"""Every capture at hand, frame by frame, against tshark; and a second time against dpkt, where dpkt is right."""

from __future__ import annotations

import subprocess
import shutil

import capture_files as files
import dpkt
import pytest

from analyzer.capture.source import NOT_A_PACKET
from analyzer.errors import CaptureError

# Wireshark's encapsulation number (wiretap's WTAP_ENCAP_*) for each LINKTYPE_ that the shared captures hold.
ENCAPSULATIONS = {1: {1}, 0: {15}, 101: {7}, 113: {25}, 276: {210}, 229: {130}, 228: {129}, 239: {141}, 107: {27}, 10: {5}, 147: {45}}


@files.needs_tshark
@pytest.mark.tshark
def test_every_frame_is_the_one_that_wireshark_shows(capsys):
    paths = files.shared_files()
    if not paths:
        pytest.skip("the shared captures are not here")
    compared = refused = 0
    for path in paths:
        seen, complaint = files.tshark(path)
        try:
            read = files.read(path)
        except CaptureError as error:
            assert complaint, f"{path.name}: tshark reads it, we say {error}"
            refused += 1
            continue
        assert len(read.rows) >= len(seen), path.name
        if not complaint:
            assert len(read.rows) == len(seen), path.name
        for row, frame in zip(read.rows, seen, strict=False):
            assert row.frame == frame.number
            if row.link == NOT_A_PACKET:
                assert frame.encapsulation is None, path.name
                continue
            assert (len(row.octets), row.wire) == (frame.captured, frame.wire), (path.name, row.frame)
            assert frame.time_ns is None or row.time_ns == frame.time_ns, (path.name, row.frame)
            assert frame.encapsulation in ENCAPSULATIONS[row.link], (path.name, row.frame)
            compared += 1
    with capsys.disabled():
        print(f"\n{compared} frames of {len(paths) - refused} captures equal tshark's; {refused} refused by both")
    assert compared > 1000
