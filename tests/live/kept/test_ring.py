"""The ring stays as small as it was told, and what a finding cites stays in it; saved, it is a capture."""

import errno

import numpy as np
import pytest
from live_examples import citing

from analyzer.capture.source import open_capture
from analyzer.errors import OutputError
from analyzer.live.kept.ring import SEGMENTS, Ring
from analyzer.live.kept.save import save
from analyzer.live.points import Points
from analyzer.wire.build import batch

MOST = 64 * 1024
BATCH = 20


def octets(number):
    return number.to_bytes(4, "big") * (3 + number % 40)


def fill(ring, batches, first=1):
    for _ in range(batches):
        frames = [(10**18 + n, octets(n)) for n in range(first, first + BATCH)]
        assert ring.keep(batch(frames), np.zeros(BATCH, np.uint16), first) == []
        first += BATCH
    return first


@pytest.fixture
def points():
    found = Points()
    found.announce(0, 0, "eth0", "")
    return found


def test_it_is_bounded_and_keeps_what_is_cited(tmp_path, points):
    ring = Ring(tmp_path / "x.pcapng", MOST)
    fill(ring, 4)
    ring.cite(citing(3, 41, 77))
    last = fill(ring, 200, 4 * BATCH + 1) - 1
    on_disk = sum(path.stat().st_size for path in ring.folder.iterdir())
    assert on_disk == ring.kept_bytes <= MOST + MOST // SEGMENTS
    assert ring.first > 77 and sorted(ring.kept) == [3, 41, 77]
    assert ring.block(40) is None and ring.block(last) is not None
    told = save(ring, points, citing(3, 41, 77, last), str(tmp_path / "x.pcapng"), force=False)
    numbers = [item.frame for item in told.findings[0].evidence]
    assert numbers[:3] == [1, 2, 3]
    source = open_capture(tmp_path / "x.pcapng")
    read = {each.first_frame + row: each.frame(row) for each in source.batches() for row in range(len(each))}
    assert [read[n] for n in numbers] == [octets(n) for n in (3, 41, 77, last)]
    assert len(read) == 3 + last - ring.first + 1 == numbers[-1]
    assert {comment.frame: comment.text for comment in source.comments if comment.frame}[2].endswith("frame 41")
    ring.remove()
    assert not ring.folder.exists()


def test_a_frame_that_is_gone_is_not_cited_by_number(tmp_path, points):
    ring = Ring(tmp_path / "x.pcapng", MOST)
    fill(ring, 200)
    assert ring.first > 5
    told = save(ring, points, citing(5), str(tmp_path / "x.pcapng"), force=False)
    assert [(item.frame, item.filter) for item in told.findings[0].evidence] == [(0, "")]
    ring.remove()


def test_a_full_disk_lets_older_packets_go_and_is_said_once(tmp_path, monkeypatch):
    ring = Ring(tmp_path / "x.pcapng", MOST)
    first = fill(ring, 30)
    assert len(ring.segments) > 3
    room = [0]
    write = Ring._write

    def full(self, segment, given):
        room[0] += 1
        if room[0] % 3:
            return write(self, segment, given[:0]) and False
        return write(self, segment, given)

    monkeypatch.setattr(Ring, "_write", full)
    frames = [(1, octets(n)) for n in range(first, first + BATCH)]
    said = ring.keep(batch(frames), np.zeros(BATCH, np.uint16), first)
    assert len(said) == 1 and "full" in said[0]
    assert ring.keep(batch(frames), np.zeros(BATCH, np.uint16), first + BATCH) == []
    assert ring.lost == 0
    ring.remove()


def test_a_disk_without_any_room_loses_packets_and_counts_them(tmp_path):
    ring = Ring(tmp_path / "x.pcapng", MOST)

    class Full:
        def write(self, _):
            raise OSError(errno.ENOSPC, "No space left on device")

        def truncate(self, _):
            pass

        seek = truncate

        def close(self):
            pass

        flush = close

    frames = [(1, b"x" * 60)] * 3
    ring._begin(1)
    ring._out.close()
    ring._out = Full()
    said = ring.keep(batch(frames), np.zeros(3, np.uint16), 1)
    assert len(said) == 1 and ring.lost == 3
    ring.remove()


def test_where_nothing_can_be_written_it_does_not_begin(tmp_path):
    with pytest.raises(OutputError, match="nothing can be written there"):
        Ring(tmp_path / "missing" / "x.pcapng", MOST)
