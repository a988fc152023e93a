"""Parts of a pcap or pcapng file: where they begin and end, and what one reader hands on to the next."""

from __future__ import annotations

import gzip
from dataclasses import replace

import capture_files as files
import pytest
from capture_files import pcap, record

from analyzer.capture.carried import Carried
from analyzer.capture.limits import DEFAULT_LIMITS
from analyzer.capture.parts import TO_THE_END, open_part, record_span
from analyzer.capture.source import open_capture

RECORDS = [record(b"frame %04d " % number * (1 + number % 5), 1000 + number) for number in range(60)]
CAPTURE = pcap(*RECORDS)


def read(part):
    return [batch.frame(row) for batch in part.batches() for row in range(len(batch))]


@pytest.fixture
def path(tmp_path):
    return str(files.saved(tmp_path, CAPTURE, "a.pcap"))


@pytest.mark.parametrize("cut", [25, 100, 1000, len(CAPTURE) // 2, len(CAPTURE) - 300])
def test_a_part_ends_where_the_next_one_is_found_to_begin(path, cut):
    first, second = open_part(path, 24, cut, carried=Carried()), open_part(path, cut, TO_THE_END)
    frames = read(first) + read(second)
    assert frames == read(open_capture(path))
    assert first.carried().at == second.began >= cut
    assert first.tidy
    assert second.tidy
    assert first.carried().after(second.carried()).frames == 60


def test_what_is_carried_makes_a_reader_go_on_as_if_it_had_read_all(tmp_path):
    octets = bytearray(CAPTURE)
    octets[1500:1560] = bytes([255]) * 60
    path = str(files.saved(tmp_path, bytes(octets), "damaged.pcap"))
    whole = open_capture(path)
    frames = read(whole)
    carried, found, begin = Carried(), [], 24
    for stop in (700, 1400, 1530, 2000, TO_THE_END):
        part = open_part(path, begin, stop, carried=carried)
        found += read(part)
        carried = part.carried()
    assert found == frames
    assert carried.warnings(path) == whole.warnings != []
    assert carried.frames == whole.frames
    over_the_damage = open_part(path, 1000, 2000)
    assert read(over_the_damage)
    assert not over_the_damage.tidy


@pytest.mark.parametrize("stop", [1530, 2000, TO_THE_END])
def test_where_there_is_too_much_damage_no_part_goes_on(tmp_path, stop):
    """Also where the damage reaches over the part's end, and where the file's end has been read already."""
    octets = bytearray(CAPTURE)
    octets[1500:1560] = bytes([255]) * 60
    path = str(files.saved(tmp_path, bytes(octets), "damaged.pcap"))
    part = open_part(path, 24, stop, replace(DEFAULT_LIMITS, damages=1), carried=Carried())
    frames = read(part)
    whole = open_capture(path, limits=replace(DEFAULT_LIMITS, damages=1))
    assert frames == read(whole)
    assert part.carried().done
    assert part.carried().warnings(path) == whole.warnings
    assert read(open_part(path, stop, TO_THE_END, carried=part.carried())) == []


def test_a_part_without_a_record_is_empty(tmp_path):
    path = str(files.saved(tmp_path, pcap(record(bytes(5000), 1000), record(b"last", 1001)), "long.pcap"))
    middle = open_part(path, 1000, 2000)
    assert read(middle) == []
    assert not middle.tidy or middle.began >= 2000


def test_only_plain_files_are_split(tmp_path, path):
    assert record_span(path) == (24, len(CAPTURE))
    assert record_span(str(files.saved(tmp_path, gzip.compress(CAPTURE), "a.pcap.gz"))) is None
    assert record_span("-") is None
    assert record_span(str(tmp_path / "missing")) is None
    assert record_span(str(files.saved(tmp_path, b"nothing", "text"))) is None
