"""A client on the real servers' own link dials the virtual service; the server answers it directly."""

from analyzer.kernel.act import browse, visit
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import SERVER1, VIP, VPORT, two_arm

TOPOLOGY = two_arm()
CAPTURES = {
    "client": ("client", "eth0"),
    "balancer-front": ("balancer", "eth1"),
    "balancer-back": ("balancer", "eth0"),
    "server": ("server1", "eth0"),
    "outside": ("outside", "eth0"),
}


def play(bench: Bench) -> None:
    """From outside it works; from the link it does not; ssh from the link to the same server works."""
    assert browse(bench, "outside", VIP, VPORT, source_port=40001).ok
    assert str(browse(bench, "client", VIP, VPORT, source_port=40002)) == "timeout (ETIMEDOUT)"
    assert visit(bench, "client", SERVER1, source_port=40003).ok
    assert browse(bench, "outside", VIP, VPORT, source_port=40004).ok
