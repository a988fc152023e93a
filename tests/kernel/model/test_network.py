"""The network that is inferred from a capture, built on the real kernel: it fails as the capture does, and is cured."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path

import pytest

from analyzer.balance.mapping import Endpoint, Forwarding
from analyzer.diagnose.finding import Applicability
from analyzer.importers.reading import read_mappings
from analyzer.kernel.bench import Bench
from analyzer.kernel.connection import Outcome, Result, patient
from analyzer.kernel.model.network import agrees, rebuild, target
from analyzer.kernel.rehearse import rehearse
from analyzer.network import connect as model
from analyzer.network.host import Host, Interface, OnLink, Route
from analyzer.network.infer import infer
from analyzer.network.inference.captured import Captured
from analyzer.network.link import network
from analyzer.network.nat import Firewall, service
from analyzer.network.stack import Address
from analyzer.reading import read_captures

SAMPLES = Path(__file__).resolve().parents[3] / "sample_pcaps"
LAN = ip_network("10.0.2.0/24")
VIP, REAL, OTHER = (Endpoint(ip_address(a), p) for a, p in (("10.0.2.200", 80), ("10.0.2.11", 8080), ("10.0.2.12", 8080)))
CLIENT = ip_address("10.0.2.50")


def member(name: str, last: int, *extra: str, **sysctls: str) -> Host:
    own = ip_address(f"10.0.2.{last}")
    return Host(
        name,
        interfaces=(Interface("eth0", f"02:00:00:00:00:{last:02x}", (ip_interface(f"{own}/24"), *map(ip_interface, extra))),),
        routes=(Route(LAN, (OnLink("eth0"),), protocol="kernel", scope="link", source=own),),
        sysctls=sysctls,
        complete=frozenset({"routes"}),
    )


def lan(forwarding: Forwarding = Forwarding.NAT):
    """One link: the client 10.0.2.50, a balancer, two real servers whose names no namespace can have."""
    hosts = [
        member("LB 1", 5, "10.0.2.200/32", **{"net.ipv4.ip_forward": "1"}),
        member("10.0.2.11", 11),
        member("10.0.2.12", 12),
        member("switch", 50),
    ]
    made = network(
        hosts,
        {"the LAN": tuple((host.name, "eth0") for host in hosts)},
        listening=frozenset({("10.0.2.11", REAL, 6), ("10.0.2.12", OTHER, 6)}),
    )
    made.stacks["LB 1"].firewall = Firewall(service(VIP, 6, (REAL, OTHER), forwarding))
    return made


def captured(port: int, outcome: model.Outcome, real: Endpoint | None = OTHER, dialled: Endpoint = VIP, **more) -> Captured:
    return Captured(CLIENT, port, dialled, 6, outcome, 0, port, real, **more)


DIRECT = captured(40002, model.Outcome.ESTABLISHED, None, OTHER)
BROKEN = captured(40001, model.Outcome.TIMEOUT)


def test_hosts_get_names_that_a_namespace_can_have_and_keep_their_macs():
    built = rebuild(lan(), [BROKEN])
    assert list(built.names.values()) == ["lb-1", "host-10-0-2-11", "host-10-0-2-12", "switch-4"]
    assert built.topology.host("switch-4").interfaces[0].mac == "02:00:00:00:00:32"
    assert built.topology.links == ("link1",)
    assert target(lan(), built.names, ip_address("10.0.2.12")) == "host-10-0-2-12"
    assert target(lan(), built.names, ip_address("192.0.2.1")) is None


def test_a_connection_is_dialled_from_its_own_port_and_sent_to_its_own_real_server():
    built = rebuild(lan(), [BROKEN])
    (probe,) = built.probes
    assert str(probe) == "switch-4 -> 10.0.2.200:80/tcp"
    assert probe.source == ("10.0.2.50", 40001)
    rules = built.topology.host("lb-1").nft
    pinned = "ip saddr 10.0.2.50/32 ip daddr 10.0.2.200/32 tcp sport 40001 tcp dport 80 dnat ip to 10.0.2.12:8080"
    assert rules.index(pinned) < rules.index("numgen")


def test_what_is_not_dialled_again_is_named():
    stranger = Captured(ip_address("192.0.2.1"), 1, VIP, 6, model.Outcome.TIMEOUT, 0, 1)
    ping = Captured(CLIENT, 7, Endpoint(VIP.address), 1, model.Outcome.ESTABLISHED, 0, 2)
    built = rebuild(lan(), [stranger, ping])
    assert not built.probes
    assert [sentence.rpartition(": ")[2] for sentence in built.left_out] == [
        "no host has its client",
        "it is neither tcp nor udp",
    ]


def test_of_very_many_alike_some_are_left_out_and_counted():
    many = [captured(port, model.Outcome.TIMEOUT) for port in range(1000, 1700)]
    built = rebuild(lan(), [*many, DIRECT])
    assert len(built.probes) == 500
    assert DIRECT in [each for _, each in built.connections]
    assert built.left_out == ("201 connections are like others and are not dialled again",)


@pytest.mark.parametrize(
    ("was", "now", "right"),
    [
        (model.Outcome.ESTABLISHED, Result.ANSWERED, True),
        (model.Outcome.ESTABLISHED, Result.TIMEOUT, False),
        (model.Outcome.REFUSED, Result.REFUSED, True),
        (model.Outcome.REFUSED, Result.TIMEOUT, False),
        (model.Outcome.TIMEOUT, Result.SILENT, True),
        (model.Outcome.TIMEOUT, Result.ANSWERED, False),
    ],
)
def test_what_counts_as_the_same_end(was, now, right):
    assert agrees(was, Outcome(now)) is right


@pytest.mark.kernel
def test_the_bench_fails_as_the_capture_and_the_route_cures_it():
    built = rebuild(lan(), [BROKEN, DIRECT])
    done = rehearse(
        built.topology,
        built.probes,
        [("host-10-0-2-12", "ip route add 10.0.2.50/32 via 10.0.2.5")],
        patience_s=0.8,
    )
    assert built.disagreements([row.before for row in done.rows]) == ()
    assert done.proof.applicability is Applicability.PROVEN
    assert (done.proof.repaired, done.proof.unchanged) == (1, 1)


@pytest.mark.kernel
def test_direct_return_reaches_the_server_of_the_capture():
    made = lan(Forwarding.DIRECT)
    for host in ("10.0.2.11", "10.0.2.12"):
        made.stacks[host].ports["lo"].addresses.append(Address(ip_interface("10.0.2.200/32")))
        made.stacks[host].switches.values |= {"net.ipv4.conf.all.arp_ignore": 1, "net.ipv4.conf.all.arp_announce": 2}
    made.listening = frozenset({(host, VIP, 6) for host in ("10.0.2.11", "10.0.2.12")})
    built = rebuild(made, [captured(40001, model.Outcome.ESTABLISHED), captured(40003, model.Outcome.ESTABLISHED, None)])
    with Bench(built.topology) as bench, bench.capture({"client": ("switch-4", "eth0")}) as captures:
        outcomes = bench.try_all(built.probes)
    assert built.disagreements(outcomes) == ()
    assert {bytes.fromhex(mac) in captures["client"] for mac in ("02000000000b", "02000000000c")} == {True}


def test_a_disagreement_is_a_sentence_and_an_uncertain_end_is_none():
    unsure = captured(40003, model.Outcome.TIMEOUT, certain=False)
    built = rebuild(lan(), [BROKEN, unsure])
    good = Outcome(Result.ANSWERED)
    assert built.disagreements([good, good]) == (
        "tcp 10.0.2.50:40001 > 10.0.2.200:80 was timeout in the capture and is answered on the bench",
    )


@pytest.mark.kernel
@pytest.mark.parametrize(
    "story",
    [
        "client-on-servers-link",
        "client-on-servers-link-fixed",
        "client-on-servers-link-ipv6",
        "server-is-client",
        "default-gateway-elsewhere-firewall",
        "full-nat",
        "port-closed",
        "self-hairpin",
        "udp",
    ],
)
def test_the_network_inferred_from_a_sample_does_what_the_sample_shows(story):
    folder = SAMPLES / story
    mapping = read_mappings([folder / "balancer.yaml"])
    seen = read_captures([f"{path.stem}={path}" for path in sorted(folder.glob("*.pcap"))], mapping).observed
    known = infer(seen.flows, seen.claims, seen.icmp, seen.book, mapping)
    built = rebuild(known.network, known.connections)
    assert built.probes
    with Bench(built.topology) as bench:
        outcomes = bench.try_all(built.probes, timeout_s=patient(0.8), answer_s=4)
    assert built.disagreements(outcomes) == ()
