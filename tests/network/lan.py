"""The seed case of the kernel facts: one LAN, a client, a balancer that is not the gateway, a real server."""

from ipaddress import ip_address, ip_interface, ip_network

from analyzer.network.building import stack_of
from analyzer.network.host import Host, Interface, OnLink, Route, System, Via

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
