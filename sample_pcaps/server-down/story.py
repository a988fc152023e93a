"""One of two real servers is gone from the link: the balancer looks for its MAC and says so."""

from analyzer.kernel.act import browse
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import SERVER1, SERVER2, VIP, VPORT, dnat, two_arm

TOPOLOGY = (
    two_arm()
    .with_host("balancer", nft=dnat(VIP, VPORT, SERVER1, SERVER2))
    .with_host("server1", commands=("ip link set eth0 down",))
)
CAPTURES = {
    "client": ("outside", "eth0"),
    "balancer-front": ("balancer", "eth1"),
    "balancer-back": ("balancer", "eth0"),
}
FACTS = ("balancer", "server2")


def play(bench: Bench) -> None:
    """In turn: server1 (gone), server2 (works)."""
    said = bench.connect("outside", VIP, VPORT, source=("", 40001), timeout_s=4)
    assert str(said) == "unreachable (EHOSTUNREACH)"
    assert browse(bench, "outside", VIP, VPORT, source_port=40002).ok
