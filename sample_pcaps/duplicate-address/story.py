"""Somebody gives server2 the balancer's address on the servers' link: server1's replies go there and die."""

import time

from analyzer.kernel.act import browse
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import BALANCER, VIP, VPORT, two_arm

TOPOLOGY = two_arm()
CAPTURES = {
    "client": ("outside", "eth0"),
    "balancer-front": ("balancer", "eth1"),
    "balancer-back": ("balancer", "eth0"),
    "server1": ("server1", "eth0"),
    "server2": ("server2", "eth0"),
}
FACTS = ("balancer", "server1", "server2")
LOCKTIME_S = 1.2
"""An ARP entry does not change again within its first second (net.ipv4.neigh.*.locktime)."""


def play(bench: Bench) -> None:
    """It works; the address appears a second time and is announced; it works no longer."""
    assert browse(bench, "outside", VIP, VPORT, source_port=40001).ok
    time.sleep(LOCKTIME_S)
    assert bench.shell("server2", f"ip address add {BALANCER}/24 dev eth0").returncode == 0
    assert bench.shell("server2", f"arping -A -c 1 -w 1 -I eth0 {BALANCER}", timeout_s=5).returncode == 0
    assert str(browse(bench, "outside", VIP, VPORT, source_port=40002)) == "timeout (ETIMEDOUT)"
