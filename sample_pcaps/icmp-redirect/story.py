"""A good fix undone: one ping of the server, and the balancer's ICMP redirect teaches it the short cut again."""

from analyzer.kernel.act import browse
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import BALANCER, CLIENT, VIP, VPORT, two_arm

TOPOLOGY = two_arm().with_host("server1", routes=(f"default via {BALANCER}", f"{CLIENT}/32 via {BALANCER}"))
CAPTURES = {
    "client": ("client", "eth0"),
    "balancer-back": ("balancer", "eth0"),
    "server": ("server1", "eth0"),
}


def play(bench: Bench) -> None:
    """Works, ping, does not work."""
    assert browse(bench, "client", VIP, VPORT, source_port=40001).ok
    bench.ping("server1", CLIENT, count=3)
    assert str(browse(bench, "client", VIP, VPORT, source_port=40002)) == "timeout (ETIMEDOUT)"
    assert browse(bench, "outside", VIP, VPORT, source_port=40003).ok
