"""Direct server return, as designed: the balancer changes only the MAC, the servers answer with the virtual address."""

from analyzer.kernel.act import browse
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import GATEWAY, ONE_ARM_VIP, SERVER1, SERVER2, VPORT, one_arm
from analyzer.kernel.topology import Interface, Listener

VIP_ON_LOOPBACK = (f"ip address add {ONE_ARM_VIP}/32 dev lo",)
NO_ARP = {"net.ipv4.conf.all.arp_ignore": 1, "net.ipv4.conf.all.arp_announce": 2}
# The source port chooses the real server, so that all packets of a connection go to the same one.
RULES = f"""table netdev balancer {{
\tchain ingress {{
\t\ttype filter hook ingress device "eth0" priority 0; policy accept;
\t\tip daddr {ONE_ARM_VIP} tcp dport {VPORT} ether saddr set 02:00:0a:00:02:05 \
ether daddr set jhash tcp sport mod 2 seed 0x5 map {{ 0 : 02:00:0a:00:02:0b, 1 : 02:00:0a:00:02:0c }} fwd to "eth0"
\t}}
}}
"""


def real(address: str) -> dict[str, object]:
    """What makes a server a real server of a direct-return service."""
    return {
        "interfaces": (Interface("eth0", "lan", (f"{address}/24",)),),
        "routes": (f"default via {GATEWAY}",),
        "sysctls": NO_ARP,
        "commands": VIP_ON_LOOPBACK,
        "listeners": (Listener(ONE_ARM_VIP, VPORT, behaviour="http"),),
    }


TOPOLOGY = (
    one_arm()
    .with_host("balancer", nft=RULES)
    .with_host("server1", **real(SERVER1))
    .with_host("server2", **real(SERVER2))
)
CAPTURES = {
    "client": ("client", "eth0"),
    "balancer": ("balancer", "eth0"),
    "server1": ("server1", "eth0"),
    "outside": ("outside", "eth0"),
}
FACTS = ("balancer", "server1", "server2")


def play(bench: Bench) -> None:
    """Everybody is answered by the virtual address, and by the server's own MAC."""
    for number in range(3):
        assert browse(bench, "client", ONE_ARM_VIP, VPORT, source_port=40001 + number).ok
        assert browse(bench, "outside", ONE_ARM_VIP, VPORT, source_port=40011 + number).ok
