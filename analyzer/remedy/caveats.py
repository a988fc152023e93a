"""What a remedy costs and takes for granted, one sentence each."""

from __future__ import annotations

from analyzer.remedy.situation import Situation

GONE_AFTER_LINK_DOWN = (
    "Gone after the link goes down, a reboot, often a DHCP renewal: make it permanent once it is verified."
)
ALL_EGRESS = (
    "All that this server sends off its link takes the balancer from now on (updates, DNS, backups): "
    "the balancer must forward it, and translate it where the old router did."
)
PROBE_LATER = (
    "Do not test with ping from the server to the client: what is not translated makes the balancer send a redirect."
)


def common(s: Situation) -> tuple[str, ...]:
    """What holds for every change on a real server that sends replies to the balancer."""
    said = []
    if s.balancer_inside is not None:
        said.append(f"{s.balancer_inside} must be the address that moves on failover (VRRP, HSRP, CARP), "
                    "not one node's own; the balancer must be willing to forward back to the clients.")
    others = [str(a) for a in s.other_reals if a != s.real.address]
    if others:
        said.append(f"Do the same on every real server of the service ({_some(others)}): "
                    "with one of N mended, one connection in N works.")
    else:
        said.append("Do the same on every real server of the service: with one of N mended, one connection in N works.")
    return tuple(said)


def for_destination_routes(s: Situation) -> tuple[str, ...]:
    """The price of any route that names the client: the kernel cannot tell its direct connections apart."""
    return (
        "Direct connections between these clients and this server (ssh, monitoring) are answered through the balancer "
        "too: one that drops what it has not seen (conntrack state INVALID) cuts them." + seen(s),
        PROBE_LATER,
        *common(s),
        GONE_AFTER_LINK_DOWN,
    )


def seen(s: Situation) -> str:
    """How many direct connections the captures show, as a sentence that begins with a space."""
    n = s.direct_connections_seen
    if not n:
        return " The captures show none."
    return f" The captures show {n} such connection{'s' if n > 1 else ''}."


def inferred_subnet(s: Situation) -> tuple[str, ...]:
    """The subnet was read from addresses in the packets, not from the server."""
    if s.lan_origin == "given":
        return ()
    return (f"The subnet {s.lan} is inferred from the captures: compare it with what the check prints.",)


def strict_reverse_path() -> str:
    """A mark does not count in the reverse path check of the first packet."""
    return ("Where the main table routes the clients out of another interface, a strict reverse path filter "
            "(rp_filter=1) still drops the request: set it to 2 on the interface towards the balancer.")


def for_marks(s: Situation) -> tuple[str, ...]:
    """What marking by the balancer's MAC takes for granted."""
    macs = ", ".join(s.balancer_macs) or "no MAC address"
    return (
        "Only connections that begin after the change are marked.",
        f"Listed as the balancer's: {macs}. A pair of balancers sends from several: all of them must be listed.",
        *((strict_reverse_path(),) if s.version == 4 else ()),
    )


def refused_form(s: Situation) -> str:
    """Why the obvious command is not the one that is printed (each form was run on Linux 6.18)."""
    lan, inside = s.lan or "SUBNET", s.balancer_inside or "BALANCER"
    if s.version == 6:
        return (f"On Linux `ip -6 route add {lan} via {inside}` is accepted and does nothing: its metric 1024 loses "
                "to the connected route's 256.")
    metric = s.connected_metric()
    if metric:
        return (f"Here the connected route has metric {metric}; on a host where it has none "
                f"`ip route add {lan} via {inside}` is refused (File exists).")
    return (f"On Linux `ip route add {lan} via {inside}` is refused (File exists); with a metric, or by "
            "`ip route append`, it is accepted and does nothing.")


def pair_form(s: Situation) -> str:
    """How the vendors' pair is said so that it takes effect."""
    if s.version == 6:
        return ("With metric 1 the route wins over the connected route (metric 256); a plain `ip -6 route add` gets "
                "metric 1024 and loses. " + refused_form(s))
    return ("`route add -net` puts the new route in front of the connected one, and `ip route prepend` does exactly "
            "that; the connected route stays (`ip route replace` would remove it, and with it the way to any next hop "
            "on this link). " + refused_form(s))


def _some(names: list[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
