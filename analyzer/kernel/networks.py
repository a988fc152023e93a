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


def dnat(virtual: str, port: int, *reals: str, real_port: int = RPORT, protocol: str = "tcp") -> str:
    """The smallest nftables balancer: one virtual service, its real servers in turn, no SNAT."""
    version = "ip6" if ":" in virtual else "ip"
    if len(reals) == 1:
        target = f"[{reals[0]}]" if version == "ip6" else reals[0]
    else:
        rows = ", ".join(f"{number} : {real}" for number, real in enumerate(reals))
        target = f"numgen inc mod {len(reals)} map {{ {rows} }}"
    return f"""table {version} balancer {{
\tchain prerouting {{
\t\ttype nat hook prerouting priority dstnat; policy accept;
\t\t{version} daddr {virtual} {protocol} dport {port} dnat to {target}:{real_port}
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
        nft=dnat(VIP, VPORT, SERVER1),
    )
    client = Host("client", (Interface("eth0", "lan", (f"{CLIENT}/24",)),), routes=(f"default via {BALANCER}",))
    servers = (server("server1", SERVER1, BALANCER), server("server2", SERVER2, BALANCER))
    return Topology((balancer, *servers, client, *outside()))


ONE_ARM_VIP, ONE_ARM_BALANCER, GATEWAY = "10.0.2.200", "10.0.2.5", "10.0.2.1"


def one_arm() -> Topology:
    """One link for all: the VIP 10.0.2.200 on the balancer 10.0.2.5, servers behind it, the LAN's router 10.0.2.1."""
    balancer = Host(
        "balancer",
        (Interface("eth0", "lan", (f"{ONE_ARM_BALANCER}/24", f"{ONE_ARM_VIP}/32")),),
        routes=(f"default via {GATEWAY}",),
        sysctls=FORWARD,
        nft=dnat(ONE_ARM_VIP, VPORT, SERVER1),
    )
    router = Host(
        "router",
        (Interface("eth0", "internet", ("198.51.100.1/24",)), Interface("eth1", "lan", (f"{GATEWAY}/24",))),
        sysctls=FORWARD,
    )
    client = Host("client", (Interface("eth0", "lan", (f"{CLIENT}/24",)),), routes=(f"default via {GATEWAY}",))
    servers = (server("server1", SERVER1, ONE_ARM_BALANCER), server("server2", SERVER2, ONE_ARM_BALANCER))
    return Topology((balancer, *servers, client, outside()[0], router))


VIP6, BALANCER6, SERVER6, CLIENT6, OUTSIDE6 = (
    "2001:db8:113::10",
    "2001:db8:2::1",
    "2001:db8:2::11",
    "2001:db8:2::50",
    "2001:db8:51::20",
)
FORWARD6 = {"net.ipv6.conf.all.forwarding": 1}


def two_arm_ipv6() -> Topology:
    """The same as ``two_arm``, in IPv6 only, with one real server."""
    balancer = Host(
        "balancer",
        (
            Interface("eth0", "lan", (f"{BALANCER6}/64",), "02:00:0a:00:02:01"),
            Interface("eth1", "front", ("2001:db8:113::2/64", f"{VIP6}/128"), "02:00:cb:00:71:02"),
        ),
        routes=("default via 2001:db8:113::1",),
        sysctls=FORWARD6,
        nft=dnat(VIP6, VPORT, SERVER6),
    )
    server1 = Host(
        "server1",
        (Interface("eth0", "lan", (f"{SERVER6}/64",), "02:00:0a:00:02:0b"),),
        routes=(f"default via {BALANCER6}",),
        listeners=(Listener(SERVER6, RPORT, behaviour="http"), Listener(SERVER6, 22, behaviour="banner")),
    )
    client = Host(
        "client",
        (Interface("eth0", "lan", (f"{CLIENT6}/64",), "02:00:0a:00:02:32"),),
        routes=(f"default via {BALANCER6}",),
    )
    far = Host(
        "outside",
        (Interface("eth0", "internet", (f"{OUTSIDE6}/64",), "02:00:c6:33:64:14"),),
        routes=("default via 2001:db8:51::1",),
    )
    router = Host(
        "router",
        (
            Interface("eth0", "internet", ("2001:db8:51::1/64",), "02:00:c6:33:64:01"),
            Interface("eth1", "front", ("2001:db8:113::1/64",), "02:00:cb:00:71:01"),
        ),
        sysctls=FORWARD6,
    )
    return Topology((balancer, server1, client, far, router))
