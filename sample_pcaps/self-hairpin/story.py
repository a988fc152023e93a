"""A real server dials the virtual service and is balanced to itself."""

from analyzer.kernel.act import browse
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import VIP, VPORT, two_arm

TOPOLOGY = two_arm()
CAPTURES = {
    "server": ("server1", "eth0"),
    "balancer-back": ("balancer", "eth0"),
    "outside": ("outside", "eth0"),
}


def play(bench: Bench) -> None:
    """Outside works, the server's own call does not."""
    assert browse(bench, "outside", VIP, VPORT, source_port=40001).ok
    assert str(browse(bench, "server1", VIP, VPORT, source_port=40002)) == "timeout (ETIMEDOUT)"
