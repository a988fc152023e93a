"""The server's own packet filter drops the SYN: nothing leaves the server at all."""

from analyzer.kernel.act import browse, visit
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import RPORT, SERVER1, VIP, VPORT, two_arm

DROP = f"""table ip filter {{
\tchain input {{
\t\ttype filter hook input priority filter; policy accept;
\t\ttcp dport {RPORT} drop
\t}}
}}
"""
TOPOLOGY = two_arm().with_host("server1", nft=DROP)
CAPTURES = {
    "client": ("outside", "eth0"),
    "balancer-front": ("balancer", "eth1"),
    "balancer-back": ("balancer", "eth0"),
    "server": ("server1", "eth0"),
}


def play(bench: Bench) -> None:
    """No answer to anybody; ssh works."""
    assert str(browse(bench, "outside", VIP, VPORT, source_port=40001)) == "timeout (ETIMEDOUT)"
    assert visit(bench, "client", SERVER1, source_port=40002).ok
