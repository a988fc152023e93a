"""Interfaces as ``ifconfig`` prints them on Linux, FreeBSD and macOS (ifconfig(8)).

eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500
        inet 10.0.2.11  netmask 255.255.255.0  broadcast 10.0.2.255
        ether 02:00:0a:00:02:0b  txqueuelen 1000  (Ethernet)

em0: flags=8843<UP,BROADCAST,RUNNING,SIMPLEX,MULTICAST> metric 0 mtu 1500
        ether 02:00:0a:00:02:0b
        inet 10.0.2.11 netmask 0xffffff00 broadcast 10.0.2.255

eth0      Link encap:Ethernet  HWaddr 02:00:0a:00:02:0b
          inet addr:10.0.2.11  Bcast:10.0.2.255  Mask:255.255.255.0

On Linux it leaves out secondary addresses (seen), so it is never the whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from analyzer.facts._command import asked
from analyzer.facts._gathered import Facts, united
from analyzer.facts._problems import Expected, Problems
from analyzer.facts._values import interface_address, mac, number, with_mask
from analyzer.network.host import Interface, IPInterface, System
from analyzer.units import Origin

NAME = "ifconfig"
DESCRIPTION = "ifconfig"

START = re.compile(r"(?P<name>[\w.@-]+(?::\d+)?):? (?:flags=[0-9a-f]+<(?P<flags>[^>]*)>(?P<rest>.*)"
                   r"| *Link encap:(?P<encap>.*))")
_INET = re.compile(r"\s+inet (?:addr:)?(?P<ip>[0-9.]+)(?P<peer> --> \S+)?\s*(?:.*?\b(?:netmask |Mask:)(?P<mask>\S+))?")
_SLASH = re.compile(r"\s+inet (?P<net>[0-9.]+/\d+)")
_INET6 = re.compile(r"\s+inet6 (?:addr: ?)?(?P<ip>[^\s/]+)(?:/(?P<slash>\d+)|.*?\bprefixlen (?P<length>\d+))")
_ETHER = re.compile(r"(?:\s+ether|.*\bHWaddr) (?P<mac>\S+)")
_MTU = re.compile(r"\b(?:mtu |MTU:)(?P<mtu>\d+)")


def sniff(text: str) -> bool:
    """A name with its flags, or with ``Link encap``."""
    return any(START.match(line) for line in text.split("\n"))


def read(text: str, source: str, first_line: int = 1) -> Facts:
    """Interfaces in the order of the output."""
    problems = Problems(source)
    found: list[Interface] = []
    old = False
    for number_of, line in enumerate(text.split("\n"), first_line):
        start = START.match(line)
        try:
            if start:
                old = start["encap"] is not None
                name = start["name"].split(":")[0]    # eth0:1 is another address of eth0
                up = "UP" in start["flags"].split(",") if not old else True
                found.append(Interface(name, up=up, origin=Origin(source, number_of)))
            if found:
                found[-1] = _more(found[-1], line, old=old)
        except Expected as wrong:
            problems.add(number_of, wrong)
    problems.raise_if_any()
    system = _system(text, old=old)
    words = asked(text)
    whole = system in {System.FREEBSD, System.MACOS} and words in ([], ["ifconfig"], ["ifconfig", "-a"])
    return Facts(system, united((), _joined(found)), complete=frozenset({"interfaces"} if whole else ()))


def _joined(found: list[Interface]) -> Iterator[Interface]:
    """An alias (eth0:1) has no flags of its own; the first view of a name gives them."""
    first: dict[str, Interface] = {}
    for each in found:
        yield each if each.name not in first else replace(each, up=first[each.name].up)
        first.setdefault(each.name, each)


def _more(here: Interface, line: str, *, old: bool) -> Interface:
    """The interface with what one line adds."""
    if mtu := _MTU.search(line):
        here = replace(here, mtu=number(mtu["mtu"], "the MTU"))
    if ether := _ETHER.match(line):
        here = replace(here, mac=mac(ether["mac"]))
    if old and "MTU:" in line and not re.search(r"\bUP\b", line):
        here = replace(here, up=False)
    own = _address(line)
    return replace(here, addresses=(*here.addresses, own)) if own else here


def _address(line: str) -> IPInterface | None:
    if slash := _SLASH.match(line):
        return interface_address(slash["net"])
    if inet := _INET.match(line):
        return with_mask(inet["ip"], inet["mask"] or "", " behind 'netmask'")
    if inet6 := _INET6.match(line):
        return interface_address(f"{inet6['ip'].partition('%')[0]}/{inet6['slash'] or inet6['length']}")
    return None


def _system(text: str, *, old: bool) -> System:
    """FreeBSD prints a metric, macOS its ``en0`` or ``utun``; both a mask in hexadecimal; net-tools two blanks."""
    if old or re.search(r">  mtu \d+", text):
        return System.LINUX
    if re.search(r"> metric \d+ mtu \d+", text):
        return System.FREEBSD
    if re.search(r"^(?:en\d|utun\d|awdl\d|lo0:).*> mtu \d+", text, re.MULTILINE):
        return System.MACOS
    return System.UNKNOWN
