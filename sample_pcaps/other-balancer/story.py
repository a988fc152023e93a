"""Two balancers share a server, and the server's default gateway is the one that does not know this connection."""

from analyzer.kernel.act import browse
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import FORWARD, SERVER1, VIP, VPORT, dnat, two_arm
from analyzer.kernel.topology import Host, Interface

OTHER_VIP = "203.0.113.20"
OTHER = Host(
    "balancer2",
    (Interface("eth0", "lan", ("10.0.2.2/24",)), Interface("eth1", "front", ("203.0.113.3/24", f"{OTHER_VIP}/32"))),
    routes=("default via 203.0.113.1",),
    sysctls=FORWARD,
    nft=dnat(OTHER_VIP, VPORT, SERVER1),
)
TOPOLOGY = two_arm().with_added(OTHER)
CAPTURES = {
    "client": ("outside", "eth0"),
    "balancer-back": ("balancer", "eth0"),
    "balancer2-front": ("balancer2", "eth1"),
    "balancer2-back": ("balancer2", "eth0"),
    "server": ("server1", "eth0"),
}
FACTS = ("balancer", "balancer2", "server1")


def play(bench: Bench) -> None:
    """The first balancer's service works, the second's does not."""
    assert browse(bench, "outside", VIP, VPORT, source_port=40001).ok
    assert str(browse(bench, "outside", OTHER_VIP, VPORT, source_port=40002)) == "timeout (ETIMEDOUT)"
    assert browse(bench, "outside", VIP, VPORT, source_port=40003).ok
