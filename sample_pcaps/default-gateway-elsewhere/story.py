"""One of two real servers has another router as its default gateway: every second connection dies."""

from analyzer.kernel.act import browse
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import FORWARD, SERVER1, SERVER2, VIP, VPORT, dnat, two_arm
from analyzer.kernel.topology import Host, Interface

OTHER = Host(
    "other-router",
    (Interface("eth0", "lan", ("10.0.2.254/24",)), Interface("eth1", "internet", ("198.51.100.254/24",))),
    sysctls=FORWARD,
)
TOPOLOGY = (
    two_arm()
    .with_host("balancer", nft=dnat(VIP, VPORT, SERVER1, SERVER2))
    .with_host("server1", routes=("default via 10.0.2.254",))
    .with_added(OTHER)
)
CAPTURES = {
    "client": ("outside", "eth0"),
    "balancer-front": ("balancer", "eth1"),
    "balancer-back": ("balancer", "eth0"),
    "server1": ("server1", "eth0"),
    "server2": ("server2", "eth0"),
}
FACTS = ("balancer", "server1", "server2")


def play(bench: Bench) -> None:
    """In turn: server1 (its answer leaves by the other router), server2 (works)."""
    for number in range(2):
        said = browse(bench, "outside", VIP, VPORT, source_port=40001 + 2 * number)
        assert str(said) == "timeout (ETIMEDOUT)"
        assert browse(bench, "outside", VIP, VPORT, source_port=40002 + 2 * number).ok
