"""Another real server of the pool is the client: server2 dials the virtual service and is answered by server1."""

from analyzer.kernel.act import browse, visit
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import SERVER1, SERVER2, VIP, VPORT, dnat, two_arm

TOPOLOGY = two_arm().with_host("balancer", nft=dnat(VIP, VPORT, SERVER1, SERVER2))
CAPTURES = {
    "server2": ("server2", "eth0"),
    "balancer-back": ("balancer", "eth0"),
    "server1": ("server1", "eth0"),
    "outside": ("outside", "eth0"),
}
FACTS = ("balancer", "server1", "server2")


def play(bench: Bench) -> None:
    """The balancer takes server1 and server2 in turn: server2's own request comes out at server1."""
    assert browse(bench, "outside", VIP, VPORT, source_port=40001).ok
    assert browse(bench, "outside", VIP, VPORT, source_port=40002).ok
    assert str(browse(bench, "server2", VIP, VPORT, source_port=40003)) == "timeout (ETIMEDOUT)"
    assert visit(bench, "server2", SERVER1, source_port=40004).ok
    assert browse(bench, "outside", VIP, VPORT, source_port=40005).ok
