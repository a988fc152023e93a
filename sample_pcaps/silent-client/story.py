"""The classic with a client whose firewall says nothing: no resets, only repetition."""

from analyzer.kernel.act import browse, visit
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import SERVER1, VIP, VPORT, two_arm

FIREWALL = """table ip filter {
\tchain input {
\t\ttype filter hook input priority filter; policy drop;
\t\tiif "lo" accept
\t\tct state established,related accept
\t}
}
"""
TOPOLOGY = two_arm().with_host("client", nft=FIREWALL)
CAPTURES = {
    "client": ("client", "eth0"),
    "balancer-back": ("balancer", "eth0"),
    "server": ("server1", "eth0"),
}


def play(bench: Bench) -> None:
    """From outside it works; from the link it does not; ssh from the link does."""
    assert browse(bench, "outside", VIP, VPORT, source_port=40001).ok
    assert str(browse(bench, "client", VIP, VPORT, source_port=40002)) == "timeout (ETIMEDOUT)"
    assert visit(bench, "client", SERVER1, source_port=40003).ok
