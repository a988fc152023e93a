"""Direct server return with a server that does not keep quiet: its ARP takes the virtual address over at a client."""

import time

from analyzer.kernel.act import PATIENCE_S
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import GATEWAY, ONE_ARM_VIP, SERVER1, SERVER2, VPORT, one_arm
from analyzer.kernel.topology import Interface, Listener

QUIET = {"net.ipv4.conf.all.arp_ignore": 1, "net.ipv4.conf.all.arp_announce": 2}
RULES = f"""table netdev balancer {{
\tchain ingress {{
\t\ttype filter hook ingress device "eth0" priority 0; policy accept;
\t\tip daddr {ONE_ARM_VIP} tcp dport {VPORT} ether saddr set 02:00:0a:00:02:05 \
ether daddr set tcp sport map {{ 40001 : 02:00:0a:00:02:0b, 40002 : 02:00:0a:00:02:0c }} fwd to "eth0"
\t}}
}}
"""


def real(address: str, sysctls: dict[str, int]) -> dict[str, object]:
    """A real server with the virtual address on its loopback interface."""
    return {
        "interfaces": (Interface("eth0", "lan", (f"{address}/24",)),),
        "routes": (f"default via {GATEWAY}",),
        "sysctls": sysctls,
        "commands": (f"ip address add {ONE_ARM_VIP}/32 dev lo",),
        "listeners": (Listener(ONE_ARM_VIP, VPORT),),
    }


# Server 2 ignores the ARP requests of others, but announces itself with the wrong address when it asks.
TOPOLOGY = (
    one_arm()
    .with_host("balancer", nft=RULES)
    .with_host("server1", **real(SERVER1, QUIET))
    .with_host("server2", **real(SERVER2, {"net.ipv4.conf.all.arp_ignore": 1}))
)
CAPTURES = {
    "client": ("client", "eth0"),
    "balancer": ("balancer", "eth0"),
    "server1": ("server1", "eth0"),
    "server2": ("server2", "eth0"),
}
FACTS = ("balancer", "server1", "server2")
LOCKTIME_S = 1.2


def play(bench: Bench) -> None:
    """A conversation with server1 dies when server2, asked by the same client, looks for that client's MAC."""
    first = bench.open("client", ONE_ARM_VIP, VPORT, source=("", 40001), timeout_s=PATIENCE_S)
    assert first.say(b"100 0\n", 100).ok
    time.sleep(LOCKTIME_S)
    second = bench.open("client", ONE_ARM_VIP, VPORT, source=("", 40002), timeout_s=PATIENCE_S)
    assert second.say(b"100 0\n", 100).ok
    assert str(first.say(b"100 0\n", 100)) == "reset (ECONNRESET)"
    second.close()
    first.close()
