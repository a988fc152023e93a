"""One way out of a fault, as values: which host changes, what changes, why that, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from analyzer.remedy.change import Change


class Kind(StrEnum):
    """The kinds of remedy, in the words that ``Fix.kind`` carries."""

    HOST_ROUTE_PER_CLIENT = "host-route-per-client"
    TWO_HALVES = "two-halves"
    VENDOR_PAIR = "vendor-pair"
    DEFAULT_GATEWAY = "default-gateway"
    SOURCE_RULE = "source-rule"
    PORT_RULE = "port-rule"
    CONNECTION_MARK = "connection-mark"
    HAIRPIN_SNAT = "hairpin-snat"
    SNAT_ALL = "snat-all-clients"
    REMOVE_ROUTE = "remove-route"
    REDIRECTS_OFF = "redirects-off"
    REDIRECTS_NOT_SENT = "redirects-not-sent"
    NEIGHBOR_FLUSH = "neighbor-flush"
    RP_FILTER = "rp-filter"
    ARP_SETTINGS = "arp-settings"
    VIP_ON_LOOPBACK = "vip-on-loopback"
    REMOVE_DUPLICATE = "remove-duplicate"
    PREFIX_LENGTH = "prefix-length"
    MTU = "mtu"
    CONNTRACK = "conntrack"


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way out.

    ``on`` is the address of the host that must change; ``changes`` are applied in
    order and undone in reverse.  ``blast`` is the blast radius as a rank, smallest
    first (DOMAIN 3.1): how much of the traffic that has nothing to do with the
    fault takes another path.  ``missing`` names the facts without which no command
    can be printed - then ``changes`` is empty.
    """

    kind: Kind
    title: str
    on: str
    changes: tuple[Change, ...]
    why: str
    caveats: tuple[str, ...] = ()
    blast: int = 0
    at_balancer: bool = False
    missing: tuple[str, ...] = ()
    recommended: bool = False
