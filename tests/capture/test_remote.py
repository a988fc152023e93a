"""Paths with a scheme: read through fsspec, as a file of this machine would be."""

from __future__ import annotations

import gzip

import capture_files as files
import pytest
from capture_files import pcap, record

from analyzer.capture.octets.remote import RemoteFile, is_remote
from analyzer.capture.parts import open_part, record_span
from analyzer.capture.source import Limits, open_capture
from analyzer.errors import CaptureUnreadable

pytest.importorskip("fsspec", reason="fsspec is not installed (the extra [cluster])")
CAPTURE = pcap(*(record(b"frame %d" % number, 1000 + number) for number in range(50)))


def frames(source):
    return [(batch.frame(row), int(batch.position[row])) for batch in source.batches() for row in range(len(batch))]


@pytest.mark.parametrize("octets", [CAPTURE, gzip.compress(CAPTURE)], ids=["plain", "gzip"])
def test_a_remote_capture_is_read_like_a_local_one(tmp_path, octets):
    path = files.saved(tmp_path, octets, "a.pcap")
    assert is_remote(f"file://{path}")
    assert frames(open_capture(f"file://{path}", limits=Limits(chunk_bytes=100))) == frames(open_capture(path))


def test_a_remote_capture_is_split_like_a_local_one(tmp_path):
    path = files.saved(tmp_path, CAPTURE, "a.pcap")
    assert record_span(f"file://{path}") == record_span(str(path)) == (24, len(CAPTURE))
    assert frames(open_part(f"file://{path}", 300, 700)) == frames(open_part(str(path), 300, 700)) != []


def test_what_is_missing_is_one_sentence(tmp_path):
    with pytest.raises(CaptureUnreadable, match=r"missing\.pcap: cannot be opened: "):
        RemoteFile(f"file://{tmp_path}/missing.pcap")
    with pytest.raises(CaptureUnreadable, match=r"nowhere://a\.pcap: cannot be opened"):
        open_capture("nowhere://a.pcap")
