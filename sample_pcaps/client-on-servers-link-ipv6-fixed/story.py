"""IPv6 after the fix: a route through the balancer, and redirects that are not believed."""

from analyzer.kernel.act import browse, visit
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import BALANCER6, CLIENT6, SERVER6, VIP6, VPORT, two_arm_ipv6

TOPOLOGY = two_arm_ipv6().with_host(
    "server1",
    routes=(f"default via {BALANCER6}", f"{CLIENT6}/128 via {BALANCER6}"),
    sysctls={"net.ipv6.conf.all.accept_redirects": 0, "net.ipv6.conf.eth0.accept_redirects": 0},
)
CAPTURES = {
    "client": ("client", "eth0"),
    "balancer-front": ("balancer", "eth1"),
    "balancer-back": ("balancer", "eth0"),
    "server": ("server1", "eth0"),
}


def play(bench: Bench) -> None:
    """Everything works, twice."""
    assert browse(bench, "outside", VIP6, VPORT, source_port=40001).ok
    assert browse(bench, "client", VIP6, VPORT, source_port=40002).ok
    assert visit(bench, "client", SERVER6, source_port=40003).ok
    assert browse(bench, "client", VIP6, VPORT, source_port=40004).ok
