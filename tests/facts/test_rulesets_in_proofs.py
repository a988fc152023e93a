"""The ruleset of the balancer answers what the proof of a host route asks: whether it drops what it has not seen."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import main

SAMPLE = Path(__file__).parents[2] / "sample_pcaps" / "client-on-servers-link"
NFT = (SAMPLE / "balancer.nft").read_text()
CHAIN = "table ip guard {\n\tchain forward {\n\t\ttype filter hook forward priority filter; policy accept;\n\t\t%s\n\t}\n}\n"
ROUTE = ("--on", "10.0.2.11", "--command", "ip route add 10.0.2.50/32 via 10.0.2.1")
QUESTION = "ct state invalid drop"


@pytest.fixture
def prove(tmp_path):
    def run(ruleset, *arguments, facts=True):
        (tmp_path / "balancer.nft").write_text(ruleset)
        told = [tmp_path / "balancer.nft", *(sorted((SAMPLE / "facts").glob("balancer.*")) if facts else ())]
        vantages = [f"{name}={SAMPLE / name}.pcap" for name in ("client", "server", "balancer-back", "balancer-front")]
        hosts = [word for path in told for word in ("--host", f"balancer={path}")]
        done = CliRunner().invoke(main, [
            "prove", *vantages, "--map", str(SAMPLE / "balancer.yaml"), *hosts, *arguments, "--format", "json"])
        return json.loads(done.stdout)

    return run


def test_with_its_ruleset_the_fix_by_host_route_is_decided(prove):
    (table,) = prove(NFT)["candidates"]
    (fix,) = [each for each in table["fixes"] if each["fix"] == "host-route-per-client"]
    assert (fix["applicability"], fix["repaired"], fix["newly_broken"]) == ("proven", 1, 0)
    assert not any(QUESTION in fact for each in table["fixes"] for fact in each["missing_facts"])


def test_a_ruleset_that_drops_what_it_has_not_seen_decides_the_other_way(prove):
    said = prove(NFT + CHAIN % "ct state invalid counter packets 0 bytes 0 drop", *ROUTE)
    assert said["applicability"] == "harmful"
    rows = {(row["client"], row["dialled"]): row for row in said["connections"]}
    assert rows["10.0.2.50", "203.0.113.10:80"]["effect"] == "repaired"
    assert rows["10.0.2.50", "10.0.2.11:22"]["effect"] == "newly-broken"


SAVED = """*nat
:PREROUTING ACCEPT [0:0]
-A PREROUTING -d 203.0.113.10/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.2.11:8080
COMMIT
*filter
:FORWARD ACCEPT [0:0]
%s
COMMIT
"""
SAVED_INVALID = "-A FORWARD -m conntrack --ctstate INVALID -j DROP"


@pytest.mark.parametrize(("rule", "verdict"), [("", "proven"), (SAVED_INVALID, "harmful")])
def test_what_iptables_saved_decides_it_as_well(prove, rule, verdict):
    assert prove(SAVED % rule, *ROUTE)["applicability"] == verdict


@pytest.mark.parametrize(("ruleset", "facts"), [
    (SAVED % "-A FORWARD -i eth9 -j ACCEPT", False),
    ("$ nft list table ip balancer\n" + NFT, True),           # a part of the rules
    (CHAIN % "ct state established accept", True),            # translates nothing: balances by other means
    (NFT + CHAIN % 'iifname "eth9" ct state new accept', False),    # interfaces that nobody told
    (NFT + CHAIN % "meter flood { ip saddr limit rate 1/second } accept", True),    # words that the model lacks
], ids=["saved-interfaces", "part", "no-translation", "interfaces", "unknown"])
def test_what_does_not_answer_leaves_the_question_open(prove, ruleset, facts):
    said = prove(ruleset, *ROUTE, facts=facts)
    assert said["applicability"] == "unproven"
    assert QUESTION in said["findings"][0]["missing_facts"][0]
