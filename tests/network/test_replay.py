"""Before and after: repaired, unchanged, newly broken, and at which hop it differs."""

from ipaddress import ip_address

import pytest
from network_lan import CLIENT, DROP_INVALID, SERVER, VIP, lan

from analyzer.balance.mapping import Endpoint
from analyzer.network.connect import Outcome
from analyzer.network.inference.captured import Captured
from analyzer.network.replay import Runner, Verdict, replay, undone_by

SERVICE, DIRECT, SSH = Endpoint(VIP, 80), Endpoint(SERVER, 8080), Endpoint(SERVER, 22)
LEGACY = "route add -net 10.31.7.0 netmask 255.255.255.0 gw 10.31.7.9"


def seen(dialled, outcome=Outcome.ESTABLISHED, client=CLIENT, port=40000):
    return Captured(client, port, dialled, 6, outcome, 0, 1)


CONNECTIONS = [seen(SERVICE, Outcome.TIMEOUT), seen(SERVICE, Outcome.TIMEOUT, port=40001), seen(SSH, port=40002)]


def counts(done):
    return {verdict.value: len(done.of(verdict)) for verdict in Verdict}


@pytest.mark.parametrize("commands", [[LEGACY], ["ip route add 10.31.7.44/32 via 10.31.7.9"]])
def test_a_balancer_that_forwards(commands):
    done = replay(lan(), CONNECTIONS, "srv1", commands)
    assert counts(done) == {"repaired": 2, "unchanged": 1, "newly-broken": 0}
    name, step = done.of(Verdict.REPAIRED)[0].differs
    assert (name, step.host, str(step.gateway)) == ("SYN-ACK", "srv1", "10.31.7.9")


def test_the_whole_subnet_breaks_ssh_on_a_balancer_that_drops_invalid():
    done = replay(lan(strict=DROP_INVALID), CONNECTIONS, "srv1", [LEGACY])
    assert counts(done) == {"repaired": 2, "unchanged": 0, "newly-broken": 1}
    [row] = done.of(Verdict.NEWLY_BROKEN)
    assert row.connection.dialled == SSH
    assert row.after.last.at == "balancer"


def test_a_refused_command_changes_nothing_and_is_reported():
    done = replay(lan(), CONNECTIONS, "srv1", ["ip route add 10.31.7.0/24 via 10.31.7.9"])
    assert counts(done) == {"repaired": 0, "unchanged": 3, "newly-broken": 0}
    [(command, answer)] = done.refused
    assert (command, answer.error) == ("ip route add 10.31.7.0/24 via 10.31.7.9", "RTNETLINK answers: File exists")


def test_the_network_itself_is_left_alone():
    net = lan()
    replay(net, CONNECTIONS, "srv1", [LEGACY])
    assert counts(replay(net, CONNECTIONS, "srv1", ["true"]))["repaired"] == 0


def test_the_redirect_that_would_undo_the_fix_is_predicted():
    done = replay(lan(), CONNECTIONS, "srv1", ["ip route add 10.31.7.44/32 via 10.31.7.9"])
    [told] = done.redirects
    assert (told.sender, told.to, told.destination) == ("balancer", "srv1", CLIENT)
    assert len(undone_by(done, told)) == 2


def test_with_redirects_off_none_is_learned():
    off = "sysctl -w net.ipv4.conf.all.accept_redirects=0 net.ipv4.conf.eth0.accept_redirects=0"
    done = replay(lan(), CONNECTIONS, "srv1", ["ip route add 10.31.7.44/32 via 10.31.7.9", off])
    assert done.redirects == ()


def test_connections_that_nothing_tells_apart_are_walked_once():
    net = lan()
    runner = Runner(net, net)
    first, second = runner.run(CONNECTIONS[0]), runner.run(CONNECTIONS[1])
    assert first is second
    assert runner.run(CONNECTIONS[2]) is not first


def test_a_rule_about_ports_tells_them_apart():
    net = lan()
    from analyzer.network.commands import execute

    execute(net.stacks["srv1"], "ip rule add ipproto tcp dport 40001 lookup 77")
    execute(net.stacks["srv1"], "ip route add default via 10.31.7.9 table 77")
    runner = Runner(net, net)
    assert not runner.run(CONNECTIONS[0]).works
    assert runner.run(CONNECTIONS[1]).works


def test_a_client_that_nobody_knows_is_unknown():
    net = lan()
    assert Runner(net, net).run(seen(SERVICE, client=ip_address("192.0.2.1"))).outcome is Outcome.UNKNOWN
