"""IPv6: the route through the balancer is there, and the balancer's own redirect takes it away in mid connection."""

from analyzer.kernel.act import browse
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import BALANCER6, VIP6, VPORT, two_arm_ipv6

TOPOLOGY = two_arm_ipv6().with_host(
    "server1", routes=(f"default via {BALANCER6}", f"2001:db8:2::/64 via {BALANCER6} metric 1")
)
CAPTURES = {
    "client": ("client", "eth0"),
    "balancer-back": ("balancer", "eth0"),
    "server": ("server1", "eth0"),
}


def play(bench: Bench) -> None:
    """The handshake succeeds, the answer to the request goes astray; outside works before and after."""
    assert browse(bench, "outside", VIP6, VPORT, source_port=40001).ok
    assert not browse(bench, "client", VIP6, VPORT, source_port=40002).ok
    assert browse(bench, "outside", VIP6, VPORT, source_port=40003).ok
