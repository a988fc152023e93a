"""The ladder of a finding: who stands there, and what each packet is said to show."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.api import analyze

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"


def finding(name):
    """The one finding of a sample."""
    (found,) = analyze([f"{path.stem}={path}" for path in sorted((SAMPLES / name).glob("*.pcap"))]).findings
    return found


def test_a_direct_connection_whose_reply_takes_the_detour_goes_from_client_to_server_to_balancer():
    found = finding("detour-dropped")
    hosts = {host.kind: host for host in found.ladder.hosts}
    assert set(hosts) == {"client", "balancer", "server"}
    assert hosts["balancer"].mac == "02:00:0a:00:02:01"        # not the client's, from which the SYN came
    kinds = [(found.ladder.hosts[e.sender].kind, found.ladder.hosts[e.receiver].kind, e.outcome)
             for e in found.ladder.events]
    assert kinds == [("client", "server", "ok"), ("server", "balancer", "lost")]
    assert found.evidence[0].says.startswith("The client calls 10.0.2.11:22 itself, from MAC 02:00:0a:00:02:32")


@pytest.mark.parametrize(("name", "hosts"), [
    ("client-on-servers-link", ["client", "balancer", "server"]),
    ("default-gateway-elsewhere", ["client", "balancer", "server", "router"]),
])
def test_a_connection_through_the_balancer_has_it_in_the_middle(name, hosts):
    found = finding(name)
    assert [host.kind for host in found.ladder.hosts] == hosts
    assert found.ladder.hosts[1].mac == "02:00:0a:00:02:01"
    assert [e.outcome for e in found.ladder.events if found.ladder.hosts[e.sender].kind == "server"] == ["stray"]
