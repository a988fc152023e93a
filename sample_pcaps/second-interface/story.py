"""The server has a second interface on the client's own network, and answers through it."""

from analyzer.kernel.act import browse
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import FORWARD, SERVER1, VIP, VPORT, two_arm
from analyzer.kernel.topology import Host, Interface

BACKUP = "10.0.9"
TOPOLOGY = (
    two_arm()
    .with_host(
        "server1",
        interfaces=(Interface("eth0", "lan", (f"{SERVER1}/24",)), Interface("eth1", "backup", (f"{BACKUP}.11/24",))),
    )
    .with_host(
        "router",
        interfaces=(
            Interface("eth0", "internet", ("198.51.100.1/24",)),
            Interface("eth1", "front", ("203.0.113.1/24",)),
            Interface("eth2", "backup", (f"{BACKUP}.1/24",)),
        ),
        routes=("10.0.2.0/24 via 203.0.113.2",),
        sysctls=FORWARD,
    )
    .with_added(
        Host("office", (Interface("eth0", "backup", (f"{BACKUP}.50/24",)),), routes=(f"default via {BACKUP}.1",))
    )
)
CAPTURES = {
    "client": ("office", "eth0"),
    "balancer-front": ("balancer", "eth1"),
    "balancer-back": ("balancer", "eth0"),
    "server-eth0": ("server1", "eth0"),
    "server-eth1": ("server1", "eth1"),
    "outside": ("outside", "eth0"),
}


def play(bench: Bench) -> None:
    """From outside it works; from the office's network it does not."""
    assert browse(bench, "outside", VIP, VPORT, source_port=40001).ok
    assert str(browse(bench, "office", VIP, VPORT, source_port=40002)) == "timeout (ETIMEDOUT)"
