"""The kernel's judgement of a fix, from captures alone."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest

from analyzer.diagnose.finding import Applicability
from analyzer.errors import ModelError
from analyzer.importers.reading import read_mappings
from analyzer.kernel.model.prove import prove
from analyzer.network.infer import infer
from analyzer.reading import read_captures

SAMPLES = Path(__file__).resolve().parents[3] / "sample_pcaps"
SERVER = ip_address("10.0.2.11")


def known(story: str):
    folder = SAMPLES / story
    mapping = read_mappings([folder / "balancer.yaml"])
    seen = read_captures([f"{path.stem}={path}" for path in sorted(folder.glob("*.pcap"))], mapping).observed
    return infer(seen.flows, seen.claims, seen.icmp, seen.book, mapping)


@pytest.mark.kernel
def test_a_host_route_is_proven_and_both_passes_are_recorded_everywhere():
    said = prove(known("client-on-servers-link"), SERVER, ["ip route add 10.0.2.50/32 via 10.0.2.1"], capture=True)
    assert said.calibration == ()
    assert said.proof.applicability is Applicability.PROVEN
    assert (said.proof.repaired, said.proof.newly_broken, said.proof.unchanged) == (1, 0, 3)
    assert set(said.before) == set(said.after)
    assert all(len(octets) > 24 for octets in said.after.values())


@pytest.mark.kernel
def test_a_refused_command_is_ineffective_and_the_kernels_words_are_kept():
    said = prove(known("client-on-servers-link"), SERVER, ["ip route add 10.0.2.0/24 via 10.0.2.1"])
    assert said.proof.applicability is Applicability.INEFFECTIVE
    (command,) = said.commands
    assert (command.status, command.err) == (2, "RTNETLINK answers: File exists\n")


@pytest.mark.kernel
def test_a_network_that_does_not_behave_as_captured_proves_nothing():
    """In this story the server drops what comes in on the wrong interface, and the captures alone do not show that."""
    said = prove(known("rp-filter"), SERVER, ["true"])
    assert said.calibration
    assert said.proof.applicability is Applicability.UNPROVEN


def test_a_fix_for_a_host_that_nobody_knows_is_not_tried():
    with pytest.raises(ModelError, match=r"192\.0\.2\.99; the fix was not tried"):
        prove(known("client-on-servers-link"), ip_address("192.0.2.99"), ["true"])
