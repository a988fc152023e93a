"""Every scenario that was recorded on a real kernel gets the right verdict, from all its captures and from each alone."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from analyzer import api
from analyzer.balance.mapping import EMPTY
from analyzer.importers.reading import read_texts

LAB = Path(__file__).resolve().parents[2] / "shared" / "captures" / "lab"
pytestmark = pytest.mark.skipif(not LAB.is_dir(), reason="../shared/captures/lab is not here")

NAT = """
services:
  - virtual: 203.0.113.100:80
    balancer: [192.168.11.1, 203.0.113.1]
    reals: ["192.168.11.10:8080", "192.168.11.11:8080"]
  - {virtual: "203.0.113.100:81", reals: ["192.168.11.10:8081"]}
  - {virtual: "203.0.113.100:82", reals: ["192.168.11.10:8082"]}
  - {virtual: "203.0.113.100:8088", reals: ["192.168.11.10:8080"], forwarding: proxy}
  - {virtual: "[2001:db8:22::100]:80", reals: ["[2001:db8:11::10]:8086"]}
  - {virtual: "203.0.113.100:5300", reals: ["192.168.11.10:5300"], protocol: udp}
"""

DIRECT = """
services:
  - {virtual: "203.0.113.100:80", reals: ["192.168.11.10:80"], forwarding: direct, balancer: [192.168.11.1]}
"""

# The README's truth: verdict, cause with the map, and, where the map adds a fact, the cause without it.
TRUTH = {
    "A_baseline": ("healthy", None),
    "B_bypass": ("bypass", "client-on-servers-link"),
    "B2_bypass_silent": ("bypass", "client-on-servers-link"),
    "C_fixed_legacy": ("healthy", None),
    "D_redirect": ("bypass", "icmp-redirect"),
    "D2_midflow_redirect": ("healthy", None),
    "F_fix_breaks_direct": ("fault", "detour-dropped"),
    # its captures hold none of the masqueraded connections, only late SYN-ACKs of an earlier run
    "G_hairpin_snat": ("cannot-tell", None),
    "H_selfhairpin": ("fault", "self-hairpin"),
    "I_server2server": ("bypass", "server-is-client", "client-on-servers-link"),
    "J_bypass_closed": ("bypass", "client-on-servers-link"),
    "J2_closed_external": ("healthy", "refused"),
    "K_fwdrop": ("fault", "server-silent"),
    "L_rpfilter": ("fault", "server-silent"),     # at packet level the same as K, says the README
    "M_ctflush": ("fault", "translation-state-lost"),
    "N_dsr": ("healthy", None),
    "O_fullproxy": ("healthy", None),
    "P_span_any": ("bypass", "client-on-servers-link"),
    "Q1_multihomed_connected": ("bypass", "second-interface"),
    "R1_wrong_gw_plain": ("bypass", "default-gateway-elsewhere"),
    "R2_wrong_gw_masq": ("bypass", "default-gateway-elsewhere"),
    "R3_wrong_gw_statefulfw": ("bypass", "default-gateway-elsewhere"),
    "T_v6_bypass": ("bypass", "client-on-servers-link"),
    "T2_v6_redirect": ("healthy", None),
    "T3_v6_metric1": ("bypass", "icmp-redirect"),
    "U_onearm": ("bypass", "client-on-servers-link"),
    "V_dupip": ("bypass", "duplicate-address"),
    "W_mtu": ("fault", "mtu"),
    "X_udp": ("bypass", "client-on-servers-link"),
}

# What one capture alone may say besides the truth and "cannot tell": a cause that it cannot see further than.
WEAKER_CAUSES = {
    "icmp-redirect": {"client-on-servers-link", "reply-path-unknown"},      # the redirect is not in the client's capture
    "server-is-client": {"client-on-servers-link"},                        # that the client is a real server is in the map
    "second-interface": {"reply-path-unknown", "client-on-servers-link"},  # the other interface was not captured
    "duplicate-address": {"reply-path-unknown"},
    "default-gateway-elsewhere": {"reply-path-unknown"},
    "client-on-servers-link": {"reply-path-unknown"},
}

# Captures of a fault in which every connection that they hold works.
NOTHING_WRONG_HERE = {
    "F_fix_breaks_direct.extclient", "F_fix_breaks_direct.lb_front",        # only the healthy outside client
    "F_fix_breaks_direct.client", "F_fix_breaks_direct.lb_back",            # plus SYNs or SYN-ACKs that say nothing alone
    "W_mtu.extclient", "W_mtu.lb_front",                                    # the large segments never got here
}

SCENARIOS = defaultdict(list)
for _path in sorted(LAB.glob("*.pcap")) if LAB.is_dir() else []:
    SCENARIOS[_path.name.split(".")[0]].append(_path)


def diagnose(paths, mapping):
    return api.analyze([f"{p.name.split('.')[1]}={p}" for p in paths], mapping=mapping)


def mapping_of(scenario):
    return read_texts([(DIRECT if scenario == "N_dsr" else NAT, "lab.yaml")])


def causes(diagnosis):
    return {finding.cause.value for finding in diagnosis.findings}


def test_the_truth_table_covers_the_folder():
    assert set(SCENARIOS) == set(TRUTH)


@pytest.mark.parametrize("scenario", TRUTH)
@pytest.mark.parametrize("with_map", [True, False], ids=["map", "no-map"])
def test_all_captures_of_a_scenario_together(scenario, with_map):
    verdict, cause, *without = TRUTH[scenario]
    diagnosis = diagnose(SCENARIOS[scenario], mapping_of(scenario) if with_map else EMPTY)
    expected = cause if with_map or not without else without[0]
    assert diagnosis.verdict.value == verdict, [f.summary for f in diagnosis.findings]
    assert causes(diagnosis) == ({expected} if expected else set())


@pytest.mark.parametrize("path", [p for paths in SCENARIOS.values() for p in paths], ids=lambda p: p.name[:-5])
@pytest.mark.parametrize("with_map", [True, False], ids=["map", "no-map"])
def test_one_capture_alone_is_right_or_honestly_weaker(path, with_map):
    scenario = path.name.split(".")[0]
    verdict, cause, *without = TRUTH[scenario]
    diagnosis = diagnose([path], mapping_of(scenario) if with_map else EMPTY)
    allowed = {verdict, "cannot-tell"} | ({"healthy"} if path.name[:-5] in NOTHING_WRONG_HERE else set())
    assert diagnosis.verdict.value in allowed, [f.summary for f in diagnosis.findings]
    assert causes(diagnosis) <= {cause, *without} | WEAKER_CAUSES.get(cause, set())
    assert all(f.bypass == (verdict == "bypass") for f in diagnosis.findings if f.severity.value == "error")


@pytest.mark.parametrize("scenario", TRUTH)
def test_every_sentence_cites_frames_that_are_there(scenario):
    diagnosis = diagnose(SCENARIOS[scenario], mapping_of(scenario))
    for finding in diagnosis.findings:
        assert finding.evidence
        for evidence in finding.evidence:
            assert 1 <= evidence.frame <= diagnosis.captures[evidence.capture].frames
