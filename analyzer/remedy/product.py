"""Which product the balancer is, by the importer that read its configuration, and which dialects fit it.

One product's commands are printed and no other's.  Where the mapping was
learned, or written in our own format, nobody knows the product: then the two
packet filters of Linux are shown, and the others can be asked for by name.
"""

from __future__ import annotations

from analyzer.balance.mapping import Endpoint, Mapping, Protocol
from analyzer.remedy.checks import OBJECT_NAME

ON_LINUX = "linux-iproute2"
"""Switches of the kernel are said by it, whatever balances above."""

DIALECTS: dict[str, tuple[str, ...]] = {
    "nftables": ("linux-nftables", ON_LINUX),
    "iptables": ("linux-iptables", "linux-nftables", ON_LINUX),
    "ipvsadm": ("linux-ipvs", ON_LINUX),
    "keepalived": ("linux-ipvs", ON_LINUX),
    "ldirectord": ("linux-ipvs", ON_LINUX),
    "seesaw": ("linux-ipvs", ON_LINUX),
    "haproxy": ("haproxy", ON_LINUX),
    "kubernetes": ("kubernetes",),
    "f5": ("f5-tmsh",),
    "netscaler": ("netscaler",),
    "aws-elbv2": ("aws",),
    "mikrotik": ("routeros",),
    "pfsense": ("pf",),
}
"""Importer -> the dialects of its product; an importer that is not here reads a product that we cannot instruct."""

NO_PRODUCT = ("replypath", "table")
"""Formats of our own: they say what is balanced, not by what."""

UNKNOWN = ("linux-nftables", "linux-iptables", ON_LINUX)


def product_of(mapping: Mapping, virtual: Endpoint | None, protocol: Protocol) -> str:
    """The importer that read this service's declaration, or "" where no product's configuration declared it."""
    service = next((s for s in mapping.services if (s.virtual, s.protocol) == (virtual, protocol)), None)
    if service is None:
        return ""
    name = dict(mapping.importers).get(service.origin.source, "")
    return "" if name in NO_PRODUCT else name


def names_of(mapping: Mapping, virtual: Endpoint | None, real: Endpoint, protocol: Protocol) -> tuple[str, str]:
    """The balancer's own name of the virtual service, and how its commands address the real server; "" if unprintable.

    A configuration may quote what it likes: only what needs no quoting anywhere goes into a command.
    """
    for service in mapping.services:
        if (service.virtual, service.protocol) == (virtual, protocol):
            handle = next((r.handle for r in service.reals if r.endpoint == real), "")
            return printable(service.name), printable(handle)
    return "", ""


def printable(name: str) -> str:
    """``name`` where it can go into a command as it is, else ""."""
    return name if OBJECT_NAME.match(name) else ""


def fitting(product: str) -> tuple[str, ...]:
    """The dialects to print for a balancer, best first; none where it is a product that we cannot instruct."""
    return DIALECTS.get(product, ()) if product else UNKNOWN
