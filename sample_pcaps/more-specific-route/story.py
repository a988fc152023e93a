"""A forgotten static route on the server sends the answers for one network by another router."""

from analyzer.kernel.act import browse
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import BALANCER, FORWARD, VIP, VPORT, two_arm
from analyzer.kernel.topology import Host, Interface

PARTNER = Host("partner", (Interface("eth0", "partner", ("192.0.2.20/24",)),), routes=("default via 192.0.2.1",))
OLD_ROUTER = Host(
    "old-router",
    (Interface("eth0", "partner", ("192.0.2.254/24",)), Interface("eth1", "lan", ("10.0.2.254/24",))),
    sysctls=FORWARD,
)
TOPOLOGY = (
    two_arm()
    .with_host("server1", routes=(f"default via {BALANCER}", "192.0.2.0/24 via 10.0.2.254"))
    .with_host(
        "router",
        interfaces=(
            Interface("eth0", "internet", ("198.51.100.1/24",)),
            Interface("eth1", "front", ("203.0.113.1/24",)),
            Interface("eth2", "partner", ("192.0.2.1/24",)),
        ),
    )
    .with_added(PARTNER, OLD_ROUTER)
)
CAPTURES = {
    "client": ("partner", "eth0"),
    "balancer-front": ("balancer", "eth1"),
    "balancer-back": ("balancer", "eth0"),
    "server": ("server1", "eth0"),
    "outside": ("outside", "eth0"),
}


def play(bench: Bench) -> None:
    """Everybody is served but the partner."""
    assert browse(bench, "outside", VIP, VPORT, source_port=40001).ok
    assert str(browse(bench, "partner", VIP, VPORT, source_port=40002)) == "timeout (ETIMEDOUT)"
    assert browse(bench, "outside", VIP, VPORT, source_port=40003).ok
