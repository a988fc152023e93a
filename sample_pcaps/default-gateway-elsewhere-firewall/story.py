"""The server's default gateway is a stateful firewall, which drops the answer: the client sees nothing at all."""

from analyzer.kernel.act import browse
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import FORWARD, VIP, VPORT, two_arm
from analyzer.kernel.topology import Host, Interface

FIREWALL = Host(
    "firewall",
    (Interface("eth0", "lan", ("10.0.2.254/24",)), Interface("eth1", "internet", ("198.51.100.254/24",))),
    sysctls=FORWARD,
    nft="""table ip firewall {
\tchain forward {
\t\ttype filter hook forward priority filter; policy drop;
\t\tct state established,related accept
\t\tct state new iifname "eth0" accept
\t}
}
""",
)
TOPOLOGY = two_arm().with_host("server1", routes=("default via 10.0.2.254",)).with_added(FIREWALL)
CAPTURES = {
    "client": ("outside", "eth0"),
    "balancer-front": ("balancer", "eth1"),
    "balancer-back": ("balancer", "eth0"),
    "server": ("server1", "eth0"),
}


def play(bench: Bench) -> None:
    """Nothing works from outside."""
    assert str(browse(bench, "outside", VIP, VPORT, source_port=40001)) == "timeout (ETIMEDOUT)"
