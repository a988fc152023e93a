"""The balancer is a full proxy: two connections, two pairs of sequence numbers, and nothing to go astray."""

from analyzer.kernel.act import browse
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import RPORT, SERVER1, VIP, VPORT, two_arm
from analyzer.kernel.topology import Listener

PROXY = Listener(VIP, VPORT, behaviour="proxy", target=(SERVER1, RPORT))
TOPOLOGY = two_arm().with_host("balancer", nft="", listeners=(PROXY,))
CAPTURES = {
    "client": ("client", "eth0"),
    "balancer-front": ("balancer", "eth1"),
    "balancer-back": ("balancer", "eth0"),
    "server": ("server1", "eth0"),
}


def play(bench: Bench) -> None:
    """Everything works."""
    assert browse(bench, "outside", VIP, VPORT, source_port=40001).ok
    assert browse(bench, "client", VIP, VPORT, source_port=40002).ok
