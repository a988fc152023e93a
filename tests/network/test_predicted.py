"""Predicted packets at each interface: what a capture there would show, readable by the decoder."""

import pytest
from network_lan import VIP, lan

from analyzer.balance.mapping import Endpoint
from analyzer.network.commands import execute
from analyzer.network.connect import connect
from analyzer.network.datagram import ICMP, UDP
from analyzer.network.predicted import predicted
from analyzer.wire.text import parse


def test_the_bypass_as_every_interface_would_capture_it():
    net = lan()
    seen = predicted(net, connect(net, "client", Endpoint(VIP, 80)))
    assert [str(packet) for packet in seen["client", "eth0"]] == [
        "0.000000 10.31.7.44:40000 > 10.31.7.200:80 [S] seq 1000 ttl 64 mac 02:00:00:00:00:44>02:00:00:00:00:09",
        "0.001050 10.31.7.71:8080 > 10.31.7.44:40000 [S.] seq 9000 ack 1001 ttl 64 mac 02:00:00:00:00:71>02:00:00:00:00:44",
        "0.002000 10.31.7.44:40000 > 10.31.7.71:8080 [R] seq 1001 ttl 64 mac 02:00:00:00:00:44>02:00:00:00:00:71",
    ]
    assert [str(packet.body) for packet in seen["balancer", "eth0"]] == [
        "10.31.7.44:40000 > 10.31.7.200:80 [S] seq 1000", "10.31.7.44:40000 > 10.31.7.71:8080 [S] seq 1000"]
    assert [packet.ttl for packet in seen["balancer", "eth0"]] == [64, 63]


@pytest.mark.parametrize("protocol", [6, UDP, ICMP])
def test_every_packet_has_a_text_that_reads_back(protocol):
    net = lan()
    execute(net.stacks["srv1"], "ip route add 10.31.7.44/32 via 10.31.7.9")
    net.open_hosts = frozenset({"srv1"})
    target = Endpoint(VIP, 80) if protocol == 6 else Endpoint(net.stacks["srv1"].ports["eth0"].addresses[0].ip, 0 if protocol == ICMP else 53)
    for packets in predicted(net, connect(net, "client", target, protocol)).values():
        assert [packet.time_ns for packet in packets] == sorted(packet.time_ns for packet in packets)
        for packet in packets:
            assert parse(str(packet)) == packet
