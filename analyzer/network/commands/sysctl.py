"""``sysctl``: reading and writing kernel switches (sysctl(8)), with the side effects that writing has."""

from __future__ import annotations

import re

from analyzer.network.commands.words import Answer, Words
from analyzer.network.stack import Stack
from analyzer.network.switches import FRESH

CONF = re.compile(r"net\.ipv([46])\.conf\.(.+)\.([a-z0-9_]+)\Z")
NAMES = {
    4: frozenset({
        "accept_local", "accept_redirects", "accept_source_route", "arp_accept", "arp_announce",
        "arp_evict_nocarrier", "arp_filter", "arp_ignore", "arp_notify", "bc_forwarding", "bootp_relay",
        "disable_policy", "disable_xfrm", "drop_gratuitous_arp", "drop_unicast_in_l2_multicast",
        "force_igmp_version", "forwarding", "ignore_routes_with_linkdown", "log_martians", "mc_forwarding",
        "medium_id", "promote_secondaries", "proxy_arp", "proxy_arp_pvlan", "route_localnet", "rp_filter",
        "secure_redirects", "send_redirects", "shared_media", "src_valid_mark", "tag",
    }),
    6: frozenset({
        "accept_dad", "accept_ra", "accept_ra_defrtr", "accept_ra_pinfo", "accept_redirects",
        "accept_source_route", "addr_gen_mode", "autoconf", "disable_ipv6", "disable_policy",
        "drop_unsolicited_na", "force_tllao", "forwarding", "hop_limit", "ignore_routes_with_linkdown",
        "keep_addr_on_down", "max_addresses", "mtu", "ndisc_notify", "proxy_ndp", "use_tempaddr",
    }),
}
"""The per-interface switches that exist; writing another one fails (there is no IPv6 ``send_redirects``)."""


def run(stack: Stack, words: Words) -> Answer:
    """``sysctl [-w] KEY=VALUE ...`` and ``sysctl [-n] KEY ...``; every argument is tried, as in the tool."""
    lines: list[str] = []
    errors: list[str] = []
    bare = quiet = False
    while words:
        word = words.take()
        if word.startswith("-"):
            bare, quiet = bare or "n" in word, quiet or "q" in word
            continue
        key, equals, value = word.partition("=")
        key = key.replace("/", ".")
        if not exists(stack, key):
            path = key.replace(".", "/")
            errors.append(f"sysctl: cannot stat /proc/sys/{path}: No such file or directory")
            continue
        if equals:
            write(stack, key, int(value, 0))
        else:
            value = str(stack.switches.values.get(key, FRESH.get(_common(key), 0)))
        if not (quiet and equals):
            lines.append(value if bare else f"{key} = {value}")
    return Answer(1 if errors else 0, "\n".join(lines), "\n".join(errors))


def exists(stack: Stack, key: str) -> bool:
    """Whether the kernel has this switch."""
    found = CONF.match(key)
    if found is None:
        return key.startswith("net.") and ".conf." not in key
    family, interface, name = int(found[1]), found[2], found[3]
    return name in NAMES[family] and (interface in ("all", "default") or interface in stack.ports)


def _common(key: str) -> str:
    found = CONF.match(key)
    return f"net.ipv{found[1]}.conf.{found[3]}" if found else key


def write(stack: Stack, key: str, value: int) -> None:
    """Set one switch.  Turning a host into a router also sets ``all.accept_redirects`` (KERNEL facts, bench)."""
    values = stack.switches.values
    values[key] = value
    if key in ("net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"):
        values["net.ipv4.ip_forward"] = values["net.ipv4.conf.all.forwarding"] = value
        values["net.ipv4.conf.all.accept_redirects"] = 0 if value else 1
        for name in stack.ports:
            values[f"net.ipv4.conf.{name}.forwarding"] = value
    elif key in ("net.ipv6.conf.all.forwarding", "net.ipv6.conf.all.disable_ipv6"):
        for name in stack.ports:
            values[key.replace(".all.", f".{name}.")] = value
