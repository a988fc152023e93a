"""A story is played and written down; what is not a story is refused in a sentence."""

from __future__ import annotations

import json

import pytest

from analyzer.errors import ConfigError
from analyzer.kernel.record import LARGEST_OCTETS, load, main, record

STORY = """
from analyzer.kernel.topology import Host, Interface, Topology

TOPOLOGY = Topology((
    Host("balancer", (Interface("eth0", "lan", ("10.0.2.1/24",)),), routes=("192.0.2.0/24 via 10.0.2.2",)),
    Host("server1", (Interface("eth0", "lan", ("10.0.2.2/24",)),)),
))
CAPTURES = {"balancer": ("balancer", "eth0")}


def play(bench):
    assert bench.ping("balancer", "10.0.2.2", count=%d).returncode == 0
"""


def folder(tmp_path, text):
    (tmp_path / "story.py").write_text(text)
    return tmp_path


@pytest.mark.kernel
def test_a_story_becomes_captures_and_facts_and_replaces_older_ones(tmp_path):
    (tmp_path / "old.pcap").write_bytes(b"")
    (tmp_path / "facts").mkdir()
    (tmp_path / "facts/old.addr.json").write_bytes(b"")
    written = record(folder(tmp_path, STORY % 1))
    assert sorted(path.name for path in tmp_path.glob("*.pcap")) == ["balancer.pcap"]
    assert not (tmp_path / "facts/old.addr.json").exists()
    assert all((tmp_path / name).stat().st_size == octets for name, octets in written.items())
    routes = json.loads((tmp_path / "facts/balancer.route.json").read_text())
    assert {route["dst"] for route in routes} == {"192.0.2.0/24", "10.0.2.0/24"}
    assert not (tmp_path / "balancer.nft").exists(), "this one has no packet filter"


@pytest.mark.kernel
def test_a_capture_that_is_too_large_is_refused_and_nothing_is_written(tmp_path):
    large = STORY.replace("count=%d", "count=1") + '    bench.run("balancer", ["ping", "-c", "60", "-i", "0.002", "-s", "1400", "10.0.2.2"])\n'
    with pytest.raises(ConfigError, match=f"has at most {LARGEST_OCTETS}"):
        record(folder(tmp_path, large))
    assert [path.name for path in tmp_path.iterdir()] == ["story.py"]


def test_a_folder_without_a_story_is_a_sentence(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    assert "there is none" in capsys.readouterr().err


def test_a_story_that_does_not_say_all_is_a_sentence(tmp_path):
    with pytest.raises(ConfigError, match="expected TOPOLOGY, CAPTURES and play"):
        load(folder(tmp_path, "TOPOLOGY = None\n"))


def test_without_arguments_it_says_how_it_is_used(capsys):
    assert main([]) == 2
    assert capsys.readouterr().err.startswith("usage:")
