"""The server has another way to the client and a strict reverse path check: it drops the SYN without a word."""

from analyzer.kernel.act import browse
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import SERVER1, VIP, VPORT, two_arm
from analyzer.kernel.topology import Host, Interface

TOPOLOGY = (
    two_arm()
    .with_host(
        "server1",
        interfaces=(Interface("eth0", "lan", (f"{SERVER1}/24",)), Interface("eth1", "backup", ("10.0.9.11/24",))),
        sysctls={"net.ipv4.conf.all.rp_filter": 1, "net.ipv4.conf.eth0.rp_filter": 1},
    )
    .with_host(
        "router",
        interfaces=(
            Interface("eth0", "internet", ("198.51.100.1/24",)),
            Interface("eth1", "front", ("203.0.113.1/24",)),
            Interface("eth2", "backup", ("10.0.9.1/24",)),
        ),
    )
    .with_added(Host("office", (Interface("eth0", "backup", ("10.0.9.50/24",)),), routes=("default via 10.0.9.1",)))
)
CAPTURES = {
    "client": ("office", "eth0"),
    "balancer-back": ("balancer", "eth0"),
    "server-eth0": ("server1", "eth0"),
    "server-eth1": ("server1", "eth1"),
}


def play(bench: Bench) -> None:
    """Everybody is served but the client whose network the server is connected to by its other interface."""
    assert browse(bench, "outside", VIP, VPORT, source_port=40001).ok
    assert bench.ping("office", "10.0.9.11").returncode == 0
    assert str(browse(bench, "office", VIP, VPORT, source_port=40002)) == "timeout (ETIMEDOUT)"
    assert browse(bench, "outside", VIP, VPORT, source_port=40003).ok
