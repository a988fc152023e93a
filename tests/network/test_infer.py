"""Inference and calibration on recorded networks: what was captured must come out of the model, or be said not to."""

from ipaddress import ip_address

import pytest
from network_captures import LAB, SAMPLES, end, lab, sample

from analyzer.network.calibrate import calibrate
from analyzer.network.commands import execute
from analyzer.network.connect import Outcome

STORIES = sorted(folder.name for folder in SAMPLES.iterdir() if (folder / "balancer.yaml").exists())

NOT_REPRODUCED = {
    "balancer-drops": "a filter on the balancer that only the declared rules show",
    "captured-on-any": "a capture without destination MACs does not show next hops",
    "dsr-vip-missing": "that a real server lacks the virtual address is what the missing answer means",
    "duplicate-address": "who answers ARP first changes in the capture",
    "reply-lost": "loss is no property of routes",
    "rp-filter": "a switch of a host whose second interface was not captured",
    "server-silent": "a filter on the real server",
    "stale-gateway-after-failover": "the virtual address moves in the capture",
}
"""Stories whose fault no route, address or translation can show: there the calibration must not pretend."""


@pytest.mark.parametrize("story", STORIES)
def test_a_story_is_reproduced_or_the_calibration_says_what_is_not(story):
    known = sample(story)
    result = calibrate(known.network, known.connections)
    assert len(result.good) + len(result.misses) + len(result.open_ends) == len(known.connections)
    if story not in NOT_REPRODUCED:
        assert result.sentences() == ()
    for miss in result.misses:
        assert "captured" in str(miss)
        assert "the model says" in str(miss)


FACTS_DO_NOT_SHOW = {"balancer-drops", "reply-lost", "stale-gateway-after-failover"}
"""A filter, a loss, and an address that moved: in no table that was pasted."""


@pytest.mark.parametrize("story", STORIES)
def test_with_the_hosts_own_words_nearly_every_story_is_reproduced(story):
    reading = pytest.importorskip("analyzer.facts.reading")
    files = sorted((SAMPLES / story / "facts").glob("*"))
    hosts = reading.read_hosts([f"{file.name.split('.')[0]}={file}" for file in files])
    known = sample(story, hosts=hosts.values())
    result = calibrate(known.network, known.connections)
    assert bool(result.misses) is (story in FACTS_DO_NOT_SHOW), result.sentences()
    for name in hosts:
        assert name in known.network.stacks


SCENARIOS = sorted({path.name.split(".")[0] for path in LAB.glob("*.pcap")})


@pytest.mark.skipif(not SCENARIOS, reason="the shared lab captures are not beside the repository")
@pytest.mark.parametrize("scenario", SCENARIOS or ["none"])
def test_a_lab_scenario_is_reproduced(scenario):
    known = lab(scenario)
    assert calibrate(known.network, known.connections).sentences() == ()


def test_the_classic_case_is_read_off_the_packets():
    known = sample("client-on-servers-link")
    assert known.balancers == ("balancer",)
    network = known.network
    assert network.owner(ip_address("10.0.2.11")) == "10.0.2.11"
    assert network.owner(ip_address("203.0.113.10")) == "balancer"
    answer = execute(network.stacks["10.0.2.11"], "ip route get 10.0.2.50 from 10.0.2.11")
    assert answer.output == "10.0.2.50 from 10.0.2.11 dev if0"
    [bypass] = [each for each in known.connections if each.client == ip_address("10.0.2.50") and each.dialled.port == 80]
    assert (bypass.outcome, bypass.real) == (Outcome.TIMEOUT, end("10.0.2.11", 8080))
    assert any("10.0.2.0/24" in text and "no prefix length was given" in text for text in known.assumptions)
    assert any("02:00:0a:00:02:0b" in each.says and each.frame for each in known.shown)


def test_the_client_alone_is_enough_for_its_own_link():
    known = sample("client-on-servers-link", "client")
    result = calibrate(known.network, known.connections)
    assert result.sentences() == ()
    assert any(each.outcome is Outcome.TIMEOUT for each in result.good)


def test_the_servers_back_route_through_the_balancer_is_seen():
    known = sample("client-on-servers-link-fixed")
    answer = execute(known.network.stacks["10.0.2.11"], "ip route get 10.0.2.50")
    assert "via 10.0.2.1 " in answer.output


def test_a_balancer_that_drops_strangers_is_concluded_from_what_died_there():
    known = sample("detour-dropped")
    assert any("drops packets of connections that it has not seen" in text for text in known.assumptions)
    assert calibrate(known.network, known.connections).succeeded


def test_a_captured_redirect_is_still_in_force():
    known = sample("icmp-redirect")
    server = known.network.owner(ip_address("10.0.2.11"))
    assert calibrate(known.network, known.connections).sentences() == ()
    assert "via 10.0.2.1 " not in execute(known.network.stacks[server], "ip route get 10.0.2.50").output


def test_declared_full_nat_that_the_packets_contradict():
    known = sample("missing-snat")
    assert {each.outcome for each in known.connections} == {Outcome.TIMEOUT}
    assert calibrate(known.network, known.connections).succeeded


def test_given_rules_replace_the_guess():
    rules = (SAMPLES / "client-on-servers-link" / "balancer.nft").read_text()
    known = sample("client-on-servers-link", rulesets={"balancer": rules})
    assert known.network.firewall("balancer").invalid_known
    assert calibrate(known.network, known.connections).succeeded


def test_captures_without_macs_say_what_is_missing():
    from analyzer.balance.mapping import EMPTY
    from analyzer.network.infer import infer
    from analyzer.tables import CLAIMS, FLOWS, ICMP_EVENTS, AddressBook, empty

    book = AddressBook()
    flows = empty(FLOWS, 1)
    flows["kind"][0], flows["syn_frame"][0], flows["syn_ttl"][0] = 1, 1, 64
    flows["initiator"][0], flows["responder"][0] = (book.intern(ip_address(each).packed) for each in ("10.0.2.50", "10.0.2.11"))
    known = infer([flows], [empty(CLAIMS)], [empty(ICMP_EVENTS)], book, EMPTY)
    assert any(text.startswith("source and destination MACs") for text in known.missing)
    assert calibrate(known.network, known.connections).good == ()


def test_rules_that_the_model_cannot_read_are_said():
    known = sample("client-on-servers-link", rulesets={"balancer": "table ip x { chain y { osf name linux drop; } }"})
    assert any("are not used" in text for text in known.assumptions)
