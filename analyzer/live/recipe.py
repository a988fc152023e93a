"""``--recipe``: the commands that bring the packets of other hosts here, ready to be pasted."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from analyzer.balance.mapping import Mapping
from analyzer.errors import ConfigError

_HOST = re.compile(r"(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9](?:[A-Za-z0-9._-]*|[0-9a-fA-F:]*)")
_INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
MOST_ADDRESSES = 40
SNAP = 256


def recipe(asked: Sequence[str], mapping: Mapping, maps: Sequence[str]) -> Iterator[str]:
    """Lines for a shell: ``asked`` are ``NAME=HOST[/IFACE]``, or else the hosts that the mapping names.

    ``ConfigError`` where a word could mean something to a shell, or nothing is known.
    """
    hosts = [_host(each) for each in asked] or _known(mapping)
    if not hosts:
        raise ConfigError("--recipe: name the hosts, as server=10.0.2.11/eth0 balancer=root@lb1, or give --map")
    bpf = filter_of(mapping)
    yield "# On each host tcpdump needs root's rights: log in as root, or put \"sudo -n\" before it."
    yield "# \"any\" sees every interface but not the receiver's MAC address: name the interface where you know it."
    for name, host, interface in hosts:
        yield f"# {name}:"
        yield f'ssh -n {host} "{tcpdump(interface, bpf)}" > {name}.pcap'
    yield "# All at once, diagnosed here while it happens (bash or zsh):"
    more = "".join(f" --map {shlex.quote(each)}" for each in maps)
    yield f"replypath live{more} --save evidence.pcapng \\"
    for number, (name, host, interface) in enumerate(hosts, 1):
        end = " \\" if number < len(hosts) else ""
        yield f'  {name}=<(ssh -n {host} "{tcpdump(interface, bpf)}"){end}'


def tcpdump(interface: str, bpf: str) -> str:
    """The command of the host that captures; nothing in it means anything between double quotes."""
    return f"tcpdump -i {interface} -U --immediate-mode -n -s {SNAP} -w - '{bpf}'"


def filter_of(mapping: Mapping) -> str:
    """A capture filter that leaves the ssh connection out, which would otherwise feed itself."""
    addresses = dict.fromkeys(
        str(address) for service in mapping.services
        for address in (service.virtual.address, *(real.endpoint.address for real in service.reals))
    )
    if not addresses or len(addresses) > MOST_ADDRESSES:
        return "not tcp port 22"
    hosts = " or ".join(f"host {address}" for address in addresses)
    return f"not tcp port 22 and (arp or icmp or icmp6 or {hosts})"


def _host(argument: str) -> tuple[str, str, str]:
    name, separator, rest = argument.partition("=")
    host, _, interface = rest.partition("/")
    fits = _NAME.fullmatch(name) and _HOST.fullmatch(host) and _INTERFACE.fullmatch(interface or "any")
    if not separator or not fits:
        raise ConfigError(f"--recipe {argument!r}: expected NAME=HOST or NAME=HOST/INTERFACE, as server=10.0.2.11/eth0")
    return name, host, interface or "any"


def _known(mapping: Mapping) -> list[tuple[str, str, str]]:
    """The hosts that the mapping names: balancers, then real servers."""
    balancers = [str(address) for address in mapping.balancers]
    reals = list(dict.fromkeys(str(real.endpoint.address) for each in mapping.services for real in each.reals))
    named = [(_numbered("balancer", balancers, place), host, "any") for place, host in enumerate(balancers[:1])]
    return named + [(_numbered("server", reals, place), host, "any") for place, host in enumerate(reals)]


def _numbered(word: str, all_of_them: Sequence[str], place: int) -> str:
    return word if len(all_of_them) == 1 or word == "balancer" else f"{word}{place + 1}"
