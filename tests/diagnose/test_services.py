"""Services as they are shown: mode, support, the balancer's own addresses, and the probability of coincidence."""

from __future__ import annotations

import pytest

from analyzer.diagnose.ladders import evidence_of
from analyzer.diagnose.services import services

CLIENT, FRONT, BACK, SERVER, ROUTER = (f"02:00:00:00:00:{n}" for n in ("09", "f1", "01", "11", "fe"))


def through(client, isn, real="10.0.2.11:8080", inside=None):
    inside = inside or client
    return f"""
0.000000 {client} > 203.0.113.10:80 [S] seq {isn} ts 7/0 ttl 60 id 7 mac {CLIENT}>{FRONT}
0.000030 {inside} > {real} [S] seq {isn} ts 7/0 ttl 59 id 7 mac {BACK}>{SERVER}
0.000060 {real} > {inside} [S.] seq 9000 ack {isn + 1} ttl 64 mac {SERVER}>{BACK}
0.000090 203.0.113.10:80 > {client} [S.] seq 9000 ack {isn + 1} ttl 63 mac {FRONT}>{CLIENT}
"""


def shown(ladder):
    return services(evidence_of(ladder))


def test_a_learned_service_says_how_it_forwards_and_how_likely_that_is_chance():
    service, = shown(through("198.51.100.9:40000", 1000) + through("198.51.100.9:40001", 2000, "10.0.2.12:8080"))
    assert (service.mode, service.support, service.origin, service.balancers) == ("nat", 2, "inferred", ())
    assert [(real.address, real.support) for real in service.reals] == [("10.0.2.11", 1), ("10.0.2.12", 1)]
    # two of two comparisons, each with a chance of 2**-32
    assert service.coincidence == pytest.approx(2.0**-64, rel=1e-6)


def test_full_nat_is_a_service_with_the_balancers_own_addresses():
    service, = shown(through("198.51.100.9:40000", 1000, inside="10.0.2.1:61000"))
    assert (service.mode, service.support, service.balancers) == ("full-nat", 1, ("10.0.2.1",))
    assert service.reals[0].forwarding == "full-nat"
    assert 0 < service.coincidence < 2**-31


def test_some_clients_are_masqueraded_and_some_are_not():
    service, = shown(through("198.51.100.9:40000", 1000) + through("198.51.100.8:40000", 2000)
                     + through("10.0.2.9:40000", 3000, inside="10.0.2.1:61000"))
    assert service.mode == "nat, full-nat"
    assert sorted((real.forwarding, real.support) for real in service.reals) == [("full-nat", 1), ("nat", 2)]


DECLARED = "map 203.0.113.10:80 > 10.0.2.11:8080 nat\n"


def test_what_is_declared_is_confirmed_not_learned():
    service, = shown(DECLARED + through("198.51.100.9:40000", 1000))
    assert (service.origin, service.mode, service.support, service.coincidence) == ("declared", "nat", 1, None)


DIRECT = f"""
0.000000 arp reply 10.0.2.11 is-at {SERVER} mac {SERVER}>{BACK}
0.000010 198.51.100.9:40000 > 203.0.113.10:80 [S] seq 1000 ttl 60 mac {BACK}>{SERVER}
0.000060 203.0.113.10:80 > 198.51.100.9:40000 [S.] seq 9000 ack 1001 ttl 64 mac {SERVER}>{ROUTER}
"""


@pytest.mark.parametrize(("ladder", "mode"), [
    (DIRECT, "direct"),
    (DIRECT.replace(f">{ROUTER}", f">{BACK}"), ""),                 # an ordinary server: the reply goes back
    (DIRECT.replace("1001 ttl 64", "1001 ttl 61"), ""),             # it comes from behind that host
    (DIRECT.replace("arp reply 10.0.2.11", "arp reply 203.0.113.10"), ""),   # the host that was dialled
])
def test_direct_return(ladder, mode):
    assert "".join(service.mode for service in shown(ladder)) == mode


def proxied(number, octets):
    port, at = 40000 + number, number / 10
    inside = f"10.0.2.1:{50000 + number}"
    return f"""
{at:.6f} 10.0.2.9:{port} > 203.0.113.10:80 [S] seq 1000 ttl 64 mac {CLIENT}>{BACK}
{at + .0001:.6f} 203.0.113.10:80 > 10.0.2.9:{port} [S.] seq 9000 ack 1001 ttl 64 mac {BACK}>{CLIENT}
{at + .0002:.6f} 10.0.2.9:{port} > 203.0.113.10:80 [P.] seq 1001 ack 9001 len 80 ttl 64 mac {CLIENT}>{BACK}
{at + .0003:.6f} {inside} > 10.0.2.11:8080 [S] seq {7000 + number} ttl 64 mac {BACK}>{SERVER}
{at + .0004:.6f} 10.0.2.11:8080 > {inside} [S.] seq 4000 ack {7001 + number} ttl 64 mac {SERVER}>{BACK}
{at + .0005:.6f} {inside} > 10.0.2.11:8080 [P.] seq {7001 + number} ack 4001 len 120 ttl 64 mac {BACK}>{SERVER}
{at + .0006:.6f} 10.0.2.11:8080 > {inside} [P.] seq 4001 ack {7121 + number} len {octets} ttl 64 mac {SERVER}>{BACK}
{at + .0007:.6f} 203.0.113.10:80 > 10.0.2.9:{port} [P.] seq 9001 ack 1081 len {octets} ttl 64 mac {BACK}>{CLIENT}
"""


def test_a_proxy_is_learned_from_what_passes_through_it():
    service, = shown("".join(proxied(number, 100 + 7 * number) for number in range(6)))
    assert (service.mode, service.support, service.balancers) == ("proxy", 6, ("10.0.2.1",))
    assert service.coincidence < 0.01


def test_answers_that_are_all_alike_prove_no_proxy():
    assert shown("".join(proxied(number, 100) for number in range(6))) == ()
