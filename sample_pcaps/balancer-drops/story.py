"""The answer reaches the balancer, and the balancer's own filter does not let it out."""

from analyzer.kernel.act import browse
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import SERVER1, VIP, VPORT, dnat, two_arm

FILTER = """table ip filter {
\tchain forward {
\t\ttype filter hook forward priority filter; policy drop;
\t\tiifname "eth1" oifname "eth0" accept
\t\tiifname "eth0" oifname "eth1" tcp sport 443 accept
\t}
}
"""
TOPOLOGY = two_arm().with_host("balancer", nft=dnat(VIP, VPORT, SERVER1) + FILTER)
CAPTURES = {
    "client": ("outside", "eth0"),
    "balancer-front": ("balancer", "eth1"),
    "balancer-back": ("balancer", "eth0"),
    "server": ("server1", "eth0"),
}


def play(bench: Bench) -> None:
    """Nobody is served."""
    assert str(browse(bench, "outside", VIP, VPORT, source_port=40001)) == "timeout (ETIMEDOUT)"
