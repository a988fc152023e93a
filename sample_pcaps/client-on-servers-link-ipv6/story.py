"""The classic in IPv6: a client on the real server's own link, a translated virtual service."""

from analyzer.kernel.act import browse, visit
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import SERVER6, VIP6, VPORT, two_arm_ipv6

TOPOLOGY = two_arm_ipv6()
CAPTURES = {
    "client": ("client", "eth0"),
    "balancer-front": ("balancer", "eth1"),
    "balancer-back": ("balancer", "eth0"),
    "server": ("server1", "eth0"),
}


def play(bench: Bench) -> None:
    """From outside it works; from the link it does not; ssh from the link to the same server works."""
    assert browse(bench, "outside", VIP6, VPORT, source_port=40001).ok
    assert str(browse(bench, "client", VIP6, VPORT, source_port=40002)) == "timeout (ETIMEDOUT)"
    assert visit(bench, "client", SERVER6, source_port=40003).ok
