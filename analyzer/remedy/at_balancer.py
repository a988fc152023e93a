"""The ways out on the balancer: the real server then answers to the balancer's own address, or is not misled."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Literal

from analyzer.balance.mapping import Protocol
from analyzer.network.host import IPNetwork
from analyzer.remedy.alternative import Alternative, Kind
from analyzer.remedy.alternatives import NO_BALANCER_ADDRESS, exactly
from analyzer.remedy.change import Change, ConntrackSwitch, HairpinSnat, MssClamp, SwitchChange
from analyzer.remedy.situation import Situation

KEPT = "Servers keep what they have learnt until it expires (300 s) or is flushed: on each, `ip route flush cache`."
MOST_MEMBERS = 8
"""A rule for each real server of the pool, up to this many."""

LOST = "the application sees the balancer's address instead of theirs (logs, access lists, rate limits)"


def hairpin_snat(s: Situation) -> Alternative | None:
    """Source translation for the clients that the fault hits, or for their whole subnet where it is known."""
    if len(s.clients_on_link) == len(s.clients) and s.lan is not None and s.lan_origin == "given":
        sources: tuple[IPNetwork, ...] = (s.lan,)
        who = f"clients in {s.lan}"
    else:
        sources = exactly(s.clients)
        who = f"{s.clients[0]}" if len(s.clients) == 1 else f"these {len(s.clients)} clients"
    return _snat(s, Kind.HAIRPIN_SNAT, f"Translate the source as well for {who}, at the balancer", sources,
                 f"For {who}, {LOST}.")


def snat_to_itself(s: Situation) -> Alternative | None:
    """The real server that is balanced to itself: its own address as source must go."""
    return _snat(s, Kind.HAIRPIN_SNAT, f"Translate the source of {s.real.address}'s own connections, at the balancer",
                 exactly((s.real.address,)), f"For connections of {s.real.address} to its own service, {LOST}.")


def snat_all(s: Situation) -> Alternative | None:
    """Source translation for every client of the service (full NAT)."""
    everyone = ip_network("0.0.0.0/0" if s.version == 4 else "::/0")
    return _snat(s, Kind.SNAT_ALL, "Translate the source as well for every client of this service, at the balancer",
                 (everyone,), f"For every client, {LOST}; one balancer address has about 28,000 to 64,000 ports "
                 "for each real server and port.")


def redirects_not_sent(s: Situation) -> Alternative | None:
    """The balancer no longer tells anybody that there is a shorter way."""
    if s.version == 6:
        return None   # Linux has no send_redirects switch for IPv6
    known = bool(s.balancer_interface) or s.balancer_inside is not None
    return Alternative(
        Kind.REDIRECTS_NOT_SENT, "Send no redirects from the balancer", s.balancer_on,
        (SwitchChange("send_redirects", 0, s.balancer_interface, 4),) if known else (),
        why="The kernel sends redirects if either the interface's or the 'all' key allows it, so both are set.",
        caveats=(KEPT,),
        blast=8, at_balancer=True, missing=() if known else (NO_BALANCER_ADDRESS,),
    )


def mss_clamp(s: Situation) -> Alternative | None:
    """Both ends of the service's connections announce segments that fit the narrowest link."""
    if s.protocol is not Protocol.TCP:
        return None
    headers = 40 if s.version == 4 else 60   # IP and TCP without options, as RFC 6691 §2 counts
    changes: tuple[Change, ...] = ()
    if s.path_mtu is not None:
        changes = (MssClamp(s.real.address, s.real.port, s.path_mtu - headers),)
    return Alternative(
        Kind.MTU, "Clamp the segment size of this service, at the balancer", s.balancer_on, changes,
        why="Small packets arrive and full ones vanish, and no ICMP message says so; with a smaller announced segment "
            "size neither end sends what the path cannot carry.",
        caveats=(*((f"The path's MTU of {s.path_mtu} octets is {s.path_mtu_origin}.",) if s.path_mtu_origin else ()),
                 "The cure of the cause is to let ICMP 'fragmentation needed' (ICMPv6 'packet too big') through.",
                 "Only new connections are affected; UDP and tunnels are not."),
        blast=10, at_balancer=True, missing=() if changes else ("the path's MTU",),
    )


def conntrack_liberal(s: Situation) -> Alternative | None:
    """Segments outside the window that connection tracking expects are translated all the same."""
    return Alternative(
        Kind.CONNTRACK, "Translate segments outside the expected window as well", s.balancer_on,
        (ConntrackSwitch("tcp_be_liberal", 1),),
        why="Connection tracking calls a segment outside its window INVALID and does not translate it, so the client "
            "sees the real server's address and resets; with tcp_be_liberal=1 only resets are judged by the window.",
        caveats=("The other way is to drop them: nft 'ct state invalid drop' in the forward chain.",),
        blast=20, at_balancer=True,
    )


def _snat(
    s: Situation, kind: Kind, title: str, sources: tuple[IPNetwork, ...], lost: str,
) -> Alternative | None:
    if s.protocol is Protocol.ICMP:
        return None
    protocol: Literal["tcp", "udp"] = "tcp" if s.protocol is Protocol.TCP else "udp"
    others = (r for r in s.other_reals if r != s.real.address and r.version == s.version)
    members = (s.real.address, *others)[:MOST_MEMBERS]
    changes: tuple[Change, ...] = tuple(
        HairpinSnat(n, member, s.real.port, protocol) for member in members for n in sources
    )
    return Alternative(
        kind, title, s.balancer_on, changes,
        why="The real server then answers to the balancer, whatever its own routes say: nothing changes on the "
            "servers, direct connections stay direct, and no redirect can undo it.",
        caveats=(*_product(s), lost, *_members(s), "Only new connections are translated.",
                 "On a balancer pair, use an address that moves on failover where connections must survive it."),
        blast=70 if kind is Kind.SNAT_ALL else 10, at_balancer=True,
    )


def _product(s: Situation) -> tuple[str, ...]:
    if s.balancer_product:
        return ()
    said = ("Nothing here tells which product the balancer is; these commands are for Linux. For another, give its own "
            "configuration with --map, or name its dialect with --os.")
    return (said,)


def _members(s: Situation) -> tuple[str, ...]:
    if not s.other_reals:
        return (f"Written for the real server {s.real.address}: repeat it for the others of the pool.",)
    said = "Written for every real server that is known"
    more = "" if len(s.other_reals) < MOST_MEMBERS else f" (the first {MOST_MEMBERS})"
    return (f"{said}{more}, with port {s.real.port}: members with another port need a line of their own.",)
