"""Which ways out each cause has, best first: judgement as a table.

The first of a row that can be said completely, in a dialect that fits the host,
is the one we recommend (`plan.py`); the rest is ordered by blast radius.
"""

from __future__ import annotations

from analyzer.diagnose.finding import Cause
from analyzer.remedy.alternatives import (
    Builder,
    default_gateway,
    host_route_per_client,
    redirects_off,
    rp_filter,
    two_halves,
    vendor_pair,
)
from analyzer.remedy.at_balancer import (
    conntrack_liberal,
    hairpin_snat,
    mss_clamp,
    redirects_not_sent,
    snat_all,
    snat_to_itself,
)
from analyzer.remedy.on_the_link import (
    arp_settings,
    mark_instead_of_route,
    neighbor_flush,
    prefix_length,
    remove_duplicate,
    remove_route,
    vip_on_loopback,
)
from analyzer.remedy.policy import connection_mark, port_rule, source_rule
from analyzer.remedy.situation import Situation

ON_LINK = (connection_mark, hairpin_snat, port_rule, host_route_per_client, two_halves, vendor_pair)

WAYS_OUT: dict[Cause, tuple[Builder, ...]] = {
    Cause.CLIENT_ON_SERVERS_LINK: ON_LINK,
    # the client is a server too: its own replies to the balancer must not be bent, so the balancer does it
    Cause.SERVER_IS_CLIENT: (hairpin_snat, host_route_per_client, connection_mark, port_rule, two_halves, vendor_pair),
    # the default gateway carries all other egress: move only what came through the balancer
    Cause.DEFAULT_GATEWAY_ELSEWHERE:
        (connection_mark, port_rule, source_rule, default_gateway, host_route_per_client, snat_all),
    Cause.MORE_SPECIFIC_ROUTE:
        (connection_mark, host_route_per_client, remove_route, port_rule, source_rule, snat_all),
    # answers leave through the interface that they came in on; satisfies a strict reverse path filter, too
    Cause.SECOND_INTERFACE: (source_rule, connection_mark, port_rule, host_route_per_client, hairpin_snat),
    Cause.ICMP_REDIRECT: (redirects_off, redirects_not_sent, hairpin_snat, connection_mark),
    Cause.OTHER_BALANCER: (connection_mark, snat_all),
    # whatever the cause is: these do not depend on it
    Cause.REPLY_PATH_UNKNOWN: (connection_mark, hairpin_snat, port_rule, host_route_per_client),
    Cause.SELF_HAIRPIN: (snat_to_itself,),
    Cause.MISSING_SNAT: (hairpin_snat, snat_all, connection_mark, host_route_per_client),
    # the way back first: it satisfies the strict filter as well, loosening the filter alone mends nothing
    Cause.RP_FILTER: (source_rule, rp_filter),
    Cause.STALE_GATEWAY_AFTER_FAILOVER: (default_gateway, connection_mark, port_rule),
    Cause.DUPLICATE_ADDRESS: (remove_duplicate,),
    Cause.WRONG_PREFIX_LENGTH: (prefix_length, connection_mark, host_route_per_client, port_rule, hairpin_snat),
    Cause.DETOUR_DROPPED: (mark_instead_of_route, remove_route),
    Cause.DSR_ARP: (arp_settings,),
    Cause.DSR_VIP_MISSING: (vip_on_loopback,),
    Cause.INVALID_LEAK: (conntrack_liberal,),
    Cause.MTU: (mss_clamp,),
}


def ways_out(situation: Situation) -> tuple[Builder, ...]:
    """The builders for this situation, best first."""
    row = WAYS_OUT.get(situation.cause, ())
    old = situation.wrong_next_hop
    if situation.cause is Cause.STALE_GATEWAY_AFTER_FAILOVER and old in (None, situation.balancer_inside):
        # the right address with the old node's MAC: no route mends that (tried on the kernel)
        return (neighbor_flush,)
    one_client = len(situation.clients) == 1 and not situation.direct_connections_seen
    if situation.cause is Cause.CLIENT_ON_SERVERS_LINK and one_client:
        # one client, no direct connection to lose: one route is the smallest change on the server
        return (host_route_per_client, *(b for b in row if b is not host_route_per_client))
    return row
