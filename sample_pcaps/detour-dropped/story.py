"""The fix of the reply path breaks direct access: the balancer drops replies of connections that it does not know."""

from analyzer.kernel.act import browse
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import BALANCER, CLIENT, SERVER1, VIP, VPORT, dnat, two_arm

STRICT = """table ip filter {
\tchain forward {
\t\ttype filter hook forward priority filter; policy accept;
\t\tct state invalid drop
\t}
}
"""
QUIET = {"net.ipv4.conf.all.accept_redirects": 0, "net.ipv4.conf.eth0.accept_redirects": 0}
TOPOLOGY = (
    two_arm()
    .with_host("balancer", nft=dnat(VIP, VPORT, SERVER1) + STRICT)
    .with_host("server1", routes=(f"default via {BALANCER}", f"{CLIENT}/32 via {BALANCER}"), sysctls=QUIET)
)
CAPTURES = {
    "client": ("client", "eth0"),
    "balancer-back": ("balancer", "eth0"),
    "server": ("server1", "eth0"),
}


def play(bench: Bench) -> None:
    """The virtual service works from the link; ssh to the server does not any more."""
    assert browse(bench, "client", VIP, VPORT, source_port=40001).ok
    said = bench.open("client", SERVER1, 22, source=("", 40002), timeout_s=2.4)
    assert str(said.outcome) == "timeout (ETIMEDOUT)"
    assert browse(bench, "outside", VIP, VPORT, source_port=40003).ok
