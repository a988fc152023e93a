"""The faults, built on the real kernel: a network, what the diagnosis would know of it, and who dials."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from ipaddress import ip_address as ip
from ipaddress import ip_interface, ip_network

from analyzer.balance.mapping import Endpoint, Protocol
from analyzer.diagnose.finding import Cause
from analyzer.kernel import networks as n
from analyzer.kernel.fix import HTTP, Probe
from analyzer.kernel.topology import Host, Interface, Listener, Topology
from analyzer.network import host as model
from analyzer.remedy.situation import Situation
from analyzer.units import Origin

BALANCER_MAC = "02:00:0a:00:02:01"
OTHER_ROUTER = "10.0.2.254"


@dataclass(frozen=True, slots=True)
class Scenario:
    """``prepare`` are commands (host, line) that make the fault appear; ``on`` finds the host of a fix by address."""

    topology: Callable[[], Topology]
    situation: Situation
    probe: Probe = HTTP
    prepare: tuple[tuple[str, str], ...] = ()
    then: tuple[tuple[str, str], ...] = ()    # what a caveat asks for on other hosts
    afterwards: tuple[str, ...] = ()    # taken back with the fix, on its host, what prepare left there
    on: dict[str, str] = field(default_factory=dict)
    lasting: bool = True
    fresh: bool = False    # what prepare provokes is rate-limited: a bench of its own for each fix

    def host(self, on: str) -> str:
        """The bench's name for the host that must change."""
        names = {n.SERVER1: "server1", n.SERVER6: "server1", n.BALANCER: "balancer", n.BALANCER6: "balancer"}
        return {**names, **self.on}[on]


LAN_CLIENT = Situation(
    cause=Cause.CLIENT_ON_SERVERS_LINK,
    protocol=Protocol.TCP,
    clients=(ip(n.CLIENT),),
    real=Endpoint(ip(n.SERVER1), n.RPORT),
    virtual=Endpoint(ip(n.VIP), n.VPORT),
    balancer_inside=ip(n.BALANCER),
    balancer_macs=(BALANCER_MAC,),
    lan=ip_network("10.0.2.0/24"),
    lan_origin="given",
)
NAMED = replace(
    LAN_CLIENT, interface="eth0", balancer_interface="eth0", lan_origin="inferred", other_reals=(ip(n.SERVER2),),
    clients=(ip(n.CLIENT), ip("10.0.2.51"), ip("10.0.2.77")), direct_connections_seen=3,
)
IPV6 = replace(
    LAN_CLIENT, clients=(ip(n.CLIENT6),), real=Endpoint(ip(n.SERVER6), n.RPORT), virtual=Endpoint(ip(n.VIP6), n.VPORT),
    balancer_inside=ip(n.BALANCER6), lan=ip_network("2001:db8:2::/64"),
)
PROBE6 = replace(HTTP, address=n.VIP6)
OUTSIDE_PROBE = replace(HTTP, client="outside")


def wrong_gateway(*routes: str) -> Topology:
    """Another router on the servers' link reaches the outside directly; server1 uses it as ``routes`` say."""
    other = Host(
        "other",
        (Interface("eth0", "lan", (f"{OTHER_ROUTER}/24",)), Interface("eth1", "internet", ("198.51.100.2/24",))),
        sysctls=n.FORWARD,
    )
    return n.two_arm().with_added(other).with_host("server1", routes=routes)


def second_interface(rp_filter: int = 0) -> Topology:
    """server1 has a second interface on the clients' own net, which the balancer reaches through the router."""
    topology = n.two_arm()
    server, router = topology.host("server1"), topology.host("router")
    office = Host("clerk", (Interface("eth0", "office", ("10.99.0.50/24",)),), routes=("default via 10.99.0.1",))
    return (
        topology.with_host(
            "server1", interfaces=(*server.interfaces, Interface("eth1", "office", ("10.99.0.11/24",))),
            sysctls={"net.ipv4.conf.eth0.rp_filter": rp_filter},
        )
        .with_host("router", interfaces=(*router.interfaces, Interface("eth2", "office", ("10.99.0.1/24",))))
        .with_added(office)
    )


def too_wide() -> Topology:
    """Two subnets on one wire; server1 believes in one."""
    topology = n.two_arm()
    inside, front = topology.host("balancer").interfaces
    server = Interface("eth0", "lan", (f"{n.SERVER1}/16",))
    stranger = Host("clerk", (Interface("eth0", "lan", ("10.0.3.50/24",)),), routes=("default via 10.0.3.1",))
    both = replace(inside, addresses=(*inside.addresses, "10.0.3.1/24"), mac=BALANCER_MAC)
    return (
        topology.with_host("server1", interfaces=(server,))
        .with_host("balancer", interfaces=(both, front))
        .with_added(stranger)
    )


def udp() -> Topology:
    """The classic, with a datagram service."""
    listener = Listener(n.SERVER1, n.RPORT, protocol="udp")
    topology = n.two_arm().with_host("server1", listeners=(listener,))
    return topology.with_host("balancer", nft=n.dnat(n.VIP, n.VPORT, n.SERVER1, protocol="udp"))


def usurped() -> Topology:
    """server2 has the balancer's inside address as well."""
    topology = n.two_arm()
    own = topology.host("server2").interfaces[0]
    return topology.with_host(
        "server2", interfaces=(replace(own, addresses=(*own.addresses, f"{n.BALANCER}/24")),), routes=()
    )


def narrow() -> Topology:
    """Beyond the router packets of more than 1200 octets do not fit, and its ICMP messages are filtered."""
    topology = n.two_arm()
    internet, front = topology.host("router").interfaces
    quiet = "table ip quiet { chain out { type filter hook output priority 0; ip protocol icmp drop; }; }\n"
    server = topology.host("server1")
    return topology.with_host("router", interfaces=(replace(internet, mtu=1200), front), nft=quiet).with_host(
        "server1", listeners=(Listener(n.SERVER1, n.RPORT, behaviour="speak"), *server.listeners[1:])
    )


def stateful() -> Topology:
    """The balancer forwards nothing that it has not seen begin; server1 has the vendors' wide route."""
    topology = n.two_arm()
    drop = "table ip strict { chain fwd0 { type filter hook forward priority 0; ct state invalid drop; }; }\n"
    balancer = topology.host("balancer")
    return topology.with_host("balancer", nft=balancer.nft + drop).with_host(
        "server1", commands=(f"ip route prepend 10.0.2.0/24 via {n.BALANCER}",)
    )


def _with_facts(s: Situation, prefix: str) -> Situation:
    interface = model.Interface("eth0", addresses=(ip_interface(prefix),))
    return replace(s, server=model.Host("server1", model.System.LINUX, interfaces=(interface,)))


_OUTSIDE = replace(
    LAN_CLIENT, cause=Cause.DEFAULT_GATEWAY_ELSEWHERE, clients=(ip(n.OUTSIDE),), wrong_next_hop=ip(OTHER_ROUTER)
)
_CLERK = replace(LAN_CLIENT, clients=(ip("10.99.0.50"),))
_REDIRECTED = (
    ("server1", f"ip route replace {n.CLIENT}/32 via {n.BALANCER}"),
    ("server1", f"ping -c 3 -i 0.2 -W 1 {n.CLIENT}"),
)
_DEAD_NODE = (
    ("balancer", f"ping -c 1 -W 1 {n.SERVER1}"),    # or its own ARP request would put the entry right
    ("server1", f"ip neigh replace {n.BALANCER} lladdr 02:00:00:00:00:99 dev eth0 nud reachable"),
)

SCENARIOS: dict[str, Scenario] = {
    "lan-client": Scenario(n.two_arm, LAN_CLIENT),
    "lan-clients-named": Scenario(n.two_arm, NAMED),
    "lan-client-with-a-route-already": Scenario(
        lambda: n.two_arm().with_host(
            "server1", routes=(f"default via {n.BALANCER}", f"{n.CLIENT}/32 dev eth0 proto static src {n.SERVER1}")
        ),
        replace(NAMED, clients=(ip(n.CLIENT),), direct_connections_seen=0, server=model.Host(
            "server1", model.System.LINUX,
            routes=(model.Route(
                ip_network(f"{n.CLIENT}/32"), (model.OnLink("eth0"),), protocol="static", source=ip(n.SERVER1)
            ),),
        )),
    ),
    "lan-client-ipv6": Scenario(n.two_arm_ipv6, IPV6, PROBE6),
    "lan-client-ipv6-named": Scenario(
        n.two_arm_ipv6, replace(IPV6, interface="eth0", balancer_interface="eth0"), PROBE6
    ),
    "lan-client-udp": Scenario(
        udp, replace(LAN_CLIENT, protocol=Protocol.UDP), Probe(protocol="udp", send=b"hello", expect=5)
    ),
    "server-is-client": Scenario(
        n.two_arm, replace(LAN_CLIENT, cause=Cause.SERVER_IS_CLIENT, clients=(ip(n.SERVER2),)),
        replace(HTTP, client="server2"),
    ),
    "wrong-gateway": Scenario(lambda: wrong_gateway(f"default via {OTHER_ROUTER}"), _OUTSIDE, OUTSIDE_PROBE),
    "more-specific-route": Scenario(
        lambda: wrong_gateway(f"default via {n.BALANCER}", f"198.51.100.0/24 via {OTHER_ROUTER}"),
        replace(
            _OUTSIDE, cause=Cause.MORE_SPECIFIC_ROUTE,
            offending_route=model.Route(
                ip_network("198.51.100.0/24"), (model.Via(ip(OTHER_ROUTER), "eth0"),), origin=Origin("routes", 2)
            ),
        ),
        OUTSIDE_PROBE,
    ),
    "second-interface": Scenario(
        second_interface, replace(_CLERK, cause=Cause.SECOND_INTERFACE), replace(HTTP, client="clerk"), lasting=False
    ),
    "rp-filter": Scenario(
        lambda: second_interface(1), replace(_CLERK, cause=Cause.RP_FILTER), replace(HTTP, client="clerk"),
        lasting=False,
    ),
    "reply-path-unknown": Scenario(
        n.two_arm, replace(LAN_CLIENT, cause=Cause.REPLY_PATH_UNKNOWN, lan=None, lan_origin="")
    ),
    "self-hairpin": Scenario(
        n.two_arm, replace(LAN_CLIENT, cause=Cause.SELF_HAIRPIN, clients=(ip(n.SERVER1),)),
        replace(HTTP, client="server1"), lasting=False,
    ),
    "icmp-redirect": Scenario(
        n.two_arm, replace(LAN_CLIENT, cause=Cause.ICMP_REDIRECT), prepare=_REDIRECTED,
        afterwards=(f"ip route del {n.CLIENT}/32 via {n.BALANCER} || true",), fresh=True,
    ),
    "stale-gateway": Scenario(
        n.two_arm, replace(_OUTSIDE, cause=Cause.STALE_GATEWAY_AFTER_FAILOVER, wrong_next_hop=None), OUTSIDE_PROBE,
        prepare=_DEAD_NODE, lasting=False,
    ),
    "duplicate-address": Scenario(
        usurped,
        replace(
            _OUTSIDE, cause=Cause.DUPLICATE_ADDRESS, duplicate=ip(n.BALANCER), duplicate_mac="02:00:0a:00:02:0c",
        ),
        OUTSIDE_PROBE,
        prepare=(
            ("balancer", f"ping -c 1 -W 1 {n.SERVER1}"),
            ("server1", f"ip neigh replace {n.BALANCER} lladdr 02:00:0a:00:02:0c dev eth0 nud reachable"),
        ),
        then=(("server1", f"ip neigh flush to {n.BALANCER}"),), on={"02:00:0a:00:02:0c": "server2"}, lasting=False,
    ),
    "wrong-prefix-length": Scenario(
        too_wide,
        _with_facts(
            replace(LAN_CLIENT, cause=Cause.WRONG_PREFIX_LENGTH, clients=(ip("10.0.3.50"),)), f"{n.SERVER1}/16"
        ),
        replace(HTTP, client="clerk"), lasting=False,
    ),
    "detour-dropped": Scenario(
        stateful,
        replace(
            LAN_CLIENT, cause=Cause.DETOUR_DROPPED,
            offending_route=model.Route(
                ip_network("10.0.2.0/24"), (model.Via(ip(n.BALANCER)),), origin=Origin("routes", 2)
            ),
        ),
        Probe(address=n.SERVER1, port=22, send=b"", expect=5),
    ),
    "mtu": Scenario(
        narrow, replace(_OUTSIDE, cause=Cause.MTU, path_mtu=1200),
        Probe(client="outside", send=b"9000 0\n", expect=9000), lasting=False,
    ),
}
