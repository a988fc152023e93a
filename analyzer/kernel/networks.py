"""Ready-made networks: the ones that stories and tests start from.

outside .20 --- internet 198.51.100.0/24 --- .1 router .1 --- front 203.0.113.0/24 --- .2 balancer (VIP .10:80)
balancer .1 --- lan 10.0.2.0/24 --- server1 .11, server2 .12, client .50
"""

from __future__ import annotations

from analyzer.kernel.topology import Host, Interface, Listener, Topology

VIP, VPORT = "203.0.113.10", 80
BALANCER, BALANCER_FRONT = "10.0.2.1", "203.0.113.2"
SERVER1, SERVER2, CLIENT, OUTSIDE = "10.0.2.11", "10.0.2.12", "10.0.2.50", "198.51.100.20"
RPORT = 8080

FORWARD = {"net.ipv4.ip_forward": 1}


def dnat(virtual: str, port: int, real: str, *, protocol: str = "tcp") -> str:
    """The smallest nftables balancer: one virtual service, one real server (``real`` is ADDRESS:PORT), no SNAT."""
    version = "ip6" if ":" in virtual else "ip"
    return f"""table {version} balancer {{
\tchain prerouting {{
\t\ttype nat hook prerouting priority dstnat; policy accept;
\t\t{version} daddr {virtual} {protocol} dport {port} dnat to {real}
\t}}
}}
"""


def server(name: str, address: str, gateway: str, *listeners: Listener) -> Host:
    """A real server with one interface on the LAN, an http service and an ssh-like one."""
    services = listeners or (Listener(address, RPORT, behaviour="http"), Listener(address, 22, behaviour="banner"))
    return Host(
        name,
        (Interface("eth0", "lan", (f"{address}/24",)),),
        routes=(f"default via {gateway}",),
        listeners=services,
    )


def outside() -> tuple[Host, Host]:
    """A client far away and the router in front of the balancer."""
    return (
        Host("outside", (Interface("eth0", "internet", (f"{OUTSIDE}/24",)),), routes=("default via 198.51.100.1",)),
        Host(
            "router",
            (Interface("eth0", "internet", ("198.51.100.1/24",)), Interface("eth1", "front", ("203.0.113.1/24",))),
            sysctls=FORWARD,
        ),
    )


def two_arm() -> Topology:
    """The classic: the VIP in front, the servers behind, and a client on the servers' own link."""
    balancer = Host(
        "balancer",
        (
            Interface("eth0", "lan", (f"{BALANCER}/24",)),
            Interface("eth1", "front", (f"{BALANCER_FRONT}/24", f"{VIP}/32")),
        ),
        routes=("default via 203.0.113.1",),
        sysctls=FORWARD,
        nft=dnat(VIP, VPORT, f"{SERVER1}:{RPORT}"),
    )
    client = Host("client", (Interface("eth0", "lan", (f"{CLIENT}/24",)),), routes=(f"default via {BALANCER}",))
    servers = (server("server1", SERVER1, BALANCER), server("server2", SERVER2, BALANCER))
    return Topology((balancer, *servers, client, *outside()))
