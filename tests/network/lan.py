"""The seed case of the kernel facts: one LAN, a client, a balancer that is not the gateway, a real server."""

from ipaddress import ip_address, ip_interface, ip_network

from analyzer.balance.mapping import Endpoint
from analyzer.network.building import stack_of
from analyzer.network.commands import script
from analyzer.network.host import Host, Interface, OnLink, Route, System, Via
from analyzer.network.link import Network, network

CLIENT, BALANCER, VIP, SERVER, SIBLING, GATEWAY = (
    ip_address(f"10.31.7.{last}") for last in (44, 9, 200, 71, 72, 1)
)
LAN = ip_network("10.31.7.0/24")


def member(name: str, address, mac: str, *extra: str, gateway=GATEWAY, sysctls: dict | None = None) -> Host:
    """A host of the LAN with its connected route and a default route."""
    default = () if gateway is None else (Route(ip_network("0.0.0.0/0"), (Via(gateway, "eth0"),)),)
    return Host(
        name, System.LINUX,
        (Interface("eth0", mac, (ip_interface(f"{address}/24"), *map(ip_interface, extra))),),
        (Route(LAN, (OnLink("eth0"),), protocol="kernel", scope="link", source=address), *default),
        sysctls=sysctls or {}, complete=frozenset({"interfaces", "routes", "rules"}),
    )


def server(**options) -> Host:
    return member("srv1", SERVER, "02:00:00:00:00:71", **options)


def server_stack():
    return stack_of(server())


BALANCER_RULES = """
table ip lab {
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    ip daddr 10.31.7.200 tcp dport 80 dnat to 10.31.7.71:8080
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
  }
  chain forwarding {
    type filter hook forward priority filter; policy accept;
  }
}
"""
DROP_INVALID = "nft add rule ip lab forwarding ct state invalid drop"
ONLY_ITS_OWN = """
table ip strict {
  chain forwarding {
    type filter hook forward priority 0; policy drop;
    ct status dnat accept
  }
}
"""

LISTENING = frozenset({
    ("srv1", Endpoint(SERVER, 8080), 6), ("srv1", Endpoint(SERVER, 22), 6), ("srv2", Endpoint(SIBLING, 8080), 6),
    ("gateway", Endpoint(GATEWAY, 22), 6),
})


def lan(*, strict: str = "", server_sysctls: dict | None = None, balancer_sysctls: dict | None = None) -> Network:
    """The bench of the kernel facts; ``strict`` is what else the balancer's nft is told."""
    hosts = (
        member("client", CLIENT, "02:00:00:00:00:44"),
        member("balancer", BALANCER, "02:00:00:00:00:09", f"{VIP}/32",
               sysctls={"net.ipv4.ip_forward": "1", **(balancer_sysctls or {})}),
        server(sysctls=server_sysctls),
        member("srv2", SIBLING, "02:00:00:00:00:72"),
        member("gateway", GATEWAY, "02:00:00:00:00:01", gateway=None, sysctls={"net.ipv4.ip_forward": "1"}),
    )
    made = network(hosts, {"lan": tuple((host.name, "eth0") for host in hosts)}, listening=LISTENING)
    script(made.stacks["balancer"], f"nft -f - <<'END'\n{BALANCER_RULES}\nEND")
    for line in strict and [strict]:
        script(made.stacks["balancer"], line)
    return made
