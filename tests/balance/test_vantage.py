"""What each capture point is said to be, against where every capture of the lab was really taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.balance.mapping import EMPTY
from analyzer.balance.vantage import ROLES, contradicts, declared_role
from analyzer.diagnose.evidence import Evidence
from analyzer.diagnose.overview import CaptureRead, captures_seen
from analyzer.reading import read_captures

LAB = Path(__file__).resolve().parents[3] / "shared" / "captures" / "lab"

PLACES = {
    "client": "client", "extclient": "client", "extclient_any": "client", "extclient_eth1": "client",
    "lb_front": "balancer-front", "lb_back": "balancer-back", "lb_any": "balancer", "switch": "mirror",
    "server1": "server", "server2": "server", "server1_any": "server", "server1_eth1": "server",
}

# The other end of the same link sees the same packets: what a capture may be taken for, and says so in its reason.
OTHER_END = {"balancer-front": {"client"}, "balancer-back": {"server", "balancer"}}

# The server is the client here: it dials the virtual service.
ALSO = {("I_server2server", "server2"): "client"}

SCENARIOS = sorted({path.name.split(".")[0] for path in LAB.glob("*.pcap")}) if LAB.is_dir() else []


def roles(paths):
    evidence = Evidence(read_captures([str(path) for path in paths], EMPTY).observed)
    try:
        return {row["capture"]: row for row in evidence.rows("SELECT * FROM role")}
    finally:
        evidence.close()


@pytest.mark.skipif(not LAB.is_dir(), reason="../shared/captures/lab is not here")
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_role_of_every_capture_of_a_scenario(scenario):
    """All captures together: each is what it was, or the other end of its link where nothing tells them apart."""
    paths = sorted(LAB.glob(f"{scenario}.*.pcap"))
    for capture, row in roles(paths).items():
        place = paths[capture].name.split(".")[1]
        true = ALSO.get((scenario, place), PLACES[place])
        assert row["role"] in {true, "unknown"} | OTHER_END.get(true, set()), (place, row["role"], row["reason"])
        assert row["role"] in {*ROLES, "unknown"}
        assert row["reason"]


KNOWN = {
    "A_baseline": {"extclient": "client", "lb_front": "balancer-front", "lb_back": "balancer-back", "server1": "server"},
    "B_bypass": {"client": "client", "lb_back": "balancer-back", "server1": "server"},
    "W_mtu": {"extclient": "client", "lb_front": "balancer-front", "lb_back": "balancer-back", "server1": "server"},
    "O_fullproxy": {"client": "client", "lb_back": "balancer", "server1": "server"},
    "P_span_any": {"lb_any": "balancer", "switch": "mirror"},
}


@pytest.mark.skipif(not LAB.is_dir(), reason="../shared/captures/lab is not here")
@pytest.mark.parametrize("scenario", KNOWN)
def test_where_the_packets_tell_the_role_is_named(scenario):
    paths = sorted(LAB.glob(f"{scenario}.*.pcap"))
    found = {paths[capture].name.split(".")[1]: row["role"] for capture, row in roles(paths).items()}
    assert {place: found.get(place) for place in KNOWN[scenario]} == KNOWN[scenario]


@pytest.mark.skipif(not LAB.is_dir(), reason="../shared/captures/lab is not here")
@pytest.mark.parametrize("name", ["A_baseline.server1", "B_bypass.client", "J2_closed_external.lb_front", "N_dsr.client",
                                  "P_span_any.switch", "I_server2server.server2", "Q1_multihomed_connected.server1"])
def test_one_capture_alone_is_never_taken_for_another_place(name):
    place = name.split(".")[1]
    true = ALSO.get(tuple(name.split(".")), PLACES[place])
    for row in roles([LAB / f"{name}.pcap"]).values():
        assert row["role"] in {true, "unknown"} | OTHER_END.get(true, set()), row["reason"]


@pytest.mark.parametrize(("name", "role"), [
    ("server1", "server"), ("rs2", "server"), ("lb-front", "balancer-front"), ("extclient", "client"),
    ("director", "balancer"), ("mirror", "mirror"), ("gateway", "router"), ("monday", ""), ("", ""),
])
def test_a_name_may_say_the_role(name, role):
    assert declared_role(name) == role


@pytest.mark.parametrize(("declared", "inferred", "wrong"), [
    ("client", "server", True), ("server", "client", True), ("mirror", "client", True), ("client", "mirror", True),
    ("client", "balancer-front", False), ("server", "balancer-back", False), ("balancer", "balancer-back", False),
    ("server", "unknown", False), ("router", "balancer-back", False), ("server", "server", False),
])
def test_which_roles_exclude_each_other(declared, inferred, wrong):
    assert contradicts(declared, inferred) is wrong


@pytest.mark.skipif(not LAB.is_dir(), reason="../shared/captures/lab is not here")
def test_a_wrong_name_is_contradicted_in_words():
    client, server = (captures_seen([CaptureRead("", name, role=declared_role(name))], evidence)[0]
                      for name in ("client", "server1")
                      for evidence in [Evidence(read_captures([f"{name}={LAB}/B_bypass.client.pcap"], EMPTY).observed)])
    assert client.role_reasons == ()
    assert server.role == "server"
    assert server.role_reasons[0].startswith("declared as server, but the packets speak for client: it sees ")
