"""The verdict on a fix: computed by replay, with the system's own words where a command is refused."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from ipaddress import ip_address
from pathlib import Path

import pytest

from analyzer.balance.mapping import Endpoint
from analyzer.diagnose.finding import Applicability
from analyzer.network.connect import Outcome
from analyzer.network.infer import Inference
from analyzer.network.inference.captured import Captured
from analyzer.remedy.alternative import Alternative, Kind
from analyzer.remedy.prove import Judge, prover


def _load(name):
    spec = spec_from_file_location(f"proof_{name}", Path(__file__).parents[1] / "network" / f"{name}.py")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


lan, captures = _load("lan"), _load("captures")
SERVICE, SSH = Endpoint(lan.VIP, 80), Endpoint(lan.SERVER, 22)


def judge(network, *, known=True):
    from dataclasses import replace

    balancer = network.stacks["balancer"]
    balancer.firewall = replace(balancer.firewall, invalid_known=known)
    connections = (Captured(lan.CLIENT, 40000, SERVICE, 6, Outcome.TIMEOUT, 0, 3), Captured(lan.CLIENT, 40001, SSH, 6, Outcome.ESTABLISHED, 0, 9))
    return Judge(Inference(network, connections, ("balancer",)))


@pytest.mark.parametrize(("commands", "applicability"), [
    (["ip route add 10.31.7.44/32 via 10.31.7.9"], Applicability.PROVEN),
    (["ip route prepend 10.31.7.0/24 via 10.31.7.9"], Applicability.PROVEN),
    (["route add -net 10.31.7.0 netmask 255.255.255.0 gw 10.31.7.9"], Applicability.PROVEN),
    (["ip route replace 10.31.7.0/24 via 10.31.7.9"], Applicability.PROVEN),
    (["ip route add 10.31.7.0/25 via 10.31.7.9", "ip route add 10.31.7.128/25 via 10.31.7.9"], Applicability.PROVEN),
    (["ip rule add ipproto tcp sport 8080 lookup 77", "ip route add default via 10.31.7.9 table 77"], Applicability.PROVEN),
    (["ip route add 10.31.7.0/24 via 10.31.7.9"], Applicability.INEFFECTIVE),
    (["ip route append 10.31.7.0/24 via 10.31.7.9"], Applicability.INEFFECTIVE),
    (["ip route add 10.31.7.0/24 via 10.31.7.9 metric 50"], Applicability.INEFFECTIVE),
    (["ip route replace default via 10.31.7.9"], Applicability.INEFFECTIVE),
])
def test_section_1_of_the_kernel_facts(commands, applicability):
    proof = judge(lan.lan()).prove("srv1", commands, [lan.CLIENT], SERVICE)
    assert proof.applicability is applicability
    if applicability is Applicability.PROVEN:
        assert (proof.repaired, proof.newly_broken, proof.unchanged) == (1, 0, 1)
        assert "10.31.7.200:80 > 10.31.7.44:40000 [S.]" in "\n".join(proof.after)
    assert any("no connection that this host opened" in line for line in proof.before)


def test_a_refused_command_is_quoted_with_the_systems_words():
    proof = judge(lan.lan()).prove("srv1", ["ip route add 10.31.7.0/24 via 10.31.7.9"], [lan.CLIENT], SERVICE)
    assert proof.after[:2] == ("$ ip route add 10.31.7.0/24 via 10.31.7.9", "  RTNETLINK answers: File exists")


def test_the_whole_subnet_is_harmful_where_the_balancer_drops_invalid():
    strict = judge(lan.lan(strict=lan.DROP_INVALID))
    proof = strict.prove("srv1", ["ip route prepend 10.31.7.0/24 via 10.31.7.9"], [lan.CLIENT], SERVICE)
    assert (proof.applicability, proof.repaired, proof.newly_broken) == (Applicability.HARMFUL, 1, 1)
    assert proof.broken_connections == (
        "tcp 10.31.7.44:40001 > 10.31.7.71:22: invalid-dropped at balancer, first different at srv1 (SYN-ACK)",)


def test_where_nobody_told_what_the_balancer_drops_the_question_is_named():
    proof = judge(lan.lan(), known=False).prove("srv1", ["ip route prepend 10.31.7.0/24 via 10.31.7.9"], [lan.CLIENT], SERVICE)
    assert proof.applicability is Applicability.UNPROVEN
    [question] = proof.missing_facts
    assert question.startswith("whether balancer drops packets of connections that it has not seen")
    assert "harmful, 1 repaired, 1 newly broken" in question


def test_a_redirect_that_would_undo_it_is_foretold():
    proof = judge(lan.lan()).prove("srv1", ["ip route add 10.31.7.44/32 via 10.31.7.9"], [lan.CLIENT], SERVICE)
    assert any("sends a redirect" in text and "break again" in text for text in proof.assumptions)


def test_a_model_that_does_not_reproduce_the_capture_proves_nothing():
    network = lan.lan()
    network.listening = frozenset()
    network.stacks["srv1"].tables.clear()
    proof = judge(network).prove("srv1", ["ip route add 10.31.7.44/32 via 10.31.7.9"], [lan.CLIENT], SERVICE)
    assert proof.applicability in (Applicability.UNPROVEN, Applicability.INEFFECTIVE)
    connection = Captured(lan.CLIENT, 40000, SERVICE, 6, Outcome.REFUSED, 0, 3)
    wrong = Judge(Inference(lan.lan(), (connection,), ("balancer",)))
    proof = wrong.prove("srv1", ["true"], [lan.CLIENT], SERVICE)
    assert proof.applicability is Applicability.UNPROVEN
    assert "captured refused, the model says timeout" in proof.missing_facts[0]


def test_no_connection_shows_the_fault():
    proof = judge(lan.lan()).prove("srv1", ["true"], [lan.GATEWAY], SERVICE)
    assert proof.missing_facts == ("a captured connection that shows this fault",)


def test_plan_asks_for_an_alternative():
    ask = prover(judge(lan.lan()), lambda _: ("ip route add 10.31.7.44/32 via 10.31.7.9",), [lan.CLIENT], SERVICE)
    wanted = Alternative(Kind.HOST_ROUTE_PER_CLIENT, "", str(lan.SERVER), (), "")
    assert ask(wanted).applicability is Applicability.PROVEN
    assert prover(judge(lan.lan()), lambda _: (), [], None)(wanted).missing_facts == ("commands that the model can execute",)


FIXES = {
    "client-on-servers-link": (["10.0.2.50"], "203.0.113.10", "10.0.2.11", "ip route add 10.0.2.50/32 via 10.0.2.1"),
    "one-arm": (["10.0.2.50"], "10.0.2.200", "10.0.2.11", "ip route add 10.0.2.50/32 via 10.0.2.5"),
    "default-gateway-elsewhere": (["198.51.100.20"], "203.0.113.10", "10.0.2.11", "ip route replace default via 10.0.2.1"),
    "server-is-client": (["10.0.2.12"], "203.0.113.10", "10.0.2.11", "ip route add 10.0.2.12/32 via 10.0.2.1"),
}


@pytest.mark.parametrize("story", FIXES)
def test_on_recorded_networks_the_right_route_repairs(story):
    clients, virtual, server, command = FIXES[story]
    rules = (captures.SAMPLES / story / "balancer.nft").read_text()
    known = captures.sample(story, rulesets={"balancer": rules})
    asked = Judge(known)
    host = known.host_of(ip_address(server))
    wanted = [ip_address(client) for client in clients]
    proof = asked.prove(host, [command], wanted, Endpoint(ip_address(virtual), 80))
    assert (proof.applicability, proof.newly_broken) == (Applicability.PROVEN, 0), proof
    assert proof.repaired >= 1
    useless = asked.prove(host, ["true"], wanted, Endpoint(ip_address(virtual), 80))
    assert useless.applicability is Applicability.INEFFECTIVE


def test_ipv6_a_route_alone_does_not_cure_a_client_on_the_link_because_redirects_undo_it():
    known = captures.sample("client-on-servers-link-ipv6")
    asked = Judge(known)
    server, client = ip_address("2001:db8:2::11"), ip_address("2001:db8:2::50")
    host = known.host_of(server)
    route = "ip -6 route add 2001:db8:2::50/128 via 2001:db8:2::1"
    port = next(name for name in known.network.stacks[host].ports if name != "lo")
    virtual = Endpoint(ip_address("2001:db8:113::10"), 80)
    alone = asked.prove(host, [route], [client], virtual)
    assert alone.applicability in (Applicability.INEFFECTIVE, Applicability.UNPROVEN)
    both = asked.prove(host, [f"sysctl -w net.ipv6.conf.{port}.accept_redirects=0", route], [client], virtual)
    assert both.repaired >= 1
