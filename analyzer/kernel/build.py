"""Topology -> the commands that build it.  Pure text: reading it is reading the network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from shlex import quote

from analyzer.kernel.topology import SWITCH, Host, Topology, mac_of

NO_IPV6 = {"net.ipv6.conf.default.disable_ipv6": 1, "net.ipv6.conf.all.disable_ipv6": 1}


def quiet_ipv6(host: Host) -> dict[str, str | int]:
    """No duplicate address detection, no router solicitation: a capture begins with what the story does."""
    return {
        f"net.ipv6.conf.{name}.{key}": 0
        for name in ("all", *(interface.name for interface in host.interfaces))
        for key in ("accept_dad", "dad_transmits", "router_solicitations")
    }


def sysctl(values: Mapping[str, str | int]) -> str:
    """One command that sets all of them; an unknown key is an error."""
    return "sysctl -qw " + " ".join(quote(f"{key}={value}") for key, value in values.items())


def switch_script(topology: Topology) -> Iterator[str]:
    """Commands for the namespace that holds the links: a bridge a link, a cable an interface.

    Host namespaces are named as the hosts are; a cable's far end is created in
    them with its final name and MAC.
    """
    yield sysctl(NO_IPV6)
    for link in topology.links:
        # No snooping, no forward delay: a bridge that passes frames at once and says nothing itself.
        yield f"ip link add {link} address 02:00:00:ff:00:01 type bridge mcast_snooping 0 forward_delay 0 stp_state 0"
        yield f"ip link set {link} up"
    port = 0
    for host_number, host in enumerate(topology.hosts, start=1):
        for number, interface in enumerate(host.interfaces):
            port += 1
            mac = mac_of(interface, host_number, number)
            yield (
                f"ip link add port{port} type veth"
                f" peer name {quote(interface.name)} netns {host.name} address {mac} mtu {interface.mtu}"
            )
            yield f"ip link set port{port} mtu {interface.mtu} master {interface.link} up"
            # The switch knows its ports from the start, so no capture shows a frame flooded for want of knowing.
            yield f"bridge fdb add {mac} dev port{port} master static"


def host_script(host: Host) -> Iterator[str]:
    """Commands for one host's namespace, in the order in which a host comes up."""
    yield sysctl({**(quiet_ipv6(host) if host.has_ipv6 else NO_IPV6), **host.sysctls})
    yield "ip link set lo up"
    for interface in host.interfaces:
        for address in interface.addresses:
            words = " ".join(map(quote, address.split()))
            yield f"ip address add {words} dev {quote(interface.name)}"
        yield f"ip link set {quote(interface.name)} up"
    for kind, lines in (("neigh", host.neighbors), ("route", host.routes), ("rule", host.rules)):
        for line in lines:
            yield f"ip{' -6' if ':' in line and kind != 'neigh' else ''} {kind} add {line}"
    if host.nft:
        yield f"nft -f - <<'RULES'\n{host.nft.rstrip()}\nRULES"
    yield from host.commands


def script(lines: Iterator[str]) -> str:
    """What ``sh`` gets: stops at the first command that fails, and names each before it runs."""
    return "set -ex\n" + "\n".join(lines) + "\n"


def namespaces(topology: Topology) -> tuple[str, ...]:
    """The namespaces of the bench: the switch and every host."""
    return (SWITCH, *(host.name for host in topology.hosts))
