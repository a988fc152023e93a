"""Direct server return, but this server does not have the virtual address: it drops what is not for it."""

from analyzer.kernel.act import browse
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import GATEWAY, ONE_ARM_VIP, SERVER1, VPORT, one_arm
from analyzer.kernel.topology import Interface, Listener

RULES = f"""table netdev balancer {{
\tchain ingress {{
\t\ttype filter hook ingress device "eth0" priority 0; policy accept;
\t\tip daddr {ONE_ARM_VIP} tcp dport {VPORT} ether saddr set 02:00:0a:00:02:05 \
ether daddr set 02:00:0a:00:02:0b fwd to "eth0"
\t}}
}}
"""
TOPOLOGY = (
    one_arm()
    .with_host("balancer", nft=RULES)
    .with_host(
        "server1",
        interfaces=(Interface("eth0", "lan", (f"{SERVER1}/24",)),),
        routes=(f"default via {GATEWAY}",),
        listeners=(Listener("0.0.0.0", VPORT, behaviour="http"),),
    )
)
CAPTURES = {
    "client": ("client", "eth0"),
    "balancer": ("balancer", "eth0"),
    "server": ("server1", "eth0"),
}


def play(bench: Bench) -> None:
    """By the virtual address nothing, by the server's own address a page."""
    assert str(browse(bench, "client", ONE_ARM_VIP, VPORT, source_port=40001)) == "timeout (ETIMEDOUT)"
    assert browse(bench, "client", SERVER1, VPORT, source_port=40002).ok
