"""The server's netmask is too wide: it takes a client behind a router for a neighbour, and nobody answers its ARP."""

from analyzer.kernel.act import browse
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import SERVER1, VIP, VPORT, two_arm
from analyzer.kernel.topology import Host, Interface

TOPOLOGY = (
    two_arm()
    .with_host("server1", interfaces=(Interface("eth0", "lan", (f"{SERVER1}/16",)),))
    .with_host(
        "router",
        interfaces=(
            Interface("eth0", "internet", ("198.51.100.1/24",)),
            Interface("eth1", "front", ("203.0.113.1/24",)),
            Interface("eth2", "office", ("10.0.3.1/24",)),
        ),
    )
    .with_added(Host("office", (Interface("eth0", "office", ("10.0.3.50/24",)),), routes=("default via 10.0.3.1",)))
)
CAPTURES = {
    "client": ("office", "eth0"),
    "balancer-front": ("balancer", "eth1"),
    "balancer-back": ("balancer", "eth0"),
    "server": ("server1", "eth0"),
}


def play(bench: Bench) -> None:
    """From outside it works, from the office's network 10.0.3.0/24 it does not."""
    assert browse(bench, "outside", VIP, VPORT, source_port=40001).ok
    assert str(browse(bench, "office", VIP, VPORT, source_port=40002)) == "timeout (ETIMEDOUT)"
    assert browse(bench, "outside", VIP, VPORT, source_port=40003).ok
