"""Every sample case is whole, readable by others, and holds the packets that its story tells of."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from functools import cache
from ipaddress import ip_address, ip_network
from pathlib import Path

import dpkt
import pytest
import yaml

from analyzer.balance.mapping import Forwarding, Protocol
from analyzer.diagnose.finding import Cause, Verdict
from analyzer.kernel.record import LARGEST_OCTETS, load

ROOT = Path(__file__).resolve().parents[2] / "sample_pcaps"
STORIES = sorted(path for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith("_"))
CAPTURES = sorted(ROOT.glob("*/*.pcap"))

KEYS = {"verdict", "bypass", "cause", "clients", "virtual", "protocol", "real", "hosts", "twin", "verdicts", "also"}
KEYS |= {"alone", "packets"}

EXAMPLE_NETWORKS = tuple(
    map(
        ip_network,
        (
            *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),              # RFC 1918 §3
            *("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"),          # RFC 5737 §3
            "2001:db8::/32",                                                 # RFC 3849 §2
            *("224.0.0.0/4", "ff00::/8", "fe80::/10", "::/128", "0.0.0.0/32"),
        ),
    )
)


@cache
def expected(story: Path) -> dict:
    return tomllib.loads((story / "expected.toml").read_text())


def by_name(paths):
    return [pytest.param(path, id=str(path.relative_to(ROOT))) for path in paths]


def endpoint(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    return str(ip_address(address.strip("[]"))), int(port)


def test_there_are_at_least_twelve_stories_with_ipv4_and_ipv6_faults_and_healthy_twins():
    said = [expected(story) for story in STORIES]
    assert len(said) >= 12
    assert sum(answer["verdict"] == "healthy" for answer in said) >= 4
    assert sum(answer["verdict"] == "bypass" for answer in said) >= 6
    assert any(answer.get("real", "").startswith("[2001:db8:") for answer in said)


@pytest.mark.parametrize("story", by_name(STORIES))
def test_a_story_has_a_page_that_names_every_capture(story):
    page = (story / "README.md").read_text()
    assert page.startswith(f"# {story.name}\n")
    assert 8 < page.count("\n") <= 60
    for capture in story.glob("*.pcap"):
        assert f"`{capture.name}`" in page, capture.name
    for named in re.findall(r"`([\w-]+\.pcap)`", page):
        assert (story / named).is_file(), named
    for twin in re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`", page):
        assert (ROOT / twin).is_dir(), f"{twin} is no story"


@pytest.mark.parametrize("story", by_name(STORIES))
def test_what_is_recorded_is_what_the_script_records(story):
    script = load(story)
    assert {path.stem for path in story.glob("*.pcap")} == set(script.captures)
    for vantage, (host, interface) in script.captures.items():
        if host == "switch":
            assert interface in script.topology.links, vantage
        elif interface != "any":
            assert interface in {i.name for i in script.topology.host(host).interfaces}, vantage
    for host in script.facts:
        assert json.loads((story / f"facts/{host}.addr.json").read_text())
        assert (story / f"facts/{host}.sysctl.txt").read_text().startswith("net.ipv4.conf.all.")
        routes = [path for path in story.glob(f"facts/{host}.route*.json") if json.loads(path.read_text())]
        assert routes, f"{host} has no route"
    for fact in story.glob("facts/*.json"):
        json.loads(fact.read_text())


@pytest.mark.parametrize("story", by_name(STORIES))
def test_the_expected_answer_uses_the_words_of_the_contract(story):
    said = expected(story)
    assert set(said) <= KEYS
    verdicts = said.get("verdicts", [said["verdict"]])
    assert said["verdict"] in verdicts
    assert {*verdicts} <= {*Verdict}
    assert said["bypass"] is (said["verdict"] == "bypass")
    assert "cause" in said or said["verdict"] in ("healthy", "cannot-tell")
    assert {said.get("cause", "mtu"), *said.get("also", ())} <= {*Cause}
    if "twin" in said:
        assert expected(ROOT / said["twin"])["twin"] == story.name
    assert set(said["alone"]) == {path.stem for path in story.glob("*.pcap")}
    for alone in said["alone"].values():
        assert alone["verdicts"]
        assert {*alone["verdicts"]} <= {*Verdict}
        assert {*alone["causes"]} <= {*Cause}
        # One capture never proves a fault where all of them together show none, nor the other way round.
        assert "bypass" not in alone["verdicts"] or "bypass" in verdicts


@pytest.mark.parametrize("story", by_name(STORIES))
def test_the_mapping_declares_the_service_of_the_expected_answer(story):
    said = expected(story)
    services = yaml.safe_load((story / "balancer.yaml").read_text())["services"]
    for service in services:
        assert set(service) == {"virtual", "protocol", "forwarding", "balancer", "reals"}
        assert Forwarding(service["forwarding"])
        assert Protocol(service["protocol"])
        assert all(ip_address(address) for address in service["balancer"])
    if "virtual" in said:
        declared = {endpoint(service["virtual"]): service for service in services}[endpoint(said["virtual"])]
        assert declared["protocol"] == said["protocol"]
        assert endpoint(said["real"]) in map(endpoint, declared["reals"])


@pytest.mark.parametrize("story", by_name(STORIES))
def test_the_hosts_that_must_change_are_in_the_facts(story):
    text = "".join(path.read_text() for path in story.glob("facts/*.addr.json"))
    for address in expected(story).get("hosts", ()):
        assert f'"local":"{ip_address(address)}"' in text


def addresses_of(packet) -> set[str]:
    match packet.data:
        case dpkt.ip.IP() | dpkt.ip6.IP6() as header:
            return {str(ip_address(header.src)), str(ip_address(header.dst))}
        case dpkt.arp.ARP() as claim:
            return {str(ip_address(claim.spa)), str(ip_address(claim.tpa))}
    raise AssertionError(f"neither IP nor ARP: {packet!r}")


@pytest.mark.parametrize("capture", by_name(CAPTURES))
def test_a_capture_is_small_and_holds_example_addresses_only(capture):
    assert capture.stat().st_size <= LARGEST_OCTETS
    with capture.open("rb") as file:
        reader = dpkt.pcap.Reader(file)
        decoder = {1: dpkt.ethernet.Ethernet, 276: dpkt.sll2.SLL2}[reader.datalink()]
        packets = [decoder(octets) for _, octets in reader]
    assert packets
    for packet in packets:
        sender = packet.src if isinstance(packet, dpkt.ethernet.Ethernet) else packet.hdr
        assert sender[0] & 2, "a locally administered address"
        for address in map(ip_address, addresses_of(packet)):
            assert any(address in network for network in EXAMPLE_NETWORKS), address


@pytest.mark.tshark
@pytest.mark.skipif(not all(map(shutil.which, ("tshark", "mergecap"))), reason="tshark or mergecap is not installed")
@pytest.mark.parametrize("story", by_name(STORIES))
def test_wireshark_finds_the_packets_that_the_story_tells_of(story, tmp_path):
    captures = sorted(story.glob("*.pcap"))
    claims = expected(story)["packets"]
    filters = []
    for number in range(len(captures)):
        filters += [f"frame.interface_id == {number}", f"frame.interface_id == {number} && _ws.malformed"]
    names = [capture.stem for capture in captures]
    filters += [f"frame.interface_id == {names.index(claim['capture'])} && ({claim['filter']})" for claim in claims]
    counts = count(merged(captures, tmp_path / "all.pcapng"), filters)
    assert counts[: 2 * len(captures)] == [number for capture in captures for number in (frames(capture), 0)]
    for claim, seen in zip(claims, counts[2 * len(captures) :], strict=True):
        wanted = claim["count"]
        right = seen >= int(wanted.removeprefix(">= ")) if isinstance(wanted, str) else seen == wanted
        assert right, f"{claim['says']}: {seen} frames, expected {wanted}: {claim['filter']}"


def frames(capture: Path) -> int:
    """The number of frames in a capture, as dpkt counts."""
    with capture.open("rb") as file:
        return sum(1 for _ in dpkt.pcap.Reader(file))


def merged(captures: list[Path], into: Path) -> Path:
    """One file with an interface for each capture, in this order: tshark is slow to start, not to read."""
    argv = ["mergecap", "-F", "pcapng", "-I", "none", "-w", str(into), *map(str, captures)]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
    return into


def count(capture: Path, filters: list[str]) -> list[int]:
    """How many frames each display filter selects, as tshark counts."""
    assert not any("," in text for text in filters), "tshark separates filters by commas"
    # Without http: it would reassemble one connection's segments from several captures.
    argv = ["tshark", "-n", "--disable-protocol", "http", "-r", str(capture), "-q", "-z", "io,stat,0," + ",".join(filters)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    row = next(line for line in done.stdout.splitlines() if "<>" in line)
    return [int(cell) for cell in row.split("|")[2:-1] if cell.strip()][::2]


@pytest.mark.parametrize("story", by_name(STORIES))
def test_every_claim_is_about_a_capture_of_its_story(story):
    claims = expected(story)["packets"]
    assert len(claims) >= 3
    assert {claim["capture"] for claim in claims} <= {path.stem for path in story.glob("*.pcap")}
    assert all(set(claim) == {"says", "capture", "filter", "count"} for claim in claims)
