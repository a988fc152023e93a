"""What the balancer is told to do: virtual services, real servers, and how packets get from one to the other.

An importer yields these values, the packets teach them (``learn.py``), rules
compare them.  Every row remembers where it came from.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address

from analyzer.units import Origin

IPAddress = IPv4Address | IPv6Address


class Protocol(StrEnum):
    """What runs over IP (IANA protocol numbers 6, 17, 1/58)."""

    TCP = "tcp"
    UDP = "udp"
    ICMP = "icmp"


class Forwarding(StrEnum):
    """How a packet gets from the virtual service to the real server (ipvsadm(8), RFC 2391 §2)."""

    NAT = "nat"            # destination rewritten; the reply must come back through the balancer
    FULL_NAT = "full-nat"  # source rewritten too: the reply comes back by itself
    DIRECT = "direct"      # direct server return: only the MAC changes, the reply is meant to skip the balancer
    TUNNEL = "tunnel"      # the same through IPIP, GRE or Geneve
    PROXY = "proxy"        # two connections, two sequence spaces


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """An address with a port (0 where the protocol has none, or every port is meant)."""

    address: IPAddress
    port: int = 0

    def __str__(self) -> str:
        host = f"[{self.address}]" if self.address.version == 6 and self.port else str(self.address)
        return f"{host}:{self.port}" if self.port else host


@dataclass(frozen=True, slots=True)
class RealServer:
    """One real server of a service; ``port`` 0 means that the port is not translated.

    ``enabled`` is False for a member that the configuration names but disables:
    it stays in the mapping because connections in the capture may be older.
    ``handle`` is how the balancer's own commands address it ("service/web1", a
    target group's ARN), where that is not its address.
    """

    endpoint: Endpoint
    forwarding: Forwarding
    origin: Origin
    enabled: bool = True
    name: str = ""
    handle: str = ""


@dataclass(frozen=True, slots=True)
class VirtualService:
    """One virtual service (VIP:port over a protocol) and the real servers behind it."""

    virtual: Endpoint
    protocol: Protocol
    reals: tuple[RealServer, ...]
    origin: Origin
    name: str = ""


@dataclass(frozen=True, slots=True)
class ConfigWarning:
    """Something that was read but could not be turned into an address: said, never guessed."""

    origin: Origin
    text: str

    def __str__(self) -> str:
        return f"{self.origin}: {self.text}"


@dataclass(frozen=True, slots=True)
class Mapping:
    """All that one or several configurations declare.

    ``balancers`` are addresses that belong to the balancer itself (self-IPs,
    SNAT pools, listeners' own addresses other than the virtual ones).
    ``importers`` are pairs: a source as ``Origin`` names it, and the importer that read it.
    """

    services: tuple[VirtualService, ...] = ()
    balancers: tuple[IPAddress, ...] = ()
    warnings: tuple[ConfigWarning, ...] = ()
    importers: tuple[tuple[str, str], ...] = ()

    def __add__(self, other: Mapping) -> Mapping:
        return Mapping(
            self.services + other.services,
            tuple(dict.fromkeys(self.balancers + other.balancers)),
            self.warnings + other.warnings,
            tuple(dict.fromkeys(self.importers + other.importers)),
        )


EMPTY = Mapping()
