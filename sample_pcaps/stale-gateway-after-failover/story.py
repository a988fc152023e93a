"""The server's gateway is one balancer's own address instead of the shared one: it does not survive a failover."""

import time

from analyzer.kernel.act import browse
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import BALANCER, FORWARD, SERVER1, VIP, VPORT, dnat, two_arm
from analyzer.kernel.topology import Host, Interface

NODE_A, NODE_B = "10.0.2.2", "10.0.2.3"


def node(name: str, lan: str, front: str, *shared: tuple[str, str]) -> Host:
    """One of the two balancers; ``shared`` are (interface, address) that it holds now."""
    return Host(
        name,
        (
            Interface("eth0", "lan", (f"{lan}/24", *(a for i, a in shared if i == "eth0"))),
            Interface("eth1", "front", (f"{front}/24", *(a for i, a in shared if i == "eth1"))),
        ),
        routes=("default via 203.0.113.1",),
        sysctls=FORWARD,
        nft=dnat(VIP, VPORT, SERVER1),
    )


SHARED = (("eth0", f"{BALANCER}/32"), ("eth1", f"{VIP}/32"))
PLAIN = two_arm().with_host("server1", routes=(f"default via {NODE_A}",))
OTHERS = tuple(host for host in PLAIN.hosts if host.name != "balancer")
TOPOLOGY = type(PLAIN)(
    (node("balancer", NODE_A, "203.0.113.3", *SHARED), node("standby", NODE_B, "203.0.113.4"), *OTHERS)
)
CAPTURES = {
    "client": ("outside", "eth0"),
    "old-balancer-back": ("balancer", "eth0"),
    "new-balancer-front": ("standby", "eth1"),
    "new-balancer-back": ("standby", "eth0"),
    "server": ("server1", "eth0"),
}
FACTS = ("balancer", "standby", "server1")
LOCKTIME_S = 1.2


def play(bench: Bench) -> None:
    """Works; the shared addresses move to the standby and are announced; works no longer."""
    assert browse(bench, "outside", VIP, VPORT, source_port=40001).ok
    time.sleep(LOCKTIME_S)
    for interface, address in SHARED:
        assert bench.shell("balancer", f"ip address del {address} dev {interface}").returncode == 0
        assert bench.shell("standby", f"ip address add {address} dev {interface}").returncode == 0
        bare = address.partition("/")[0]
        assert bench.shell("standby", f"arping -A -c 1 -w 1 -I {interface} {bare}").returncode == 0
    assert str(browse(bench, "outside", VIP, VPORT, source_port=40002)) == "timeout (ETIMEDOUT)"
