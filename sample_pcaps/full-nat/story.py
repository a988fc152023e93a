"""The balancer rewrites the source for clients of its own link: the reply has to come back to it."""

from analyzer.kernel.act import browse, visit
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import RPORT, SERVER1, VIP, VPORT, dnat, two_arm

SNAT = f"""table ip balancer {{
\tchain postrouting {{
\t\ttype nat hook postrouting priority srcnat; policy accept;
\t\tip saddr 10.0.2.0/24 ip daddr {SERVER1} tcp dport {RPORT} ct status dnat masquerade
\t}}
}}
"""
TOPOLOGY = two_arm().with_host("balancer", nft=dnat(VIP, VPORT, SERVER1) + SNAT)
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
    assert visit(bench, "client", SERVER1, source_port=40003).ok
