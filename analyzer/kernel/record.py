"""Record a story: ``python -m analyzer.kernel.record sample_pcaps/NAME ...`` (Linux, root).

A story is a folder with a ``story.py`` that says

TOPOLOGY   the network (``topology.Topology``)
CAPTURES   vantage -> (host, interface): one ``VANTAGE.pcap`` each
FLAGS      more flags for tcpdump, optional
FACTS      hosts whose facts are written down, optional (default: the balancer and server1)
play(bench)  what happens while the captures run

and what is written beside it: the captures, ``balancer.nft`` (the packet filter
as the balancer had it) and ``facts/HOST.*`` (what the commands that a person is
asked for print there, taken at the end of the story).
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from analyzer.errors import AnalyzerError, ConfigError
from analyzer.kernel.bench import Bench
from analyzer.kernel.topology import Topology

LARGEST_OCTETS = 50_000
"""A sample is small enough to be read frame by frame."""

_KEYS = "rp_filter|accept_redirects|secure_redirects|send_redirects|shared_media|arp_ignore|arp_announce|accept_local"
_SWITCHES = rf"^net\.ipv[46]\.(ip_forward$|conf\.(all|default|eth[0-9])\.({_KEYS}|forwarding)$)"

FACTS = {
    "addr.json": "ip -j addr",
    "route.json": "ip -j route",
    "route6.json": "ip -j -6 route",
    "rule.json": "ip -j rule",
    "neigh.json": "ip -j neigh",
    "sysctl.txt": f"sysctl -a -r '{_SWITCHES}'",
}
"""Suffix of the file -> the command whose output it holds."""


class Play(Protocol):
    """What a story does on the bench."""

    def __call__(self, bench: Bench) -> None:
        """Make the connections of the story."""


@dataclass(frozen=True, slots=True)
class Story:
    """One ``story.py``, loaded."""

    topology: Topology
    captures: Mapping[str, tuple[str, str]]
    facts: Sequence[str]
    flags: Sequence[str]
    play: Play


def load(folder: Path) -> Story:
    """The story in ``folder``; ``ConfigError`` where its ``story.py`` is missing or does not say all."""
    path = folder / "story.py"
    spec = importlib.util.spec_from_file_location(f"story_{folder.name.replace('-', '_')}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ConfigError(f"{path}: a story is a folder with a story.py; there is none")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    try:
        facts = getattr(module, "FACTS", ("balancer", "server1"))
        flags = getattr(module, "FLAGS", ())
        return Story(module.TOPOLOGY, module.CAPTURES, facts, flags, module.play)
    except AttributeError as error:
        raise ConfigError(f"{path}: expected TOPOLOGY, CAPTURES and play(bench): {error}") from None


def record(folder: Path) -> dict[str, int]:
    """Play the story in ``folder`` and write what it recorded; file name -> octets.

    Raises ``ConfigError`` where a capture grew beyond what a sample may be.
    """
    story = load(folder)
    written: dict[str, bytes] = {}
    with Bench(story.topology) as bench:
        with bench.capture(story.captures, flags=story.flags) as captures:
            story.play(bench)
        for vantage in story.captures:
            written[f"{vantage}.pcap"] = captures[vantage]
        for host in story.facts:
            for suffix, command in FACTS.items():
                said = bench.shell(host, command).stdout
                if said.strip() not in ("", "[]", "[ ]"):
                    written[f"facts/{host}.{suffix}"] = said.encode()
        rules = bench.shell("balancer", "nft -s list ruleset").stdout
        if rules:
            written["balancer.nft"] = rules.encode()
    for name, octets in written.items():
        if len(octets) > LARGEST_OCTETS:
            raise ConfigError(f"{folder / name}: {len(octets)} octets; a sample has at most {LARGEST_OCTETS}")
    for old in (*folder.glob("*.pcap"), *folder.glob("facts/*"), *folder.glob("balancer.nft")):
        old.unlink()
    for name, octets in written.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(octets)
    return {name: len(octets) for name, octets in written.items()}


def main(arguments: Sequence[str]) -> int:
    """Record each folder named; 0, or 2 with a sentence on standard error."""
    if not arguments or arguments[0].startswith("-"):
        sys.stderr.write("usage: python -m analyzer.kernel.record sample_pcaps/NAME ...\n")
        return 2
    try:
        for folder in arguments:
            for name, octets in record(Path(folder)).items():
                sys.stdout.write(f"{folder}/{name}  {octets} octets\n")
    except AnalyzerError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
